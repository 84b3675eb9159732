"""Answers of the chapter on DenseNet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from ..checks import exercise, number, numbers


def _channels(arch: Sequence[int], channels: int = 64, growth_rate: int = 32, halve: bool = True) -> list[int]:
    """Channels that come out of each dense block."""
    found = []
    for num_convs in arch:
        channels += num_convs * growth_rate
        found.append(channels)
        channels = channels // 2 if halve else channels
    return found


_ARCH = (6, 12, 32, 32)

exercise(
    "densenet-1",
    numbers(
        _channels(_ARCH),
        "start from 64; each layer of a block adds 32 channels, and the transition after it halves them.",
        {
            tuple(_channels(_ARCH, halve=False)): "the transitions are missing: each halves the channels.",
            tuple(c // 2 for c in _channels(_ARCH)): "that is after the transitions; give what leaves the blocks.",
            tuple(_channels((6, 12, 24, 16))): "that is DenseNet-121; here the blocks have 6, 12, 32 and 32 layers.",
            (256, 512, 1280, 832): "no transition follows the last block, so nothing halves its channels.",
        },
    ),
    "right: the last block hands 1664 channels to the classifier.",
)

# 64 of the stem, 32 of each of the sixteen layers, and 96, 112 and 120 of the transitions
_IDLE = 64 + 16 * 32 + 96 + 112 + 120
# every bias there is: also those of the linear layer and the shifts of the BatchNorms
_ALL_BIASES = _IDLE + 10 + 64 + sum(4 * c + 6 * 32 for c in (64, 96, 112, 120)) + 192 + 224 + 240 + 248

exercise(
    "densenet-2",
    number(
        _IDLE,
        "count the biases of all convolutions: each is added to a whole channel, and BatchNorm subtracts the mean.",
        {
            _IDLE + 10: "the last ten do work: no BatchNorm follows the linear layer.",
            16 * 32: "those are the layers of the blocks. What about the stem and the transitions?",
            _IDLE - 64: "the stem's convolution is missing: a BatchNorm follows it as well.",
            64 + 16 * 32: "the transitions are missing: the BatchNorms of the next block remove their biases.",
            _ALL_BIASES: "the shifts of the BatchNorms do work: a ReLU follows each of them.",
            0: "what a BatchNorm subtracts from a channel includes every constant that was added to it.",
        },
        whole=True,
    ),
    "right: the biases of all convolutions, and only those.",
)

_BREAK_EVEN = math.floor(36 * 32 / 5) + 1  # 5c > 36k

exercise(
    "densenet-3",
    number(
        _BREAK_EVEN,
        "without a bottleneck 9·c·k weights, with it c·4k + 9·4k·k. Set k = 32 and compare.",
        {
            _BREAK_EVEN - 1: "at that c the bottleneck still has a few more weights. Take the next one.",
            36 * 32 / 5: "that is where the two counts are equal; give the smallest whole number above it.",
            # the 3×3 convolution of the bottleneck taken for one from 4k to 4k channels, or for a 1×1
            math.floor(9 * 16 * 32 / 5) + 1: "the 3×3 convolution goes from 4k channels to k, not to 4k.",
            math.floor(4 * 32 / 5) + 1: "the second convolution of the bottleneck is 3×3: nine weights a pair.",
        },
        whole=True,
    ),
    "right: a bottleneck saves weights from 7.2 times the growth rate on.",
)


def _block(answer: object) -> str | None:
    if not callable(answer) or isinstance(answer, nn.Module):
        return f"give the class itself, not {type(answer).__name__}: d2l.check('densenet-4', Block) without brackets."
    for num_convs, channels, growth in ((1, 3, 8), (3, 4, 5)):
        torch.manual_seed(0)
        block = answer(num_convs, channels, growth)
        if not isinstance(block, nn.Module):
            return f"Block(…) gives {type(block).__name__}: it should be an nn.Module."
        hint = _counts(block, num_convs, channels, growth) or _maps(block.eval(), num_convs, channels, growth)
        if hint is not None:
            return f"Block({num_convs}, {channels}, {growth}): {hint}"
    return None


def _counts(block: nn.Module, num_convs: int, channels: int, growth: int) -> str | None:
    convs = [m for m in block.modules() if isinstance(m, nn.Conv2d)]
    if len(convs) != num_convs:
        return f"{len(convs)} convolutions are registered, and it should be {num_convs}. Is your list an nn.ModuleList?"
    reads = [channels + number * growth for number in range(num_convs)]
    parameters = sum(p.numel() for p in block.parameters())
    expected = sum(2 * c + 9 * c * growth + growth for c in reads)
    if parameters == expected:
        return None
    if parameters == expected - 2 * sum(reads) + 2 * growth * num_convs:
        return "the BatchNorm comes before the convolution, so it has as many channels as the layer reads."
    if parameters == expected - growth * num_convs:
        return "the biases of the convolutions are missing."
    return f"{parameters:,} parameters. BatchNorms and 3×3 convolutions that read {reads} channels have {expected:,}."


@torch.no_grad()
def _maps(block: nn.Module, num_convs: int, channels: int, growth: int) -> str | None:
    # each layer reads another number of channels, so these tell which one it is, in whatever order they are registered
    convs = {m.in_channels: m for m in block.modules() if isinstance(m, nn.Conv2d)}
    norms = {m.num_features: m for m in block.modules() if isinstance(m, nn.BatchNorm2d)}
    for norm in norms.values():  # at its start a BatchNorm changes next to nothing, and its place would not be seen
        for tensor in (norm.weight, norm.running_var):
            tensor.uniform_(0.5, 1.5)
        for tensor in (norm.bias, norm.running_mean):
            tensor.normal_()
    X = torch.randn(2, channels, 7, 6)
    Y = block(X.clone())
    shape = (2, channels + num_convs * growth, 7, 6)
    if tuple(Y.shape) != shape:
        return f"an input of (2, {channels}, 7, 6) should give {shape}, yours gives {tuple(Y.shape)}."
    if not torch.equal(Y[:, :channels], X):
        if torch.equal(Y[:, -channels:], X):
            return "the input comes last; the first maps of the output should be the input."
        return "the first maps of the output should be the input itself, unchanged."
    maps = X
    for reads in range(channels, channels + num_convs * growth, growth):
        maps = torch.cat((maps, convs[reads](torch.relu(norms[reads](maps)))), dim=1)
    if torch.allclose(Y, maps, atol=1e-4):
        return None
    return "shapes and counts are right, values are not. Each layer: BatchNorm, ReLU, convolution, on all maps so far."


exercise("densenet-4", _block, "right, in parameters, shapes and values, for one layer and for three.")

_MAP = 32 * 14 * 14 * 4 / 1e6  # one map of the batch, in megabytes
_NAIVE, _DIFFERENT = 2 * 24 * 256 + 24 * 23 * 32, 256 + 24 * 32


def _memory(values: list[float]) -> str:
    naive, different = values
    if math.isclose(naive, _NAIVE, rel_tol=5e-3):
        return "you count maps. Give megabytes: 32 images, 14 × 14 pixels, four bytes."
    if math.isclose(naive, _NAIVE * _MAP, rel_tol=1e-2):
        return "the first is right. The different maps are the block's input and 32 from each of the 24 layers."
    if math.isclose(different, _DIFFERENT * _MAP, rel_tol=1e-2):
        return "the second is right. For the first put L = 24, c₀ = 256 and k = 32 into equation (2)."
    return "(2) counts maps. One map of the whole batch has 32 · 14 · 14 numbers of four bytes."


exercise(
    "densenet-5",
    numbers(
        (_NAIVE * _MAP, _DIFFERENT * _MAP),
        _memory,
        {
            (
                _NAIVE * _MAP / 2,
                _DIFFERENT * _MAP,
            ): "a layer keeps two copies: BatchNorm's input and the convolution's.",
            (_NAIVE * _MAP / 32, _DIFFERENT * _MAP / 32): "that is for one image; the batch has 32.",
            (_DIFFERENT * _MAP, _NAIVE * _MAP): "the two are swapped: give the naive count first.",
        },
        rel=1e-2,
    ),
    "right: nearly thirty times as much as the different maps.",
)
