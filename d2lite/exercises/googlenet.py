"""Answers of the chapter on GoogLeNet."""

from __future__ import annotations

import torch
from torch import nn

from ..checks import built, exercise, number, numbers
from ..inspect.summarize import summary
from ..inspect.trace import forward_on_meta, trace
from ..machine.printing import how_many

# Stated here once more, so that an answer is not compared with the very cells the learner may have changed.
BLOCKS = (
    (192, 64, (96, 128), (16, 32), 32),
    (256, 128, (128, 192), (32, 96), 64),
    (480, 192, (96, 208), (16, 48), 64),
    (512, 160, (112, 224), (24, 64), 64),
    (512, 128, (128, 256), (24, 64), 64),
    (512, 112, (144, 288), (32, 64), 64),
    (528, 256, (160, 320), (32, 128), 128),
    (832, 256, (160, 320), (32, 128), 128),
    (832, 384, (192, 384), (48, 128), 128),
)
ONE_CHANNEL_TEN_CLASSES = 5_977_530
MACS_AT_96 = 276_066_304
#: torchvision 0.29, 1000 classes: each auxiliary classifier, and the network with both
AUXILIARY = tuple(c * 128 + 2 * 128 + (2048 + 1) * 1024 + (1024 + 1) * 1000 for c in (512, 528))
WITH_AUXILIARY = 13_004_888


def _conv(inputs: int, outputs: int, kernel: int, bias: bool = True) -> int:
    return kernel**2 * inputs * outputs + bias * outputs


def _block(
    inputs: int, c1: int, c2: tuple, c3: tuple, c4: int, *, bias: bool = True, large: tuple[int, ...] = (5,)
) -> int:
    """Parameters of an inception block whose third branch has kernels ``large`` after the reduction."""
    total = _conv(inputs, c1, 1, bias) + _conv(inputs, c4, 1, bias)
    total += _conv(inputs, c2[0], 1, bias) + _conv(*c2, 3, bias)
    channels = [*c3, *c3[1:] * (len(large) - 1)]
    total += _conv(inputs, c3[0], 1, bias)
    return total + sum(_conv(a, b, k, bias) for a, b, k in zip(channels, channels[1:], large))


_ASKED = (100, 32, (48, 64), (8, 16), 16)
_RIGHT = _block(*_ASKED)


def _size_of_block(values: list[float]) -> str:
    if values[0] == 32 + 48 + 64 + 8 + 16 + 16:
        return "the reductions are inside their branches: only c1, c2[1], c3[1] and c4 reach the output."
    if values[0] == 128 + 100:
        return "the pooling branch ends with a 1×1 convolution to c4 channels: its input is not passed on."
    if values[0] != 128:
        return f"not {values[0]:g} channels: the four branches are stacked, and each puts out its last number."
    if values[1] == _block(*_ASKED, bias=False):
        return "the channels are right. The biases are missing: one for each output of each of the six convolutions."
    if values[1] == _block(*_ASKED, large=(3,)):
        return "the channels are right. The third branch's kernel has 25 weights for each pair of channels, not nine."
    return "the channels are right. Six convolutions: k² × in × out weights and out biases each; the pooling has none."


exercise("googlenet-1", numbers((128, _RIGHT), _size_of_block), "right: 128 channels, and six convolutions counted.")

exercise(
    "googlenet-2",
    number(
        220,
        "solve r (c + k² c') < k² c c' with k = 5, c = 256, c' = 64, and round down.",
        {
            221: "221 already costs more than the direct convolution: round down.",
            64: "that is the number of output channels; the reduction may leave more than that and still save.",
            256: "at r = 256 nothing is reduced, and there is one layer more.",
        },
        whole=True,
    ),
    "right: nearly as many channels as come in, and it still saves.",
)


def _count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@torch.no_grad()
def _without_relu(net: nn.Module, X: torch.Tensor) -> int:
    """How many convolutions and linear layers, but for the first, meet negative numbers: no ReLU stands before them."""
    net.to_empty(device="cpu").eval()  # an answer may have been built on the meta device
    found = []
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(layer.weight, std=(2 / layer.weight[0].numel()) ** 0.5)
            nn.init.zeros_(layer.bias)
            layer.register_forward_pre_hook(lambda layer, inputs: found.append(inputs[0].min().item() < 0))
    net(X)
    return sum(found[1:])


