"""Instant checks of problem set 7: hints for likely mistakes. No solution stands here, only numbers worked by hand."""

from __future__ import annotations

import math

from ..checks import exercise, numbers

_IN_USE = (0.116, 0.15517, 0.98)


def _in_use(values: list[float]) -> str:
    called, crosses, _ = values
    if max(values) > 1:
        return "shares are asked for, between 0 and 1."
    if not math.isclose(called, _IN_USE[0], abs_tol=2e-3):
        if math.isclose(called, 0.018, abs_tol=2e-3):
            return "a: those are the crosses that it finds; one in ten of all other signs is called a cross, too."
        if math.isclose(called, 0.5, abs_tol=2e-3):
            return "a: that is the share in training; on the trail, 49 of 50 signs are no crosses."
        return "a: nine of ten crosses are called so, and one of ten of the many others."
    if not math.isclose(crosses, _IN_USE[1], abs_tol=2e-3):
        if math.isclose(crosses, 0.9, abs_tol=2e-3):
            return "b: nine of ten crosses are called a cross, but how many of those called so are others?"
        return "b: the crosses among the signs that it calls a cross, divided by all of these."
    return "c: it is wrong about the crosses alone."


exercise(
    "ps7-1",
    numbers(_IN_USE, _in_use, rel=5e-3),
    "right: of six signs that it calls a cross, about one is; and never saying cross would be right more often.",
)
