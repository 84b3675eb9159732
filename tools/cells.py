"""Cells that a reader takes in at once: at most 20 lines of code, of at most 88 characters; and figures with a text.

    python -m tools.cells

reads the sources of the chapters and prints what breaks a rule. Empty lines and docstrings do not count. Folded cells
(`hide-input`, which solutions are too) may be longer, and the first cell is written for all chapters alike. It needs no
package, so that `make lint` works without PyTorch.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

BOOK = Path(__file__).resolve().parent.parent / "book"
LINES, WIDTH = 20, 88
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.M | re.S)
HEAD = re.compile(r"\A(?:---\n.*?^---\n|(?::[^\n]*\n)+)", re.M | re.S)  # the cell's metadata, in one of two forms


def documentation(code: str) -> set[int]:
    """Numbers of the lines of docstrings."""
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
    documented = (node for node in ast.walk(ast.parse(code)) if isinstance(node, holders))
    strings = [node.body[0] for node in documented if ast.get_docstring(node) is not None]
    return {number for string in strings for number in range(string.lineno, (string.end_lineno or 0) + 1)}


def lines_of(code: str) -> int:
    """Lines of a cell that are neither empty nor documentation."""
    told = documentation(code)
    return sum(1 for number, line in enumerate(code.split("\n"), 1) if number not in told and line.strip())


def faults(text: str) -> Iterator[tuple[int, str]]:
    """What is wrong with the cells of a source: the line, and what to do."""
    for cell in CELL.finditer(text):
        head = (HEAD.match(cell[1]) or [""])[0]
        code = cell[1][len(head) :]
        first = text.count("\n", 0, cell.start(1)) + head.count("\n") + 1
        if "setup" in head:
            continue
        if "hide-input" not in head and (lines := lines_of(code)) > LINES:
            yield first, f"{lines} lines: part the cell after at most {LINES}, or fold it (hide-input)"
        for number, line in enumerate(code.split("\n"), first):
            if len(line) > WIDTH:
                yield number, f"{len(line)} characters: break the line after at most {WIDTH}"
        if "plt.show()" in cell[1] and "alt:" not in head:
            yield first, "a figure without a text for who does not see it: give `alt` under mystnb, image"


def main() -> int:
    """Print what breaks a rule; 1 where anything does."""
    found = 0
    for source in sorted(BOOK.glob("*.md")):
        for number, fault in faults(source.read_text("utf-8")):
            print(f"book/{source.name}:{number}: {fault}")
            found = 1
    return found


if __name__ == "__main__":
    raise SystemExit(main())
