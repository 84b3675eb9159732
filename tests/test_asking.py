"""Boxes *Predict first* in the notebooks: each is followed by a cell that asks, which is written and never run."""

import json
import re

import pytest

from d2lite import widgets
from tools import asking, notebooks, pairs, project, questions, sync

CHAPTERS = project.chapters()
BOX = "> **Predict first.** Which?\n>\n> * a\n> * b\n>\n> <!-- predict which: 2 -->\n"
TWO = BOX + ">\n> And how many?\n>\n> <!-- predict many: 3 -->\n"


def cells(*sources):
    """Cells of text; one that begins with `!` is code."""
    new = notebooks.nbformat.v4
    return [new.new_code_cell(s[1:]) if s[0] == "!" else new.new_markdown_cell(s) for s in sources]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_box_ends_its_cell_and_the_next_one_asks(chapter):
    stored, asked = pairs.read_notebook(chapter).cells, questions.of(chapter)
    assert [number for number, cell in enumerate(stored) if asking.made(cell)] == [
        number + 1 for number, cell in enumerate(stored) if questions.BOX.search(cell.source + "\n")
    ]
    for cell, box in zip(filter(asking.made, stored), asked, strict=True):
        assert cell.source == f"d2l.widgets.Predict({', '.join(json.dumps(question.id) for question in box)})"
        assert set(cell.metadata.tags) == {"predict", "remove-cell"} and cell.execution_count is None
        (out,) = cell.outputs
        assert out.data == {"text/plain": asking.LINE}, "what it shows where it has not run, and nothing else"
    for number, cell in enumerate(stored):
        if questions.BOX.search(cell.source + "\n"):
            assert questions.BOX.sub("", cell.source + "\n" + "end").endswith("end")
            assert cell.source.splitlines()[-1].startswith("> <!-- predict"), "what answers it comes after it"
            assert "import d2lite as d2l" in "\n".join(before.source for before in stored[:number])
            assert len(questions.BOX.findall(cell.source + "\n")) == 1


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_text_of_a_notebook_is_that_of_its_source(chapter):
    written, stored = pairs.read_source(chapter).cells, pairs.read_notebook(chapter).cells
    texts = ["\n\n".join(c.source for c in some if c.cell_type == "markdown") for some in (written, stored)]
    assert texts[0] == texts[1]
    assert [c.source for c in written if c.cell_type == "code"] == [
        c.source for c in stored if c.cell_type == "code" and not asking.made(c)
    ]


def test_the_stored_questions_are_fresh():
    ((path, text),) = asking.expected().items()
    assert path.read_text("utf-8") == text, "make sync"
    known = [q["id"] for page in json.loads(text)["chapters"].values() for box in page["boxes"] for q in box]
    assert known == [question.id for name in CHAPTERS for box in questions.of(name) for question in box]
    assert not re.search(r'"(right|answer)"', text), "the answer stands there encoded"


def test_a_box_that_is_asked_by_python_says_its_line():
    for name in CHAPTERS:
        for box in questions.of(name):
            made = widgets.Predict(*(question.id for question in box))
            data, _ = made._repr_mimebundle_()
            assert data["text/plain"] == asking.LINE and made.chapter == name
            assert [(q["text"], tuple(q["choices"]), q["key"]) for q in made.questions] == [
                (q.text, q.choices, q.key) for q in box
            ]


def test_a_cell_is_parted_after_each_box():
    given = cells("Before.\n\n" + BOX + "\nAfter.\n\n* more", "!x = 1", TWO.strip(), f"{BOX}\n{TWO}", "!" + BOX)
    found = asking.parted(given, "vgg")
    one, two = 'd2l.widgets.Predict("vgg.which")', 'd2l.widgets.Predict("vgg.which", "vgg.many")'
    assert [cell.source for cell in found] == [
        "Before.\n\n" + BOX.strip(), one, "After.\n\n* more", "x = 1", TWO.strip(), two, BOX.strip(), one,
        TWO.strip(), two, BOX,
    ]  # fmt: skip
    assert [cell.cell_type[0] for cell in found] == [*"mcmcmcmcmcc"]
    with pytest.raises(SystemExit, match=r"book/vgg\.md: vgg: a question ends with no"):
        asking.parted(cells("> **Predict first.** Why?\n"), "vgg")


def test_a_cell_that_asks_keeps_no_output_of_a_run():
    source = notebooks.nbformat.v4.new_notebook(cells=asking.parted(cells(BOX, "!x = 1"), "vgg"))
    stored = pairs.join(source, None, "vgg")
    for number, cell in enumerate((cell for cell in stored.cells if cell.cell_type == "code"), start=1):
        cell.execution_count, cell.outputs = number, []
    joined = pairs.join(source, stored, "vgg")
    assert [cell.get("execution_count") for cell in joined.cells] == [None, None, 2]
    assert joined.cells[1].outputs[0].data["text/plain"] == asking.LINE
    assert [cell.id for cell in joined.cells] == [cell.id for cell in stored.cells]


@pytest.mark.parametrize("broken", ["d2lite/widgets/questions.json", "book/vgg.ipynb"])
def test_what_is_stale_is_told(broken, monkeypatch, capsys):
    path, read = project.ROOT / broken, type(project.ROOT).read_bytes
    text = path.read_text("utf-8").replace("to commit your guess", "to guess", 1)
    monkeypatch.setattr(type(path), "read_bytes", lambda self: text.encode() if self == path else read(self))
    monkeypatch.setattr(
        pairs, "read_notebook", lambda name: notebooks.nbformat.reads(project.notebook(name).read_bytes().decode(), 4)
    )
    monkeypatch.setattr("sys.argv", ["sync", "--check", "vgg"])
    assert sync.main() == 1
    assert ("questions.json: not up to date" in capsys.readouterr().out) == broken.endswith("json")


def test_the_site_asks_in_its_own_way(site):
    for chapter in CHAPTERS:
        html = (site / f"{chapter}.html").read_text("utf-8")
        assert "widgets.Predict" not in html and asking.LINE not in html
    assert {"reader.js", "asking.js"} < {path.name for path in (site / "_static").glob("*.js")}
