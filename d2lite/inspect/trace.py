"""What each layer of a network puts out, and what does not fit.

The network runs on meta tensors (shapes without numbers): nothing is computed and no weight is copied, so that one of
any size is traced in milliseconds. Only a network that cannot do without numbers gets real zeros.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from ..arguments import whole
from ..machine.printing import how_many

if TYPE_CHECKING:  # brings Triton with it, where that is installed
    from torch.utils.flop_counter import FlopCounterMode

LARGEST_SIZE_TRIED = 512
COMPILED = "_orig_mod"  # what ``torch.compile`` calls the network in the one that it returns


class InputShapeError(ValueError):
    """The network cannot take this input; the message names the layer and what would work."""


@dataclass
class Call:
    """One layer's turn in a forward pass, with the turns of the layers ``inside``; ``macs`` is 0 without a counter.

    What it puts out and counts is known at its end; until then ``macs`` says what had been counted when it began.
    """

    name: str
    module: nn.Module
    macs: int = 0
    output_shape: tuple[int, ...] = ()
    inside: list[Call] = field(default_factory=list)

    def name_of(self, module: nn.Module) -> str | None:
        """The name of a module that is called in this turn; a shared one has a name in each place where it stands."""
        names = (name for name, candidate in self.module.named_modules(prefix=self.name) if candidate is module)
        name = next(names, None)
        return name and plain_name(name)


def bare(net: nn.Module) -> nn.Module:
    """What ``torch.compile``, ``DataParallel`` or the like was given, where ``net`` is that; else ``net``.

    Raises:
        ValueError: ``net`` is no network.
    """
    if not isinstance(net, nn.Module):
        raise ValueError(f"net is {net!r}: give a network, such as d2l.build(d2l.recipe('lenet'), 1, 10, 28).")
    name = "module" if isinstance(net, (nn.DataParallel, nn.parallel.DistributedDataParallel)) else COMPILED
    return bare(getattr(net, name)) if hasattr(net, name) else net


def plain_name(name: str) -> str:
    """The name of a layer or tensor where nothing is compiled."""
    return name.replace(f"{COMPILED}.", "")


def number_type(net: nn.Module) -> torch.dtype:
    """The number type of the network's weights; float32 for one without."""
    return next((weight.dtype for weight in net.parameters() if weight.is_floating_point()), torch.float32)


@contextlib.contextmanager
def in_mode(net: nn.Module, training: bool) -> Iterator[None]:
    """Training or evaluation mode inside the block; afterwards each module is in the mode it had before."""
    modes = [(module, module.training) for module in net.modules()]
    net.train(training)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


class _ImagesLast(TorchFunctionMode):
    """Convolutions put out ``channels_last`` images, as where ``fit`` computes; on meta tensors they forget it."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func in (torch.conv2d, torch.conv_transpose2d) and out.dim() == 4:
            return out.contiguous(memory_format=torch.channels_last)
        return out


def image_like(input_shape: tuple[int, ...], net: nn.Module, device: torch.device | str) -> torch.Tensor:
    """Zeros of ``input_shape`` as ``net`` is given its input: in its number type, images ``channels_last``."""
    zeros = torch.zeros(input_shape, dtype=number_type(net), device=device)
    return zeros.to(memory_format=torch.channels_last) if zeros.dim() == 4 else zeros


def copied(net: nn.Module) -> nn.Module:
    """A copy of ``net`` with the same parameters and buffers in it; lazy ones, which a pass gives a shape, are new."""
    memo: dict[int, torch.Tensor] = {}
    for tensor in itertools.chain(net.parameters(), net.buffers()):
        kind: Any = type(tensor)
        memo[id(tensor)] = kind(device=tensor.device, dtype=tensor.dtype) if is_lazy(tensor) else tensor
    for value in (value for module in net.modules() for value in vars(module).values()):
        if isinstance(value, torch.Tensor):  # kept from a pass, with its gradient's graph, which deepcopy refuses
            memo[id(value)] = value.detach().clone()
    try:
        return copy.deepcopy(net, memo)
    except Exception:  # it holds what has no copy, such as a lock
        return net


def forward_on_meta(net: nn.Module, input_shape: tuple[int, ...], training: bool = False) -> torch.Tensor:
    """The network's output for an input of ``input_shape`` (batch included), as a meta tensor."""
    x = image_like(input_shape, net, "meta")

    def stand_in(tensor: torch.Tensor) -> torch.Tensor:
        return torch.empty_like(tensor, device="meta").requires_grad_(training and tensor.requires_grad)

    return _forward(net, x, stand_in, training)


