"""From scratch is asked: what does it for a student gets a remark for the teacher, and nothing else does."""

import classroom
import nbformat
import pytest

from assignments.grader import course, grade, notebooks, report, scratch

PS1, PS2, PS6 = course.find("ps1"), course.find("ps2"), course.find("ps6")


@pytest.mark.parametrize("name", course.names())
def test_solutions_and_what_is_handed_out_get_no_remark(base, name):
    released = nbformat.read(course.released(base, name), as_version=4)
    for notebook in (course.solved(name), released):
        assert scratch.remarks(name, grade.students(notebook, name)) == []


@pytest.mark.parametrize("name", course.names())
def test_cells_of_the_table_are_cells(name):
    known = {*classroom.solutions(name), "*", scratch.OWN}
    assert {cell.lstrip("-") for cells, _ in scratch.table(name) for cell in cells} <= known


def test_each_row_is_of_a_set():
    lines = scratch.place().read_text("utf-8").splitlines()[1:]
    assert {line.split(",")[0] for line in lines} <= {course.short(name) for name in course.names()}


@pytest.mark.parametrize(
    ("name", "cell", "source", "words"),
    [
        (
            PS2,
            "batch-norm",
            "class BatchNorm(nn.BatchNorm2d):\n    pass",
            "batch-norm: `nn.BatchNorm2d` (line 1)",
        ),
        (
            PS2,
            "group-norm",
            "def group_norm(*x):\n    return F.group_norm(*x)",
            "`F.group_norm` (line 2)",
        ),
        (PS2, "group-norm", "from torch import native_group_norm as mine", "`native_group_norm` (line 1)"),
        (PS2, "fold-before", "from torch.nn import *\nlayer = BatchNorm1d(3)", "`BatchNorm1d` (line 2)"),
        (PS2, "fold-before", "layer = getattr(nn, 'BatchNorm1d')(3)", "`'BatchNorm1d'`"),
        (PS2, "fold-before", "layer = nn.__dict__['BatchNorm1d'](3)", "nn.__dict__['BatchNorm1d']"),
        (PS2, "fold-before", "%matplotlib inline\nexec('y = F.batch_norm(x)')", "(line 2)"),
        (PS2, "fold-before", "y = F.batch_norm(x\n", "`batch_norm` (line 1)"),
        (PS2, "", "layer = nn.BatchNorm1d(3)", ""),
        (PS1, "cross-entropy-gradient", "dX, = torch.autograd.grad(y, [X])", "`torch.autograd.grad` (line 1)"),
        (PS2, "moments", "X.detach().requires_grad_()", ""),
        (PS2, "repaired-net", "nn.BatchNorm2d(3)", ""),
        (PS2, "fold-before", "# not F.batch_norm\ntext = 'F.batch_norm'\nself.batch_norm = 1", ""),
        (PS2, "fold-before", "def batch_norm(x):\n    return x\nbatch_norm(1)", ""),
        (PS1, "cross-entropy", "def cross_entropy(x, y):\n    return F.cross_entropy(x, y)", "`F.cross_entropy`"),
        (PS6, "train", "table = digits.test.images", "`digits.test` (line 1)"),
        (PS6, "train", "table = DATA['test']", "`DATA['test']` (line 1)"),
    ],
)
def test_what_does_it_for_a_student(name, cell, source, words):
    said = scratch.remarks(name, [(cell, source)])
    assert (words in said[0] and len(said) == 1) if words else said == []


@pytest.mark.parametrize(
    "own",
    [
        "mine = nn.BatchNorm1d(3)",
        "from torch.nn import BatchNorm1d as mine",
        "def mine(x):\n    return F.batch_norm(x)",
    ],
)
def test_a_cell_of_ones_own_that_a_solution_uses(own):
    (said,) = scratch.remarks(PS2, [("", own), ("moments", "def moments(X):\n    return mine(X)")])
    assert "look at a cell of the student's own: `" in said
    assert scratch.remarks(PS2, [("", own), ("moments", "def moments(X, mine):\n    return mine(X)")]) == []


def test_the_remark_is_the_teachers_and_costs_nothing(base, tmp_path):
    delegated = classroom.notebook(base, PS2, {"group-norm": "def group_norm(*a):\n    return F.group_norm(*a)"})
    path = classroom.hand_in(tmp_path, "a", PS2, delegated)
    read, _ = notebooks.load(path, nbformat.read(course.released(base, PS2), as_version=4))
    look = scratch.remarks(PS2, grade.students(read, PS2))
    record = {"student": "a", "problem_set": PS2, "out_of": 20.0, "late": False, "status": "marked", "remarks": ["x"]}
    line = report.row({**record, "look": look}, {"group-norm": {"points": 2.0, "open": 0.0}})
    assert "F.group_norm" in line["remarks"] and line["points"] == "2"
    page = report.PAGES.get_template("feedback.html").render(
        record={**record, "look": look, "name": "", "cells": []}, questions=[], row=line
    )
    assert "group_norm" not in page and "<li>x</li>" in page
