"""A classroom for tests: problem sets solved, blank, wrong or hostile, handed in and marked by the grader itself."""

import ast
import importlib
import json
import re
import sys
from pathlib import Path

import hostile
import nbformat

from assignments.grader import course, grade, intake, run, sandbox

VARIANTS = {name: importlib.import_module(f"variants_{course.short(name)}") for name in course.names()}
STUB = "raise NotImplementedError()"


def solutions(name: str) -> dict[str, str]:
    """The text of each solution cell as solved, by grade_id."""
    cells = course.solved(name).cells
    return {cell["id"]: cell.source for cell in cells if cell.metadata.get("nbgrader", {}).get("solution")}


def defined(name: str) -> list[str]:
    """The names that a problem set's solution cells define."""
    found = []
    for text in solutions(name).values():
        for node in ast.parse(text).body:
            found += [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]
            found += [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    return sorted(set(found))


def notebook(base: Path, name: str, cells: dict[str, str]) -> nbformat.NotebookNode:
    """The released notebook with the texts ``cells`` in place of its own."""
    made = nbformat.read(course.released(base, name), as_version=4)
    unknown = set(cells) - {cell["id"] for cell in made.cells}
    assert not unknown, f"no such cells: {unknown}"
    for cell in made.cells:
        cell.source = cells.get(cell["id"], cell.source)
    return made


def emptied(base: Path, name: str) -> nbformat.NotebookNode:
    """Blank, and the errors that say so taken out: functions return None, names are None or not there."""
    made = notebook(base, name, {})
    for cell in made.cells:
        cell.source = cell.source.replace(STUB, "pass")
    return made


def wrong(base: Path, name: str, variant: str) -> nbformat.NotebookNode:
    """Solved, but for the cells of a wrong variant."""
    return notebook(base, name, {**solutions(name), **VARIANTS[name].VARIANTS[variant][0]})


def harmful(base: Path, name: str, case: str) -> nbformat.NotebookNode:
    """Blank, but for hostile code in the first solution cell."""
    first = next(iter(solutions(name)))
    return notebook(base, name, {first: hostile.code(case, defined(name))})


def hand_in(folder: Path, student: str, name: str, made: nbformat.NotebookNode) -> Path:
    """Write a submission as an LMS names it."""
    path = folder / f"{student}_{course.short(name)}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(course.text(made), "utf-8")
    return path


def marked(
    base: Path, folder: Path, jobs: int = 1, unsafe: bool | None = None, **limits
) -> dict[tuple[str, str], dict]:
    """Mark all in ``folder``; the records by problem set and student. Where there is no sandbox, without one.

    One worker is enough for most tests: a second one loads everything again and warms a sandbox of its own.
    """
    options = grade.Options(base, not sandboxed() if unsafe is None else unsafe, limits=sandbox.Limits(**limits))
    records: dict[tuple[str, str], dict] = {}

    def keep(record):
        records[record["problem_set"], record["student"]] = record

    run.mark_all(intake.find(folder), options, jobs, keep)
    return records


def sandboxed() -> bool:
    """Whether there is a working sandbox here."""
    try:
        sandbox.check()
    except sandbox.SandboxError:
        return False
    return True


def spread(all_of_them: list, count: int | None) -> list:
    """So many of a list, from all over it; all of them where there are no more, or no number is given."""
    if count is None or count >= len(all_of_them):
        return all_of_them
    return [all_of_them[place * len(all_of_them) // count] for place in range(count)]


def zeros(record: dict) -> set[str]:
    """Test cells without full marks."""
    points = course.graded(record["problem_set"])
    return {cell for cell in course.tests(record["problem_set"]) if record["marks"][cell] != points[cell]}


def said(record: dict) -> str:
    """All that a record says in words."""
    parts = list(record["remarks"])
    for cell in record["cells"]:
        parts += [cell["message"], cell.get("printed", ""), cell.get("error", "")]
    return "\n".join(parts)


def sentence(text: str) -> str:
    """A text on one line."""
    return re.sub(r"\s+", " ", text)


if __name__ == "__main__":  # as another user: a course, a folder and limits; the records are the last line
    records = marked(Path(sys.argv[1]), Path(sys.argv[2]), jobs=2, unsafe=False, **json.loads(sys.argv[3]))
    print(json.dumps(list(records.values())))
