"""Whose a file is, as far as names tell: what learning platforms write into them, and which folders are a person's.

What a platform wrote goes before what a teacher's folders say, and both before what a student called a file.
"""

import functools
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from . import course

#: What platforms make of names. Moodle: a folder of each student, or the same in front of the file's own name. Canvas:
#: name, "LATE", the student's number, the file's number; where names are hidden "anon" and letters, with LATE in front.
#: Blackboard: the task, the user name, and when it was handed in.
#: Moodle: https://docs.moodle.org/en/Using_Assignment and mod/assign/feedback/file/importziplib.php of moodle/moodle.
#: Canvas: lib/content_zipper.rb of instructure/canvas-lms. Blackboard: "Assignment File Download" in its Grade Center.
MOODLE = re.compile(r"^(?P<who>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<what>.*))?$", re.I | re.S)
CANVAS = re.compile(r"^(?P<who>.+?)(?P<late>_LATE)?_(?P<id>\d+)_(?:(?P<file>\d+)_(?P<what>.+)|text|link)$", re.I | re.S)
ANONYMOUS = re.compile(
    r"^(?P<late>LATE_)?(?P<who>anon)_(?P<id>[A-Za-z0-9]+)(?P<after>_LATE)?_(?:(?P<file>\d+)_(?P<what>.+)|text|link)$",
    re.S,
)
BLACKBOARD = re.compile(r"^(?P<task>.+)_(?P<who>[^_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<what>.*))?$", re.S)

NAMELESS, LONGEST = "nameless", 100  # bytes of a name that is a file's
COPY = re.compile(r"(?:[-_ ]\d+| \(\d+\)|-Copy\d*)+$", re.I)
LEADING = re.compile(r"^[\W_]*(?:(?:copy|kopie|copi[ea])[\W_]+(?:of|von|de|di)(?:[\W_]+|$))+", re.I)
ADDED = frozenset(
    """copy of kopie von final draft solution solutions solved submission homework hw assignment untitled version
    notebook answers""".split()  # noqa: SIM905 - read more easily than a list
)
TRAILING = re.compile(rf"(?:[\W_]+(?:{'|'.join(sorted(ADDED))}|v\d+))+$", re.I)
#: words that no folder is called by because it is somebody's
COLLECTIONS = frozenset(
    """week weeks session section sections group groups class classes course part batch late submission submissions
    submitted resubmission resubmissions homework hw assignment assignments set sets problem problems ps pset notebook
    notebooks download downloads upload uploads again attempt attempts files unzipped extracted lab labs tutorial
    semester term inbox moodle canvas blackboard student students all new old final copy of the and to mark grade
    round first second third""".split()  # noqa: SIM905
)
FEW = 3  # notebooks under other names that may lie in a student's folder beside those under the student's own


def readable(name: str) -> str:
    """A file name as text. Bytes that are no UTF-8 are read as Latin-1, as old systems and archives write them."""
    raw = name.encode("utf-8", "surrogateescape")
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError:
        decoded = raw.decode("latin-1")
    return unicodedata.normalize("NFC", decoded)


def clean(name: str) -> str:
    """A student's name as it can stand in a file's name: letters, digits, and ``_`` between what else is there."""
    short = re.sub(r"[^\w.-]+", "_", name).strip("_-.") or NAMELESS
    if len(short.encode()) <= LONGEST:
        return short
    return f"{short[:40]}-{hashlib.sha256(short.encode()).hexdigest()[:12]}"


