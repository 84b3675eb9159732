"""Tell a learner at once whether an exercise answer is right, and if it is not, give a hint.

The answers live in ``d2lite/exercises``, one module a chapter; this module only knows how to compare.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from numbers import Integral, Real

import torch

from .recipes import nearest

#: a test takes an answer and returns ``None`` when it is right, else a hint
Test = Callable[[object], "str | None"]
_EXERCISES: dict[str, tuple[Test, str]] = {}


@dataclass(frozen=True)
class CheckResult:
    """True when right; ``message`` is what the learner reads. ``status`` is "right", "wrong" or "unanswered"."""

    name: str
    status: str
    message: str

    def __bool__(self) -> bool:
        return self.status == "right"

    def __str__(self) -> str:
        mark = {"right": "✓", "wrong": "✗", "unanswered": "…"}[self.status]
        return f"{mark} {self.name}: {self.message}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self))}</p>"


def check(name: str, answer: object) -> CheckResult:
    """Compare ``answer`` with exercise ``name``; ``None`` means that it is not answered yet.

    Numbers, sequences, functions or networks are accepted, as the exercise says. An answer that raises an error is
    wrong, and the error is shown.

    Raises:
        ValueError: there is no such exercise; names the known ones and the nearest match.
    """
    _load_exercises()
    if name not in _EXERCISES:
        raise ValueError(
            f"unknown exercise {name!r}{nearest(name, _EXERCISES)} Known: {', '.join(sorted(_EXERCISES))}."
        )
    test, praise = _EXERCISES[name]
    if answer is None:
        return CheckResult(
            name, "unanswered", "not answered yet. Put your answer in place of None and run the cell again."
        )
    try:
        hint = test(answer)
    except Exception as error:
        hint = f"your answer raised {type(error).__name__}: {error}"
    return CheckResult(name, "right", praise) if hint is None else CheckResult(name, "wrong", hint)


def exercise(name: str, test: Test, praise: str = "right.") -> None:
    """Register the test of exercise ``name``; ``praise`` is what a right answer is told."""
    if name in _EXERCISES:
        raise ValueError(f"exercise {name!r} is registered twice.")
    _EXERCISES[name] = (test, praise)


def integer(expected: int, hint: str) -> Test:
    """A whole number (an int, or a tensor or float that holds one), compared exactly."""

    def test(answer: object) -> str | None:
        value = _plain(answer)
        if isinstance(value, bool) or not isinstance(value, Real):
            return f"give a whole number, not {type(answer).__name__}."
        return None if value == expected else hint

    return test


def number(expected: float, hint: str, rel: float = 1e-3) -> Test:
    """A number, compared with relative tolerance ``rel``."""

    def test(answer: object) -> str | None:
        value = _plain(answer)
        if isinstance(value, bool) or not isinstance(value, Real):
            return f"give a number, not {type(answer).__name__}."
        return None if math.isclose(value, expected, rel_tol=rel, abs_tol=1e-12) else hint

    return test


def sequence(expected: list | tuple, hint: str) -> Test:
    """A list, tuple or tensor of whole numbers or strings, compared element by element."""

    def test(answer: object) -> str | None:
        value = _plain(answer)
        if not isinstance(value, (list, tuple)):
            return f"give a list or tuple of {len(expected)} values, not {type(answer).__name__}."
        if len(value) != len(expected):
            return f"{len(expected)} values are asked for, you gave {len(value)}. {hint}"
        return None if all(_plain(a) == e for a, e in zip(value, expected)) else hint

    return test


def passes(function: Test) -> Test:
    """The test is ``function`` itself: it returns ``None`` when the answer is right, else a hint."""
    return function


def _plain(value: object) -> object:
    """Tensors and arrays as Python numbers and lists."""
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, torch.Tensor) or hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    return value


def _load_exercises() -> None:
    from . import exercises

    for module in pkgutil.iter_modules(exercises.__path__):
        importlib.import_module(f"{exercises.__name__}.{module.name}")
