"""Submissions as they come: a folder of an LMS, file names of all kinds. Finds whose notebook is whose."""

import hashlib
import mmap
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from . import course, naming, notebooks, records
from .naming import LONGEST, NAMELESS, Sender, clean, readable
from .roster import Roster

__all__ = ["LONGEST", "NAMELESS", "IntakeError", "Sender", "Submission", "clean", "find", "readable", "who"]

IDS = re.compile(rb'"(?:grade_id|id)"\s*:\s*"([\w-]{1,100})"')
SHARED = 3  # cells that make a notebook one of a problem set's


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
    sender: Sender | None = None
    name: str = ""  # the student's own, from the roster
    row: int | None = None  # of the roster
    missing: bool = False  # on the roster, and nothing was handed in


@dataclass
class Work:
    """A file, or an empty folder, with what is known of it."""

    path: Path
    sender: Sender
    problem_set: str
    key: tuple
    reason: str | None  # why it is no notebook
    handed_in: datetime | None = None
    remarks: list[str] = field(default_factory=list)
    row: int | None = None


def who(path: Path, folder: Path) -> Sender:
    """Whose a file is, from its name and the folders that it lies in.

    ``lastname_firstname_ps2.ipynb``; ``Firstname Lastname_123_assignsubmission_file_/ps2-batch-norm.ipynb`` (Moodle);
    ``lastnamefirstname_LATE_123_456_ps2-batch-norm-1.ipynb`` (Canvas); ``lastname_firstname/ps2.ipynb``. What the LMS
    wrote goes before what the student did: in a folder of Moodle's, whatever the file is called. So does a folder for
    each student.
    """
    relative = path.relative_to(folder)
    return naming.sender(relative, naming.Layout([relative], lambda one: True, lambda name: False))


