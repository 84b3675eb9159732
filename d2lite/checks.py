"""Tell a learner at once whether an exercise answer is right, and if it is not, give a hint.

The answers live in ``d2lite/exercises``, one module a chapter; this module only knows how to compare.
"""

import importlib
import math
import pkgutil
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from numbers import Real
from typing import Any

import torch
from torch import nn

from .arguments import nearest
from .machine.printing import how_many, printable

#: a character of Chinese, Japanese or Korean, in which spaces do not part the words, or not all of them
CHARACTER = re.compile(
    "[\u3005\u3007\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
NOT_CHINESE = re.compile("[\u3041-\u3096\u30a1-\u30fa\uac00-\ud7a3]")  # kana and hangul
A_WORD = 1.5  # so many of these characters say as much as an English word
#: a test takes an answer and returns ``None`` when it is right, else a hint
Test = Callable[[Any], str | None]
#: test and praise by name; a module that is loaded again keeps them, since the exercises are not
_EXERCISES: dict[str, tuple[Test, str]] = globals().get("_EXERCISES", {})


@dataclass(frozen=True)
class CheckResult:
    """True when right; ``message`` is what the learner reads. ``status`` is "right", "wrong" or "unanswered"."""

    name: str
    status: str
    message: str

    def __bool__(self) -> bool:
        return self.status == "right"

    @property
    def _text(self) -> str:
        mark = {"right": "✓", "wrong": "✗", "unanswered": "…"}[self.status]
        return f"{mark} {self.name}: {self.message}"

    def __str__(self) -> str:
        return printable(self._text)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{escape(self._text)}</p>"


def check(name: str, answer: object) -> CheckResult:
    """Compare ``answer`` with exercise ``name``; ``None`` means that it is not answered yet.

    Numbers, sequences, functions or networks are accepted, as the exercise says. An answer that raises an error is
    wrong, and the error is shown. Torch's random generator is left as it was, though an answer may draw from it: a
    function that builds a layer does.

    Raises:
        ValueError: there is no such exercise; names the known ones and the nearest match.
    """
    _load_exercises()
    if name not in _EXERCISES:
        known = ", ".join(sorted(_EXERCISES))
        raise ValueError(f"unknown exercise {name!r}{nearest(name, _EXERCISES)} Known: {known}.")
    test, praise = _EXERCISES[name]
    if answer is None:
        todo = "not answered yet. Put your answer in place of None and run the cell again."
        return CheckResult(name, "unanswered", todo)
    try:
        with torch.random.fork_rng(devices=[]):
            hint = test(answer)
    except Exception as error:
        hint = f"your answer raised {type(error).__name__}: {error}"
    return CheckResult(name, "right", praise) if hint is None else CheckResult(name, "wrong", hint)


def exercise(name: str, test: Test, praise: str = "right.") -> None:
    """Register the test of exercise ``name``; ``praise`` is what a right answer is told."""
    if name in _EXERCISES:
        raise ValueError(f"exercise {name!r} is registered twice.")
    _EXERCISES[name] = (test, praise)


def number(
    expected: float, otherwise: str, hints: Mapping[float, str] | None = None, *, rel: float = 1e-6, whole: bool = False
) -> Test:
    """A number, also where a tensor or array of one element holds it.

    An ``int`` among ``expected`` and the keys of ``hints`` is compared exactly, a ``float`` with relative tolerance
    ``rel``.

    Args:
        hints: what particular wrong numbers are told.
        otherwise: what any other number is told.
        whole: say that a whole number is asked for, where the answer is none.
    """

    def tell(values: list[float]) -> str:
        return f"give a whole number, not {values[0]}: {otherwise}" if whole and values[0] % 1 else otherwise

    compare = numbers((expected,), tell, {(slip,): hint for slip, hint in (hints or {}).items()}, rel=rel)

    def test(answer: object) -> str | None:
        if (value := _number(answer)) is not None:
            return compare([value])
        kind = "whole number" if whole else "number"
        shown = repr(answer) if isinstance(answer, (str, bool)) else type(answer).__name__
        return f"give a {kind}, not {shown}: one number, without quotation marks or brackets."

    return test


def numbers(
    expected: tuple[float, ...],
    otherwise: str | Callable[[list[float]], str],
    hints: Mapping[tuple[float, ...], str] | None = None,
    *,
    rel: float = 1e-6,
) -> Test:
    """A list, tuple, tensor or array of as many numbers as ``expected`` has, each compared as ``number`` does.

    Args:
        hints: what particular wrong lists are told.
        otherwise: what any other list is told, or a function that says it of the numbers given.
    """
    count = len(expected)

    def test(answer: Any) -> str | None:
        listed = answer.tolist() if hasattr(answer, "tolist") else answer
        if not isinstance(listed, Sequence) or isinstance(listed, str):
            return f"give a list or tuple of {count} numbers, not {type(answer).__name__}."
        if len(listed) != count:
            return f"{count} values are asked for, you gave {len(listed)}: give {count} numbers, not {listed!r}."
        values = [value for item in listed if (value := _number(item)) is not None]
        if len(values) < count:
            return f"give {count} numbers, not {listed!r}."
        for targets, hint in ((expected, None), *(hints or {}).items()):
            if all(v == t if isinstance(t, int) else math.isclose(v, t, rel_tol=rel) for v, t in zip(values, targets)):
                return hint
        return otherwise(values) if callable(otherwise) else otherwise

    return test


def words(least: int) -> Test:
    """A text of at least so many words, or of as many characters of Chinese, Japanese or Korean as say the same."""

    def test(answer: object) -> str | None:
        if not isinstance(answer, str):
            return f"give a text, not {type(answer).__name__}."
        spaced, characters = length(answer)
        if spaced + characters / A_WORD >= least:
            return None
        enough = math.ceil(least * A_WORD)
        counts = {"word": spaced, "character": characters}
        written = [how_many(count, noun) for noun, count in counts.items() if count] or ["none"]
        told = f"write at least {least} words, or {enough} characters of Chinese, Japanese or Korean; so far there "
        told += f"{'is' if written[0] in ('1 word', '1 character', 'none') else 'are'} {' and '.join(written)}."
        if characters > spaced and not NOT_CHINESE.search(answer):
            told += f" 至少写 {enough} 个字，现在有 {characters} 个字。"
        return told

    return test


def length(text: str) -> tuple[int, int]:
    """How many words of a text stand between spaces, and how many characters of Chinese, Japanese or Korean it has."""
    composed = unicodedata.normalize("NFKC", text)  # a Mac may write a Korean character as its parts
    return len(re.findall(r"\S*\w\S*", CHARACTER.sub(" ", composed))), len(CHARACTER.findall(composed))


def built(build: object, *arguments) -> tuple[nn.Module | None, str | None]:
    """The network that a learner's function makes of ``arguments``, on PyTorch's meta device, and no hint; or a hint.

    On ``meta`` it takes no memory, whatever its size, and is enough to count parameters and to follow shapes.
    """
    if not callable(build) or isinstance(build, nn.Module):
        return None, f"give the function itself, not {type(build).__name__}."
    try:
        with torch.device("meta"):
            net = build(*arguments)
    except NotImplementedError:
        return None, "return the network where it was built, without .to(…): the check only looks at shapes."
    if not isinstance(net, nn.Module):
        return None, f"build(…) gives {type(net).__name__}: return a network (is the return statement missing?)."
    return net, None


def _number(value: Any) -> Any:
    """``value`` as a Python number, or None where it is none."""
    if hasattr(value, "tolist"):
        value = value.tolist()
        while isinstance(value, list) and len(value) == 1:
            value = value[0]
    return value if isinstance(value, Real) and not isinstance(value, bool) else None


def _load_exercises() -> None:
    exercises = importlib.import_module(".exercises", __package__)  # they import this module
    for module in pkgutil.iter_modules(exercises.__path__):
        importlib.import_module(f"{exercises.__name__}.{module.name}")
