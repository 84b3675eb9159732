"""What learning platforms take back: a table of grades that each imports as it is, and a zip of feedback pages.

Where the roster is a gradebook that the platform exported, that very table comes back with the points in the column of
the problem set: nothing else in it changes, so nothing can go to a wrong student or column. Without one, what the names
of files tell is enough for Canvas and Moodle.

Canvas takes a table whose columns begin with student, ID, SIS numbers and section, finds students by ID, and makes a
new assignment of a column that it does not know: lib/gradebook_importer.rb of instructure/canvas-lms, and
https://teaching.resources.osu.edu/toolsets/carmencanvas/guides/calculating-final-grades/import-csv-file-carmen-grades.
Feedback goes by the two numbers in the name of the downloaded file (infer_comment_context_from_filename in
app/models/assignment.rb there).

Moodle's grading worksheet needs the columns Identifier, Grade and Last modified (grade); what was graded later than
that is left alone: mod/assign/feedback/offline/importgradeslib.php of moodle/moodle. Feedback lies in a folder of each
participant (…_NUMBER_assignfeedback_file_): mod/assign/feedback/file/importziplib.php there.

Blackboard finds students by Username and columns by the number at the end of their names; a column without one becomes
text that counts for nothing: https://su-jsm.atlassian.net/wiki/spaces/blackboard01/pages/154374518. It takes no
feedback in one go; the names in the zip are those of an add-on, "Marks and Feedback"
(https://digitaleducation.blogs.bristol.ac.uk/category/academic-and-teaching-staff).
"""

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from . import book, course, naming, written
from .intake import Submission
from .release import EPOCH
from .roster import Roster

FOLDER = "upload"
#: columns of Canvas that say who a student is; the others are grades
CANVAS = {"Student", "LastName", "FirstName", "ID", "Section"}
CANVAS |= {"SIS User ID", "SIS Login ID", "Integration ID", "Root Account"}
BLACKBOARD = {"last name", "first name", "username", "student id", "last access", "availability"}
WHEN = "%A, %d %B %Y, %I:%M %p"  # as Moodle writes it


@dataclass
class Graded:
    """A submission with its points so far and its page of feedback; None where nothing could be marked."""

    submission: Submission
    points: float | None
    page: Path


def write(out: Path, found: list[tuple[Submission, dict, dict]], roster: Roster | None) -> list[str]:
    """Write tables and zips into ``out``/upload for submissions, their records and their marks; what to say of it."""
    said: list[str] = []
    made: dict[str, str | bytes] = {}
    for name in sorted({one.problem_set for one, _, _ in found} & set(course.names())):
        graded = [
            Graded(
                one,
                sum(mark["points"] for mark in marks.values()) if record["status"] in book.MARKED else None,
                out / "feedback" / name / f"{one.student}.html",
            )
            for one, record, marks in found
            if one.problem_set == name
        ]
        tables, of_them = _tables(name, graded, roster)
        made |= tables
        said += of_them
        for platform in ("canvas", "moodle", "blackboard"):
            zipped = feedback(platform, name, graded)
            if zipped is not None:
                made[f"{FOLDER}/{name}-feedback-{platform}.zip"] = zipped
    return said + written.said(out, written.Folder(out).write(made) if made else [])


def _tables(name: str, graded: list[Graded], roster: Roster | None) -> tuple[dict[str, str | bytes], list[str]]:
    """The tables of one problem set, by the names of their files; what to say of them."""
    made: dict[str, str | bytes] = {}
    if roster is not None and roster.platform:
        text, said = filled(roster, name, graded)
        if text is not None:
            made[f"{FOLDER}/{name}-{roster.platform}.csv"] = text.encode(roster.encoding)
        return made, said
    for platform, table in (("canvas", canvas(name, graded)), ("moodle", moodle(graded, _out_of(name)))):
        if len(table) > 1 + (platform == "canvas"):
            made[f"{FOLDER}/{name}-{platform}.csv"] = _csv(table)
    if any(_of(one, "blackboard") for one in graded):
        return made, ["Blackboard: for a table that it imports, export its gradebook and give it as ROSTER="]
    return made, []


def _of(one: Graded, platform: str) -> bool:
    sender = one.submission.sender
    return sender is not None and sender.platform == platform


def _out_of(name: str) -> float:
    return sum(course.graded(name).values())


