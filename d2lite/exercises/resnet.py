"""Answers of the chapter on residual networks."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F

from ..checks import exercise, number, numbers
from ..models.resnet import Bottleneck, Residual, ResNet

exercise(
    "resnet-1",
    number(
        36,
        "count with isinstance(m, nn.Conv2d) over resnet34().modules().",
        {
            33: "those are the convolutions that the name counts. The shortcuts hold some, too.",
            34: "the name also counts the linear layer, which is no convolution, and it leaves the shortcuts out.",
            37: "one of these is the linear layer.",
            32: "the stem is a convolution, and three shortcuts hold one each.",
            35: "the stem is a convolution, too.",
            49: "a shortcut has a convolution only where the shape changes: at the start of three stages.",
        },
        whole=True,
    ),
    "right: 33 on the main line, and 3 on shortcuts.",
)


def _option_a_of(X: torch.Tensor, out_channels: int, stride: int) -> torch.Tensor:
    return F.pad(X[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, out_channels - X.shape[1]))


def _option_a(answer: object) -> str | None:
    if not callable(answer):
        return f"give the function itself, not {type(answer).__name__}: d2l.check('resnet-2', option_a)."
    for shape, out_channels, stride in (((2, 3, 6, 6), 3, 1), ((2, 3, 6, 6), 6, 2), ((1, 4, 7, 5), 8, 2)):
        X = torch.randn(shape)
        expected, Y = _option_a_of(X, out_channels, stride), answer(X.clone(), out_channels, stride)
        case = f"for X of shape {shape}, {out_channels} channels and stride {stride}"
        if not isinstance(Y, torch.Tensor):
            return f"{case} it gives {type(Y).__name__}: return a tensor (is the return statement missing?)."
        if Y.shape != expected.shape:
            return f"{case} the result should have shape {tuple(expected.shape)}, yours has {tuple(Y.shape)}."
        if torch.equal(Y, expected):
            continue
        if torch.equal(Y.flip(1)[:, : shape[1]].flip(1), expected[:, : shape[1]]):
            return "the zeros belong behind the channels that are there, yours are in front: swap the last pair."
        if stride > 1 and torch.equal(Y[:, : shape[1]], F.avg_pool2d(X, stride, ceil_mode=True)):
            return "take every second pixel and leave the others out, without averaging."
        if stride > 1 and torch.equal(Y[:, : shape[1]], F.max_pool2d(X, stride, ceil_mode=True)):
            return "take every second pixel and leave the others out, whichever is largest."
        if torch.equal(Y[:, : shape[1]], expected[:, : shape[1]]):
            return f"{case} the channels beyond the first {shape[1]} should be zero."
        return f"{case} some values differ. Take X[:, :, ::stride, ::stride], beginning with the first pixel."
    return None


exercise("resnet-2", _option_a, "right: every second pixel, and zeros for the channels that are missing.")


def _zero_init(answer: object) -> str | None:
    if not callable(answer):
        return f"give the function itself, not {type(answer).__name__}: d2l.check('resnet-3', zero_init)."
    for block in (Residual, Bottleneck):
        net = ResNet(block, (2, 1), 1, 10, 16, widths=(4, 8), small_images=True)
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm2d):  # so that what is left alone is told from what is set to 1 or 0
                nn.init.uniform_(layer.weight, 0.5, 1.0)
                nn.init.uniform_(layer.bias, 0.5, 1.0)
        before = copy.deepcopy(net.state_dict())
        returned = answer(net)
        after = (returned if isinstance(returned, nn.Module) else net).state_dict()
        if after.keys() != before.keys():
            return "the network has other layers than before: change numbers only."
        last = {
            f"stages.{s}.{b}.body.{len(unit.body) - 1}.1.weight"
            for s, blocks in enumerate(net.stages)
            for b, unit in enumerate(blocks)
        }
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        hint = _what_is_off(block, last, changed, after)
        if hint:
            return hint
    return None


def _what_is_off(block: type, last: set[str], changed: set[str], after: dict[str, torch.Tensor]) -> str | None:
    """What is wrong where ``changed`` were changed and ``last`` should be zero now; None if nothing is."""
    missing, extra = last - changed, changed - last
    if not changed:
        return f"nothing has changed in a network of {block.__name__} blocks. A block is what has a `body`."
    if any(".shortcut." in name for name in extra):
        return "you have also silenced shortcuts: only the body shall be silent, or nothing passes at all."
    if any(name.endswith(".1.bias") for name in extra) and not missing:
        return "γ is enough: the shifts β shall keep their values."
    if extra:
        return f"{sorted(extra)[0]} has changed: of each body, only the last BatchNorm's weight shall."
    if missing:
        return f"in a network of {block.__name__} blocks, {sorted(missing)[0]} is as before. It is body[-1][1].weight."
    if any(after[name].any() for name in last):
        return "γ has changed, but it is not zero."
    return None


exercise("resnet-3", _zero_init, "right: each body is silent, and a block that keeps its shape is the identity.")

RESNET152 = 60_192_808  # three channels, 1000 classes, as torchvision's weight metadata give it


def _parameters(num_blocks: list[int]) -> int:
    """Parameters of a ResNet of bottlenecks at three channels and 1000 classes, by the formulas."""
    total, channels = 3 * 64 * 49 + 2 * 64, 64
    for count, width in zip(num_blocks, (64, 128, 256, 512)):
        for index in range(count):
            out = 4 * width
            total += channels * width + 9 * width**2 + width * out + 2 * (width + width + out)
            total += 0 if index else channels * out + 2 * out
            channels = out
    return total + channels * 1000 + 1000


def _blocks_of_152(values: list[float]) -> str:
    if any(value != int(value) or value < 1 for value in values):
        return "each stage has a whole number of blocks, one at least."
    if sum(values) != 50:
        layers = 3 * sum(values) + 2
        return f"{sum(values):.0f} blocks make {layers:.0f} layers. A bottleneck has three: 3 · 50 + 2 = 152."
    if (values[0], values[3]) != (3, 3):
        return "the first and the last stage have three blocks each."
    count = _parameters([int(value) for value in values])
    return f"152 layers, but {count:,} parameters instead of {RESNET152:,}. Move blocks between the middle stages."


exercise("resnet-4", numbers((3, 8, 36, 3), _blocks_of_152), "right: most of its depth is in the third stage.")


def _share(first: int, last: int, n: int = 54) -> float:
    return sum(math.comb(n, k) for k in range(first, last + 1)) / 2**n


exercise(
    "resnet-5",
    number(
        _share(19, 35),
        "math.comb(54, k) paths go through k bodies: add them up for k from 19 to 35, and divide by 2**54.",
        {
            _share(19, 34): "19 and 35 both belong to it: range(19, 36).",
            _share(20, 34): "19 and 35 both belong to it: range(19, 36).",
            100 * _share(19, 35): "that is the percentage; give a share between 0 and 1.",
            17 / 54: "that would hold if as many paths went through few bodies as through many: count with math.comb.",
            17 / 55: "that would hold if as many paths went through few bodies as through many: count with math.comb.",
            1 - _share(19, 35): "that is the share of the others.",
            _share(19, 35) * 2**54: "that is the number of such paths: divide by all of them.",
        },
        rel=1e-3,
    ),
    "right: nearly all, though a third of the possible lengths.",
)