def find(
    folder: Path,
    only_set: str | None = None,
    roster: Roster | None = None,
    out: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Submission]:
    """All submissions in ``folder`` and below, ordered by problem set and student.

    Of several notebooks of one student the one last modified counts. Whoever handed in files but no notebook is listed
    with the path None, and so is who stands on the ``roster`` and handed in nothing. Two works become one only where
    they come from the same place or person, and then a remark says so. ``out``, where the marks go, is left out.

    Raises:
        IntakeError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise IntakeError(f"there is no folder {folder}: give the one that holds the notebooks (SUBMISSIONS=folder)")
    if not _opens(folder):
        raise IntakeError(f"{folder} cannot be read: change its permissions, or mark a copy of it")
    works = _works(folder, _files(folder, out, say), only_set, roster)
    found: list[Submission] = []
    groups: dict[tuple, list[Work]] = {}
    for work in works:
        groups.setdefault((work.problem_set, work.key), []).append(work)
    with_notebook = {(name, key) for (name, key), group in groups.items() if any(one.reason is None for one in group)}
    complete = {key for _, key in with_notebook}
    for (name, key), group in groups.items():
        beside = key in complete and all(one.sender.problem_set is None for one in group)
        if beside and (name, key) not in with_notebook:
            continue  # what else lies beside a notebook
        found.append(_one(name, key, group, folder, roster))
    if not found:
        raise IntakeError(f"there are no notebooks in {folder}")
    if roster is not None:
        found += _missing(found, roster, only_set)
    _apart(found)
    ordered = sorted(found, key=lambda one: (one.problem_set, one.student))
    return [one for one in ordered if only_set is None or one.problem_set == only_set]


def _files(folder: Path, out: Path | None, say: Callable[[str], None]) -> list[Path]:
    """All files in ``folder`` that are somebody's, its empty folders, and those that cannot be read.

    Folders that a run keeps its marks in are left out.
    """
    found: list[Path] = []
    closed: list[OSError] = []
    for top, folders, names in os.walk(folder, onerror=closed.append):
        here = Path(top)
        if here == out or records.is_ours(here):
            if here == folder:
                raise IntakeError(f"marks are kept in {folder}: give them a folder of their own (OUT=)")
            say(f"left out: {here}, where marks are kept")
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if _counts(name))
        links = [name for name in folders if os.path.islink(here / name)]
        found += [here / name for name in sorted([*names, *links]) if _counts(name)]
        if here.parent == folder and not names and not folders:
            found.append(here)
    return found + [Path(error.filename) for error in closed if error.filename]


def _works(folder: Path, paths: list[Path], only_set: str | None, roster: Roster | None) -> list[Work]:
    """Every file with whose it is."""
    places = {path: (path / "empty" if os.path.isdir(path) else path).relative_to(folder) for path in paths}
    reasons = {path: _no_notebook(path, folder) for path in paths}
    named = {path: naming.without_set(readable(path.stem))[1] for path in paths}
    inside = {path: _set_inside(path) for path in paths if reasons[path] is None and named[path] is None}
    marked = {place for path, place in places.items() if reasons[path] is None and (named[path] or inside.get(path))}
    on_roster = (lambda name: len(roster.named(name)) == 1) if roster is not None else (lambda name: False)
    layout = naming.Layout(places.values(), marked.__contains__, on_roster)
    works = []
    for path, place in places.items():
        sender = naming.sender(place, layout)
        name = sender.problem_set or inside.get(path) or only_set or "unknown"
        handed_in, remarks = _when(path)
        work = Work(path, sender, name, sender.key, reasons[path], sender.handed_in or handed_in)
        work.remarks = [*_odd_name(path), *sender.remarks, *(remarks if reasons[path] is None else [])]
        if name == "unknown" and reasons[path] is None:
            work.remarks += _too_large(path)
        if roster is not None:
            person, remark = roster.whose(sender)
            if person is not None:
                work.key, work.row = ("person", person.student), person.row
            else:
                work.remarks.append(remark)
        works.append(work)
    return _no_guesses(works)


def _no_guesses(works: list[Work]) -> list[Work]:
    """The same, where work in a folder of unknown kind, under a name that goes with other work, is kept apart."""
    places: dict[tuple, set[str]] = {}
    for work in works:
        places.setdefault((work.problem_set, work.key), set()).add(work.sender.place if work.sender.sure == 0 else "")
    for work in works:
        if work.sender.sure == 0 and len(places[work.problem_set, work.key]) > 1:
            work.key, work.row = ("doubtful", str(work.sender.place), work.sender.student), None
            name = clean(f"{work.sender.place}_{work.sender.student}")
            work.sender = replace(work.sender, student=name)
            work.remarks.append("whose this is cannot be told, since more goes by the name: rename it, or use a ROSTER")
    return works


def _one(name: str, key: tuple, group: list[Work], folder: Path, roster: Roster | None) -> Submission:
    """The submission that one student's files make: the newest of the surest notebooks, and a line on each other."""
    some = [work for work in group if work.reason is None]
    group = sorted(some or group, key=_weight)
    best = group[-1]
    new = Submission(best.sender.student, name, best.path if some else None, best.handed_in, best.sender.late)
    new.sender, new.row = best.sender, best.row
    if roster is not None and best.row is not None:
        person = next(person for person in roster.people if person.row == best.row)
        new.student, new.name = person.student, person.name
    if not some:
        new.handed_in, new.remarks = None, [f"no notebook: {best.reason}", *best.remarks]
        return new
    new.remarks = list(dict.fromkeys(best.remarks))
    for other in reversed(group[:-1]):
        which = "the newest counts" if other.sender.sure == best.sender.sure else "the one whose place is surer counts"
        new.remarks.append(f"several notebooks: {which}, not {readable(str(other.path.relative_to(folder)))}")
    return new


def _weight(work: Work) -> tuple:
    """Which of two files of one student counts: the greater."""
    return work.sender.sure, work.handed_in or datetime.min, work.sender.order, str(work.path)


