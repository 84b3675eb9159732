"""Answers of the chapter on what came after DenseNet."""

from __future__ import annotations

import torch
from torch import nn

from ..checks import exercise, number

exercise(
    "modern_blocks-1",
    number(
        9 * (96 // 8) * 192,
        "a 3×3 kernel for each of 192 output channels, with a slice for each input channel that it reads.",
        {
            9 * 96 * 192: "that is without groups: in one of 8 groups a kernel reads an eighth of the channels.",
            9 * (96 // 8) * (192 // 8): "that is one group; there are 8 of them.",
            9 * (96 // 8) * 192 + 192: "that is with biases.",
            9 * 96 * 192 * 8: "groups divide the weights: each kernel reads 96/8 channels.",
            (96 // 8) * 192: "each slice of a kernel has 3×3 weights.",
        },
        whole=True,
    ),
    "right: an eighth of what it would be without groups.",
)

exercise(
    "modern_blocks-2",
    number(
        72,
        "equation (3): the share is 1/c + 1/9. Set it to an eighth.",
        {
            71: "at 71 channels it is still a little more than an eighth.",
            73: "one channel fewer does as well: at most an eighth, so equality is enough.",
            8: "1/8 is for the second part alone; the depthwise kernel's ninth comes on top.",
            64: "at 64 channels the share is 1/64 + 1/9, which is more than an eighth.",
        },
        whole=True,
    ),
    "right: and however many channels there are, it stays above a ninth.",
)

_SHARE = 100 * 49 / (49 + 2 * 4 * 96)

exercise(
    "modern_blocks-3",
    number(
        _SHARE,
        "for each pixel the kernel does 49 · 96, and the two linear layers 96 · 384 each.",
        {
            100 * 49 / (49 + 4 * 96): "the perceptron has two linear layers.",
            _SHARE / 100: "that is a fraction: give percent.",
            100 * 49 / (2 * 4 * 96): "that is the kernel against the perceptron; the share is of both together.",
            100 * 9 / (9 + 8 * 96): "the kernel is 7×7.",
            100 * 49 / (49 + 2 * 96): "the perceptron is four times as wide inside as outside.",
        },
        rel=1e-2,
    ),
    "right: six of a hundred, and fewer in later stages.",
)


def _block(answer: object) -> str | None:
    if not callable(answer) or isinstance(answer, nn.Module):
        kind = type(answer).__name__
        return f"give the class itself, not {kind}: d2l.check('modern_blocks-4', Block) without brackets."
    for channels, expansion in ((5, 3), (4, 6)):
        torch.manual_seed(0)
        block = answer(channels, expansion)
        if not isinstance(block, nn.Module):
            return f"Block(…) gives {type(block).__name__}: it should be an nn.Module."
        hint = _layers(block, channels, channels * expansion) or _values(block.eval(), channels, channels * expansion)
        if hint is not None:
            return f"Block({channels}, {expansion}): {hint}"
    return None


def _layers(block: nn.Module, channels: int, inner: int) -> str | None:
    convs = [m for m in block.modules() if isinstance(m, nn.Conv2d)]
    if len(convs) != 3:
        return f"{len(convs)} convolutions are registered, and it should be 3: up, depthwise, down."
    if any(conv.bias is not None for conv in convs):
        return "a convolution has a bias: the BatchNorm after it would subtract it again."
    shapes = {tuple(conv.weight.shape) for conv in convs}
    if (inner, inner, 3, 3) in shapes:
        return f"the 3×3 convolution is not depthwise: give it groups={inner}."
    wanted = {(inner, channels, 1, 1), (inner, 1, 3, 3), (channels, inner, 1, 1)}
    if shapes != wanted:
        return f"the kernels should have the shapes {sorted(wanted)}, yours have {sorted(shapes)}."
    norms = sorted(m.num_features for m in block.modules() if isinstance(m, nn.BatchNorm2d))
    if norms != [channels, inner, inner]:
        return f"there should be a BatchNorm after each convolution; yours have {norms} channels."
    return None


@torch.no_grad()
def _values(block: nn.Module, channels: int, inner: int) -> str | None:
    for norm in (m for m in block.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.weight.uniform_(0.5, 1.5)  # at its start a BatchNorm changes next to nothing
        norm.bias.normal_()
    for conv in (m for m in block.modules() if isinstance(m, nn.Conv2d)):
        conv.weight.mul_(4)  # so that ReLU6 has something to cut
    convs = {tuple(m.weight.shape): m for m in block.modules() if isinstance(m, nn.Conv2d)}
    wide = [m for m in block.modules() if isinstance(m, nn.BatchNorm2d) and m.num_features == inner]
    last = next(m for m in block.modules() if isinstance(m, nn.BatchNorm2d) and m.num_features == channels)
    X = 2 * torch.randn(2, channels, 6, 5)
    Y = block(X.clone())
    if Y.shape != X.shape:
        return f"an input of {tuple(X.shape)} should keep its shape, yours gives {tuple(Y.shape)}."
    found = []
    for cut, order in ((nn.functional.relu6, wide), (nn.functional.relu6, wide[::-1]), (nn.functional.relu, wide)):
        maps = cut(order[0](convs[inner, channels, 1, 1](X)))
        maps = last(convs[channels, inner, 1, 1](cut(order[1](convs[inner, 1, 3, 3](maps)))))
        found.append(maps)
    right, other, uncut = found
    if torch.allclose(Y, X + right, atol=1e-3) or torch.allclose(Y, X + other, atol=1e-3):
        return None
    if torch.allclose(Y, right, atol=1e-3):
        return "the shortcut is missing: add the input."
    if torch.allclose(Y, X + uncut, atol=1e-3):
        return "the activation is ReLU6, which also cuts what is above 6."
    if any(torch.allclose(Y, cut(X + right), atol=1e-3) for cut in (nn.functional.relu6, nn.functional.relu)):
        return "no activation follows the addition."
    if any(torch.allclose(Y, X + cut(right), atol=1e-3) for cut in (nn.functional.relu6, nn.functional.relu)):
        return "no activation follows the last convolution and its BatchNorm."
    return "counts are right, values are not. Up, ReLU6, depthwise, ReLU6, down, each with BatchNorm; plus the input."


exercise("modern_blocks-4", _block, "right, in shapes and values, for two sizes.")

exercise(
    "modern_blocks-5",
    number(
        76,
        "count in patches first: each 7×7 kernel adds three to either side. A patch has 4 pixels.",
        {
            19: "that is in patches; each has 4 pixels a side.",
            22: "each step of a kernel is a patch, so it adds 4 pixels and not one.",
            84: "three kernels of 7 see 1 + 3 · 6 patches, not 3 · 7.",
            28: "that is one block; three follow each other.",
        },
        whole=True,
    ),
    "right: three blocks see 76 pixels; one of them would see 28.",
)
