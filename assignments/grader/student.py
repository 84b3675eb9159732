"""Runs inside the sandbox: executes a student's cells, and answers the grader's questions about what they made.

Started as a script, with the pipe to the grader on standard input and output, or forked by ``nursery.py``. Nothing here
decides about marks: it holds no test, no expected value and no secret, and whatever a student's code does to it changes
only the answers given.
"""

import os
import signal
import sys

PIPE_IN, PIPE_OUT = os.dup(0), os.dup(1)
_null = os.open(os.devnull, os.O_RDWR)
for _descriptor in (0, 1, 2):  # what a student's programs print past Python's own streams goes nowhere
    os.dup2(_null, _descriptor)

import builtins  # noqa: E402
import contextlib  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import random  # noqa: E402
import resource  # noqa: E402
import types  # noqa: E402

import numpy as np  # noqa: E402
import protocol  # noqa: E402
import torch  # noqa: E402
from IPython.core.interactiveshell import InteractiveShell  # noqa: E402
from torch import nn  # noqa: E402
from traitlets.config import Config  # noqa: E402

FILES = 256  # that are open at once
KEPT = 20_000  # characters of a cell's output
LISTED = 10_000  # items of something that is iterated over
ITERATED = (types.GeneratorType, map, zip, filter, range, type({}.keys()), type({}.values()), type({}.items()))
QUIET = (
    "matplotlib",
    "config",
    "pip",
    "conda",
    "load_ext",
    "reload_ext",
    "autoreload",
)  # magics with nothing to do here


class Printed(io.TextIOBase):
    """Keeps the beginning of what a cell prints."""

    def __init__(self):
        self.parts, self.left = [], KEPT

    def write(self, text):
        if self.left > 0:
            self.parts.append(text[: self.left])
            self.left -= len(text)
            if self.left <= 0:
                self.parts.append("\n… the rest of the output is left out")
        return len(text)

    def text(self) -> str:
        return "".join(self.parts)


