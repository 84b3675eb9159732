"""Instant checks of problem set 3, on VGG and NiN. Public: they help on the way, the marks come from other tests."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from ..checks import exercise, numbers


def _cost(inputs: int, outputs: int, kernel: int, height: int, width: int, groups: int = 1, bias: bool = True):
    weights = outputs * (inputs // groups) * kernel**2
    return weights + outputs * bias, weights * height * width


_TWICE = "you divide by the groups twice: all output channels are there, each sees fewer inputs."


def _conv_cost(answer: object) -> str | None:
    if not callable(answer) or isinstance(answer, nn.Module):
        return f"give the function itself, not {type(answer).__name__}."
    for arguments, options in (
        ((3, 8, 3, 10, 6), {}),
        ((3, 8, 3, 10, 6), {"bias": False}),
        ((8, 8, 3, 5, 5), {"groups": 8}),
        ((8, 12, 1, 5, 5), {"groups": 4}),
    ):
        inputs, outputs, kernel, height, width = arguments
        groups = options.get("groups", 1)
        value = answer(*arguments, **options)
        if not isinstance(value, Sequence) or len(value) != 2:
            return f"return two numbers, (parameters, multiply–accumulates), not {value!r}."
        expected = _cost(*arguments, **options)
        if tuple(value) == expected:
            continue
        called = ", ".join([*map(str, arguments), *(f"{name}={option}" for name, option in options.items())])
        hints = {
            (expected[0] + outputs, expected[1]): "with bias=False there are no biases to count.",
            (expected[0], (expected[1] // (height * width) + outputs) * height * width): "adding the bias is no "
            "multiply–accumulate: the work is that of the weights.",
            (expected[0] - outputs + inputs, expected[1]): "there is one bias for each output channel.",
            (expected[0], expected[1] // (height * width)): "each weight is used once at each output pixel.",
        }
        if groups > 1:
            hints |= {
                _cost(inputs, outputs, kernel, height, width): "an output channel sees only the input channels of its "
                "own group.",
                (expected[0], expected[1] * groups): "the work falls with the groups as the weights do.",
                _cost(inputs, outputs // groups, kernel, height, width, groups): _TWICE,
                (expected[0] - expected[1] // (height * width) * (groups - 1) // groups, expected[1] // groups): _TWICE,
            }
        otherwise = f"expected are the numbers of nn.Conv2d; for 3 → 8 channels, 3×3: {3 * 8 * 9} weights."
        hint = hints.get(tuple(value), otherwise)
        return f"conv_cost({called}) gives {tuple(value)}: {hint}"
    return None


exercise("ps3-1", _conv_cost, "right, with and without groups and bias.")

_SETTINGS = ((16, 64, 3), (256, 64, 3), (256, 64, 5))


def _each(share) -> tuple[float, ...]:
    return tuple(float(share(c, d, k)) for c, d, k in _SETTINGS)


exercise(
    "ps3-2",
    numbers(
        _each(lambda c, d, k: 1 / d + 1 / k**2),
        "from c to d channels, the depthwise kernels have c·k² weights, the pointwise matrix c·d, and the ordinary "
        "convolution c·d·k².",
        {
            _each(lambda c, d, k: 1 / (1 / d + 1 / k**2)): "those are the inverses: how many times smaller. Asked is "
            "the share that remains.",
            _each(lambda c, d, k: 1 / k**2): "that is the pointwise part alone; the depthwise kernels count too.",
            _each(lambda c, d, k: 1 / d): "that is the depthwise part alone; the pointwise matrix counts too.",
            _each(lambda c, d, k: 1 - 1 / d - 1 / k**2): "that is what is saved; asked is the share that remains.",
            _each(lambda c, d, k: 1 / c + 1 / k**2): "a depthwise kernel belongs to an input channel: c·k² weights in "
            "all, not d·k².",
        },
        rel=2e-3,
    ),
    "right: 1/d + 1/k², whatever the number of input channels.",
)

_FAN_IN, _VARIANCE = 16 * 9, 0.01**2


def _otherwise(values: list[float]) -> str:
    right = (1 / 6, _FAN_IN * _VARIANCE / 2, 1.0)
    wrong = [str(i) for i, (a, b) in enumerate(zip(values, right), start=1) if not math.isclose(a, b, rel_tol=2e-3)]
    return (
        f"look again at number {' and '.join(wrong)}. The factor is fan-in × variance of a weight, and then a ReLU "
        "behind it. Uniform between −w and w has the variance w²/3."
    )


exercise(
    "ps3-3",
    numbers(
        (1 / 6, _FAN_IN * _VARIANCE / 2, 1.0),
        _otherwise,
        {
            (1 / 3, _FAN_IN * _VARIANCE, 2.0): "those are the factors up to the ReLU, which halves the mean square.",
            (math.sqrt(1 / 6), math.sqrt(_FAN_IN * _VARIANCE / 2), 1.0): "those are the factors of the root mean "
            "square; asked are those of the mean square.",
            (1 / 6, 16 * _VARIANCE / 2, 1.0): "the fan-in of a 3×3 convolution also counts the nine taps.",
            (1 / 2, _FAN_IN * _VARIANCE / 2, 1.0): "uniform between −w and w has the variance w²/3, not w².",
            (1 / 6, _FAN_IN * 0.01 / 2, 1.0): "0.01 is the standard deviation; the variance is its square.",
        },
        rel=2e-3,
    ),
    "right: a sixth, less than a hundredth, and one.",
)
