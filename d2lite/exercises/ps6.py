"""Instant checks of problem set 6: hints for likely mistakes. No solution stands here, only numbers worked by hand."""

from __future__ import annotations

import math

from ..checks import exercise, numbers

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
