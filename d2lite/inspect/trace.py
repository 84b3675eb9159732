"""What each layer of a network puts out, and what does not fit.

The network runs on meta tensors (shapes without numbers): nothing is computed and no weight is copied, so that one of
any size is traced in milliseconds. Only a network that cannot do without numbers gets real zeros.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ..arguments import whole

LARGEST_SIZE_TRIED = 512


class InputShapeError(ValueError):
    """The network cannot take this input; the message names the layer and what would work."""


@dataclass(frozen=True)
class Call:
    """One layer's turn in a forward pass, in the order in which layers finish."""

    name: str
    module: nn.Module
    output_shape: tuple[int, ...]


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


def forward_on_meta(net: nn.Module, input_shape: tuple[int, ...], training: bool = False) -> torch.Tensor:
    """The network's output for an input of ``input_shape`` (batch included), as a meta tensor.

    Buffers are stood in for like parameters, so that in training mode too the network stays as it is.
    """
    # Each place that holds a tensor is named once, also in a module that stands in the network twice: a place that is
    # filled under two names would be left with what stood in for its tensor.
    state = {
        f"{place}.{name}".lstrip("."): torch.empty_like(tensor, device="meta")
        for place, module in net.named_modules()
        for held in (module.named_parameters, module.named_buffers)
        for name, tensor in held(recurse=False, remove_duplicate=False)
    }
    with in_mode(net, training), torch.no_grad():
        x = torch.empty(input_shape, device="meta")
        return torch.func.functional_call(net, state, (x,), tie_weights=False)


def forward_on_zeros(net: nn.Module, input_shape: tuple[int, ...]) -> torch.Tensor:
    """The network's output for zeros of ``input_shape`` on the network's device; evaluation mode, no gradient."""
    first = next(itertools.chain(net.parameters(), net.buffers()), torch.empty(0))
    with in_mode(net, training=False), torch.no_grad():
        return net(torch.zeros(input_shape, device=first.device))


def trace(net: nn.Module, input_shape: tuple[int, ...]) -> list[Call]:
    """Every module call of one forward pass for an input of ``input_shape`` = (N, C, H, W), inner modules first.

    Raises:
        InputShapeError: the shape does not fit; the message names the layer, and the sizes or channels that work.
    """
    input_shape = check_shape(input_shape)
    calls, running, error = _calls(net, input_shape, forward_on_meta)
    if error is not None:
        # Not every forward can do without numbers (a branch on a value, a tensor that is no buffer, a lazy layer).
        calls, _, real_error = _calls(net, input_shape, forward_on_zeros)
        if real_error is not None:
            raise InputShapeError(_explain(net, input_shape, running, error)) from error
    return calls


def _calls(net: nn.Module, input_shape: tuple, forward: Callable) -> tuple[list[Call], list[str], Exception | None]:
    """The calls of one pass, the names of the modules that had not finished when it failed, and the error."""
    calls: list[Call] = []
    running: list[str] = []
    with contextlib.ExitStack() as hooks:
        for name, module in net.named_modules():
            hooks.enter_context(module.register_forward_pre_hook(lambda m, args, name=name: running.append(name)))
            hooks.enter_context(
                module.register_forward_hook(lambda m, args, out: calls.append(Call(running.pop(), m, _shape_of(out))))
            )
        try:
            forward(net, input_shape)
        except Exception as error:
            return calls, running, error
    return calls, [], None


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


def _explain(net: nn.Module, input_shape: tuple[int, ...], running: list[str], error: Exception) -> str:
    layer = running[-1] if running else ""
    where = f"{layer or 'the network'} ({type(net.get_submodule(layer)).__name__})"
    said = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
    message = f"an input of shape {input_shape} does not fit: {where} fails with “{said}”."
    if len(input_shape) != 4:
        return f"{message} Images come as (N, C, H, W)."
    batch, channels, height, width = input_shape
    first = next((m for m in net.modules() if isinstance(m, nn.Conv2d)), None)
    if first is not None and first.in_channels != channels:
        return (
            f"the input has {channels} channels, but the network's first convolution takes {first.in_channels}: "
            f"build the network with in_channels={channels}."
        )
    shapes = ((batch, channels, size, size) for size in range(1, LARGEST_SIZE_TRIED + 1))
    sizes = [shape[-1] for shape in shapes if _calls(net, shape, forward_on_meta)[-1] is None]
    if not sizes:
        return f"{message} No square size up to {LARGEST_SIZE_TRIED} px was found to work."
    if min(height, width) < sizes[0]:
        return f"{message} {height} × {width} px is too small: the smallest size that works is {sizes[0]} px."
    return (
        f"{message} {height} × {width} px does not suit this network, which takes {sizes[0]} to {sizes[-1]} px: "
        f"load the data with size={sizes[0]}, or build the network for {height} px."
    )
