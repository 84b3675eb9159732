"""Mark one submission: intake, a course of its own, nbgrader's autograde, and a record of what came out."""

import contextlib
import functools
import hashlib
import stat
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import nbformat

from . import course, intake, notebooks, scratch
from .sandbox import Limits, SandboxError

HERE = Path(__file__).resolve().parent
PRINTED, PRINTED_HERE = 400_000, 20_000  # characters that are kept of what a notebook, and one cell of it, printed
MOST_OUTPUTS = 20  # of one cell
LEFT_OUT = "\n… the rest of the output is left out"


@dataclass(frozen=True)
class Options:
    """How to mark. ``due`` is the moment after which a submission is late, None where only the LMS says it."""

    base: Path
    unsafe: bool = False
    due: datetime | None = None
    limits: Limits = field(default_factory=Limits)


def digest(submission: intake.Submission, options: Options) -> str:
    """Changes when the submission, its problem set or the grader does: then what is on record no longer holds."""
    found = hashlib.sha256(_of_the_grader(course.SOURCE / submission.problem_set / f"{submission.problem_set}.md"))
    with contextlib.suppress(OSError):  # a file that cannot be read gets a remark when it is marked
        _add(found, submission.path)
    about = (options.unsafe, submission.remarks, late(submission, options))
    found.update(repr(about).encode("utf-8", "replace"))
    return found.hexdigest()


def _add(found, path: Path | None) -> None:
    """Add what a file holds; of one that is too large to be a notebook, that it is."""
    about = path.stat() if path else None
    if about is None or not stat.S_ISREG(about.st_mode) or about.st_size > notebooks.LARGEST:
        found.update(f"none {about and about.st_size}".encode())
        return
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            found.update(block)


@functools.cache
def _of_the_grader(text: Path) -> bytes:
    """Stands for all that decides about the marks of a set, whose source is ``text``, but the submission."""
    found = hashlib.sha256()
    helper = course.ROOT / "d2lite"
    others = [path for path in (text, scratch.place()) if path.exists()]
    for path in [*sorted(HERE.glob("*.py")), *sorted(helper.rglob("*.py")), *others]:
        found.update(path.read_bytes())
    return found.digest()


def late(submission: intake.Submission, options: Options) -> bool:
    """Whether a submission came late, by its file's time or by what the LMS wrote into its name."""
    after = options.due is not None and submission.handed_in is not None and submission.handed_in > options.due
    return submission.marked_late or after


def grade(submission: intake.Submission, options: Options) -> dict:
    """The record of one submission, as plain data. What a student did wrong is in it and never an exception."""
    name = submission.problem_set
    known = name in course.names()
    record = {
        "student": submission.student,
        "name": submission.name,
        "problem_set": name,
        "digest": digest(submission, options),
        "late": late(submission, options),
        "status": "missing" if submission.missing else "not marked",
        "remarks": list(submission.remarks),
        "look": [],
        "out_of": sum(course.graded(name).values()) if known else 0.0,
        "by_hand": {},
        "marks": dict.fromkeys(course.graded(name), 0.0) if known else {},
        "cells": [],
        "board": None,
        "notebook": None,
    }
    if not known:
        record["remarks"].append("which problem set this is cannot be told: put ps1, ps2, … into the file's name")
    elif submission.path is not None:
        try:
            _mark(record, submission, options)
        except notebooks.NotebookError as error:
            record["remarks"].append(str(error))
        except SandboxError:
            raise
        except Exception as error:  # one submission that breaks something must not stop the other 199
            record["remarks"].append(f"the grader failed: {type(error).__name__}: {str(error)[:300]}")
            record["digest"] = ""  # to be tried again by the next run
    return record


def _mark(record: dict, submission: intake.Submission, options: Options) -> None:
    name = submission.problem_set
    released = nbformat.read(course.released(options.base, name), as_version=4)
    notebook, mended = notebooks.load(submission.path, released)
    record["remarks"] += mended
    record["look"] = scratch.remarks(name, students(notebook, name))
    with tempfile.TemporaryDirectory(prefix="grading-") as folder:
        course.private(Path(folder), options.base, name, notebook)
        commands = course.api(Path(folder), unsafe=options.unsafe, limits=options.limits)
        result = commands.autograde(name, course.STUDENT, force=True, create=True)
        path = Path(folder) / "autograded" / course.STUDENT / name / f"{name}.ipynb"
        if not result["success"] or not path.exists():
            raise RuntimeError(str(result.get("log") or result.get("error"))[-600:])
        done = nbformat.read(path, as_version=4)
        cut(done)
        with course.gradebook(Path(folder)) as book:
            grades = {grade.name: grade for grade in book.find_submission_notebook(name, name, course.STUDENT).grades}
            record["marks"] = {cell: grades[cell].auto_score or 0.0 for cell in course.graded(name)}
            record["by_hand"] = {
                cell: grades[cell].max_score for cell in course.graded(name) if grades[cell].auto_score is None
            }
    happened = done.metadata["grading"]
    record["cells"] = shown(done, record["marks"], happened["messages"], name)
    record["board"] = happened["board"]
    record["notebook"] = course.text(done)
    record["status"] = "marked"
    if happened["doubt"]:
        again = f"mark it again when nothing else runs (STUDENT={submission.student})"
        record["look"].append(f"{happened['doubt']} while this was marked alone, too: {again}")
    if happened["ended"]:
        record["status"] = "ended early"
        record["remarks"].append(f"ended at {happened['ended']}; what came after could not be marked")


def students(notebook: nbformat.NotebookNode, name: str) -> list[tuple[str, str]]:
    """The code cells that are the student's: grade_id, "" where there is none, and text."""
    by_hand = course.by_hand(name)
    found = []
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and about.get("solution", True) and about.get("grade_id") not in by_hand:
            found.append((about.get("grade_id", ""), cell.source))
    return found


def cut(notebook: nbformat.NotebookNode) -> None:
    """Shorten what cells have printed to what a page can show, whoever let more of it through."""
    left = PRINTED
    for cell in notebook.cells:
        room = here = min(left, PRINTED_HERE)

        def kept(text: str) -> str:
            nonlocal here
            shorter = text if len(text) <= here else text[:here] + LEFT_OUT
            here = max(0, here - len(text))
            return shorter

        if "outputs" in cell:
            cell.outputs = cell.outputs[:MOST_OUTPUTS]
        for output in cell.get("outputs", []):
            for key in {"text", "evalue"} & set(output):
                output[key] = kept(output[key])
            if "traceback" in output:
                output["traceback"] = [kept("\n".join(output["traceback"]))]
        left -= room - here


def shown(notebook: nbformat.NotebookNode, marks: dict, messages: dict, name: str) -> list[dict]:
    """The cells for the feedback page: the student's code and what it printed, each test's outcome and not its text."""
    points, tests = course.graded(name), course.tests(name)
    cells = []
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if cell.cell_type != "code" or "setup" in cell.metadata.get("tags", []):
            continue
        outputs = cell.get("outputs", [])
        entry = {
            "cell": grade_id or "",
            "test": grade_id in tests,
            "message": messages.get(grade_id, {}).get("text", ""),
        }
        if entry["test"]:
            hidden = messages.get(grade_id, {}).get("hidden", False)
            entry |= {"points": points[grade_id], "marks": marks[grade_id], "hidden": hidden}
        else:
            entry["source"] = cell.source
            entry["printed"] = "".join(out.text for out in outputs if out.output_type == "stream")
            entry["error"] = "\n".join(line for out in outputs if out.output_type == "error" for line in out.traceback)
        cells.append(entry)
    return cells
