"""Who takes the course: a table of the teacher's own, or what Canvas, Moodle or Blackboard export of their gradebooks.

A table of one's own has a column ``student``, by which everybody goes in the reports, and any of ``name``, ``id`` (the
platform's number), ``username``, ``email`` and ``also`` (further names, separated by ``;``).
"""

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from . import naming

LARGEST = 20 * 2**20
OURS = ("student", "name", "id", "username", "email", "also")
#: columns by which an export is known, and those that name a student, in lower case
#: Canvas: lib/gradebook_importer.rb of instructure/canvas-lms, and for teachers
#: https://teaching.resources.osu.edu/toolsets/carmencanvas/guides/calculating-final-grades/import-csv-file-carmen-grades
#: Moodle: mod/assign/feedback/offline/importgradeslib.php of moodle/moodle (the worksheet of "offline grading").
#: Blackboard: "Working Offline with the Grade Center",
#: https://su-jsm.atlassian.net/wiki/spaces/blackboard01/pages/154374518
PLATFORMS = (
    ("canvas", ("student", "id", "section")),
    ("canvas", ("lastname", "firstname", "id", "section")),  # a setting of Canvas's
    ("moodle", ("identifier", "full name", "grade")),
    ("blackboard", ("last name", "first name", "username")),
)

NOBODY = ("points possible", "student, test")  # in Canvas: points of the columns, and a student to try things out as


class RosterError(Exception):
    """A table that cannot be read as a roster; says what to do."""


@dataclass(frozen=True)
class Person:
    """One student of the roster."""

    student: str
    name: str
    numbers: tuple[str, ...]  # by which a platform knows the student
    names: tuple[str, ...]  # all that the student may be called by
    row: int  # in the table


@dataclass
class Roster:
    """A table of students. ``platform`` tells whose export it is; "" for a table of the teacher's own."""

    platform: str
    header: list[str]
    rows: list[list[str]]
    people: list[Person]
    encoding: str = "utf-8"
    dialect: dict = field(default_factory=dict)
    _known: dict[str, list[Person]] = field(default_factory=dict)

    def __post_init__(self):
        for person in self.people:
            for key in {key for name in person.names for key in _keys(name)}:
                self._known.setdefault(key, []).append(person)

    def whose(self, sender: naming.Sender) -> tuple[Person | None, str]:
        """The person that a sender is, and a remark: where nobody is meant, or more than one could be."""
        numbered = [one for one in self.people if sender.lms_id and sender.lms_id in one.numbers]
        if len(numbered) == 1:
            return numbered[0], ""
        named = self.named(sender.name)
        if len(named) == 1 and not (sender.lms_id and sender.platform == self.platform and _differ(named[0], sender)):
            return named[0], ""
        if len(named) > 1:
            who = " or ".join(person.student for person in named)
            return None, f"on the roster {len(named)} go by this name, {who}: which of them it is cannot be told"
        return None, "not on the roster"

    def named(self, name: str) -> list[Person]:
        """Everybody who may go by a name."""
        found = {person.row: person for key in _asked(name) for person in self._known.get(key, [])}
        return list(found.values())


def _differ(person: Person, sender: naming.Sender) -> bool:
    """Whether the platform's numbers say that somebody of the right name is somebody else."""
    return bool(person.numbers) and sender.platform != "moodle" and sender.lms_id not in person.numbers


def _keys(name: str) -> set[str]:
    """What a name is found by: its words in any order, or without spaces with any of them first, as Canvas has it."""
    words = naming.words(name)
    if not words:
        return set()
    turned = {"".join(words[place:] + words[:place]) for place in range(len(words))}
    return {" ".join(sorted(words)), *turned}


def _asked(name: str) -> set[str]:
    words = naming.words(name)
    return {" ".join(sorted(words)), "".join(words)} if words else set()