def words(text: str) -> list[str]:
    """The words of a name, without case and without accents."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain.casefold())


@functools.cache
def _sets() -> re.Pattern:
    known = {word for name in course.names() for word in (name, course.short(name))}
    longest_first = "|".join(sorted(map(re.escape, known), key=len, reverse=True))
    return re.compile(rf"(?:^|[\W_])({longest_first})(?![a-z0-9])", re.I)


def without_set(text: str) -> tuple[str, str | None]:
    """A name without that of a problem set, and which that was."""
    found = list(_sets().finditer(text))
    if not found:
        return text, None
    return text[: found[-1].start()] + text[found[-1].end() :], course.find(found[-1][1].lower())


def personal(stem: str) -> str:
    """What a file's name says beside the problem set: somebody's name, or nothing."""
    rest = LEADING.sub("", COPY.sub("", without_set(stem)[0]))
    if set(words(rest)) <= ADDED:
        return ""
    return TRAILING.sub("", COPY.sub("", rest))


def is_collection(name: str) -> bool:
    """Whether a folder's name says that many people's work lies in it: ``ps2``, ``week 2``, ``section A``."""
    rest, which = without_set(name)
    said = words(rest)
    if not said:
        return which is not None
    of_many = [word for word in said if word in COLLECTIONS]
    return bool(of_many) and all(word in COLLECTIONS or word.isdigit() or len(word) == 1 for word in said)


@dataclass(frozen=True)
class Sender:
    """Whose a file is, as its place tells: student, problem set (None where the name tells none), marks of the LMS."""

    student: str
    problem_set: str | None
    late: bool = False
    lms_id: str = ""  # what the LMS calls the student, where it says
    platform: str = ""  # moodle, canvas, blackboard; "" where a teacher or a student gave the name
    name: str = ""  # the name as it stands there
    origin: str = ""  # what a platform knows this student's work by, when feedback is uploaded
    key: tuple = ()  # two files have the same where they come from the same place or under the same name
    place: str = ""  # the folder that decided, "" where none did
    sure: int = 1  # 3: a platform says whose it is; 2: a folder; 1: the file's name; 0: a name in an unknown folder
    order: tuple = ()  # of several files of one student, where their times are the same
    handed_in: datetime | None = None  # where the name says so
    remarks: tuple[str, ...] = field(default=())


class Layout:
    """Which folders are a person's. Decided for all folders of a level together, since nobody has a say in the others'.

    Args:
        paths: the files, relative to the folder of submissions.
        marked: whether a notebook belongs to some problem set.
        known: whether a name is on the roster.
    """

    def __init__(self, paths: Iterable[Path], marked: Callable[[Path], bool], known: Callable[[str], bool]):
        self.marked, self.known = marked, known
        self.owners: set[Path] = set()
        self.doubtful: set[Path] = set()
        self._level(Path(), list(paths))

    def _level(self, at: Path, inside: list[Path]) -> None:
        below: dict[Path, list[Path]] = {}
        depth = len(at.parts)
        for path in inside:
            if len(path.parts) > depth + 1:
                below.setdefault(at / path.parts[depth], []).append(path)
        alone = len(below) == 1 and all(len(path.parts) > depth + 1 for path in inside)
        undecided = []
        for here, paths in sorted(below.items()):
            name = readable(here.name)
            if MOODLE.match(name) or self.known(name):
                self.owners.add(here)
            elif is_collection(name) or (alone and any(_is_sent(path, depth) for path in paths)):
                self._level(here, paths)
            else:
                undecided.append((here, paths, self._people(here, paths)))
        crowded = sum(len(people) > 1 and not self._own(here, people) for here, _, people in undecided)
        for here, paths, people in undecided:
            if crowded and 2 * crowded >= len(undecided) and not self._own(here, people):
                self.doubtful.add(here)
                self._level(here, paths)
            else:
                self.owners.add(here)

    def _people(self, here: Path, paths: list[Path]) -> set[str]:
        """Names in a folder that could be people's."""
        found = set()
        for path in filter(self.marked, paths):
            parts = [readable(part) for part in path.parts[len(here.parts) : -1]]
            names = [part for part in parts if not is_collection(part)]
            found.add(clean(names[0] if names else of_file(path).name or NAMELESS).casefold())
        return found - {NAMELESS}

    @staticmethod
    def _own(here: Path, people: set[str]) -> bool:
        """Whether a folder is called like somebody whose work is in it: then it is that person's."""
        mine = set(words(without_set(readable(here.name))[0])) - COLLECTIONS
        theirs = [set(words(one)) for one in people]
        return bool(mine) and len(people) <= FEW and any(mine <= one or mine >= one for one in theirs)

    def place(self, path: Path) -> tuple[Path | None, bool]:
        """The folder that says whose a file is, None where none does; and whether the file lies in an unknown one."""
        above = list(path.parents)[-2::-1]
        owner = next((folder for folder in above if folder in self.owners), None)
        return owner, any(folder in self.doubtful for folder in above)