def _missing(found: list[Submission], roster: Roster, only_set: str | None) -> list[Submission]:
    """A line for everybody on the roster who handed in nothing, for each problem set that somebody did hand in."""
    there = {(one.problem_set, one.row) for one in found}
    sets = {one.problem_set for one in found if one.path is not None} & set(course.names())
    remarks = ["on the roster, and nothing handed in"]
    return [
        Submission(person.student, name, None, None, False, list(remarks), None, person.name, person.row, missing=True)
        for name in sorted(sets or {only_set or "unknown"})
        for person in roster.people
        if (name, person.row) not in there
    ]


def _apart(found: list[Submission]) -> None:
    """Tell those apart who would go by one name: by the LMS's number where there is one. Nobody is written over."""
    by_name: dict[tuple[str, str], list[Submission]] = {}
    for one in found:
        by_name.setdefault((one.problem_set, one.student.casefold()), []).append(one)
    clashing = {
        (name, one.sender.key) for (_, name), group in by_name.items() if len(group) > 1 for one in group if one.sender
    }
    for one in found:
        if one.sender is None or one.row is not None or (one.student.casefold(), one.sender.key) not in clashing:
            continue
        number = one.sender.lms_id
        if not number:
            number = hashlib.sha256(repr(one.sender.key).encode("utf-8", "replace")).hexdigest()[:6]
            place = one.sender.place or (one.path.name if one.path else "")
            one.remarks.append(f"another goes by the name {one.student}: this is the work in {readable(place)}")
        one.student = f"{one.student}_{number}"


def _when(path: Path) -> tuple[datetime | None, list[str]]:
    """When a file was last changed; None and a remark where its time is none."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime), []
    except (OSError, OverflowError, ValueError):
        return None, ["the file's time is none that can be: whether it came late cannot be told"]


def _too_large(path: Path) -> list[str]:
    """A remark where a file is too large to be searched for the problem set that it belongs to."""
    try:
        size = path.stat().st_size
    except OSError:
        return []
    return [f"it has {size >> 20} MiB, and more than {notebooks.LARGEST >> 20} are not read"] * (
        size > notebooks.LARGEST
    )


def _odd_name(path: Path) -> list[str]:
    """A remark where the bytes of a file's name are no UTF-8."""
    try:
        path.name.encode("utf-8")
    except UnicodeEncodeError:
        return [f"the bytes of the file's name are no UTF-8: read as {readable(path.name)}"]
    return []


def _no_notebook(path: Path, folder: Path) -> str | None:
    """Why a file cannot be anybody's notebook; None where it can."""
    name = readable(path.name)
    if os.path.islink(path):
        return f"{name} is a link, not a file"
    if os.path.isdir(path):
        return "an empty folder" if _opens(path) else "a folder that cannot be read"
    if not os.path.lexists(path):
        return f"{name} cannot be read"
    if not os.path.isfile(path):
        return f"{name} is a pipe or a device, not a file"
    return None if path.suffix.lower() == ".ipynb" else f"handed in {name}"


def _opens(folder: Path) -> bool:
    """Whether one may look into a folder."""
    try:
        os.scandir(folder).close()
    except OSError:
        return False
    return True


def _counts(name: str) -> bool:
    """Whether a file or folder is somebody's: not what systems leave in folders."""
    return not name.startswith(".") and name not in ("__MACOSX", "__pycache__", "Thumbs.db")


def _set_inside(path: Path) -> str | None:
    """The problem set that a notebook's cells belong to, where its name does not tell.

    The file is searched and not read as a notebook: it may be of any size and hold anything.
    """
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            if len(held) > notebooks.LARGEST:
                return None
            ids = {match[1].decode() for match, _ in zip(IDS.finditer(held), range(10 * notebooks.MOST_CELLS))}
    except (OSError, ValueError):  # not to be read, or empty
        return None
    shared = {name: len(ids & {cell["id"] for cell in course.source(name).cells}) for name in course.names()}
    best = max(shared, key=shared.get, default=None)
    return best if best and shared[best] >= SHARED else None
