"""A private course: problem sets made of the public sources, with what a secret draws in place of what everybody reads.

``assignments/source/NAME/draws.yaml`` lists what may be drawn. Each entry has ``choices``; a choice has ``numbers``,
``changes``, or both, and the entry may have ``changes`` for all its choices. A change is a pair of texts: the first, as
it stands in the set's source, becomes the second, in which ``@x@`` stands for number ``x``. The published form is never
among the choices. Apart from that, all seeds in hidden tests are drawn.

What is drawn follows from the secret, the name of the class and the entry: the same command writes the same course.
"""

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tools import files

from . import course, release, written

LEAST = 16  # characters of a secret
SEED = re.compile(r"(manual_seed\(|\bseed=(?=\d{3}))(\d+)")
README = "README.md"
MARK = ".drawn"  # tells whether the same secret draws for the same class again


class DrawError(Exception):
    """There is no private course to be had; says what to do."""


@dataclass(frozen=True)
class Made:
    """A problem set as drawn: its source, and what was drawn."""

    text: str
    drawn: dict[str, str] = field(default_factory=dict)


def secret(path: Path) -> bytes:
    """What is in the file of the secret; a new one is made where there is none.

    Raises:
        DrawError: it is too short, or lies in this repository.
    """
    if path.resolve().is_relative_to(course.ROOT):
        raise DrawError(f"{path} lies in the repository, which is public: keep the secret elsewhere (SECRET=)")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
    found = path.read_bytes().strip()
    if len(found) < LEAST:
        raise DrawError(f"{path} holds fewer than {LEAST} characters: remove it, and a new secret is made")
    return found


def number(key: bytes, *about: str) -> int:
    """A number that nobody guesses without the key, and that stays the same for the same words."""
    return int.from_bytes(hmac.digest(key, "\0".join(about).encode(), hashlib.sha256)[:8], "big")


def table(name: str) -> list[dict]:
    """What may be drawn in a problem set."""
    path = course.PUBLIC / name / "draws.yaml"
    return yaml.safe_load(path.read_text("utf-8")) if path.exists() else []


def applied(text: str, changes: list, numbers: dict, where: str) -> str:
    """The text after all changes. Raises DrawError where one has nothing to change."""
    for old, new in changes:
        if old not in text:
            raise DrawError(f"{where}: the source has no longer {old[:80]!r}")
        for key, value in numbers.items():
            new = new.replace(f"@{key}@", str(value))
        text = text.replace(old, new)
    return text


def make(name: str, key: bytes, who: str, chosen: dict[str, int] | None = None) -> Made:
    """A problem set as ``key`` draws it for the class ``who``; ``chosen`` fixes choices by their places, for tests."""
    text, drawn = (course.PUBLIC / name / f"{name}.md").read_text("utf-8"), {}
    for entry in table(name):
        place = number(key, who, name, entry["name"]) % len(entry["choices"])
        choice = entry["choices"][(chosen or {}).get(entry["name"], place)]
        numbers = choice.get("numbers", {})
        changes = [*entry.get("changes", []), *choice.get("changes", [])]
        text = applied(text, changes, numbers, f"{name}: {entry['name']}")
        drawn[entry["what"]] = choice.get("what") or ", ".join(map(str, numbers.values()))

    def reseeded(block: re.Match) -> str:
        return SEED.sub(lambda one: f"{one[1]}{number(key, who, name, one[2]) % 90_000 + 10_000}", block[0])

    return Made(course.HIDDEN.sub(reseeded, text), drawn)


def others(name: str, made: Made, folder: Path) -> tuple[list[str], list[str]]:
    """The solution cells that differ from the published ones, and those that do not."""
    path = folder / f"{name}.md"
    public = {cell["id"]: cell.source for cell in course.read(course.PUBLIC / name / f"{name}.md").cells}
    files.write(path, made.text)
    differ, same = [], []
    by_hand = course.by_hand(name)
    for cell in course.read(path).cells:
        solution = cell.cell_type == "code" and cell.metadata["nbgrader"]["solution"] and cell["id"] not in by_hand
        if solution:
            (differ if cell.source != public.get(cell["id"]) else same).append(cell["id"])
    return differ, same


def begin(folder: Path, mark: str) -> written.Folder:
    """A folder for a course, new or one that the same secret has drawn for the same class.

    Raises:
        DrawError: what lies there is something else.
    """
    before = written.Folder(folder)
    if not before and any((folder / "source").glob("*")):
        raise DrawError(
            f"{folder / 'source'} is there, and make course has no record of it: give another folder (OUT=), or "
            "move it away"
        )
    if before and (folder / MARK).exists() and (folder / MARK).read_text("utf-8").strip() != mark:
        raise DrawError(
            f"the course in {folder} was drawn with another secret or for another class, and may have been handed "
            "out: give another folder (OUT=), or move that one away"
        )
    return before


def write(out: Path, key: bytes, classes: list[str], say=print) -> list[Path]:
    """Write a private course for each class into ``out``; their folders.

    What a teacher has edited in a course's ``source`` stays, and is what students get; ``say`` is told of it.

    Raises:
        DrawError: it would lie in the repository, something else is there, or a source changed under a draw.
    """
    if out.resolve().is_relative_to(course.ROOT):
        raise DrawError(f"{out} lies in the repository, which is public: give another folder (OUT=)")
    folders = {who: out / who if len(classes) > 1 else out for who in classes}
    marks = {who: f"{number(key, who, 'mark'):016x}" for who in classes}
    begun = {who: begin(folder, marks[who]) for who, folder in folders.items()}
    for who, folder in folders.items():
        lines = [HEAD.format(who=who)]
        course.use(None)
        made = {name: make(name, key, who) for name in course.names()}
        texts: dict[str, str | bytes] = {f"source/{name}/{name}.md": one.text for name, one in made.items()}
        texts["source/from_scratch.csv"] = (course.PUBLIC / "from_scratch.csv").read_bytes()
        begun[who].remove("source", texts)
        edited = begun[who].write({MARK: marks[who], **texts}, keep=True)
        if edited:
            names = ", ".join(edited)
            say(f"edited, and left as you have it: {names} (in {folder}); one that is moved away is drawn anew")
        for name, drawn in made.items():
            kept = f"source/{name}/{name}.md" in edited
            stands = Made((folder / "source" / name / f"{name}.md").read_text("utf-8")) if kept else drawn
            differ, same = others(name, stands, folder / "source" / name)
            lines += [f"\n## {name}\n", *(f"* {what}: {which}" for what, which in drawn.drawn.items())]
            lines += ["* edited since: what you have changed is not in this list"] if kept else []
            lines += [f"* solutions of this class alone: {', '.join(differ) or 'none'}"]
            lines += [f"* **solutions that are published as they are**: {', '.join(same) or 'none'}"]
        try:
            course.use(folder)
            for line in [
                *written.said(folder, begun[who].write({README: "\n".join(lines) + "\n"})),
                *release.write(folder),
            ]:
                say(line)
        finally:
            course.use(None)
    return list(folders.values())


HEAD = """\
# Course of {who}: private

Hand out `release.zip` or what is in `release/`. Everything else here is yours alone: `source/` has solutions and hidden
tests, `solutions/` is for afterwards. Mark with `make grade COURSE=` and this folder.

A solution that is published, or that a student of another class has, does not pass where it says *of this class alone*.
Elsewhere it does; what is hidden there are other numbers only. Of written answers and of designs, ask in person."""
