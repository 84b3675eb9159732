"""Answers of the chapter on recipes."""

from __future__ import annotations

import math

from ..checks import exercise, number

_LEFT, _MIDDLE, _RIGHT = 0.66, 0.68, 0.64  # at 0.001, 0.003 and 0.009
_TOP = (_LEFT - _RIGHT) / (2 * (_LEFT - 2 * _MIDDLE + _RIGHT))  # in steps of a factor of three, from the middle

exercise(
    "recipes-1",
    number(
        0.003 * 3**_TOP,
        "with x = -1, 0 and 1 at the three rates, 2a is the sum of the outer accuracies less twice the middle one, and "
        "2b the right one less the left one. The top is at x = -b / (2a), a rate of 0.003 · 3^x.",
        {
            0.003: "that is the best rate tried. Of the two beside it one is better: on which side is the top?",
            0.003 * 3**-_TOP: "that is on the wrong side: 0.001 was better than 0.009, so the top lies below 0.003.",
            0.003 * 3 ** (2 * _TOP): "you are twice as far from 0.003 as the top: it is at -b / (2a), not at -b / a.",
            0.0044: "that is the top of a parabola over the rate itself. Put its logarithm on the "
            "axis: there the three rates are equally far apart.",
            _TOP: "that is x, the number of factors of three from 0.003. Asked is the rate: 0.003 · 3^x.",
        },
        rel=0.02,  # two digits are enough
    ),
    "right: close to the rate that is known, so this search is finished.",
)

_COMPARISONS = {
    "a": "(a) changes the network, the size of the image, the optimizer and the augmentation at once.",
    "b": "(b) gives both the best rate of one of the two: the other is measured at a rate that does not suit it.",
    "c": "(c) changes the network, and searches the rate alike for both versions.",
    "d": "(d) keeps the network, so whatever it shows, it is not what a network is worth.",
}


def _letters(answer: object) -> str | None:
    if not isinstance(answer, str):
        return f"give the two letters as text, like 'ab', not {type(answer).__name__}."
    letters = answer.lower().replace(" ", "").replace(",", "")
    if len(letters) != 2 or not set(letters) <= set("abcd"):
        return f"give two of the letters a, b, c and d, like 'ab', not {answer!r}."
    network, recipe = letters
    if letters == "cd":
        return None
    if letters == "dc":
        return "the right two, in the other order: first what the network is worth, then what the recipe is."
    if network != "c":
        return _COMPARISONS[network]
    return f"the first is right. For the second, the network has to be the same on both sides; not so in ({recipe})."


exercise(
    "recipes-2",
    _letters,
    "right: in (c) the recipe is searched alike for both; in (d) the network is the same for both.",
)


def _one_cycle(
    step: int, steps: int, peak: float, *, start=25.0, end=25e4, cosine=True, top_early=1, last_early=1
) -> float:
    """The answer, or with an option one of its likely mistakes."""
    top, last = 0.3 * steps - top_early, steps - last_early
    low, high = (peak / start if start else 0.0), (peak / end if end else 0.0)
    if step <= top:
        since, begin, finish = step / top, low, peak
    else:
        since, begin, finish = (step - top) / (last - top), peak, high
    share = (1 - math.cos(math.pi * since)) / 2 if cosine else since
    return begin + (finish - begin) * share


_SLIPS = {
    "the rate goes along half a cosine in both parts, not along a straight line.": {"cosine": False},
    "the rate begins at the peak divided by 25, not at zero.": {"start": 0},
    "the rate ends at the peak divided by 250,000, not at zero.": {"end": 0},
    "the rate ends at a ten-thousandth of its start, and the start is a twenty-fifth of the peak.": {"end": 1e4},
    "the peak is at step 0.3 · steps - 1, one earlier than yours: the first step is number 0.": {"top_early": 0},
    "the last step is number steps - 1, since the first is number 0; yours ends one step later.": {"last_early": 0},
    "the first step is number 0: the peak is at 0.3 · steps - 1, and the end at steps - 1.": {
        "top_early": 0, "last_early": 0,
    },
}  # fmt: skip


def _schedule(answer: object) -> str | None:
    if not callable(answer):
        return f"give the function itself, not {type(answer).__name__}: d2l.check('recipes-3', one_cycle)."
    cases = [(step, steps, peak) for steps, peak in ((20, 1.0), (37, 0.003), (100, 0.1)) for step in range(steps)]
    values = [answer(*case) for case in cases]
    if any(value is None for value in values):
        return "your function returns nothing: is the return statement missing?"

    def same(**slip) -> bool:
        return all(abs(float(value) - _one_cycle(*case, **slip)) < 1e-6 * case[2] for value, case in zip(values, cases))

    if same():
        return None
    for hint, slip in _SLIPS.items():
        if same(**slip):
            return hint
    (step, steps, peak), value = next(
        (case, value)
        for case, value in zip(cases, values)
        if not abs(float(value) - _one_cycle(*case)) < 1e-6 * case[2]
    )
    right = _one_cycle(step, steps, peak)
    return f"at step {step} of {steps}, with a peak of {peak}, the rate is {right:.6g}; yours is {float(value):.6g}."


exercise("recipes-3", _schedule, "right: the same rate as PyTorch's OneCycleLR at every step.")
