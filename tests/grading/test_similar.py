"""The report of what is alike: a copy is found however it is dressed up, and what everybody writes is not."""

import random

import classroom

from assignments.grader import course, report, similar

NAME = course.find("ps2")
WRITTEN = next(iter(course.by_hand(NAME)))

VOCABULARY = ["mean", "batch", "network", "running", "test", "layer"]
#: ways to write three functions, none of them the solution's
MOMENTS = [
    "def moments(X):\n    Y = X.transpose(0, 1).flatten(1)\n    return Y.mean(1), Y.var(1, unbiased=False)",
    "def moments(X):\n    dims = [0] + list(range(2, X.ndim))\n    m = X.mean(dim=dims)\n"
    "    return m, X.var(dim=dims, correction=0)",
    "def moments(X):\n    flat = X.movedim(1, -1).reshape(-1, X.shape[1])\n    mu = flat.sum(0) / len(flat)\n"
    "    return mu, ((flat - mu) ** 2).sum(0) / len(flat)",
    "def moments(X):\n    return tuple(map(torch.stack, zip(*[(c.mean(), (c - c.mean()).square().mean()) "
    "for c in X.unbind(1)])))",
]
AFFINE = [
    "def as_affine(mean, var, gamma, beta, eps=1e-5):\n    a = gamma * (var + eps).rsqrt()\n"
    "    return a, beta - a * mean",
    "def as_affine(mean, var, gamma, beta, eps=1e-5):\n    std = (var + eps) ** 0.5\n"
    "    return gamma / std, beta - gamma * mean / std",
    "def as_affine(mean, var, gamma, beta, eps=1e-5):\n    scale = gamma.div(torch.sqrt(var.add(eps)))\n"
    "    shift = torch.addcmul(beta, mean, scale, value=-1)\n    return scale, shift",
]
INVENTORY = [
    "def inventory(shape):\n    n = 1\n    for axis, side in enumerate(shape):\n        n *= 1 if axis == 1 else side\n"
    "    return n, 2 * shape[1], 1 + 2 * shape[1]",
    "def inventory(shape):\n    images, c, *places = shape\n    values = images * math.prod(places)\n"
    "    learned = c + c\n    return values, learned, learned + 1",
]
ODD = """def fold_before(weight, bias, a, b):
    view = [1, len(a)] + (weight.dim() - 2) * [1]
    ones = torch.ones(weight.shape[2:]).to(weight)
    moved = torch.tensordot(weight, b.view(*view[1:]) * ones, weight.dim() - 1)
    start = torch.zeros(len(weight)).to(weight) if bias is None else bias
    return torch.mul(weight, a.view(*view)), torch.lerp(start, moved + start, 1.0) - 0
"""
DRESSED = '''def fold_before(weight, bias, a, b):
    """My own work."""
    # first the shape
    form = [1, len(a)] + (weight.dim() - 2) * [1]   # one for each axis
    u = torch.ones(weight.shape[2:]).to(weight)
    s = torch.tensordot(
        weight, b.view(*form[1:]) * u, weight.dim() - 1)
    b0 = torch.zeros(len(weight)).to(weight) if bias is None else bias

    return torch.mul(weight, a.view(*form)), torch.lerp(b0, s + b0, 1.0) - 0
'''


def record(student: str, cells: dict[str, str]) -> dict:
    made = [{"cell": cell, "source": source, "test": False} for cell, source in cells.items()]
    return {"student": student, "problem_set": NAME, "cells": made}


def a_class(count: int = 24) -> list[dict]:
    """Everybody has written three functions alone; many have the same by chance, and all the rest of the solution."""
    dice = random.Random(0)
    given = classroom.solutions(NAME)
    return [
        record(
            f"s{number:02d}",
            {
                **given,
                "moments": dice.choice(MOMENTS),
                "as-affine": dice.choice(AFFINE),
                "inventory": dice.choice(INVENTORY),
                WRITTEN: f"written = '''{' '.join(dice.choices(VOCABULARY, k=60))}'''",
            },
        )
        for number in range(count)
    ]


def with_cells(one: dict, **cells: str) -> dict:
    for entry in one["cells"]:
        entry["source"] = cells.get(entry["cell"], entry["source"])
    return one


