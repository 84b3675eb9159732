"""The course's gradebook: nbgrader's own, so that written answers are marked with its formgrader.

Marks of tests go in, marks and comments that a teacher gave come out; a new run never touches the latter.
"""

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from nbgrader.api import Gradebook
from sqlalchemy.exc import DatabaseError

from tools import files

from . import course, written

#: whoever presses "Autograde" in the formgrader, or calls nbgrader there, gets the sandbox as well
CONFIG = """\
# Written by `make grade`. nbgrader's own commands run submissions in the sandbox too, because of this file.
import os
import sys
from pathlib import Path

os.environ.update({private!r})  # where the course is a private one
sys.path.insert(0, {root!r})
from assignments.grader import course

c = get_config()
c.merge(course.config(Path(__file__).resolve().parent, unsafe={unsafe!r}))
"""
MARKED = ("marked", "ended early")
WAIT = 5.0  # seconds for somebody else to finish writing


class BookError(Exception):
    """The gradebook cannot be written; says why and what to do."""


@contextlib.contextmanager
def _written(folder: Path) -> Iterator[Path]:
    """The gradebook's file. What goes wrong with it within the context is said so that a teacher can mend it."""
    path = folder / "gradebook.db"
    try:
        yield path
    except (sqlite3.DatabaseError, DatabaseError) as error:
        text = str(getattr(error, "orig", None) or error)
        if "locked" in text:
            what = "is in use. Close the JupyterLab with the formgrader, or what else has it open"
        elif "readonly" in text or "read-only" in text or "unable to open" in text:
            what = f"cannot be written ({text}). Make it yours to write"
        elif "full" in text or "disk" in text:
            what = f"cannot be written ({text}). Make room"
        else:
            what = f"cannot be read ({text}). Move it away (marks by hand are in it, all else is made anew)"
        raise BookError(f"the gradebook {path} {what}, and give the same command again") from None


def check(folder: Path) -> None:
    """See whether the gradebook in ``folder`` can be written, where there is one. Raises BookError where not."""
    with _written(folder) as path:
        if os.path.lexists(path) and not os.path.isfile(path):
            raise sqlite3.DatabaseError("no file")
        if path.exists():
            with contextlib.closing(sqlite3.connect(path, timeout=WAIT)) as found:
                found.execute("BEGIN IMMEDIATE")
                found.rollback()


def enter(folder: Path, found: list[dict]) -> list[dict[str, dict]]:
    """Enter the records ``found`` into the course in ``folder``; the marks of each, by cell.

    Of a submission that was marked anew since it was last entered, an answer that had been marked by hand is to be
    looked at once more.
    """
    known = folder / "entered.json"
    entered = json.loads(known.read_text("utf-8")) if known.exists() else {}
    with _written(folder), course.gradebook(folder) as book:
        for record in found:
            key = f"{record['problem_set']}/{record['student']}"
            if record["status"] in MARKED and entered.get(key) != record["run"]:
                _enter(folder, book, record)
                entered[key] = record["run"]
        book.db.commit()
        marks = [_marks(book, record) for record in found]
    files.write(known, json.dumps(entered, indent=1, sort_keys=True))
    return marks


def _enter(folder: Path, book: Gradebook, record: dict) -> None:
    name, student = record["problem_set"], record["student"]
    for stage in ("submitted", "autograded"):  # the formgrader shows the second and expects the first
        files.write(folder / stage / student / name / f"{name}.ipynb", record["notebook"])
    book.update_or_create_student(student)
    book.update_or_create_submission(name, student)
    for grade in book.find_submission_notebook(name, name, student).grades:
        by_hand = grade.name in record["by_hand"]
        grade.auto_score = None if by_hand else record["marks"][grade.name]
        grade.needs_manual_grade = by_hand or grade.manual_score is not None


def _marks(book: Gradebook, record: dict) -> dict[str, dict]:
    """Each graded cell's points, what is still to be marked by hand, and the teacher's comment."""
    found = {cell: {"points": points, "open": 0.0, "comment": ""} for cell, points in record["marks"].items()}
    if record["status"] not in MARKED:
        return found
    notebook = book.find_submission_notebook(record["problem_set"], record["problem_set"], record["student"])
    for grade in notebook.grades:
        given = grade.auto_score if grade.manual_score is None else grade.manual_score
        found[grade.name]["points"] = (given or 0.0) + (grade.extra_credit or 0.0)
        found[grade.name]["open"] = grade.max_score if grade.needs_manual_grade else 0.0
    for comment in notebook.comments:
        if comment.name in found:
            found[comment.name]["comment"] = comment.manual_comment or ""
    return found


def configure(folder: Path, unsafe: bool) -> list[str]:
    """Write the settings that nbgrader's own commands read in the course's folder; what to say if they were edited."""
    private = {name: os.environ[name] for name in (course.PRIVATE,) if name in os.environ}
    text = CONFIG.format(root=str(course.ROOT), unsafe=unsafe, private=private)
    return written.said(folder, written.Folder(folder).write({"nbgrader_config.py": text}))


def copy(folder: Path, to: Path) -> None:
    """A copy of the course's sources, releases and gradebook for a run to work from."""
    for part in ("source", "release"):
        shutil.copytree(folder / part, to / part)
    shutil.copy(folder / "gradebook.db", to / "gradebook.db")
