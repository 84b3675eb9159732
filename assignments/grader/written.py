"""What the grader writes into a teacher's folder, and writes again later: what was edited in between is never lost.

A record beside the files holds a hash of each as it was written. A file that is another now was edited, and so was one
that is not on record at all.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from tools import files

RECORD = ".written.json"


class Folder:
    """The files that the grader writes into ``folder``."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.known: dict[str, list[str]] = {}  # name → hashes of what may stand there: ours, now or just before
        with contextlib.suppress(OSError, ValueError, TypeError):
            self.known = dict(json.loads((folder / RECORD).read_text("utf-8")))

    def __bool__(self) -> bool:
        """Whether anything was written here before."""
        return bool(self.known)

    def is_edited(self, name: str, content: str | bytes) -> bool:
        """Whether somebody else's text stands where ``content`` is to be written."""
        try:
            there = _hash((self.folder / name).read_bytes())
        except FileNotFoundError:
            return False
        return there not in (*self.known.get(name, []), _hash(content))

    def write(self, contents: dict[str, str | bytes], keep: bool = False) -> list[str]:
        """Write files by their names below the folder; the names of those that had been edited.

        With ``keep`` these stay as they are, without it they go out of the way, to a name of their own beside it.
        """
        edited = [name for name, content in contents.items() if self.is_edited(name, content)]
        meant = {name: content for name, content in contents.items() if not (keep and name in edited)}
        before = {name: self.known.get(name, []) for name in meant}
        self._remember({name: [*before[name], _hash(content)] for name, content in meant.items()})  # if it is killed
        for name, content in meant.items():
            if name in edited:
                path = self.folder / name
                os.replace(path, aside(path))
            files.write(self.folder / name, content)
        self._remember({name: [_hash(content)] for name, content in meant.items()})
        return edited

    def remove(self, below: str, wanted: Iterable[str]) -> None:
        """Remove what was written below a folder of that name and is wanted no more, unless it was edited."""
        for name in [one for one in self.known if one.startswith(f"{below}/") and one not in wanted]:
            path = self.folder / name
            if path.exists() and _hash(path.read_bytes()) in self.known[name]:
                path.unlink()

    def _remember(self, hashes: dict[str, list[str]]) -> None:
        self.known |= hashes
        files.write(self.folder / RECORD, json.dumps(self.known, indent=1, sort_keys=True))


def _hash(content: str | bytes) -> str:
    return hashlib.sha256(files.as_bytes(content)).hexdigest()


def aside(path: Path) -> Path:
    """A name beside a file that nothing has: ``grades.yours.csv``, then ``grades.yours-2.csv``, and so on."""
    number, made = 1, path.with_name(f"{path.stem}.yours{path.suffix}")
    while os.path.lexists(made):
        number += 1
        made = path.with_name(f"{path.stem}.yours-{number}{path.suffix}")
    return made


def said(folder: Path, edited: list[str]) -> list[str]:
    """A line about what had been edited and is out of the way."""
    if not edited:
        return []
    names = ", ".join(edited[:5]) + (f" and {len(edited) - 5} more" if len(edited) > 5 else "")
    return [f"edited since written, and kept beside the new one as …yours…: {names} (in {folder})"]