def test_a_copy_that_was_dressed_up_comes_first():
    people = a_class()
    with_cells(people[3], **{"fold-before": ODD})
    with_cells(people[17], **{"fold-before": DRESSED})
    found = similar.compare(NAME, people)
    first, second, *_ = found["pairs"]
    assert first["students"] == ("s03", "s17") and first["cells"][0][0] == "fold-before"
    assert first["alone"] > 3 * second["alone"] and found["pairs_count"] == 24 * 23 / 2
    assert similar.tokens(ODD) == similar.tokens(DRESSED)


def test_a_copied_answer_is_found():
    people = a_class()
    answer = (
        "each batch pulls the statistics a tenth of the way so twenty of them forget nearly all that was seen before"
    )
    with_cells(people[5], **{WRITTEN: f"written = '''Well, {answer}.'''"})
    with_cells(people[6], **{WRITTEN: f"written = '''I think that {answer.replace('nearly', 'almost')}!'''"})
    (first, *_) = similar.compare(NAME, people)["pairs"]
    assert first["students"] == ("s05", "s06") and first["cells"][0][0] == WRITTEN


def test_a_copied_answer_in_chinese_is_found():
    """No space parts its words: without a look at the characters, a whole clause is one word."""
    people, dice = a_class(), random.Random(1)
    usual = ["均值来自这一批图像", "网络在测试时用滑动平均", "每一层都有两个数", "批量很小时方差不可靠"]
    for one in people:
        answer = "，".join(dice.choices(usual, k=6))
        with_cells(one, **{WRITTEN: f"written = '''{answer}'''"})
    one = "我想，每一批都把统计量拉近十分之一，所以二十批之后先前看到的几乎全忘了"
    other = "每一批，都把统计量拉近十分之一，因此二十批之后先前看到的差不多全忘了"
    with_cells(people[5], **{WRITTEN: f"written = '''{one}'''"})
    with_cells(people[6], **{WRITTEN: f"written = '''{other}'''"})
    (first, *_) = similar.compare(NAME, people)["pairs"]
    assert first["students"] == ("s05", "s06") and first["cells"][0][0] == WRITTEN and first["alone"] >= 10
    assert similar.words("用 BatchNorm 时，均值") == ["用", "batchnorm", "时", "均", "值"]


def test_the_solution_and_what_was_handed_out_are_nothing():
    people = a_class(12)
    for number in (4, 5):  # these two have every cell as it is solved, and have left the answer as it was handed out
        cells = {**classroom.solutions(NAME), WRITTEN: f'written = """\n{similar.STUB}\n"""'}
        people[number] = record(f"s{number:02d}", cells)
    found = similar.compare(NAME, people)
    assert ("s04", "s05") not in [pair["students"] for pair in found["pairs"]]
    assert similar.compare(NAME, people[:1]) is None


def test_the_order_of_submissions_does_not_matter():
    people = a_class(8)
    with_cells(people[1], **{"fold-before": ODD})
    with_cells(people[2], **{"fold-before": DRESSED})
    first, second = (similar.compare(NAME, order)["pairs"] for order in (people, people[::-1]))
    assert [set(pair["students"]) for pair in first] == [set(pair["students"]) for pair in second]
    assert [pair["alone"] for pair in first] == [pair["alone"] for pair in second]


def test_edits_are_counted():
    people = a_class(6)
    with_cells(people[0], **{"fold-before": ODD})
    with_cells(people[1], **{"fold-before": DRESSED.replace(" - 0", " - 0.5")})
    (first, *_) = similar.compare(NAME, people)["pairs"]
    cells = {cell: source for cell, source, _ in first["cells"]}
    assert first["students"] == ("s00", "s01") and "fold-before" in cells and 0 < first["edited"] < first["tokens"]


def test_code_that_is_no_python_is_compared_too():
    assert similar.tokens("def f(:\n  'x") and similar.tokens("") == [] and similar.runs([], 3) == set()
    assert similar.runs(["a", "b"], 3) == {("a", "b")}


def test_the_page_says_its_limits_and_shows_code_as_text():
    people = a_class(6)
    with_cells(people[0], **{"fold-before": ODD + "\nx = '<script>alert(1)</script>'"})
    with_cells(people[1], **{"fold-before": DRESSED})
    page = report.PAGES.get_template("similar.html").render(sets=[similar.compare(NAME, people)])
    assert "No line of this page proves anything" in page and "<script>" not in page and "&lt;script&gt;" in page
    assert "s00, s01" in page
