"""Submissions as they come: names of every kind, notebooks of every age, cells lost, doubled and tampered with."""

import json
import os
import time
from datetime import datetime
from pathlib import Path

import classroom
import nbconvert
import nbformat
import pytest

from assignments.grader import course, grade, intake, notebooks

NAME = course.find("ps2")
FIRST, *_ = classroom.solutions(NAME)
TEST = next(iter(course.tests(NAME)))


@pytest.fixture
def released(base):
    return nbformat.read(course.released(base, NAME), as_version=4)


@pytest.mark.parametrize(
    ("path", "student", "name", "late"),
    [
        ("miller_anna_ps2.ipynb", "miller_anna", "ps2", False),
        ("miller_anna_PS2.ipynb", "miller_anna", "ps2", False),
        ("ps2_miller_anna.ipynb", "miller_anna", "ps2", False),
        ("miller_anna_ps2-batch-norm.ipynb", "miller_anna", "ps2", False),
        ("miller_anna_ps2 (1).ipynb", "miller_anna", "ps2", False),
        ("week 2/miller_anna_ps2.ipynb", "miller_anna", "ps2", False),
        ("ps2/miller_anna.ipynb", "miller_anna", "ps2", False),
        ("Anna Miller_48213_assignsubmission_file_/ps2-batch-norm.ipynb", "Anna_Miller", "ps2", False),
        ("Anna Miller_48213_assignsubmission_file/alice_ps2.ipynb", "Anna_Miller", "ps2", False),
        ("milleranna_48213_990_ps2-batch-norm-1.ipynb", "milleranna", "ps2", False),
        ("milleranna_LATE_48213_990_ps2-batch-norm.ipynb", "milleranna", "ps2", True),
        ("miller_anna/ps6.ipynb", "miller_anna", "ps6", False),
        ("miller_anna/homework.ipynb", "miller_anna", None, False),
        ("Müller-Lüdenscheidt_Jörg_ps1.ipynb", "Müller-Lüdenscheidt_Jörg", "ps1", False),
        ("caps2_lock.ipynb", "caps2_lock", None, False),
        ("=cmd()_ps2.ipynb", "cmd", "ps2", False),
    ],
)
def test_names(tmp_path, path, student, name, late):
    found = intake.who(tmp_path / path, tmp_path)
    assert (found.student, found.problem_set, found.late) == (student, name and course.find(name), late)


def test_two_of_one_name_are_told_apart(tmp_path):
    for place in (
        "Li Wei_31_assignsubmission_file_",
        "Li Wei_32_assignsubmission_file_",
        "Zoe_41_assignsubmission_file_/hw",
    ):
        put(tmp_path, f"{place}/ps2.ipynb")
    assert [one.student for one in intake.find(tmp_path)] == ["Li_Wei_31", "Li_Wei_32", "Zoe"]


def test_nobody_hands_in_for_another(tmp_path):
    put(tmp_path, "alice_ps2.ipynb")
    put(tmp_path, "Mallory M_22_assignsubmission_file_/alice_ps2.ipynb")
    assert [one.student for one in intake.find(tmp_path)] == ["Mallory_M", "alice"]


