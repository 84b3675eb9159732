"""nbgrader's side: problem sets in its format, released by it, and a submission marked by it with our way to run cells.

A problem set is written as ``assignments/source/NAME/NAME.md``; ``NAME.ipynb`` beside it is the same in nbgrader's
format, and ``assignments/release/NAME/NAME.ipynb`` is what students get. ``make sync`` writes both, nobody's hand does.
"""

import ast
import functools
import logging
import os
import re
import shutil
import sys
import warnings
from pathlib import Path

import jupytext
import nbformat
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from tools import notebooks, project

ASSIGNMENTS = Path(__file__).resolve().parent.parent
ROOT = ASSIGNMENTS.parent
# nbgrader starts a program of this environment (alembic) by its bare name
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")  # it says how nbgrader writes, not what

PUBLIC, RELEASE = ASSIGNMENTS / "source", ASSIGNMENTS / "release"
PRIVATE = "D2LITE_COURSE"  # this variable names the folder of a private course, also for the workers that are started
SOURCE = Path(os.environ[PRIVATE]) / "source" if os.environ.get(PRIVATE) else PUBLIC
STUDENT = "the-one-being-marked"  # each submission is marked in a course of its own, where it is the only one
SOLUTION = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[^\n]*\n?", re.M)
CHAPTER = re.compile(r"\]\((?:\.\./)+book/(\w+)\.ipynb")
HIDDEN = re.compile(r"^[ \t]*### BEGIN HIDDEN TESTS\n(.*?)^[ \t]*### END HIDDEN TESTS[^\n]*\n?", re.S | re.M)


class SetError(Exception):
    """There is no such problem set, or it is not written as one; says what to do."""


def use(folder: Path | None) -> None:
    """Take problem sets from a private course, or with None from this repository, here and in workers to come.

    Raises:
        SetError: there is no course in the folder.
    """
    global SOURCE
    if folder is not None and not list((folder / "source").glob("ps[0-9]*-*/*.md")):
        raise SetError(f"there is no private course in {folder}: make course OUT={folder} writes one")
    os.environ.pop(PRIVATE, None)
    if folder is not None:
        os.environ[PRIVATE] = str(folder.resolve())
    SOURCE = PUBLIC if folder is None else folder.resolve() / "source"
    source.cache_clear()


def names() -> list[str]:
    """Names of the problem sets, in order."""
    found = [path.stem for path in SOURCE.glob("ps[0-9]*-*/*.md") if path.stem == path.parent.name]
    return sorted(found, key=lambda name: int(short(name).removeprefix("ps")))


def short(name: str) -> str:
    """``ps2-batch-norm`` → ``ps2``, what files of students are called by."""
    return name.split("-")[0]


def find(word: str) -> str:
    """The problem set that ``word`` (its name or its short name) means. Raises SetError where there is none."""
    for name in names():
        if word in (name, short(name)):
            return name
    raise SetError(f"there is no problem set {word!r}; there are {', '.join(names())}")


def read(path: Path) -> nbformat.NotebookNode:
    """A problem set from its Markdown source, as a notebook in nbgrader's format.

    Raises:
        SetError: a code cell has no ``grade_id``, or two have the same.
    """
    notebook = jupytext.read(path, fmt="md:myst")
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            cell["id"] = f"text-{number}"
            # a notebook that is handed out lies beside no book: its links lead to the site
            cell.source = CHAPTER.sub(rf"]({project.site_url()}\1.html", cell.source)
            continue
        given = dict(cell.metadata.get("nbgrader", {}))
        grade_id = given.get("grade_id")
        if not grade_id or grade_id in seen:
            raise SetError(f"{path.name}: a code cell has the grade_id {grade_id!r}; each needs one of its own")
        seen.add(grade_id)
        cell["id"] = grade_id
        if "setup" in cell.metadata.get("tags", []):
            cell.source = project.setup_cell()
        solution, grade = given.get("solution", False), given.get("grade", False)
        complete = {"schema_version": 3, "solution": solution, "grade": grade, "task": False, "locked": not solution}
        if grade:
            complete["cell_type"] = "code"
        cell.metadata["nbgrader"] = {**complete, **given}
    notebook.metadata = notebooks.metadata()
    return notebook


@functools.cache
def source(name: str) -> nbformat.NotebookNode:
    """The notebook of a problem set with solutions and all tests."""
    return read(SOURCE / name / f"{name}.md")


def text(notebook: nbformat.NotebookNode) -> str:
    """A notebook as the text of its file."""
    return nbformat.writes(nbformat.from_dict({**notebook, "nbformat": 4, "nbformat_minor": 5})) + "\n"


def graded(name: str) -> dict[str, float]:
    """Points of each graded cell, in order."""
    cells = (cell.metadata.get("nbgrader", {}) for cell in source(name).cells)
    return {cell["grade_id"]: float(cell["points"]) for cell in cells if cell.get("grade")}


