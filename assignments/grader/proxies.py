"""What a test holds of a student's work: plain values as copies, everything else as a proxy that asks the session.

A proxy is called, read and iterated over like the thing itself, and gradients flow through its calls; but it is an
object of the grader's, so nothing of the student's ever runs beside the tests: no ``__eq__`` that is always true, no
patched ``torch``, no frame to walk.
"""

import builtins

import torch
from torch import nn

from . import protocol
from .session import Session

LONGEST = 2000  # characters of what an error says
TYPES = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, StopIteration)
}


class StudentError(Exception):
    """The student's code raised an error that is no built-in one, or one that would end a program."""


class Said(str):
    """Words that a student's code chose. They are shown as such, and never as the grader's own."""


def said_by_student(error: BaseException) -> str | None:
    """The words of an error that a student's code raised; None where a test or the grader itself raised it."""
    found = next((part for part in error.args if isinstance(part, Said)), None)
    return None if found is None else str(found)


class Proxy:
    """A function, class, module or other object of the student's, known by its number: the ``handle`` of messages."""

    __slots__ = ("_module", "_number", "_session")

    def __init__(self, session: Session, number: int, module: bool):
        for name, value in (("_session", session), ("_number", number), ("_module", module)):
            object.__setattr__(self, name, value)

    @property
    def __class__(self):
        return nn.Module if self._module else Proxy

    def __call__(self, *args, **kwargs):
        return _call(self._session, self._number, args, kwargs)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return ask(self._session, "attribute", handle=self._number, name=name)

    def __setattr__(self, name, value):
        writer = _writer(self._session)
        ask(self._session, "set", writer, handle=self._number, name=name, value=writer.value(value))

    def __getitem__(self, key):
        writer = _writer(self._session)
        return ask(self._session, "item", writer, handle=self._number, key=writer.value(key))

    def __len__(self):
        return ask(self._session, "length", handle=self._number)

    def __iter__(self):
        return iter(ask(self._session, "iterate", handle=self._number))

    def __next__(self):
        return ask(self._session, "next", handle=self._number)

    def __bool__(self):
        raise TypeError("this is an object where a plain value is expected: True, a number, a tensor")

    def __repr__(self):
        return "an object of yours"


def connect(session: Session) -> None:
    """Let the references in what the session answers become proxies."""

    def resolve(item: dict):
        if set(item) != {"handle", "module"} or type(item["handle"]) is not int:
            raise protocol.ProtocolError("an unknown kind of value")
        return Proxy(session, item["handle"], bool(item["module"]))

    session.resolve = resolve


def ask(session: Session, op: str, writer: protocol.Writer | None = None, **fields):
    """Ask for one value. Raises what the student's code raised, or :class:`Ended` when there is no answer."""
    reader = session.ask(op, writer, **fields)
    _raise(reader)
    for index, hangs in enumerate(reader.differentiable()):  # on a graph, which stays there: that it does is told
        tensor = reader.tensors[index]
        if hangs and tensor.is_floating_point():
            reader.tensors[index] = tensor.requires_grad_().view_as(tensor)
    return reader.value(reader.fields.get("result"))


def fetch(session: Session, name: str):
    """The student's object of that name. Raises NameError where there is none."""
    return ask(session, "name", name=name)


def _writer(session: Session) -> protocol.Writer:
    def reference(value):
        if type(value) is Proxy and value._session is session:
            return {"handle": value._number}
        raise TypeError(f"a test cannot hand a {type(value).__name__} to a student's code")

    return protocol.Writer(reference)


def _raise(reader: protocol.Reader) -> None:
    """Raise the error that an answer reports, as the nearest built-in type."""
    failed = reader.fields.get("failed")
    if failed is None:
        return
    if not isinstance(failed, dict):
        failed = {}
    kind, name, text = (str(failed.get(key, ""))[:LONGEST] for key in ("type", "name", "text"))
    known = TYPES.get(kind, StudentError)
    said = Said(text if name == kind and kind in TYPES else f"{name}: {text}")
    try:
        error = known(said)
    except TypeError:  # some need more than a text
        error = StudentError(said)
    raise error


class _Bridge(torch.autograd.Function):
    """Gradients of a call that happened in the student's process: asks it for them on the way back."""

    @staticmethod
    def forward(ctx, session, call, outputs, differentiable, anchor, *inputs):
        ctx.session, ctx.call, ctx.inputs = session, call, len(inputs)
        ctx.mark_non_differentiable(*(out for out, needed in zip(outputs, differentiable) if not needed))
        return tuple(outputs)

    @staticmethod
    def backward(ctx, *grads):
        writer = _writer(ctx.session)
        back = ask(ctx.session, "backward", writer, call=ctx.call, grads=writer.value(list(grads)))
        if not isinstance(back, list) or len(back) != ctx.inputs:
            raise StudentError("the gradients could not be read")
        return (None, None, None, None, None, *back)


def _call(session: Session, number: int, args: tuple, kwargs: dict):
    writer = _writer(session)
    grad = torch.is_grad_enabled()
    fields = {"args": writer.value(args), "kwargs": writer.value(kwargs)}
    inputs = list(writer.tensors)
    if not grad:
        for meta in writer.metas:
            meta["requires_grad"] = False
    reader = session.ask("call", writer, handle=number, grad=grad, in_place=session.in_place, **fields)
    _raise(reader)
    if session.in_place:
        _write_back(reader, inputs)
    differentiable = [
        grad and needs and t.is_floating_point() for needs, t in zip(reader.differentiable(), reader.tensors)
    ]
    call = reader.fields.get("call")
    if any(differentiable) and type(call) is int:
        anchor = torch.zeros((), requires_grad=True)  # weights need gradients also where no input does
        reader.tensors = list(_Bridge.apply(session, call, reader.tensors, differentiable, anchor, *inputs))
    return reader.value(reader.fields.get("result"))


def _write_back(reader: protocol.Reader, inputs: list[torch.Tensor]) -> None:
    """Bring changes in place of the arguments back to the test's tensors."""
    changed = reader.fields.get("changed") or {}
    with torch.no_grad():
        for index, item in changed.items() if isinstance(changed, dict) else ():
            new = reader.value(item)
            target = inputs[int(index)]
            if isinstance(new, torch.Tensor) and new.shape == target.shape and new.dtype == target.dtype:
                target.copy_(new)