def forward_on_zeros(net: nn.Module, input_shape: tuple[int, ...]) -> torch.Tensor:
    """The network's output for zeros of ``input_shape`` on the network's device; evaluation mode, no gradient.

    Lazy layers are given their shapes, as by any first pass.
    """
    first = next(itertools.chain(net.parameters(), net.buffers()), torch.empty(0))
    x = image_like(input_shape, net, first.device)
    return _forward(net, x, lambda tensor: tensor if is_lazy(tensor) else tensor.detach().clone(), training=False)


def _forward(net: nn.Module, x: torch.Tensor, stand_in: Callable, training: bool) -> torch.Tensor:
    """The output for ``x`` of the network with a ``stand_in`` for each parameter and buffer, so that none changes."""
    # Each place that holds a tensor is named once, also in a module that stands in the network twice: a place that is
    # filled under two names would be left with what stood in for its tensor.
    state = {
        f"{place}.{name}": stand_in(tensor)
        for place, module in net.named_modules(prefix="0")
        for held in (module.named_parameters, module.named_buffers)
        for name, tensor in held(recurse=False, remove_duplicate=False)
    }
    eager = torch.compiler.set_stance("force_eager")  # also layers that were compiled
    countable = sdpa_kernel(SDPBackend.MATH)  # no count is known of what the fast kernels of attention compute
    with in_mode(net, training), torch.set_grad_enabled(training), eager, countable, _ImagesLast():
        inside = nn.Sequential(net)  # since neither a scripted nor a parallel network is taken as it is
        return torch.func.functional_call(inside, state, (x,), tie_weights=False)


def trace(net: nn.Module, input_shape: tuple[int, ...], counter: FlopCounterMode | None = None) -> list[Call]:
    """Every module call of one forward pass for an input of ``input_shape`` = (N, C, H, W), in the order of their ends.

    The last is that of the network itself. A ``counter`` gives each its multiply–accumulates.

    Raises:
        InputShapeError: the shape does not fit; the message names the layer, and the sizes or channels that work.
    """
    net, input_shape = bare(net), check_shape(input_shape)
    calls, _, unreal = _calls(net, input_shape, forward_on_meta, counter)
    if unreal is not None:
        # Not every forward can do without numbers (a branch on a value, a tensor that is no buffer, a lazy layer).
        calls, running, error = _calls(net, input_shape, forward_on_zeros, counter)
        if error is not None:
            raise InputShapeError(_explain(net, input_shape, running, error, "meta" in str(unreal))) from error
    return calls


def _calls(
    net: nn.Module, input_shape: tuple, forward: Callable, counter: FlopCounterMode | None = None
) -> tuple[list[Call], Call, Exception | None]:
    """The calls of one pass, whose turn it was when it failed, and the error."""
    calls: list[Call] = []
    running = [Call("", net)]

    def macs() -> int:
        return counter.get_total_flops() // 2 if counter else 0

    def enter(module, args) -> None:
        name = running[-1].name_of(module) or running[0].name_of(module) or ""
        running.append(Call(name, module, macs()))

    def leave(module, args, output) -> None:
        while running[-1].module is not module:  # it failed, and the layer around it tried something else
            failed = running.pop()
            running[-1].inside += failed.inside
        turn = running.pop()
        turn.output_shape, turn.macs = _shape_of(output), macs() - turn.macs
        calls.append(turn)
        if running:
            running[-1].inside.append(turn)

    with contextlib.ExitStack() as entered:
        for module in net.modules():
            if module is not net and not isinstance(module, torch.jit.ScriptModule):  # which takes no hooks
                entered.enter_context(module.register_forward_pre_hook(enter))
                entered.enter_context(module.register_forward_hook(leave))
        entered.enter_context(counter or contextlib.nullcontext())
        try:
            output = forward(net, input_shape)
        except Exception as error:
            return calls, running[-1], error
    leave(net, (), output)
    return calls, calls[-1], None