def test_a_link_is_no_notebook(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    target = put(outside, "solution.ipynb", course.text(course.solved(NAME)))
    inside.mkdir()
    (inside / "bob_ps2.ipynb").symlink_to(target)
    (inside / "carl").symlink_to(outside)
    found = intake.find(inside)
    assert [one.path for one in found] == [None] * len(found)
    assert found[0].student == "bob" and "bob_ps2.ipynb is a link" in found[0].remarks[0]


def test_names_fit_into_file_names(tmp_path):
    put(tmp_path, b"\xfc" * 240 + b"_ps2.ipynb")
    put(tmp_path, "___ps2.ipynb")
    long, nameless = sorted((one.student for one in intake.find(tmp_path)), key=len, reverse=True)
    assert len(long.encode()) <= intake.LONGEST and long.startswith("üü") and nameless == "nameless"


def put(folder: Path, name: str | bytes, text: str = "{}", age: float = 0) -> Path:
    path = os.path.join(os.fsencode(folder), os.fsencode(name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.utime(path, (time.time() - age,) * 2)
    return Path(os.fsdecode(path))


def test_names_that_are_no_utf8(tmp_path):
    put(tmp_path, b"m\xfcller_j\xf6rg_ps2.ipynb")
    put(tmp_path, "mu\u0308ller_anna_ps2.ipynb")
    anna, joerg = intake.find(tmp_path)
    assert (anna.student, anna.remarks) == ("müller_anna", [])
    assert (joerg.student, len(joerg.remarks)) == ("müller_jörg", 1)
    assert "no UTF-8: read as müller_jörg_ps2.ipynb" in joerg.remarks[0]


def test_the_newest_of_several_counts(tmp_path):
    put(tmp_path, "a_ps2.ipynb", age=100)
    new = put(tmp_path, "again/a_ps2.ipynb", age=50)
    (one,) = intake.find(tmp_path)
    assert one.path == new and "several notebooks: the newest counts, not a_ps2.ipynb" in one.remarks[0]


def test_no_notebook_is_a_line(tmp_path, base):
    put(tmp_path, "a_ps2.pdf")
    (tmp_path / "b_12_assignsubmission_file_").mkdir()
    put(tmp_path, "__MACOSX/._a_ps2.ipynb")
    put(tmp_path, ".DS_Store")
    first, second = intake.find(tmp_path, NAME)
    assert (first.student, first.remarks) == ("a", ["no notebook: handed in a_ps2.pdf"])
    assert (second.student, second.remarks) == ("b", ["no notebook: an empty folder"])
    record = grade.grade(first, grade.Options(base))
    assert record["status"] == "not marked" and set(record["marks"].values()) == {0.0}


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(intake.IntakeError, match="there is no folder"):
        intake.find(tmp_path / "nowhere")
    with pytest.raises(intake.IntakeError, match="no notebooks"):
        intake.find(tmp_path)


def test_a_set_that_the_name_does_not_tell(tmp_path, base):
    put(tmp_path, "a/homework.ipynb", course.text(course.solved(NAME)))
    put(tmp_path, "b/homework.ipynb", course.text(nbformat.v4.new_notebook()))
    known, unknown = sorted(intake.find(tmp_path), key=lambda one: one.student)
    assert known.problem_set == NAME and unknown.problem_set == "unknown"
    record = grade.grade(unknown, grade.Options(base))
    assert "cannot be told: put ps1, ps2" in record["remarks"][-1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"not json", "not a notebook"),
        (b"[1, 2]", "not a notebook"),
        (b'{"cells": 3, "nbformat": 4}', "not a notebook"),
        (b"[" * 100_000, "not a notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', "none of its cells"),
        (b"\xff\xfe\x00", "not a notebook"),
        (json.dumps({"cells": [{}] * 2000, "nbformat": 4}).encode(), "more than 1000 cells"),
        (json.dumps({"cells": [{"source": "x" * 3 * 2**20}], "nbformat": 4}).encode(), "more than 2 MiB of text"),
    ],
)
def test_what_is_no_notebook_is_a_line(tmp_path, base, content, words):
    path = tmp_path / "a_ps2.ipynb"
    path.write_bytes(content)
    record = grade.grade(intake.Submission("a", NAME, path), grade.Options(base))
    assert record["status"] == "not marked" and words in record["remarks"][0]
    assert set(record["marks"].values()) == {0.0}


def test_too_large_is_a_line(tmp_path, monkeypatch, released):
    monkeypatch.setattr(notebooks, "LARGEST", 1000)
    path = classroom.hand_in(tmp_path, "a", NAME, released)
    with pytest.raises(notebooks.NotebookError, match="ask for it without outputs"):
        notebooks.load(path, released)


def test_fifty_megabytes_of_output_are_left_out(tmp_path, released):
    made = nbformat.from_dict(released)
    made.cells[1].outputs = [nbformat.v4.new_output("stream", text="x" * 50 * 2**20)]
    path = classroom.hand_in(tmp_path, "a", NAME, made)
    assert path.stat().st_size > 50 * 2**20
    read, remarks = notebooks.load(path, released)
    assert len(remarks) == 1 and remarks[0].startswith("50 MiB, nearly all of it outputs")
    assert len(course.text(read)) < 2**20


def older(notebook, major: int) -> dict:
    """A notebook as older Jupyters wrote it."""
    old = nbformat.convert(nbformat.from_dict({**notebook, "nbformat": 4, "nbformat_minor": 5}), major)
    return json.loads(json.dumps(old))


@pytest.mark.parametrize("major", [3, 4])
def test_older_formats(tmp_path, released, major):
    made = nbformat.from_dict(released)
    change(made, FIRST, "mine = 1")
    data = older(made, 3) if major == 3 else {**json.loads(course.text(made)), "nbformat_minor": 0}
    if major == 4:
        for cell in data["cells"]:
            cell.pop("id")
    path = put(tmp_path, "a_ps2.ipynb", json.dumps(data))
    read, remarks = notebooks.load(path, released)
    assert remarks == (["a notebook of the old format 3, read all the same"] if major == 3 else [])
    assert [cell.source for cell in read.cells if cell.get("id") == FIRST] == ["mine = 1"]


def change(notebook, cell_id: str, source: str) -> None:
    (cell,) = (cell for cell in notebook.cells if cell["id"] == cell_id)
    cell.source = source


def loaded(tmp_path, released, made):
    return notebooks.load(classroom.hand_in(tmp_path, "a", NAME, made), released)


def test_a_tampered_test_is_restored(tmp_path, released):
    made = nbformat.from_dict(released)
    change(made, TEST, "pass")
    for cell in made.cells:
        if cell["id"] == TEST:
            cell.metadata.nbgrader = {
                **cell.metadata.nbgrader,
                "points": 500,
                "grade": False,
                "locked": False,
                "solution": True,
            }
            cell.metadata.tags = ["trusted"]
    read, remarks = loaded(tmp_path, released, made)
    assert remarks == [f"cells changed and restored: {TEST}"]
    assert [(cell.source, cell.metadata) for cell in read.cells if cell["id"] == TEST] == [
        (cell.source, cell.metadata) for cell in released.cells if cell["id"] == TEST
    ]


def test_lost_cells_are_put_back(tmp_path, released):
    made = nbformat.from_dict(released)
    made.cells = [cell for cell in made.cells if cell["id"] not in (TEST, FIRST, "setup")]
    read, remarks = loaded(tmp_path, released, made)
    assert remarks == [f"cells missing and put back: setup, {FIRST}, {TEST}"]
    order = [cell["id"] for cell in released.cells if cell.cell_type == "code"]
    assert [cell["id"] for cell in read.cells if cell["id"] in order] == order
    assert next(cell.source for cell in read.cells if cell["id"] == FIRST) == notebooks.LOST


def test_doubled_cells_the_last_counts(tmp_path, released):
    made = nbformat.from_dict(released)
    place = next(index for index, cell in enumerate(made.cells) if cell["id"] == FIRST)
    copy = nbformat.from_dict(made.cells[place])
    copy.source, copy["id"] = "second = True", "another"
    made.cells[place].source = "first = True"
    made.cells.insert(place + 1, copy)
    read, remarks = loaded(tmp_path, released, made)
    assert remarks == [f"cells there twice, the last one counts: {FIRST}"]
    sources = [cell.source for cell in read.cells]
    assert sources.index("first = True") < sources.index("second = True")
    assert next(cell for cell in read.cells if cell["id"] == FIRST).source == "second = True"


def test_a_students_own_cells_stay_and_are_only_theirs(tmp_path, released):
    made = nbformat.from_dict(released)
    place = next(index for index, cell in enumerate(made.cells) if cell["id"] == FIRST)
    own = nbformat.v4.new_code_cell(
        "import os", metadata={"tags": ["trusted"], "nbgrader": {"locked": True, "grade_id": "mine"}}
    )
    made.cells.insert(place, own)
    read, remarks = loaded(tmp_path, released, made)
    (kept,) = (cell for cell in read.cells if cell.source == "import os")
    assert remarks == [] and kept.metadata == {}


def test_a_students_text_is_quoted(tmp_path, released):
    made = nbformat.from_dict(released)
    made.cells.insert(3, nbformat.v4.new_markdown_cell("```\n<script>alert(1)</script>\n````"))
    read, remarks = loaded(tmp_path, released, made)
    own = [cell.source for cell in read.cells if cell.cell_type == "markdown" and cell["id"] not in ids(released)]
    assert remarks == [] and own == ["`````text\n```\n<script>alert(1)</script>\n````\n`````"]
    page, _ = nbconvert.HTMLExporter().from_notebook_node(read)
    assert "<script>alert(1)" not in page and "alert(1)" in page


def ids(notebook) -> set[str]:
    return {cell["id"] for cell in notebook.cells}


def test_the_questions_are_those_handed_out(tmp_path, released):
    made = nbformat.from_dict(released)
    for cell in made.cells:
        if cell["id"] == "text-0":
            cell.source = "Another question"
    read, _ = loaded(tmp_path, released, made)
    assert [c.source for c in read.cells if c["id"] in ids(released) and c.cell_type == "markdown"] == [
        c.source for c in released.cells if c.cell_type == "markdown"
    ]


def test_lost_metadata_is_found_again_by_the_cells_ids(tmp_path, released):
    made = nbformat.from_dict(released)
    for cell in made.cells:
        cell.metadata = {}
    change(made, FIRST, "mine = 1")
    read, remarks = loaded(tmp_path, released, made)
    assert remarks == []
    assert next(cell for cell in read.cells if cell["id"] == FIRST).metadata.nbgrader.solution


@pytest.mark.parametrize(
    ("due", "marked_late", "late"),
    [(None, False, False), (None, True, True), ("2026-12-01T12:00", False, True), ("2026-12-01T12:02", False, False)],
)
def test_late(due, marked_late, late, tmp_path):
    one = intake.Submission("a", NAME, None, datetime(2026, 12, 1, 12, 1), marked_late)
    options = grade.Options(tmp_path, due=due and datetime.fromisoformat(due))
    assert grade.late(one, options) is late
