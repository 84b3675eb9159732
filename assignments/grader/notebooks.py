"""A student's notebook, of any age and in any state, put into the order of the released one.

What is the teacher's stands there as it was handed out; what is the student's stays the student's.
"""

import json
import os
import re
import stat
from pathlib import Path

import nbformat
from nbformat import v4

LARGEST = 100 * 2**20  # bytes of a file, with outputs
MOST_PARTS = 4_000_000  # values that its JSON may hold: each takes Python a hundred bytes
LARGE = 20 * 2**20  # what is worth a remark
MOST_CELLS, MOST_TEXT = 1000, 2 * 2**20  # of a notebook without outputs, pictures and the state of widgets
PICTURE = re.compile(r"data:image/[\w.+-]+;base64,[A-Za-z0-9+/=]{100,}")
LOST = "# this cell was missing in what was handed in"


class NotebookError(Exception):
    """A file that is no notebook of this problem set; the text is the line for the report."""


def ids(notebook) -> list[str]:
    """The ``grade_id`` of each cell, in order; "None" where a cell has none."""
    return [str(cell.metadata.get("nbgrader", {}).get("grade_id")) for cell in notebook.cells]


def read(path: Path) -> nbformat.NotebookNode:
    """A notebook of any format, without outputs; ``metadata.told`` holds what is to be said of it.

    Raises:
        NotebookError: the file is none.
    """
    raw = _bytes(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    try:
        size, data = len(raw), json.loads(text)
        del raw, text
        sheets = [{"cells": sheet.get("cells", [])} for sheet in [data, *data.get("worksheets", [])]]
        if sum(len(sheet["cells"]) for sheet in sheets) > MOST_CELLS:
            raise NotebookError(f"it has more than {MOST_CELLS} cells")
        for sheet in sheets:
            sheet["cells"] = [_slim(cell) for cell in sheet["cells"]]
        if len(json.dumps(sheets)) > MOST_TEXT:
            raise NotebookError(f"it has more than {MOST_TEXT >> 20} MiB of text, without outputs and pictures")
        form = {key: data[key] for key in ("nbformat", "nbformat_minor") if key in data}
        old = {"worksheets": [{"metadata": {}, **sheet} for sheet in sheets[1:]]} if "worksheets" in data else {}
        notebook = nbformat.convert(nbformat.from_dict({"metadata": {}, **form, **sheets[0], **old}), 4)
        told = {"told": _told(size, data.get("nbformat"))}
        return nbformat.from_dict({"metadata": told, "cells": [_cell(cell) for cell in notebook.cells]})
    except NotebookError:
        raise
    except RecursionError:
        raise NotebookError("not a notebook: it is nested too deeply") from None
    except Exception as error:  # nbformat raises many kinds for what is no notebook
        raise NotebookError(f"not a notebook that can be read ({type(error).__name__}: {str(error)[:120]})") from None


def _bytes(path: Path) -> bytes:
    """What a file holds, where it can be a notebook. Nothing of a larger file is read.

    Raises:
        NotebookError: it cannot.
    """
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise NotebookError("a pipe or a device, not a file")
            if about.st_size > LARGEST:
                size = f"{about.st_size >> 20} MiB, more than {LARGEST >> 20}"
                raise NotebookError(f"the file has {size}: ask for it without outputs")
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise NotebookError(f"the file cannot be read: {error.strerror}") from None
    if not raw:
        raise NotebookError("the file is empty")
    if sum(map(raw.count, (b"{", b"[", b","))) > MOST_PARTS:
        raise NotebookError(f"it has more than {MOST_PARTS / 1e6:g} million values: ask for it without outputs")
    return raw


def _slim(cell: dict) -> dict:
    """A cell of any format without what is not read: outputs, attachments, pictures in its text, and most metadata."""
    kept = {key: cell[key] for key in ("cell_type", "id", "level", "language") if key in cell}
    for key in ("source", "input"):
        if key in cell:
            text = "".join(map(str, cell[key])) if isinstance(cell[key], list) else str(cell[key])
            kept[key] = text if cell.get("cell_type") == "code" else PICTURE.sub("a picture", text)
    graded = cell.get("metadata", {}).get("nbgrader", {}) if isinstance(cell.get("metadata", {}), dict) else {}
    known = graded.get("grade_id") if isinstance(graded, dict) else None
    kept["metadata"] = {"nbgrader": {"grade_id": known}} if isinstance(known, str) else {}
    return kept | ({"outputs": []} if cell.get("cell_type") == "code" else {})


def _told(size: int, major: object) -> list[str]:
    """What is said of a notebook that is unusual and marked all the same."""
    told = [f"a notebook of the old format {major}, read all the same"] if major != 4 else []
    if size > LARGE:
        told.append(f"{size >> 20} MiB, nearly all of it outputs, which are made anew, or pictures")
    return told


def plain(text: str) -> str:
    """A text that can be written to a file: Python has some that cannot."""
    return text.encode("utf-8", "replace").decode()


def _cell(cell) -> nbformat.NotebookNode:
    """A cell with just its kind, text, id and grading metadata, each of the type it must have."""
    source = cell.get("source", "")
    source = "".join(map(str, source)) if isinstance(source, list) else str(source)
    source = plain(source)
    kind = "code" if cell.get("cell_type") == "code" else "markdown"
    new = v4.new_code_cell(source) if kind == "code" else v4.new_markdown_cell(source)
    metadata = cell.get("metadata")
    graded = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = graded.get("grade_id") if isinstance(graded, dict) else None
    new.metadata = nbformat.from_dict(
        {"nbgrader": {"grade_id": grade_id if isinstance(grade_id, str) else cell.get("id")}}
    )
    return new


def load(path: Path, released: nbformat.NotebookNode) -> tuple[nbformat.NotebookNode, list[str]]:
    """The student's notebook in the order and with the metadata of the released one, and what was mended.

    Solution cells and additional cells are the student's, everything else is as it was handed out. A cell that is
    there twice counts where it stands last, as it does when a notebook runs.

    Raises:
        NotebookError: not a notebook, or one of something else.
    """
    theirs = read(path)
    ours = {cell["id"]: cell for cell in released.cells if cell.cell_type == "code"}
    printed = {cell.source.strip() for cell in released.cells if cell.cell_type == "markdown"}
    last = {grade_id: index for index, grade_id in enumerate(ids(theirs)) if grade_id in ours}
    if not last:
        raise NotebookError(
            "none of its cells is one of this problem set's: another notebook, or its cells were copied over"
        )
    place, groups, remarks = "", {grade_id: [] for grade_id in ["", *ours]}, list(theirs.metadata.told)
    changed, doubled = [], []
    for index, (cell, grade_id) in enumerate(zip(theirs.cells, ids(theirs))):
        if last.get(grade_id) == index:
            place = grade_id
            if not ours[grade_id].metadata.nbgrader["solution"] and _differs(cell.source, ours[grade_id].source):
                changed.append(grade_id)
        elif cell.cell_type == "code" or cell.source.strip() not in printed:
            if grade_id in ours:
                doubled.append(grade_id)
            groups[place].append(_own(cell))
    cells = groups[""]
    for given in released.cells:
        new, grade_id = nbformat.from_dict(given), given["id"]
        if grade_id in ours and new.metadata.nbgrader["solution"]:
            if grade_id in last:
                new.source = theirs.cells[last[grade_id]].source
            elif not new.metadata.nbgrader["grade"]:
                new.source = LOST
        cells += [new, *groups.get(grade_id, [])]
    missing = [grade_id for grade_id in ours if grade_id not in last]
    for text, which in (
        ("changed and restored", changed),
        ("there twice, the last one counts", list(dict.fromkeys(doubled))),
        ("missing and put back", missing),
    ):
        if which:
            remarks.append(f"cells {text}: {', '.join(which)}")
    return nbformat.from_dict({**released, "cells": cells}), remarks


def _own(cell) -> nbformat.NotebookNode:
    """A cell that is the student's alone. Text becomes a quotation: a teacher's browser is not to read it as a page."""
    if cell.cell_type == "code":
        return v4.new_code_cell(cell.source)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", cell.source)), default=0))
    return v4.new_markdown_cell(f"{fence}text\n{cell.source}\n{fence}")


def _differs(theirs: str, ours: str) -> bool:
    """Whether a cell that nobody was to change was changed, by more than spaces at the ends of lines."""
    return [line.rstrip() for line in theirs.strip().splitlines()] != [
        line.rstrip() for line in ours.strip().splitlines()
    ]
