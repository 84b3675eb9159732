"""A chapter's pair: NAME.md, which people edit, and NAME.ipynb, the same cells with stored outputs.

The way is one-way, from ``.md`` to ``.ipynb``; what is stored in the notebook survives for cells that did not change.
The notebook has a cell more after each box *Predict first*, see `tools/asking.py`.
"""

import copy
import difflib
import functools
import hashlib
import re

import jupytext
import nbformat

from tools import asking, files, notebooks, project

SHOWN = {"answer", "cover", "hide-input", "slide", "slide-skip", "slide-notes"}  # tags that say how an output is shown
# the cell's lines are those before the first fence: an empty cell must not swallow what comes after it
SETUP_BLOCK = re.compile(r"(```\{code-cell\} ipython3\n:tags: \[setup\]\n)\n?(?:(?!```).*\n)*?(```\n)")


def read_source(chapter: str) -> nbformat.NotebookNode:
    """The cells of NAME.md, without outputs."""
    return copy.deepcopy(_parsed(project.source(chapter).read_text("utf-8")))


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> nbformat.NotebookNode:
    return jupytext.reads(text, fmt="md:myst")  # which takes longer than all else that is done to a chapter's cells


def expected(chapter: str) -> nbformat.NotebookNode:
    """The cells that NAME.ipynb should have: those of NAME.md, and those that ask what its boxes ask."""
    source = read_source(chapter)
    source.cells = asking.parted(source.cells, chapter)
    return source


def read_notebook(chapter: str) -> nbformat.NotebookNode | None:
    """NAME.ipynb, or None where there is none yet."""
    path = project.notebook(chapter)
    return nbformat.read(path, as_version=4) if path.exists() else None


def key(cell) -> tuple:
    """What must agree between the two files of a pair."""
    return cell.cell_type, cell.source, tuple(sorted(cell.metadata.get("tags", [])))


def matched(cell) -> tuple:
    """What must agree for a cell to keep its output; the setup cell has none, and stays run when its text changes."""
    kind, source, tags = key(cell)
    return kind, "" if "setup" in tags else source, tuple(tag for tag in tags if tag not in SHOWN)


def with_setup_cell(text: str) -> str:
    """The text of a chapter with its setup cell as the template has it. Raises ValueError where it has none."""
    text, found = SETUP_BLOCK.subn(lambda match: f"{match[1]}\n{project.setup_cell()}\n{match[2]}", text, count=1)
    if not found:
        raise ValueError("there is no setup cell: the first code cell must carry `:tags: [setup]`")
    return text


def write_setup_cell(chapter: str) -> None:
    """Bring the setup cell of NAME.md up to the template. Raises SystemExit where the file or the cell is missing."""
    path = project.source(chapter)
    if not path.exists():
        raise SystemExit(f"book/{chapter}.md is missing: write it, or take it out of _toc.yml")
    try:
        files.write(path, with_setup_cell(path.read_text("utf-8")))
    except ValueError as error:
        raise SystemExit(f"book/{chapter}.md: {error}") from None


def join(source, stored, chapter: str):
    """The cells of ``source`` with the outputs and ids that ``stored`` has for the same cells.

    Cells are matched in order; an output stays where type, source and tags are unchanged, but for those of ``SHOWN``.
    """
    old = stored.cells if stored else []
    cells = [nbformat.from_dict(dict(cell)) for cell in source.cells]
    match = difflib.SequenceMatcher(None, list(map(matched, old)), list(map(matched, cells)), autojunk=False)
    kept = {b + i: old[a + i] for a, b, size in match.get_matching_blocks() for i in range(size)}
    used = {cell.get("id") for cell in kept.values()}
    for index, cell in enumerate(cells):
        before = kept.get(index)
        cell["id"] = before["id"] if before and "id" in before else fresh_id(f"{chapter}/{cell.source}", used)
        if before is not None and cell.cell_type == "code" and not asking.made(cell):
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
            alt = before.metadata.get("mystnb", {}).get("image", {}).get("alt")
            if alt:  # written by `execute` from what the figure itself says; the source's own word goes first
                cell.metadata.setdefault("mystnb", {}).setdefault("image", {}).setdefault("alt", alt)
    names = [name for name in ("d2lite", "widgets") if stored and name in stored.metadata]  # of the stored run
    metadata = notebooks.metadata(**{name: stored.metadata[name] for name in names})
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def fresh_id(text: str, used: set[str]) -> str:
    """A cell id that depends on the text alone, so that writing twice gives the same file."""
    number = 0
    while (name := hashlib.sha256(f"{text}{number or ''}".encode()).hexdigest()[:8]) in used:
        number += 1
    used.add(name)
    return name


def drift(chapter: str) -> list[str]:
    """How the pair of a chapter differs; empty where it does not."""
    if not project.source(chapter).exists():
        return [f"{chapter}: book/{chapter}.md is missing"]
    source, stored = expected(chapter), read_notebook(chapter)
    if stored is None:
        return [f"{chapter}: book/{chapter}.ipynb is missing"]
    problems = []
    try:
        if with_setup_cell(text := project.source(chapter).read_text("utf-8")) != text:
            problems.append(f"{chapter}: the setup cell is not the template's")
    except ValueError as error:
        problems.append(f"{chapter}: {error}")
    theirs, ours = [key(cell) for cell in stored.cells], [key(cell) for cell in source.cells]
    for number, (left, right) in enumerate(zip(ours, theirs, strict=False)):
        if left != right:
            problems.append(f"{chapter}: cell {number} differs ({left[1].splitlines()[:1]} in .md)")
            break
    else:
        if len(ours) != len(theirs):
            problems.append(f"{chapter}: {len(ours)} cells in .md, {len(theirs)} in .ipynb")
    if not problems:
        for number, (cell, kept) in enumerate(zip(source.cells, stored.cells, strict=True)):
            if any(kept.metadata.get(name) != value for name, value in cell.metadata.items() if name != "mystnb"):
                problems.append(f"{chapter}: the metadata of cell {number} differ")
            if asking.made(cell) and (kept.outputs, kept.execution_count) != (cell.outputs, None):
                problems.append(f"{chapter}: cell {number} was run, and is stored as if it was not")
        stored.metadata.update(notebooks.metadata())
        if notebooks.as_text(stored) != project.notebook(chapter).read_text("utf-8"):
            problems.append(f"{chapter}: book/{chapter}.ipynb is not in the form that `make sync` writes")
    return problems
