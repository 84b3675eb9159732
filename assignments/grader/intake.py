"""Submissions as they come: a folder of an LMS, file names of all kinds. Finds whose notebook is whose."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from . import course, notebooks

#: what Moodle adds to a student's folder, and Canvas to a file's name (identifiers, a mark for late, copies)
MOODLE = re.compile(r"_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?$", re.I)
CANVAS = re.compile(r"^(?P<who>[^_]+?)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<what>.+)$", re.I)
NAMELESS, LONGEST = "nameless", 100  # bytes of a name that is a file's
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


@dataclass(frozen=True)
class Sender:
    """Whose a file is, as its place tells: student, problem set (None where the name tells none), marks of the LMS."""

    student: str
    problem_set: str | None
    late: bool = False
    lms_id: str = ""  # what the LMS calls the student, where it says


def who(path: Path, folder: Path) -> Sender:
    """Whose a file is, from its name and the folders that it lies in.

    ``lastname_firstname_ps2.ipynb``; ``Firstname Lastname_123_assignsubmission_file_/ps2-batch-norm.ipynb`` (Moodle);
    ``lastnamefirstname_LATE_123_456_ps2-batch-norm-1.ipynb`` (Canvas); ``lastname_firstname/ps2.ipynb``. What the LMS
    wrote goes before what the student did: in a folder of Moodle's, whatever the file is called.
    """
    stem = readable(path.stem)
    parents = [readable(part) for part in path.parent.relative_to(folder).parts]
    known = {word for name in course.names() for word in (name, course.short(name))}
    words = "|".join(sorted(map(re.escape, known), key=len, reverse=True))
    pattern = re.compile(rf"(?:^|[\W_])({words})(?![a-z0-9])", re.I)
    found = list(pattern.finditer(stem))
    named = [found[-1]] if found else [inside for part in reversed(parents) if (inside := pattern.search(part))]
    name = course.find(named[0][1].lower()) if named else None
    moodle = next((part for part in parents if MOODLE.search(part)), None)
    if moodle is not None:
        late = bool(re.search(r"(?:^|_)late(?:_|$)", moodle, re.I))
        return Sender(clean(MOODLE.sub("", moodle)), name, late, MOODLE.search(moodle)["id"])
    canvas = CANVAS.match(stem)
    if canvas:
        return Sender(clean(canvas["who"]), name, bool(canvas["late"]), canvas["id"])
    rest = stem[: found[-1].start()] + stem[found[-1].end() :] if found else stem
    rest = clean(COPY.sub("", rest))
    people = [part for part in parents if not pattern.fullmatch(part)]
    if (rest == NAMELESS or not found) and people:
        rest = clean(people[-1])
    return Sender(rest, name)


def clean(name: str) -> str:
    """A student's name as it can stand in a file's name: letters, digits, and ``_`` between what else is there."""
    short = re.sub(r"[^\w.-]+", "_", name).strip("_-.") or NAMELESS
    if len(short.encode()) <= LONGEST:
        return short
    return f"{short[:40]}-{hashlib.sha256(short.encode()).hexdigest()[:12]}"


def find(folder: Path, only_set: str | None = None) -> list[Submission]:
    """All submissions in ``folder`` and below, ordered by problem set and student.

    Of several notebooks of one student the one last modified counts. Whoever handed in files but no notebook is listed
    with the path None. Where an LMS knows two people by one name, its number for them is added to it.

    Raises:
        IntakeError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise IntakeError(f"there is no folder {folder}: give the one that holds the notebooks (SUBMISSIONS=folder)")
    files = sorted(path for path in folder.rglob("*") if not path.is_dir() and _counts(path, folder))
    files += sorted(path for path in folder.iterdir() if path.is_dir() and not any(path.rglob("*")))
    senders = _apart({path: who(path / "empty" if path.is_dir() else path, folder) for path in files})
    found: dict[tuple[str, str], Submission] = {}
    others: list[Submission] = []
    for path, sender in senders.items():
        reason = _no_notebook(path, folder)
        if reason is not None:
            remarks = [f"no notebook: {reason}"]
            others.append(
                Submission(sender.student, sender.problem_set or only_set or "unknown", None, remarks=remarks)
            )
            continue
        name = sender.problem_set or _set_inside(path) or only_set or "unknown"
        handed_in = datetime.fromtimestamp(path.stat().st_mtime)
        new = Submission(sender.student, name, path, handed_in, sender.late, _odd_name(path))
        old = found.get((name, sender.student))
        if old is not None:
            new, old = (new, old) if (new.handed_in, str(new.path)) > (old.handed_in, str(old.path)) else (old, new)
            new.remarks = [*old.remarks, f"several notebooks: the newest counts, not {readable(old.path.name)}"]
        found[name, sender.student] = new
    for one in others:
        theirs = [name for name, student in found if student == one.student]
        if not theirs or (one.problem_set != "unknown" and one.problem_set not in theirs):
            found[one.problem_set, one.student] = one
    if not found:
        raise IntakeError(f"there are no notebooks in {folder}")
    ordered = sorted(found.values(), key=lambda one: (one.problem_set, one.student))
    return [one for one in ordered if only_set is None or one.problem_set == only_set]


def _apart(senders: dict[Path, Sender]) -> dict[Path, Sender]:
    """The same, where two people of one name are told apart by the LMS's number."""
    numbers: dict[str, set[str]] = {}
    for sender in senders.values():
        numbers.setdefault(sender.student, set()).add(sender.lms_id)
    return {
        path: replace(sender, student=f"{sender.student}_{sender.lms_id}")
        if sender.lms_id and len(numbers[sender.student]) > 1
        else sender
        for path, sender in senders.items()
    }


def _odd_name(path: Path) -> list[str]:
    """A remark where the bytes of a file's name are no UTF-8."""
    try:
        path.name.encode("utf-8")
    except UnicodeEncodeError:
        return [f"the bytes of the file's name are no UTF-8: read as {readable(path.name)}"]
    return []


def _no_notebook(path: Path, folder: Path) -> str | None:
    """Why a file cannot be anybody's notebook; None where it can."""
    if path.is_dir():
        return "an empty folder"
    if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        return f"{readable(path.name)} is a link, not a file"
    return None if path.suffix.lower() == ".ipynb" else f"handed in {readable(path.name)}"


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