def titles(name: str) -> dict[str, str]:
    """The heading that each graded cell stands under, by grade_id."""
    heading, found = "", {}
    for cell in source(name).cells:
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#{2,} +(.+?) *$", cell.source, re.M)
            heading = headings[-1] if headings else heading
        elif cell.metadata["nbgrader"]["grade"]:
            found[cell["id"]] = heading.replace("`", "").replace("$", "")
    return found


def tests(name: str) -> dict[str, str]:
    """The text of each test cell, hidden part included, by grade_id."""
    cells = [(cell.metadata.get("nbgrader", {}), cell.source) for cell in source(name).cells]
    return {cell["grade_id"]: code for cell, code in cells if cell.get("grade") and not cell.get("solution")}


def trusted(name: str) -> dict[str, str]:
    """The text of each cell that runs on both sides: imports, data, constants."""
    return tagged(name, "trusted")


def tagged(name: str, tag: str) -> dict[str, str]:
    """The text of each cell with a tag, by grade_id."""
    return {cell["id"]: cell.source for cell in source(name).cells if tag in cell.metadata.get("tags", [])}


def asked(name: str) -> set[str]:
    """The names that a student's side defines, as the solved problem set does: tests fetch these and no others."""
    ours = {*tests(name), *trusted(name), "setup"}
    return {
        found
        for cell in source(name).cells
        if cell.cell_type == "code" and cell["id"] not in ours
        for found in assigned(cell.source)
    }


def assigned(code: str) -> set[str]:
    """Names that a cell defines at its top level; what it imports is not meant."""
    found = set()
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
            continue
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                found.add(part.id)
    return found


def by_hand(name: str) -> set[str]:
    """Graded cells that a teacher reads: nothing runs to mark them."""
    cells = (cell.metadata.get("nbgrader", {}) for cell in source(name).cells)
    return {cell["grade_id"] for cell in cells if cell.get("grade") and cell.get("solution")}


def config(folder: Path, **execute) -> Config:
    """nbgrader's settings for a course that lies in ``folder``; ``execute`` are those of our step that runs cells."""
    settings = Config()
    settings.CourseDirectory.root = str(folder)
    settings.CourseDirectory.db_url = f"sqlite:///{folder / 'gradebook.db'}"
    settings.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
    settings.OverwriteCells.add_missing_cells = True
    settings.Autograde.autograde_preprocessors = [
        "assignments.grader.execute.Execute",
        "nbgrader.preprocessors.SaveAutoGrades",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    settings.Execute.update(execute)
    return settings


def api(folder: Path, **execute) -> NbGraderAPI:
    """nbgrader's commands for the course in ``folder``, quiet: what they say is in their answers."""
    logger = logging.getLogger("nbgrader of this course")
    logger.handlers, logger.propagate = [logging.NullHandler()], False
    return NbGraderAPI(config=config(folder, **execute), log=logger)


def prepare(folder: Path, wanted: list[str]) -> None:
    """Make a course in ``folder``: sources, gradebook, and the released notebooks under ``release/``.

    Raises:
        SetError: nbgrader refuses a problem set; its own words are in the text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    commands = api(folder)
    for name in wanted:
        path = folder / "source" / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(source(name)), "utf-8")
        result = commands.generate_assignment(name, force=True, create=True)
        if not result["success"]:
            raise SetError(f"nbgrader does not take {name}: {result.get('log')}\n{result.get('error')}")


def released(folder: Path, name: str) -> Path:
    """The notebook of a prepared course that students get."""
    return folder / "release" / name / f"{name}.ipynb"


def visible(code: str) -> str:
    """A test cell's text without its hidden part."""
    return HIDDEN.sub("", code).rstrip("\n")


def solved(name: str) -> nbformat.NotebookNode:
    """The problem set with its solutions, as a teacher hands it out afterwards: no hidden tests, no markers."""
    notebook = nbformat.from_dict(source(name))
    for cell in notebook.cells:
        cell.source = SOLUTION.sub("", visible(cell.source)).rstrip("\n")
    return notebook


def private(folder: Path, base: Path, name: str, notebook: nbformat.NotebookNode) -> None:
    """Make a course in ``folder`` that holds one submission and a copy of the gradebook of ``base``."""
    shutil.copy(base / "gradebook.db", folder / "gradebook.db")
    shutil.copytree(base / "source" / name, folder / "source" / name)
    path = folder / "submitted" / STUDENT / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(text(notebook), "utf-8")


def gradebook(folder: Path) -> Gradebook:
    """The gradebook of a course; use it as a context manager."""
    return Gradebook(f"sqlite:///{folder / 'gradebook.db'}")
