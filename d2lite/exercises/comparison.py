"""Answers of the chapter on choosing a network."""

from __future__ import annotations

import random
from collections.abc import Callable

from ..checks import exercise, numbers

Point = tuple[float, float, float]  # parameters, MACs, accuracy


def _dominates(p: Point, q: Point) -> bool:
    return p != q and p[0] <= q[0] and p[1] <= q[1] and p[2] >= q[2]


def _strictly(p: Point, q: Point) -> bool:
    return p[0] < q[0] and p[1] < q[1] and p[2] > q[2]


def _left(points: list[Point], dominates: Callable[[Point, Point], bool]) -> list[Point]:
    return [q for q in points if not any(dominates(p, q) for p in points)]


def _clouds() -> list[list[Point]]:
    """Small lists in which equal costs, equal accuracies and equal points occur; the same in every check."""
    draw = random.Random(0)
    return [[(draw.randint(1, 4), draw.randint(1, 4), draw.randint(1, 4) / 5) for _ in range(n)] for n in range(1, 12)]


_PARETO_SLIPS = {
    "a point must go even where it only ties in one cost or in accuracy: dominated means at most as costly in both, at "
    "least as accurate, and better in at least one.": lambda points: _left(points, _strictly),
    "of equal points you drop all: a point dominates another only if it is better in at least one of the three.": (
        lambda points: [q for i, q in enumerate(points)
                        if not any(i != j and (p == q or _dominates(p, q)) for j, p in enumerate(points))]
    ),
    "of equal points you keep one; none dominates the other, so all of them stay.": (
        lambda points: list(dict.fromkeys(_left(points, _dominates)))
    ),
    "more is better in accuracy alone: you look for the most costly, or the least accurate.": (
        lambda points: _left(points, lambda p, q: _dominates(q, p))
    ),
    "you compare parameters and accuracy only: a point that has fewer MACs stays, too.": (
        lambda points: _left(points, lambda p, q: p[0] <= q[0] and p[2] >= q[2] and (p[0], p[2]) != (q[0], q[2]))
    ),
    "you compare MACs and accuracy only: a point that has fewer parameters stays, too.": (
        lambda points: _left(points, lambda p, q: p[1] <= q[1] and p[2] >= q[2] and p[1:] != q[1:])
    ),
}  # fmt: skip


def _pareto(answer: object) -> str | None:
    if not callable(answer):
        return f"give the function itself, not {type(answer).__name__}: d2l.check('comparison-1', pareto)."
    found = []
    for points in _clouds():
        value = answer(list(points))
        if value is None:
            return "your function returns nothing: is the return statement missing?"
        try:
            found.append([tuple(point) for point in value])
        except TypeError:
            return f"return a list of triples, not {value!r}."
    expected = [_left(points, _dominates) for points in _clouds()]
    if found == expected:
        return None
    if [sorted(points) for points in found] == [sorted(points) for points in expected]:
        return "the right triples, but in another order: keep the order in which they were given."
    for hint, slip in _PARETO_SLIPS.items():
        if [sorted(points) for points in found] == [sorted(slip(points)) for points in _clouds()]:
            return hint
    points, value, right = next(case for case in zip(_clouds(), found, expected) if case[1] != case[2])
    return f"of {points} it keeps {value}, and {right} are dominated by none."


exercise("comparison-1", _pareto, "right, also where triples tie.")

# (parameters, MACs, accuracy): the best is too large, the best that fits is costly, and a cheap one is almost as good
_NETS = [(900, 50, 0.95), (100, 80, 0.90), (90, 20, 0.89), (80, 10, 0.86), (95, 15, 0.875), (40, 5, 0.60)]


def _frugal_as(points, most, tolerance, *, best_of_all=False, by=1, over=False) -> Point | None:
    """The answer, or with an option one of its likely mistakes."""
    fits = [p for p in points if p[0] <= most]
    if not fits:
        return None
    best = max(p[2] for p in (points if best_of_all else fits))
    close = [p for p in (points if over else fits) if p[2] >= best - tolerance]
    return min(close, key=lambda p: p[by]) if close else None


_FRUGAL_SLIPS = {
    "the best is to be the best of those that fit the budget, not the best of all.": {"best_of_all": True},
    "of those that are close, take the one with the fewest MACs, not with the fewest parameters.": {"by": 0},
    "what you return may be over the budget: only networks within it are looked at.": {"over": True},
}


def _frugal(answer: object) -> str | None:
    if not callable(answer):
        return f"give the function itself, not {type(answer).__name__}: d2l.check('comparison-2', frugal)."
    cases = [(100, 0.0), (100, 0.012), (100, 0.03), (100, 0.05), (1000, 0.07), (100, 0.5), (92, 0.0), (40, 0.1)]
    found = [answer(list(_NETS), most, tolerance) for most, tolerance in cases]
    if all(value is None for value in found):
        return "your function returns nothing: is the return statement missing?"
    if found == [_frugal_as(_NETS, *case) for case in cases]:
        try:
            return None if answer(list(_NETS), 39, 0.1) is None else "where nothing fits, return None."
        except Exception as error:
            return f"where nothing fits, return None; yours raises {type(error).__name__}: {error}"
    for hint, slip in _FRUGAL_SLIPS.items():
        if found == [_frugal_as(_NETS, *case, **slip) for case in cases]:
            return hint
    if found == [max((p for p in _NETS if p[0] <= most), key=lambda p: p[2]) for most, _ in cases]:
        return "that is the most accurate within the budget; one that is cheaper and within the tolerance goes first."
    (most, tolerance), value = next(
        (case, value) for case, value in zip(cases, found) if value != _frugal_as(_NETS, *case)
    )
    right = _frugal_as(_NETS, most, tolerance)
    return f"for {_NETS}, {most} parameters and a tolerance of {tolerance} it gives {value}, and should give {right}."


exercise("comparison-2", _frugal, "right: the cheapest that is as good as the best, within the tolerance.")

# 60 right only for B, 40 only for A, of 1,000; alone 80% and 82%
_LEAD = 0.02
_PAIRED = _LEAD / ((0.1 - _LEAD**2) * 1000 / 999 / 1000) ** 0.5
_OF_A, _OF_B = (0.80 * 0.20 / 1000) ** 0.5, (0.82 * 0.18 / 1000) ** 0.5  # standard error of each accuracy
_APART = _LEAD / (_OF_A**2 + _OF_B**2) ** 0.5
_REL = 1e-2  # two digits are enough


def _errors(values: list[float]) -> str:
    same, other = values
    if abs(same / _APART - 1) < _REL and abs(other / _PAIRED - 1) < _REL:
        return "both numbers are right, in the other order: first on the same images, then on different ones."
    if abs(same / _PAIRED - 1) < _REL:
        slips = {
            _LEAD / _OF_A: "add the squares of both errors: both accuracies scatter.",
            _LEAD / _OF_B: "add the squares of both errors: both accuracies scatter.",
            _LEAD / (_OF_A + _OF_B): "the squares of the two errors add up, not they.",
        }
        hints = [hint for slip, hint in slips.items() if abs(other / slip - 1) < _REL]
        return hints[0] if hints else "the first is right. For the second take √(p (1 - p) / m) of each network."
    if abs(same / _LEAD * 0.1**0.5 - 1) < _REL:
        return "that is by sd(d), the scatter of one image; the error of the mean is sd(d) / √m."
    return "d is 1 on 60 images, -1 on 40 and 0 on 900: divide its mean by sd(d) / √1000."


exercise(
    "comparison-3",
    numbers((_PAIRED, _APART), _errors, rel=_REL),
    "right: on the same images the lead counts nearly twice as much.",
)
