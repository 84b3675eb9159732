"""The boxes *Predict first* where a notebook runs: a cell after each of them, which nobody writes by hand.

The cell is in the notebook alone: it shows a form (`d2lite/widgets/predict.py`), and the site, whose boxes are forms
themselves, leaves it out. What it stores is one line of text, so that no chapter need run for it; and it has no number,
so those of the chapter's own cells have no gap. A text goes on below the form, in a cell of its own.
"""

import json
from pathlib import Path

import nbformat

from tools import pages, project, questions

STORED = project.ROOT / "d2lite" / "widgets" / "questions.json"  # what d2lite knows of the questions
LINE = "Run this cell in Jupyter or Colab to commit your guess: it stays in your browser."
TAG = "predict"


def made(cell) -> bool:
    """Whether a cell is one of those written here."""
    return TAG in cell.metadata.get("tags", [])


def cell(box: list[questions.Question]) -> nbformat.NotebookNode:
    """The cell that asks what a box asks."""
    names = ", ".join(json.dumps(question.id) for question in box)
    return nbformat.v4.new_code_cell(
        f"d2l.widgets.Predict({names})",
        metadata={"tags": [TAG, "remove-cell"]},
        outputs=[nbformat.v4.new_output("display_data", data={"text/plain": LINE})],
    )


def parted(cells: list, chapter: str) -> list:
    """The cells of a chapter with one after each box. Raises SystemExit where a box cannot be answered."""
    found = []
    for each in cells:
        text, start = each.source + "\n", 0
        for box in questions.BOX.finditer(text) if each.cell_type == "markdown" else ():
            try:
                (asked,) = questions.parse(box[0], chapter)
            except ValueError as error:
                raise SystemExit(f"book/{chapter}.md: {error}") from None
            found += [_text(text[start : box.end()], each), cell(asked)]
            start = box.end()
        if not start:
            found.append(each)
        elif text[start:].strip():
            found.append(_text(text[start:], each))
    return found


def _text(source: str, of) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source.strip("\n"), metadata=of.metadata)


def expected() -> dict[Path, str]:
    """The file with all questions, as it should be."""
    chapters = {}
    for name in project.chapters():
        boxes = [
            [{"id": q.id, "text": q.text, "choices": q.choices, "key": q.key} for q in box]
            for box in questions.of(name)
        ]
        chapters[name] = {"title": pages.opening(project.source(name))[0], "boxes": boxes}
    return {STORED: json.dumps({"line": LINE, "chapters": chapters}, ensure_ascii=False, indent=1) + "\n"}