def described(error: BaseException) -> dict:
    """An error as data: the nearest built-in type, its own name, its text."""
    known = next(kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind)
    try:
        name, text = f"{type(error).__name__}"[:100], f"{error}"[:2000]
        json.dumps([name, text])
    except Exception:
        name, text = known, "(its text cannot be shown)"
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith("<ipython"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return {"type": known, "name": name, "text": text, "line": line}


class Student:
    """The student's side: a shell, and the objects that the grader holds proxies of."""

    def __init__(self):
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "NoColor"
        self.shell = InteractiveShell.instance(config=config)
        self.shell.showtraceback = lambda *args, **kwargs: None  # errors go to the grader, not onto the output
        self.shell.showsyntaxerror = lambda *args, **kwargs: None
        for name in QUIET:
            self.shell.magics_manager.magics["line"][name] = lambda line: None
        self.objects: list = []
        self.calls: dict[int, tuple[list, list]] = {}

    def run(self, source: str) -> dict:
        """Run a cell as Jupyter would; what it printed, and its error."""
        printed = Printed()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            result = self.shell.run_cell(source, store_history=False)
        self._close_figures()
        error = result.error_before_exec or result.error_in_exec
        return {"printed": printed.text(), "error": None if error is None else described(error)}

    @staticmethod
    def _close_figures() -> None:
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")

    def reference(self, value) -> dict:
        if isinstance(value, types.GeneratorType):
            raise TypeError("a generator")  # made a list of by `answer`
        self.objects.append(value)
        return {"handle": len(self.objects) - 1, "module": isinstance(value, nn.Module)}

    def resolve(self, item: dict):
        return self.objects[item["handle"]]

    def answer(self, reader: protocol.Reader) -> bytes:
        """Do what one message asks for; the reply. Any error of the student's code is an answer as well."""
        fields, writer = reader.fields, protocol.Writer(self.reference)
        if fields["op"] == "run":
            return writer.frame(result=self.run(fields["source"]))
        extra = {}
        printed = Printed()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            if fields["op"] == "call":
                value, extra = self.call(reader, writer)
            elif fields["op"] == "backward":
                value = self.backward(fields["call"], reader.value(fields["grads"]))
            else:
                value = self.look(fields, reader)
            result = self.encoded(writer, value)
        leaves = extra.pop("leaves", [])
        if any(tensor.requires_grad for tensor in writer.tensors):
            extra["call"] = len(self.calls)
            self.calls[len(self.calls)] = (leaves, writer.tensors)
        return writer.frame(result=result, **extra)

    def encoded(self, writer: protocol.Writer, value):
        if isinstance(value, ITERATED):
            return {"iterator": [writer.value(item) for item, _ in zip(value, range(LISTED))]}
        return writer.value(value)

    def call(self, reader: protocol.Reader, writer: protocol.Writer):
        """Call an object. Tensors that need gradients become leaves here, and the outputs are kept for `backward`."""
        fields, needs = reader.fields, reader.needed()
        leaves = [tensor.requires_grad_() if need else tensor for tensor, need in zip(reader.tensors, needs)]
        args, kwargs = reader.value(fields["args"]), reader.value(fields["kwargs"])
        before = [tensor.detach().clone() for tensor in leaves] if fields["in_place"] else []
        with torch.set_grad_enabled(fields["grad"]):
            value = self.objects[fields["handle"]](*args, **kwargs)
            if any(value is leaf for leaf in leaves):
                value = value.view_as(value)  # an argument given back is a result, and no leaf
        changed = {
            str(index): writer.value(tensor.detach())
            for index, (tensor, was) in enumerate(zip(leaves, before))
            if not torch.equal(tensor.detach(), was)
        }
        return value, {"leaves": leaves, "changed": changed}

    def backward(self, call: int, grads: list):
        """Send gradients from the outputs of an earlier call to its inputs; gradients of weights gather in place."""
        leaves, outputs = self.calls[call]
        for leaf in leaves:
            leaf.grad = None
        pairs = [(out, grad) for out, grad in zip(outputs, grads) if grad is not None and out.requires_grad]
        torch.autograd.backward([out for out, _ in pairs], [grad for _, grad in pairs], retain_graph=True)
        return [leaf.grad for leaf in leaves]

    def look(self, fields: dict, reader: protocol.Reader):
        """Names, attributes, items, lengths, iteration."""
        op = fields["op"]
        if op == "seed":
            return seed(fields["seed"])
        if op == "name":
            if fields["name"] not in self.shell.user_ns:
                raise NameError(f"name {fields['name']!r} is not defined")
            return self.shell.user_ns[fields["name"]]
        target = self.objects[fields["handle"]]
        if op == "attribute":
            return getattr(target, fields["name"])
        if op == "set":
            return setattr(target, fields["name"], reader.value(fields["value"]))
        if op == "item":
            return target[reader.value(fields["key"])]
        if op == "length":
            return len(target)
        if op == "iterate":
            return [item for item, _ in zip(target, range(LISTED))]
        if op == "next":
            return next(target)
        raise ValueError(op)


def read_exactly(count: int) -> bytes:
    parts = []
    while count:
        part = os.read(PIPE_IN, min(count, 1 << 20))
        if not part:
            os._exit(0)  # the grader has gone
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def send(frame: bytes) -> None:
    view = memoryview(frame)
    while view:
        view = view[os.write(PIPE_OUT, view) :]


def limit(memory: int, processes: int, file_size: int) -> None:
    """Limits that hold for this process and its children, and that it cannot raise again. 0 means none."""
    if memory and os.path.exists("/proc/self/statm"):
        pages = int(open("/proc/self/statm").read().split()[0])  # noqa: SIM115 - once, and the libraries are mapped
        room = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (room, room))
    if processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # pipes, sockets, timers and queues hold memory that no process shows
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    for name in ("RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_MEMLOCK"):
        if hasattr(resource, name):
            resource.setrlimit(getattr(resource, name), (0, 0) if name != "RLIMIT_SIGPENDING" else (FILES, FILES))


def too_long(signum, frame):
    raise TimeoutError("it took longer than the grader waits")


def seed(number: int) -> None:
    """Seed all that students draw from, so that a notebook gives the same numbers whenever it is marked."""
    torch.manual_seed(number)
    np.random.seed(number)
    random.seed(number)


def main(settings: dict) -> None:
    """Answer one message after another until the grader closes the pipe."""
    torch.set_num_threads(1)
    seed(0)
    import d2lite  # noqa: F401 - here, so that a student's cell does not pay for it

    student = Student()
    limit(settings["memory"], settings["processes"], settings["disk"])
    send(protocol.Writer(student.reference).frame(ready=True))
    while True:
        text, block = protocol.HEAD.unpack(read_exactly(protocol.HEAD.size))
        reader = protocol.Reader(read_exactly(text), read_exactly(block), student.resolve)
        frame = in_time(student, reader)
        send(protocol.HEAD.pack(reader.fields["number"], len(frame)) + frame)


def in_time(student: Student, reader: protocol.Reader) -> bytes:
    """The reply to one message, whatever becomes of it: an error, or no end, is an answer as well."""
    try:
        try:
            signal.signal(signal.SIGALRM, too_long)
            signal.setitimer(signal.ITIMER_REAL, reader.fields["seconds"])
            return student.answer(reader)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except BaseException as error:  # the alarm may also go off on the way out
        return protocol.Writer(student.reference).frame(failed=described(error))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