def of_file(path: Path) -> Sender:
    """What the name of a file alone says."""
    stem = readable(path.stem)
    _, which = without_set(stem)
    moodle, canvas, blackboard = MOODLE.match(stem), ANONYMOUS.match(stem) or CANVAS.match(stem), BLACKBOARD.match(stem)
    if moodle:
        origin = f"{moodle['who']}_{moodle['id']}"
        return _sent("moodle", moodle["who"], which, lms_id=moodle["id"], origin=origin, late=_says_late(moodle["who"]))
    if blackboard:
        sent = f"{blackboard['task']}_{blackboard['who']}"
        found = _sent("blackboard", blackboard["who"], which, lms_id=blackboard["who"], origin=sent)
        when = datetime.strptime(blackboard["when"], "%Y-%m-%d-%H-%M-%S") if _is_time(blackboard["when"]) else None
        return Sender(**{**vars(found), "handed_in": when})
    if canvas:
        parts = canvas.groupdict()
        late = bool(parts["late"] or parts.get("after"))
        who = f"anon_{parts['id']}" if ANONYMOUS.match(stem) else parts["who"]
        number = int(parts["file"] or 0)
        return _sent("canvas", who, which, lms_id=parts["id"], origin=stem, late=late, order=(number,))
    name = personal(stem)
    if not words(name):
        return Sender(clean(name), which, key=("file", str(path)))
    return Sender(clean(name), which, name=name, key=("name", clean(name).casefold()))


def _is_sent(path: Path, depth: int) -> bool:
    """Whether a platform gave a file, or the folder that it is in, its name; ``depth`` folders above do not count."""
    return of_file(path).sure == 3 or any(MOODLE.match(readable(part)) for part in path.parts[depth + 1 : -1])


def _sent(platform: str, name: str, which: str | None, **more) -> Sender:
    """A sender that a platform names."""
    key = (platform, more["origin"] if platform == "blackboard" else more["lms_id"], name)
    shown = f"{name}_{more['lms_id']}" if name.casefold() == "participant" else name  # Moodle's, where names are hidden
    return Sender(clean(shown), which, platform=platform, name=name, key=key, sure=3, **more)


def _says_late(name: str) -> bool:
    return bool(re.search(r"(?:^|_)late(?:_|$)", name, re.I))


def _is_time(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%d-%H-%M-%S")
    except ValueError:
        return False
    return True


def sender(path: Path, layout: Layout) -> Sender:
    """Whose a file is; ``path`` is relative to the folder of submissions."""
    of_name = of_file(path)
    which = of_name.problem_set
    for part in reversed(path.parts[:-1]):
        which = which or without_set(readable(part))[1]
    owner, doubtful = layout.place(path)
    told = vars(of_name) | {"problem_set": which}
    if owner is None:
        if of_name.sure < 3 and doubtful:
            told |= {"sure": 0, "place": str(path.parent)}
        return Sender(**told)
    name = readable(owner.name)
    moodle = MOODLE.match(name)
    if moodle:
        origin = f"{moodle['who']}_{moodle['id']}"
        told = vars(_sent("moodle", moodle["who"], which, lms_id=moodle["id"], origin=origin, late=_says_late(name)))
        name = moodle["who"]
    else:
        rest = without_set(name)[0]
        name = rest if words(rest) else name
        told = vars(Sender(clean(name), which, name=name, key=("folder", str(owner)), sure=2))
    told |= {"place": str(owner), "order": of_name.order}
    if words(of_name.name) and not set(words(of_name.name)) & set(words(name)) and path.suffix.lower() == ".ipynb":
        told["remarks"] = (f"called {readable(path.name)}, in the folder {readable(owner.name)}: the folder decides",)
    return Sender(**told)