def read(path: Path) -> Roster:
    """The roster in a file.

    Raises:
        RosterError: there is no such file, or no column tells the students.
    """
    try:
        if not path.is_file():
            raise RosterError(f"there is no file {path}: give a table of the students (ROSTER=roster.csv)")
        if path.stat().st_size > LARGEST:
            raise RosterError(f"{path} has more than {LARGEST >> 20} MiB: that is no table of students")
        raw = path.read_bytes()
    except OSError as error:
        raise RosterError(f"{path} cannot be read: {error.strerror}") from None
    if raw.startswith(b"PK"):
        raise RosterError(f"{path} is a workbook: save it as CSV (UTF-8) first")
    text, encoding = _decoded(raw)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    table = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(map(str.strip, row))]
    if not table:
        raise RosterError(f"{path} is empty")
    header, rows = table[0], table[1:]
    columns = {name.strip().strip("\ufeff").casefold(): place for place, name in reversed(list(enumerate(header)))}
    platform = next((name for name, needed in PLATFORMS if all(one in columns for one in needed)), "")
    if not platform and "student" not in columns:
        raise RosterError(
            f"{path} has no column `student`. A roster has one, by which everybody goes, and any of "
            f"{', '.join(OURS[1:])}; a gradebook as Canvas, Moodle or Blackboard exports it serves as well"
        )
    people, seen = [], {}
    for number, row in enumerate(rows):
        cells = {name: row[place].strip() if place < len(row) else "" for name, place in columns.items()}
        if platform == "canvas":
            cells.setdefault("student", ", ".join(filter(None, (cells.get("lastname"), cells.get("firstname")))))
        if platform == "canvas" and (not cells["id"] or cells["student"].casefold().startswith(NOBODY)):
            continue
        person = _person(platform, cells, number)
        if person is None:
            continue
        clash = seen.setdefault(person.student.casefold(), person)
        if clash is not person:
            if not platform:
                raise RosterError(f"{path}: {person.student!r} stands there twice in the column `student`")
            number_of = person.numbers[0] if person.numbers else str(number)
            person = Person(f"{person.student}_{naming.clean(number_of)}", *list(vars(person).values())[1:])
        people.append(person)
    if not people:
        raise RosterError(f"{path} names no student")
    return Roster(platform, header, rows, people, encoding, {"delimiter": delimiter})


def _decoded(raw: bytes) -> tuple[str, str]:
    for encoding in ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "latin-1"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8-sig" and not raw.startswith(b"\xef\xbb\xbf"):
            encoding = "utf-8"
        return text.replace("\r\n", "\n").replace("\r", "\n"), encoding
    raise RosterError("the table is no text: save it as CSV (UTF-8)")


def _person(platform: str, cells: dict[str, str], row: int) -> Person | None:
    """The student of one row; None where it names nobody."""
    names: list[str]
    if platform == "canvas":
        student = name = cells["student"]
        names = [name, cells.get("sis user id", ""), cells.get("sis login id", "")]
        numbers = [cells["id"]]
    elif platform == "moodle":
        student = name = cells["full name"]
        names = [name, cells.get("email address", ""), cells.get("username", ""), cells.get("id number", "")]
        numbers = re.findall(r"\d+$", cells["identifier"])
    elif platform == "blackboard":
        name, student = f"{cells['first name']} {cells['last name']}".strip(), cells["username"]
        names = [name, student, cells.get("student id", "")]
        numbers = [cells["username"]]
    else:
        student, name = cells["student"], cells.get("name", "") or cells["student"]
        also = cells.get("also", "").split(";")
        names = [student, name, cells.get("username", ""), cells.get("email", ""), cells.get("id", ""), *also]
        numbers = [cells.get("id", ""), cells.get("username", "")]
    names = [one for one in names if one.strip()]
    names += [one.split("@")[0] for one in names if "@" in one]
    if not student:
        return None
    kept = tuple(number for number in numbers if number)
    return Person(naming.clean(student), name, kept, tuple(names), row)
