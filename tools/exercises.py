"""The exercises whose answer is a number, several, or a word, as the site checks them: hashes, hints, and no answers.

`make sync` writes `book/exercises.json` from `d2lite/exercises`, since the site is built where there is no PyTorch. A
number is hashed as it is where it must be exact; else its logarithm is, in steps as wide as the tolerance, so that some
hashes next to each other stand for all that is accepted. With --check, only tell whether the file is stale.
"""

import argparse
import hashlib
import inspect
import itertools
import json
import math

from tools import files, project

STORED = project.BOOK / "exercises.json"
#: exercises that take a word: all that one might type
WORDS = {"recipes-2": ["".join(some) for some in itertools.product("abcd", repeat=2)]}


def digest(name: str, key: str) -> str:
    """The hash of an answer; the exercise's name is the salt."""
    return hashlib.sha256(f"{name}|{key}".encode()).hexdigest()[:16]


def exact(value: float) -> str:
    """A whole number as JavaScript writes it."""
    return f"{int(value)}" if value == int(value) else repr(float(value))


def step(value: float, rel: float) -> int:
    """The number of the step on which a value lies."""
    return math.floor(math.log(abs(value)) / math.log1p(rel) + 0.5)


def keys(values: tuple[float, ...], rel: float) -> tuple[str, list[str]]:
    """Which of the values are exact, as "i" and "f", and the keys of all lists that count as equal to ``values``."""
    kinds = "".join("i" if isinstance(value, int) else "f" for value in values)
    each = []
    for value in values:
        if isinstance(value, int) or value == 0:
            each.append([exact(value)])
        else:
            sign = "-" if value < 0 else ""
            each.append([f"{sign}~{step(value, rel) + by}" for by in (-1, 0, 1)])
    return kinds, [";".join(key) for key in itertools.product(*each)]


def numeric(name: str, test, praise: str) -> dict | None:
    """What the site needs to check an exercise made by ``number`` or ``numbers`` of d2lite/checks.py, or None."""
    inside = inspect.getclosurevars(test).nonlocals
    single = "compare" in inside
    inside = inspect.getclosurevars(inside["compare"]).nonlocals if single else inside
    if not {"expected", "hints", "otherwise", "rel"} <= set(inside):
        return None
    expected, rel, otherwise = inside["expected"], inside["rel"], inside["otherwise"]
    if single:  # what `number` says of any other number
        otherwise = inspect.getclosurevars(otherwise).nonlocals["otherwise"]
    said, kinds = {}, []
    for values, hint in [*(inside["hints"] or {}).items(), (expected, "")]:  # where two meet, the answer is right
        kind, found = keys(values, rel)
        kinds = [*kinds, kind] if kind not in kinds else kinds
        said |= {digest(name, key): hint for key in found}
    kind, _ = keys(expected, rel)
    each = [[digest(f"{name}/{at}", key) for key in keys((value,), rel)[1]] for at, value in enumerate(expected)]
    other = otherwise if isinstance(otherwise, str) else ""
    told = {"said": said, "each": each, "other": other, "praise": praise}
    return {"count": len(expected), "rel": rel, "kinds": kinds, "kind": kind, **told}


def worded(name: str, test, praise: str) -> dict:
    """The same for an exercise that takes a word."""
    said = {digest(name, word): test(word) or "" for word in WORDS[name]}
    return {"count": 0, "said": said, "other": f"{(test('?') or '').partition(', not')[0]}.", "praise": praise}


def collected() -> dict[str, dict]:
    """All exercises of the chapters that the site can check, by name."""
    from d2lite import checks  # with PyTorch, which the rest of the site's tools does without

    checks._load_exercises()
    found = {}
    for name, (test, praise) in sorted(checks._EXERCISES.items()):
        if name.rsplit("-", 1)[0] in project.chapters():
            made = worded(name, test, praise) if name in WORDS else numeric(name, test, praise)
            found |= {name: made} if made else {}
    return found


def text() -> str:
    """The file's text."""
    return json.dumps(collected(), ensure_ascii=False, indent=1) + "\n"


def stored() -> dict[str, dict]:
    """What the file holds."""
    return json.loads(STORED.read_text("utf-8"))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where the file is stale")
    if parser.parse_args().check:
        stale = [] if STORED.exists() and STORED.read_text("utf-8") == text() else ["book/exercises.json is stale"]
        return project.report(stale, "make sync")
    print(f"book/exercises.json: {'written' if files.write(STORED, text()) else 'unchanged'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