def _inception_v2(answer: object) -> str | None:
    if not callable(answer) or isinstance(answer, nn.Module):
        return f"give the function itself, not {type(answer).__name__}: without brackets."
    for budget in (BLOCKS[0], BLOCKS[8]):
        block = answer(*budget)
        if not isinstance(block, nn.Module):
            return f"inception_v2(…) gives {type(block).__name__}: return a block (is the return statement missing?)."
        inputs, c1, c2, c3, c4 = budget
        expected = (2, c1 + c2[1] + c3[1] + c4, 12, 12)
        shape = tuple(forward_on_meta(block, (2, inputs, 12, 12)).shape)
        if shape != expected:
            return f"for {budget} the output has shape {shape}, not {expected}: keep the size, stack four branches."
        count = _count(block)
        if count == _block(*budget, large=(3, 3)):
            continue
        if count == _block(*budget):
            return "that is the block with its 5×5 convolution: replace it by two of 3×3."
        if count == _block(*budget, large=(3,)):
            return "one 3×3 convolution is missing: two of them see as far as one 5×5."
        between = _conv(inputs, c3[0], 1) + _conv(c3[0], c3[0], 3) + _conv(*c3, 3)
        if count == _block(*budget, large=(3, 3)) + between - _third(budget):
            return "the first 3×3 convolution already goes to c3[1] channels; yours keeps c3[0]."
        return f"for {budget} it has {count:,} parameters, not {_block(*budget, large=(3, 3)):,}. Biases, no BatchNorm?"
    block = answer(*BLOCKS[0])
    inside = _without_relu(block, torch.rand(2, 192, 6, 6))
    if inside or block(torch.rand(2, 192, 6, 6)).min() < 0:
        return "negative numbers pass: a ReLU follows each of the seven convolutions, also the last of a branch."
    return None


def _third(budget: tuple) -> int:
    """Parameters of the third branch with two 3×3 kernels."""
    inputs, c3 = budget[0], budget[3]
    return _conv(inputs, c3[0], 1) + _conv(*c3, 3) + _conv(c3[1], c3[1], 3)


exercise("googlenet-3", _inception_v2, "right, for blocks 3a and 5b.")

exercise(
    "googlenet-4",
    number(
        sum(AUXILIARY) / WITH_AUXILIARY,
        "divide the parameters of net.aux1 and net.aux2 together by those of the whole net.",
        {
            sum(AUXILIARY) / (WITH_AUXILIARY - sum(AUXILIARY)): "divide by all parameters, the classifiers' included.",
            AUXILIARY[0] / WITH_AUXILIARY: "that is one classifier: there are two.",
            AUXILIARY[1] / WITH_AUXILIARY: "that is one classifier: there are two.",
            1 - sum(AUXILIARY) / WITH_AUXILIARY: "that is the share of everything else.",
            100 * sum(AUXILIARY) / WITH_AUXILIARY: "a number between 0 and 1: divide the percentage by 100.",
        },
        rel=5e-3,
    ),
    "right: nearly half.",
)


def _build(answer: object) -> str | None:
    net, hint = built(answer, 1, 10)
    if net is None:
        return hint
    for size in (96, 224):
        try:
            shape = tuple(forward_on_meta(net, (2, 1, size, size)).shape)
        except RuntimeError as error:
            return f"images of {size} px fail: {error}. Padding of k // 2, and an average over the whole map?"
        if shape != (2, 10):
            return f"two images of {size} px should give logits of shape (2, 10), not {shape}."
    convs = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    kernels = [conv.kernel_size[0] for conv in convs]
    if len(convs) != 57:
        return f"{len(convs)} convolutions: there are 3 in the stem and 6 in each of the nine blocks."
    if (kernels.count(3), kernels.count(5), kernels.count(7)) != (10, 9, 1):
        return "among the kernels should be one 7×7, ten 3×3 (one in the stem) and nine 5×5; the others are 1×1."
    sides = {call.output_shape[-1] for call in trace(net, (2, 1, 96, 96)) if isinstance(call.module, nn.Conv2d)}
    if sides != {48, 24, 12, 6, 3}:
        return f"at 96 px the convolutions' maps should have sides 48, 24, 12, 6 and 3, yours {sorted(sides)[::-1]}."
    count = _count(net)
    if count != ONE_CHANNEL_TEN_CLASSES:
        return f"{count:,} parameters, not {ONE_CHANNEL_TEN_CLASSES:,}: biases, channels of each branch, no BatchNorm?"
    if summary(net, (1, 1, 96, 96)).macs != MACS_AT_96:
        return "the work differs at equal parameters: some block sees larger or smaller maps. Halve before 4a and 5a."
    averages = sum(isinstance(module, nn.AvgPool2d) for module in net.modules())
    if averages:
        return f"{averages} average poolings of a window: the stem, the halvings and the branches take the maximum."
    missing = _without_relu(net, torch.randn(2, 1, 64, 64))
    if missing:
        return f"{how_many(missing, 'layer')} can meet negative numbers: a ReLU follows each convolution."
    return None


exercise("googlenet-5", _build, "right, in layers, kernels, shapes and parameters.")
