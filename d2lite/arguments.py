"""What a caller gave: numbers of NumPy and PyTorch are numbers, booleans are not; names may be misspelled."""

import difflib
import math
import numbers
from collections.abc import Callable
from typing import Any


def whole(value: object) -> int | None:
    """``value`` as an ``int``, or None where it is no whole number; 2.0 is none, and True is none."""
    value = plain(value)
    return int(value) if isinstance(value, numbers.Integral) and not isinstance(value, bool) else None


def real(value: object) -> float | None:
    """``value`` as a ``float``, or None where it is no real number; True is none."""
    value = plain(value)
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:  # a whole number beyond the largest float
        return None


def plain(value: Any) -> Any:
    """What a scalar of NumPy, or an array or tensor without dimensions, holds; anything else as it is."""
    return value.item() if getattr(value, "shape", None) == () else value


def check_whole(name: str, value: object, least: int, most: float = math.inf) -> int:
    """``value`` as an ``int``; raise ValueError unless it is a whole number from ``least`` to ``most``."""
    found = whole(value)
    if found is None or not least <= found <= most:
        last = "" if most == math.inf else f" to {most:,}"
        raise ValueError(f"{name} is {value!r}: give a whole number from {least}{last}.")
    return found


def check_real(name: str, value: object, fits: Callable[[float], bool], remedy: str) -> float:
    """``value`` as a ``float``; raise ValueError, with what to give, unless it is a finite number that ``fits``."""
    found = real(value)
    if found is None or not math.isfinite(found) or not fits(found):
        raise ValueError(f"{name} is {value!r}: give {remedy}.")
    return found


def nearest(name: str, known) -> str:
    """``"; did you mean 'x'?"`` for the closest known name, or ``"."`` where none is close."""
    match = difflib.get_close_matches(str(name).lower(), list(known), n=1, cutoff=0.5)
    return f"; did you mean {match[0]!r}?" if match else "."
