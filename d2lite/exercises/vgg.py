"""Answers of the chapter on VGG."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from ..checks import built, exercise, number, numbers
from ..inspect.trace import InputShapeError, trace

# Stated here once more, so that an answer is not compared with the very cells the learner may have changed.
VGG11 = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))
VGG16 = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
VGG19 = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
#: parameters at three channels, 1000 classes, 224 px; VGG-16 as torchvision's weight metadata give it
PARAMETERS = {VGG16: 138_357_544, VGG19: 143_667_240}
LIGHT_PARAMETERS = 9_224_458  # VGG-11's blocks at one channel, and one linear layer 512 → 10


def _hidden_layers(values: list[float]) -> str:
    if values == [1, 1, 2, 2, 2]:
        return "that is how many convolutions each block holds; count those beyond the first."
    if sum(values) != 3:
        return f"your numbers add up to {sum(values)}, but eight rows hide three layers: 11 - 8 = 3."
    return "look at the tuple that defines VGG-11: the first number of each pair is the block's number of convolutions."


exercise(
    "vgg-1",
    numbers((0, 0, 1, 1, 1), _hidden_layers),
    "right: the last three blocks have a second convolution each.",
)


def _patch_side(arch: Sequence, pool: int = 1) -> int:
    """Side in pixels of what one unit after ``arch`` sees; ``pool`` = 0 forgets that a pooling window is two wide."""
    side, step = 1, 1
    for num_convs, _ in arch:
        side += 2 * step * num_convs + pool * step
        step *= 2
    return side


def _patch(answer: object) -> str | None:
    if not callable(answer):
        return f"give the function itself, not {type(answer).__name__}: d2l.check('vgg-2', patch) without brackets."
    mistakes = {
        lambda a: _patch_side(a, 0): "a pooling also widens the patch: its window covers two units of what lies below.",
        lambda a: 1 + 2 * sum(n for n, _ in a): "the poolings are missing: after one, a step is two pixels wide.",
        _walk: "you walk from the image to the unit. Start from the unit after the last pooling: reverse the tuple.",
        lambda a: _walk(a, late=True): "in each block, undo the pooling first (double), then the convolutions.",
    }
    for arch in (((1, 64),), ((2, 8), (1, 8)), VGG11, VGG19):
        value = answer(arch)
        if value == _patch_side(arch):
            continue
        for wrong, hint in mistakes.items():
            if all(answer(a) == wrong(a) for a in (((1, 64),), ((2, 8), (1, 8)), VGG19)):
                return hint
        return f"for {arch} it gives {value}. Check by hand with one block of one convolution: 1 → 2 → 4 pixels."
    return None


def _walk(arch: Sequence, late: bool = False) -> int:
    """The walk with a mistake in it: blocks in the wrong order or, if ``late``, the doubling after the convolutions."""
    side = 1
    for num_convs, _ in reversed(arch) if late else arch:
        side = 2 * (side + 2 * num_convs) if late else 2 * side + 2 * num_convs
    return side


exercise("vgg-2", _patch, "right, for one block and for VGG-11 and VGG-19.")


def _output(net: nn.Module, channels: int, size: int) -> tuple[int, ...]:
    return trace(net, (2, channels, size, size))[-1].output_shape


def _light(answer: object) -> str | None:
    if not isinstance(answer, nn.Module):
        return f"give the network itself, not {type(answer).__name__}."
    try:
        shapes = [_output(answer, 1, size) for size in (224, 96)]
    except InputShapeError as error:
        return f"it does not take both 224 px and 96 px: {error} Average each channel over its whole map."
    if shapes != [(2, 10), (2, 10)]:
        return f"two images should give logits of shape (2, 10), yours give {shapes[0]}: flatten, then linear."
    count = sum(parameter.numel() for parameter in answer.parameters())
    if count == LIGHT_PARAMETERS:
        return None
    if count > 20_000_000:
        return f"{count:,} parameters: a hidden layer is still in it. One linear layer, 512 to 10, is enough."
    if count == LIGHT_PARAMETERS - 10:
        return "ten parameters are missing: keep the bias of the linear layer."
    return f"{count:,} parameters, but the blocks of VGG-11 and a linear layer from 512 to 10 have another count."


exercise("vgg-3", _light, "right: it takes both sizes, with less than a tenth of the parameters.")


def _cost(arch: Sequence, in_channels: int, num_classes: int, size: int) -> tuple[int, int]:
    """(parameters, multiply–accumulates of one image), by the formulas."""
    parameters = macs = 0
    channels, side = in_channels, size
    for num_convs, out_channels in arch:
        for _ in range(num_convs):
            parameters += 9 * channels * out_channels + out_channels
            macs += 9 * channels * out_channels * side**2
            channels = out_channels
        side //= 2
    for inputs, outputs in ((channels * side**2, 4096), (4096, 4096), (4096, num_classes)):
        parameters += inputs * outputs + outputs
        macs += inputs * outputs
    return parameters, macs


_PARAMETER_RATIO, _MAC_RATIO = (a / b for a, b in zip(_cost(VGG11, 1, 10, 224), _cost(VGG11, 1, 10, 56)))
_FROM_THE_PIXELS = "that is the guess from the pixels alone. Two layers do not follow it: compare both summaries."

exercise(
    "vgg-4",
    number(
        _MAC_RATIO,
        "take summary(…).macs of vgg11(size=224) at 224 px, and divide by that of vgg11(size=56) at 56 px.",
        {
            1 / _MAC_RATIO: "that is the inverse: divide the large by the small.",
            4: _FROM_THE_PIXELS,
            16: _FROM_THE_PIXELS,
            _PARAMETER_RATIO: "that is the ratio of the parameters. Give that of the multiply–accumulates.",
        },
        rel=5e-3,
    ),
    "right: a little more than the pixels alone would save.",
)


def _build(answer: object) -> str | None:
    for name, arch in {"VGG-16": VGG16, "VGG-19": VGG19}.items():
        net, hint = built(answer, arch, 3, 1000)
        if net is None:
            return hint
        try:
            shape = _output(net, 3, 224)
        except InputShapeError as error:
            return f"{name}: {error} Padding of 1 and five halvings leave 512 × 7 × 7 values for the head."
        if shape != (2, 1000):
            return f"{name}: two images should give logits of shape (2, 1000), yours give {shape}."
        kinds = [type(m) for m in net.modules()]
        weighted = kinds.count(nn.Conv2d) + kinds.count(nn.Linear)
        if weighted != int(name[4:]):
            return f"{name} should have {name[4:]} layers with weights, yours has {weighted}."
        # a network with a forward of its own may call F.relu, which no list of modules shows
        if isinstance(net, nn.Sequential) and kinds.count(nn.ReLU) != weighted - 1:
            return f"{name} has {kinds.count(nn.ReLU)} ReLUs: one follows each layer with weights, but the last."
        count = sum(parameter.numel() for parameter in net.parameters())
        if count != PARAMETERS[arch]:
            expected = f"{name} should have {PARAMETERS[arch]:,} parameters"
            return f"{expected}, yours has {count:,}. Kernels 3×3, biases, 4096 units?"
    return None


exercise("vgg-5", _build, "right: VGG-16 and VGG-19, in layers, parameters and shapes.")

# VGG-11 divided by AlexNet, which is as torchvision's weight metadata give it
_MORE_PARAMETERS, _MORE_MACS = (a / b for a, b in zip(_cost(VGG11, 3, 1000, 224), (61_100_840, 714_188_480)))

exercise(
    "vgg-6",
    numbers(
        (_MORE_PARAMETERS, _MORE_MACS),
        lambda values: (
            "the parameters are right. For the work take summary(…).macs, both for an input of (1, 3, 224, 224)."
            if math.isclose(values[0], _MORE_PARAMETERS, rel_tol=5e-3)
            else "both networks with three channels and 1000 classes: vgg11(in_channels=3, num_classes=1000)."
        ),
        {
            (1 / _MORE_PARAMETERS, 1 / _MORE_MACS): "both are the wrong way round: VGG-11 divided by AlexNet.",
            (_MORE_MACS, _MORE_PARAMETERS): "the two are swapped: parameters first, then multiply–accumulates.",
        },
        rel=5e-3,
    ),
    "right: about twice the parameters, and more than ten times the work.",
)
