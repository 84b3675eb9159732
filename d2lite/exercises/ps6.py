"""Instant checks of problem set 6: hints for likely mistakes. No solution stands here, only numbers worked by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

from ..checks import Test, exercise, numbers

_FACTORS = (1.0, 1 / 4, 1.0, 4.0, 1 / 4, 1 / 4, 1 / 4, 4.0)
_CHANGES = ("a, pooling", "b, groups", "c, stride", "d, twice as wide")


def _factors(values: list[float]) -> str:
    if all(math.isclose(value, 1 / right, rel_tol=1e-6) for value, right in zip(values, _FACTORS) if value):
        return "all are the wrong way round: what is there afterwards, divided by what was there before."
    if values[4:] + values[:4] == list(_FACTORS):
        return "the halves are swapped: the four for the parameters come first, then the four for the MACs."
    wrong = [place for place, (value, right) in enumerate(zip(values, _FACTORS)) if not math.isclose(value, right)]
    place = wrong[0]
    what = f"the {'parameters' if place < 4 else 'MACs'} of {_CHANGES[place % 4]}"
    hints = {
        0: "a weight is shared by all positions: a smaller map does not need fewer of them.",
        1: "with four groups, each output channel looks at a quarter of the input channels.",
        2: "a stride decides at how many positions the kernel stands, not how large it is.",
        3: "there are as many kernels as output channels, and each has a slice for every input channel: both double.",
        4: "half the side on both axes: think of the number of positions.",
        5: "at each position each output channel now reads a quarter of the input channels.",
        6: "stride 2 leaves out every second row and every second column.",
        7: "the work at a position is the number of weights.",
    }
    return f"{what}: {hints[place]}"


exercise("ps6-1", numbers(_FACTORS, _factors), "right: a smaller map saves work and no weights, groups save both.")


def _cases(name: str, cases: Sequence[tuple[tuple, float, dict[float, str]]], general: str) -> Test:
    """A function that is called with the arguments of each case and compared with a number; wrong ones have hints."""

    def test(answer: object) -> str | None:
        if not callable(answer):
            return f"give the function itself, not {type(answer).__name__}: {name} without brackets."
        for arguments, expected, hints in cases:
            value = answer(*arguments)
            if value is None:
                return "your function returns nothing: is the return statement missing?"
            if not isinstance(value, Real) or isinstance(value, bool):
                return f"return one number, not {type(value).__name__}."
            if math.isclose(value, expected, rel_tol=1e-9, abs_tol=1e-12):
                continue
            for slip, hint in hints.items():
                if math.isclose(value, slip, rel_tol=1e-9, abs_tol=1e-12):
                    return hint
            shown = ", ".join(map(repr, arguments))
            return f"{name}({shown}) gives {value:g}: {general}"
        return None

    return test


_CONV = [("conv", 5, 3, 1, 1)]
_STRIDED = [("conv", 4, 3, 2, 1)]
_GROUPED = [("conv", 6, 3, 1, 2)]
_NORMED = [("conv", 4, 1, 1, 1), ("norm",), ("relu",)]
_HEAD = [("conv", 4, 3, 1, 1), ("global_pool",), ("linear", 10)]
_ADDED = [("residual", [("conv", 4, 3, 1, 1)]), ("conv", 2, 1, 1, 1)]

exercise(
    "ps6-2",
    _cases(
        "count_parameters",
        [
            ((_CONV, 2), 90, {
                95: "the convolutions of this language have no bias.",
                45: "each output channel has a kernel for every input channel.",
                30: "a kernel of side 3 has nine weights in each channel, not three.",
            }),
            ((_GROUPED, 4), 108, {
                216: "with groups, an output channel looks at the input channels of its own group only.",
                432: "groups divide the weights, they do not multiply them.",
                54: "groups divide the input channels that an output looks at, not the outputs as well.",
            }),
            ((_NORMED, 3), 20, {
                12: "a norm has a scale and a shift for each channel.",
                16: "a norm has two trainable numbers for each channel, a scale and a shift.",
                28: "running mean and variance are no parameters: they are not trained.",
                18: "a norm has numbers for the channels that reach it, not for those of the picture.",
            }),
            ((_HEAD, 1), 86, {
                76: "the linear layer has a bias.",
                56: "the linear layer gets as many numbers as there are channels after the convolution.",
            }),
            ((_ADDED, 4), 152, {
                8: "the layers inside a residual are missing.",
                304: "a residual holds its layers once.",
            }),
        ],
        "go through it by hand, one layer at a time, with the channels that go on after each.",
    ),
    "right for single layers, groups, a head and a residual. Now branches.",
)  # fmt: skip

exercise(
    "ps6-3",
    _cases(
        "count_macs",
        [
            ((_CONV, 2, 6), 3240, {
                90: "that is the number of weights: each works at every position of the output map.",
                540: "a map of side 6 has 36 positions.",
                1440: "the padding keeps the side: 6 stays 6.",
                6480: "one multiplication and one addition count together as one MAC.",
            }),
            ((_STRIDED, 2, 6), 648, {
                2592: "a stride leaves fewer positions: count those of the map that comes out.",
                1296: "a stride works on both axes.",
            }),
            ((_GROUPED, 4, 2), 432, {864: "with groups, an output channel reads the channels of its own group only."}),
            ((_NORMED, 3, 2), 48, {
                64: "by the convention of the book only convolutions and linear layers count, norms do not.",
                80: "by the convention of the book only convolutions and linear layers count, norms do not.",
            }),
            (([("max_pool", 3), *_CONV], 2, 6), 360, {
                3240: "after the pooling the map is smaller.",
                1080: "a pooling shrinks both axes.",
            }),
            ((_HEAD, 1, 4), 616, {
                586: "the linear layer reads as many numbers as there are channels.",
                626: "adding a bias is no multiply–accumulate.",
                1216: "after global_pool there is one number for each channel, not a map.",
            }),
            ((_ADDED, 4, 2), 608, {
                32: "the layers inside a residual are missing.",
                624: "the addition of a residual is no multiply–accumulate.",
            }),
        ],
        "go through it by hand: positions that come out × weights of an output channel × output channels.",
    ),
    "right for single layers and a residual. Now branches and odd sides.",
)  # fmt: skip


def _row(name: str, parameters: int, macs: int, *validation: float) -> dict:
    return {
        "name": name, "parameters": parameters, "macs": macs, "validation": list(validation),
        "test": [1 - value for value in validation],
    }  # fmt: skip


_ROWS = [
    _row("ant", 10, 30, 0.60, 0.62), _row("bee", 30, 10, 0.70, 0.66), _row("cat", 40, 40, 0.65, 0.66),
    _row("dog", 80, 50, 0.99, 0.41), _row("eel", 90, 60, 0.78, 0.79), _row("fox", 70, 55, 0.75, 0.77),
]  # fmt: skip
_LEFT = ["bee", "ant", "dog", "fox", "eel"]
_FRONTIER_SLIPS = {
    frozenset({"ant", "bee", "dog", "fox"}): "eel is missing: dog has one lucky run. Accuracy is the mean over runs.",
    frozenset({"ant", "bee", "fox", "eel"}): "dog is missing: it has fewer MACs than fox. Both costs count.",
    frozenset({"bee", "dog", "fox", "eel"}): "ant is missing: it has the fewest parameters. Both costs count.",
    frozenset({"ant", "bee"}): "you took the test accuracy; choices are made by validation.",
    frozenset({"cat"}): "you return the row that is dominated; asked are the others.",
    frozenset(row["name"] for row in _ROWS): "cat is dominated by bee: larger in both costs, and less accurate.",
}


def _frontier(answer: object) -> str | None:
    if not callable(answer):
        return f"give the function itself, not {type(answer).__name__}: frontier without brackets."
    value = answer([dict(row) for row in _ROWS])
    if value is None:
        return "your function returns nothing: is the return statement missing?"
    try:
        names = list(value)
    except TypeError:
        return f"return a list of names, not {type(value).__name__}."
    if not all(isinstance(name, str) for name in names):
        return "return the names of the rows, not the rows."
    if names == _LEFT:
        return None
    if sorted(names) == sorted(_LEFT):
        return "the right rows, in another order: by rising MACs, please."
    return _FRONTIER_SLIPS.get(frozenset(names), f"of {_ROWS} it keeps {names}: compare the rows two by two, by hand.")


exercise("ps6-4", _frontier, "right, for rows without ties and without nan.")

exercise(
    "ps6-5",
    _cases(
        "rate",
        [
            ((0, 12, 0.8, 4), 0.2, {
                0.0: "step 0 should not be wasted: it gets peak / warmup.",
                0.16: "step warmup - 1 gets the peak: there are `warmup` steps on the line, not one more.",
                0.8: "the warm-up is missing: step 0 gets peak / warmup.",
            }),
            ((3, 12, 0.8, 4), 0.8, {0.6: "the last step of the warm-up gets the peak."}),
            ((4, 12, 0.8, 4), 0.8, {
                0.4 * (1 + math.cos(math.pi / 3)): "count the steps of the cosine from the end of the warm-up.",
                1.6: "the cosine runs from 1 to -1: halve what you get after adding 1.",
                0.4 * (1 + math.cos(math.pi / 8)): "the first step after the warm-up still gets the peak.",
            }),
            ((8, 12, 0.8, 4), 0.4, {
                0.4 * (1 + math.cos(math.pi * 4 / 7)): "zero is reached at `steps`, one step after the last.",
                0.4 * (1 + math.cos(math.pi * 4 / 12)): "the half wave has steps - warmup steps.",
                0.0: "half a wave, not a quarter: in its middle it is at half of the peak.",
                0.8: "math.cos takes radians, and the half wave goes from 0 to π.",
            }),
        ],
        "a straight line to the peak, then half a wave of a cosine to zero.",
    ),
    "right at the start, at the peak and half way down.",
)  # fmt: skip
