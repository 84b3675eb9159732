"""Where something is to be written from scratch: which names that would do it stand in a student's cells.

A remark for the teacher, and never a deduction. A name is found where it is written: as an attribute, an import, or a
text that is handed to ``getattr`` and the like. Whoever wants to hide it can, so no remark proves nothing; and a name
may stand there for a comparison, so a remark proves nothing either. ``assignments/source/from_scratch.csv`` says which
names are meant in which cells of a problem set (``*``: all; with a minus: not this one). A cell that a student added is
looked at where a cell to be solved uses what it defines; ``own`` stands for such cells.
"""

import ast
import csv
import functools
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from . import course

BY_TEXT = {"getattr", "exec", "eval", "compile", "import_module", "__import__", "attrgetter"}
OWN = "own"  # a cell that a student added


def place() -> Path:
    """Where the table lies."""
    return course.SOURCE / "from_scratch.csv"


def table(name: str) -> list[tuple[list[str], list[str]]]:
    """Cells and names, as patterns, of a problem set."""
    return _read(place(), name)


@functools.cache
def _read(path: Path, name: str) -> list[tuple[list[str], list[str]]]:
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["set"] == course.short(name)]
    return [(row["cells"].split(), row["names"].split()) for row in rows]


def meant(name: str, cell: str) -> list[str]:
    """Patterns of the names that a cell should do without."""
    found = []
    for cells, names in table(name):
        left_out = any(fnmatchcase(cell, one[1:]) for one in cells if one.startswith("-"))
        if not left_out and any(fnmatchcase(cell, one) for one in cells):
            found += names
    return found


def remarks(name: str, cells: list[tuple[str, str]]) -> list[str]:
    """A line for each of a student's cells, given as grade_id ("" for one that the student added) and text."""
    given = {found for _, source in cells for found in defined(source)}
    in_solutions = {found for cell, source in cells if cell for found in defined(source)}
    wanted = {word for cell, source in cells if cell for word, _, _ in _names(source, in_solutions)}
    said = []
    for cell, source in cells:
        if not cell and not wanted & (defined(source) | _imported(source)):
            continue  # nothing of it is used where it counts
        patterns = meant(name, cell or OWN)
        used = dict.fromkeys(
            f"`{written}` (line {line})"
            for word, written, line in sorted(_names(source, given), key=lambda one: one[2])
            if any(fnmatchcase(word, pattern) for pattern in patterns)
        )
        if used:
            place = cell or "a cell of the student's own"
            said.append(f"from scratch is asked, look at {place}: {', '.join(list(used)[:5])}")
    return said


def _tree(source: str) -> ast.Module | None:
    """A cell's code; lines that only a notebook understands are left out. None where it is no Python."""
    lines = ["pass" if re.match(r"\s*[%!?]", line) else line for line in source.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def defined(source: str) -> set[str]:
    """What a cell's code gives names to, imports apart."""
    tree = _tree(source)
    found = set()
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def _imported(source: str) -> set[str]:
    """The names that a cell's imports bind."""
    nodes = ast.walk(_tree(source) or ast.Module([], []))
    imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {one.asname or one.name.split(".")[0] for node in imports for one in node.names}


def _names(source: str, given: set[str]) -> Iterator[tuple[str, str, int]]:
    """Names in a cell that are not the student's: the last word, as it is written, and the line."""
    tree = _tree(source)
    if tree is None:  # it cannot run either, but may once have
        for number, line in enumerate(source.splitlines(), 1):
            yield from ((word, word, number) for word in re.findall(r"(?<=\.)\w+", line.split("#")[0]))
        return
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Attribute) and not _is_self(node.value):
            yield node.attr, ast.unparse(node)[-60:], line
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in given:
            yield node.id, node.id, line
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for one in node.names:
                yield one.name.split(".")[-1], one.name, line
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            yield str(node.slice.value), ast.unparse(node)[-60:], line
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in BY_TEXT:
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield from ((word, repr(part.value)[:60], line) for word in re.findall(r"\w+", part.value))


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