def called(model: Callable[..., torch.Tensor], X: torch.Tensor, net: nn.Module) -> torch.Tensor:
    """``model(X)``, where ``model`` is ``net`` or wraps it.

    Raises:
        InputShapeError: it is the images that do not fit, which says more than PyTorch's own error.
    """
    try:
        return model(X)
    except RuntimeError:
        trace(net, tuple(X.shape))
        raise


def check_shape(input_shape: Sequence[int]) -> tuple[int, ...]:
    """``input_shape`` as a tuple of ints; raise InputShapeError unless all are positive whole numbers, batch first."""
    listed = isinstance(input_shape, (tuple, list)) or (isinstance(input_shape, np.ndarray) and input_shape.ndim == 1)
    given = tuple(map(whole, input_shape)) if listed else ()
    shape = tuple(edge for edge in given if edge is not None and edge > 0)
    if len(shape) < 2 or len(shape) < len(given):
        raise InputShapeError(
            f"input shape {input_shape!r} will not do: give positive whole numbers with the batch first, "
            "for images (N, C, H, W), such as (1, 3, 224, 224)."
        )
    return shape


def _shape_of(output) -> tuple[int, ...]:
    """Of several tensors, the shape of the first."""
    while isinstance(output, (tuple, list, dict)) and output:
        output = next(iter(output.values() if isinstance(output, dict) else output))
    return tuple(output.shape) if isinstance(output, torch.Tensor) else ()


def _explain(net: nn.Module, input_shape: tuple[int, ...], turn: Call, error: Exception, lost: bool) -> str:
    where = f"{turn.name or 'the network'} ({type(turn.module).__name__})"
    said = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
    if said.startswith("view size is not compatible"):
        return (
            f"{where} calls view, which fails on images that are channels_last in memory, as they are in training: "
            "write x.flatten(1), or x.reshape(len(x), -1), in place of x.view(len(x), -1)."
        )
    message = f"an input of shape {input_shape} does not fit: {where} fails with “{said}”."
    if len(input_shape) != 4 or any(map(is_lazy, net.parameters())):
        return f"{message} Images come as (N, C, H, W)."
    batch, channels, height, width = input_shape
    first = next((m for m in net.modules() if isinstance(m, nn.Conv2d)), None)
    if first is not None and first.in_channels != channels:
        turned = "give images as (N, C, H, W), by X.permute(0, 3, 1, 2)"
        remedy = turned if first.in_channels == width else f"build the network with in_channels={channels}"
        takes = f"the network's first convolution takes {first.in_channels}"
        return f"the input has {how_many(channels, 'channel')}, but {takes}: {remedy}."
    if lost:  # without numbers it cannot be followed, so that no other size can be tried
        return message
    sizes = _sizes_that_work(net, batch, channels)
    if not sizes:
        return f"{message} No square size up to {LARGEST_SIZE_TRIED} px was found to work."
    if min(height, width) < sizes[0]:
        return f"{message} {height} × {width} px is too small: the smallest size that works is {sizes[0]} px."
    return (
        f"{message} {height} × {width} px does not suit this network, which takes {sizes[0]} to {sizes[-1]} px: "
        f"load the data with size={sizes[0]}, or build the network for {height} px."
    )


def _sizes_that_work(net: nn.Module, batch: int, channels: int) -> list[int]:
    """Heights and widths, in pixels, of square images that ``net`` takes, the smallest and the largest among them."""

    def working(sizes: Iterable[int]) -> list[int]:
        return [size for size in sizes if _calls(net, (batch, channels, size, size), forward_on_meta)[-1] is None]

    # A pass takes a tenth of a second in a deep network. As a rule the sizes that work lie in a row, of 32 or more.
    for step in (16, 4, 1):
        if found := working(range(step, LARGEST_SIZE_TRIED + 1, step)):
            below, above = range(found[0] - step + 1, found[0]), range(found[-1] + 1, found[-1] + step)
            return [*working(below), *found, *working(size for size in above if size <= LARGEST_SIZE_TRIED)]
    return []
