"""The course's gradebook: nbgrader's own, so that written answers are marked with its formgrader.

Marks of tests go in, marks and comments that a teacher gave come out; a new run never touches the latter.
"""

import shutil
from pathlib import Path

from . import course, records

MARKED = ("marked", "ended early")


def enter(folder: Path, record: dict, fresh: bool) -> None:
    """Enter one record into the course in ``folder``; ``fresh`` when it was marked just now.

    Of a submission marked anew, an answer that had been marked by hand is to be looked at once more.
    """
    name, student = record["problem_set"], record["student"]
    if record["status"] not in MARKED:
        return
    if fresh:
        for stage in ("submitted", "autograded"):  # the formgrader shows the second and expects the first
            records.whole(folder / stage / student / name / f"{name}.ipynb", record["notebook"])
    with course.gradebook(folder) as book:
        book.update_or_create_student(student)
        book.update_or_create_submission(name, student)
        for grade in book.find_submission_notebook(name, name, student).grades:
            grade.auto_score = None if grade.name in record["by_hand"] else record["marks"][grade.name]
            if grade.name in record["by_hand"]:
                grade.needs_manual_grade = fresh or grade.manual_score is None
            elif fresh:
                grade.needs_manual_grade = grade.manual_score is not None
        book.db.commit()


def marks(folder: Path, record: dict) -> dict[str, dict]:
    """Each graded cell's points, what is still to be marked by hand, and the teacher's comment."""
    name, student = record["problem_set"], record["student"]
    found = {
        cell: {"points": points, "open": 0.0, "comment": ""} for cell, points in record["marks"].items()
    }
    if record["status"] not in MARKED:
        return found
    with course.gradebook(folder) as book:
        notebook = book.find_submission_notebook(name, name, student)
        for grade in notebook.grades:
            given = grade.auto_score if grade.manual_score is None else grade.manual_score
            found[grade.name]["points"] = (given or 0.0) + (grade.extra_credit or 0.0)
            found[grade.name]["open"] = grade.max_score if grade.needs_manual_grade else 0.0
        for comment in notebook.comments:
            if comment.name in found:
                found[comment.name]["comment"] = comment.manual_comment or ""
    return found


def copy(folder: Path, to: Path) -> None:
    """A copy of the course's sources, releases and gradebook for a run to work from."""
    for part in ("source", "release"):
        shutil.copytree(folder / part, to / part)
    shutil.copy(folder / "gradebook.db", to / "gradebook.db")