def canvas(name: str, graded: list[Graded]) -> list[list[str]]:
    """A table for Canvas from what its file names tell. Where these hide who it is, Canvas takes no table."""
    table = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", name],
        ["    Points Possible", "", "", "", "", f"{_out_of(name):g}"],
    ]
    for one in graded:
        if one.points is not None and _of(one, "canvas") and one.submission.sender.lms_id.isdigit():
            student = one.submission.name or one.submission.sender.name
            table.append([safe(student), one.submission.sender.lms_id, "", "", "", f"{one.points:g}"])
    return table


def moodle(graded: list[Graded], out_of: float) -> list[list[str]]:
    """A grading worksheet for Moodle, in English, from what its file names tell."""
    table = [["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"]]
    now = datetime.now().strftime(WHEN)
    for one in graded:
        if one.points is not None and _of(one, "moodle"):
            sender = one.submission.sender
            table.append([f"Participant {sender.lms_id}", safe(sender.name), f"{one.points:g}", f"{out_of:g}", now])
    return table


def filled(roster: Roster, name: str, graded: list[Graded]) -> tuple[str | None, list[str]]:
    """The platform's own table with the points in it, and what to say; None where it has no column for them.

    A student with nothing to be marked keeps what stands there.
    """
    header, rows = list(roster.header), [list(row) for row in roster.rows]
    place, said = _column(roster, name)
    if place is None and roster.platform == "canvas" and not said:
        place = len(header)
        header.append(name)
        said = [f"Canvas will make a new assignment of the column {name}: its gradebook had none of that name"]
        for row in rows:
            of_points = row and "Points Possible" in row[0]
            row += [""] * (len(header) - len(row) - 1) + [f"{_out_of(name):g}" if of_points else ""]
    if place is None:
        return None, said
    for one in graded:
        if one.points is not None and one.submission.row is not None:
            row = rows[one.submission.row]
            row += [""] * (place + 1 - len(row))
            row[place] = f"{one.points:g}"
    if roster.platform != "moodle":  # other columns of grades stay out: what is not there cannot be overwritten
        kept = [at for at, title in enumerate(header) if at == place or _says_who(roster.platform, title)]
        header, rows = [header[at] for at in kept], [[row[at] if at < len(row) else "" for at in kept] for row in rows]
    quoting = csv.QUOTE_ALL if roster.platform == "blackboard" else csv.QUOTE_MINIMAL
    return _csv([header, *rows], delimiter=roster.dialect.get("delimiter", ","), quoting=quoting), said


def _says_who(platform: str, title: str) -> bool:
    title = title.strip().strip("\ufeff")
    return title in CANVAS if platform == "canvas" else title.casefold() in BLACKBOARD


def _column(roster: Roster, name: str) -> tuple[int | None, list[str]]:
    """The place of the column for a problem set, None where there is none; and what to say."""
    if roster.platform == "moodle":
        return [title.strip().casefold() for title in roster.header].index("grade"), []
    number = course.short(name).removeprefix("ps")
    kinds = "problem set|pset|ps|set|assignment|homework|hw|exercise"
    called = re.compile(rf"(?<![a-z])(?:{kinds})\W*0*{number}(?!\d)", re.I)
    titles = {at: title for at, title in enumerate(roster.header) if not _says_who(roster.platform, title)}
    places = [at for at, title in titles.items() if naming.without_set(title)[1] == name]
    places = places or [at for at, title in titles.items() if called.search(title)]
    if len(places) == 1:
        return places[0], []
    if places:
        several = ", ".join(titles[at] for at in places)
        return None, [f"{name}: several columns of the gradebook could be it ({several}): put {name} into one's name"]
    if roster.platform == "blackboard":
        return None, [f"{name}: no column of the gradebook is called so: make one in Blackboard, and export it again"]
    return None, []


def feedback(platform: str, name: str, graded: list[Graded]) -> bytes | None:
    """A zip of feedback pages in the layout that a platform takes back; None where nothing came from it."""
    pages = {}
    for one in graded:
        if _of(one, platform) and one.page.exists():
            sender = one.submission.sender
            path = {
                "canvas": f"{sender.origin}.html",
                "moodle": f"{sender.origin}_assignfeedback_file_/{name}.html",
                "blackboard": f"feedback_{sender.name}.html",
            }[platform]
            pages[path.encode("utf-8", "replace").decode()] = one.page.read_bytes()
    if not pages:
        return None
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, page in sorted(pages.items()):
            archive.writestr(zipfile.ZipInfo(path, EPOCH), page)
    return held.getvalue()


def safe(text: str) -> str:
    """A spreadsheet takes what begins like a formula for one, and a file's name is a student's to choose."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _csv(table: list[list[str]], **form) -> str:
    held = io.StringIO()
    csv.writer(held, lineterminator="\n", **form).writerows(table)
    return held.getvalue()
