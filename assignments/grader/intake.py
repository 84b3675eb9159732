"""Submissions as they come: a folder of an LMS, file names of all kinds. Finds whose notebook is whose."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from . import course, notebooks

#: what Moodle adds to a student's folder, and Canvas to a file's name (identifiers, a mark for late, copies)
MOODLE = re.compile(r"_\d+_assignsubmission_(?:file|onlinetext)_?$", re.I)
CANVAS = re.compile(r"^(?P<who>[^_]+?)(?P<late>_LATE)?_\d+_\d+_(?P<what>.+)$", re.I)
COPY = re.compile(r"(?:[-_ ]\d+| \(\d+\)|-Copy\d*)+$", re.I)


class IntakeError(Exception):
    """There is nothing to mark; says what to do."""


@dataclass
class Submission:
    """One student's work on one problem set, before it is marked."""

    student: str
    problem_set: str
    path: Path | None  # None: there is no notebook
    handed_in: datetime | None = None
    marked_late: bool = False
    remarks: list[str] = field(default_factory=list)


def readable(name: str) -> str:
    """A file name as text. Bytes that are no UTF-8 are read as Latin-1, as old systems and archives write them."""
    raw = name.encode("utf-8", "surrogateescape")
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError:
        decoded = raw.decode("latin-1")
    return unicodedata.normalize("NFC", decoded)


def who(path: Path, folder: Path) -> tuple[str, str | None, bool]:
    """Student, problem set (None where the name tells none) and whether the LMS marked it late, from a file's place.

    ``lastname_firstname_ps2.ipynb``; ``Firstname Lastname_123_assignsubmission_file_/ps2-batch-norm.ipynb`` (Moodle);
    ``lastnamefirstname_LATE_123_456_ps2-batch-norm-1.ipynb`` (Canvas); ``lastname_firstname/ps2.ipynb``.
    """
    stem, late = readable(path.stem), False
    canvas = CANVAS.match(stem)
    parents = [readable(part) for part in path.parent.relative_to(folder).parts]
    known = {word for name in course.names() for word in (name, course.short(name))}
    pattern = re.compile(
        rf"(?:^|[\W_])({'|'.join(sorted(map(re.escape, known), key=len, reverse=True))})(?![a-z0-9])", re.I
    )
    found = list(pattern.finditer(stem))
    name = course.find(found[-1][1].lower()) if found else None
    if canvas:
        return clean(canvas["who"]), name, bool(canvas["late"])
    rest = stem[: found[-1].start()] + stem[found[-1].end() :] if found else stem
    rest = clean(COPY.sub("", rest))
    if name is None:
        for part in reversed(parents):
            inside = pattern.search(part)
            if inside:
                name = course.find(inside[1].lower())
                break
    people = [part for part in parents if not pattern.fullmatch(part)]
    if (not rest or not found) and people:
        rest = clean(MOODLE.sub("", people[-1]))
        late = bool(re.search(r"(?:^|_)late(?:_|$)", people[-1], re.I))
    return rest or "nameless", name, late


def clean(name: str) -> str:
    """A student's name as it can stand in a file's name: letters, digits, and ``_`` between what else is there."""
    return re.sub(r"[^\w.-]+", "_", name).strip("_-.")


def find(folder: Path, only_set: str | None = None) -> list[Submission]:
    """All submissions in ``folder`` and below, ordered by problem set and student.

    Of several notebooks of one student the one last modified counts. Whoever handed in files but no notebook is listed
    with the path None.

    Raises:
        IntakeError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise IntakeError(f"there is no folder {folder}: give the one that holds the notebooks (SUBMISSIONS=folder)")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and _counts(path, folder))
    found: dict[tuple[str, str], Submission] = {}
    others: list[tuple[str, str | None, Path]] = []
    for path in files:
        student, name, late = who(path, folder)
        if path.suffix.lower() != ".ipynb":
            others.append((student, name, path))
            continue
        name = name or _set_inside(path) or only_set or "unknown"
        handed_in = datetime.fromtimestamp(path.stat().st_mtime)
        new = Submission(student, name, path, handed_in, late)
        old = found.get((name, student))
        if old is not None:
            new, old = (new, old) if (new.handed_in, str(new.path)) > (old.handed_in, str(old.path)) else (old, new)
            new.remarks = [*old.remarks, f"several notebooks: the newest counts, not {readable(old.path.name)}"]
        found[name, student] = new
    for student, name, path in others:
        name = name or only_set
        if any(key[1] == student and (name is None or key[0] == name) for key in found):
            continue
        found[name or "unknown", student] = Submission(
            student, name or "unknown", None, remarks=[f"no notebook: handed in {readable(path.name)}"]
        )
    for empty in sorted(path for path in folder.iterdir() if path.is_dir() and not any(path.rglob("*"))):
        student = clean(MOODLE.sub("", readable(empty.name)))
        found.setdefault(
            (only_set or "unknown", student),
            Submission(student, only_set or "unknown", None, remarks=["no notebook: an empty folder"]),
        )
    if not found:
        raise IntakeError(f"there are no notebooks in {folder}")
    ordered = sorted(found.values(), key=lambda one: (one.problem_set, one.student))
    return [one for one in ordered if only_set is None or one.problem_set == only_set]


def _counts(path: Path, folder: Path) -> bool:
    """Whether a file is somebody's: not what systems leave in folders."""
    parts = path.relative_to(folder).parts
    return not any(part.startswith(".") or part in ("__MACOSX", "__pycache__", "Thumbs.db") for part in parts)


def _set_inside(path: Path) -> str | None:
    """The problem set that a notebook's cells belong to, where its name does not tell."""
    try:
        ids = set(notebooks.ids(notebooks.read(path)))
    except notebooks.NotebookError:
        return None
    shared = {name: len(ids & {cell["id"] for cell in course.source(name).cells}) for name in course.names()}
    best = max(shared, key=shared.get, default=None)
    return best if best and shared[best] >= 3 else None
