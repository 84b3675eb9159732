"""Problem sets: their form, and that right, blank and wrong work gets exactly the marks it must."""

import ast
import json
import shutil
import zipfile

import classroom
import nbformat
import pytest

from assignments.grader import course, release, trusted
from benchmarks import grading

NAMES = course.names()
SAMPLE = 1  # wrong variants of each problem set that are marked here; `make bench-grading ARGS=--variants` marks all


def asserts(code: str) -> list[ast.Assert]:
    return [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Assert)]


def hidden(code: str) -> str:
    """The hidden part of a test cell."""
    return "".join(course.HIDDEN.findall(code))


def test_they_are_numbered():
    assert NAMES and [course.short(name) for name in NAMES] == [f"ps{number}" for number in range(1, len(NAMES) + 1)]


@pytest.mark.parametrize("name", NAMES)
def test_form(name):
    graded, by_hand = course.graded(name), course.by_hand(name)
    where = f"assignments/source/{name}/{name}.md"
    assert 8 <= len(graded) <= 18 and sum(graded.values()) == 20, f"{where}: 20 points in 8 to 18 cells, not {graded}"
    assert len(by_hand) == 1 and graded[by_hand.pop()] == 3, f"{where}: one answer in words, for 3 points"
    assert all(points == int(points) > 0 for points in graded.values()), f"{where}: points are whole"


@pytest.mark.parametrize("name", NAMES)
def test_every_test_cell_shows_something_and_says_what_is_wrong(name):
    for grade_id, code in course.tests(name).items():
        assert asserts(course.visible(code)), f"{grade_id} shows no assert"
        assert all(node.msg is not None for node in asserts(code)), f"an assert of {grade_id} says nothing"
    own = {name for code in course.tests(name).values() for name in course.assigned(code)}
    theirs = {name for code in course.tests(name).values() for name in trusted.read(code)} & course.asked(name)
    assert theirs and not own & theirs, "a test hides a name of the student's from those after it"


def test_names_that_a_cell_defines():
    assert course.assigned("import a\nx = 1\ndef f():\n    y = 2\nfor z in x:\n    w, v = z") == {
        "x",
        "f",
        "z",
        "w",
        "v",
    }


@pytest.mark.parametrize("name", NAMES)
def test_nothing_secret_is_handed_out(base, name):
    text = course.released(base, name).read_text("utf-8")
    for word in ("SOLUTION", "HIDDEN TESTS"):
        assert word not in text
    notebook = nbformat.reads(text, as_version=4)
    released = {cell["id"]: cell.source for cell in notebook.cells}
    for cell, code in classroom.solutions(name).items():
        assert released[cell] != code and "YOUR CODE HERE" in released[cell]
    for cell, code in course.tests(name).items():
        for line in hidden(code).splitlines():
            # a line that stands in both parts, such as a loop's head, gives nothing away
            if len(line.strip()) > 40 and line not in course.visible(code):
                assert line not in released[cell]


@pytest.fixture
def prepared(base, monkeypatch):
    """Courses that a test prepares are copies of ``base``: nbgrader takes seconds to release all sets once more."""

    def copied(folder, names):
        shutil.copytree(base / "release", folder / "release")

    monkeypatch.setattr(course, "prepare", copied)


def test_notebooks_are_those_of_the_sources(prepared, tmp_path):
    for path, text in release.stored(tmp_path / "made").items():
        assert path.exists() and path.read_text("utf-8") == text, f"{path.name} is stale: make sync"


def test_what_is_handed_out(prepared, tmp_path):
    release.write(tmp_path)
    with zipfile.ZipFile(tmp_path / "release.zip") as archive:
        assert archive.namelist() == [f"{name}/{name}.ipynb" for name in NAMES]
        for name in NAMES:
            given = (tmp_path / "release" / name / f"{name}.ipynb").read_bytes()
            assert archive.read(f"{name}/{name}.ipynb") == given
            assert given == (course.RELEASE / name / f"{name}.ipynb").read_bytes()
            solved = (tmp_path / "solutions" / name / f"{name}.ipynb").read_text("utf-8")
            assert (
                "HIDDEN" not in solved
                and "BEGIN SOLUTION" not in solved
                and "YOUR CODE HERE" not in solved.replace("`# YOUR CODE HERE`", "")
            )


@pytest.mark.parametrize("name", NAMES)
def test_variants_are_complete(name):
    made = classroom.VARIANTS[name]
    where = f"tests/grading/variants_{course.short(name)}.py"
    assert name == made.SET and len(made.VARIANTS) >= 8, f"{where}: at least eight wrong variants of {name}"
    with_hidden = {cell for cell, code in course.tests(name).items() if hidden(code)}
    assert with_hidden <= set(made.CAUGHT) and with_hidden, f"{where}: CAUGHT lacks {with_hidden - set(made.CAUGHT)}"
    for cell, variant in made.CAUGHT.items():
        assert cell in made.VARIANTS[variant][1], f"{where}: {variant} does not cost {cell} its points"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("answer", "enough"), [("字" * 60, True), ("字" * 59, False), ("word " * 40, True), ("", False)]
)
def test_the_written_answer_is_measured_in_any_language(name, answer, enough):
    (code,) = (cell.source for cell in course.source(name).cells if cell["id"] == "written-length")
    if enough:
        exec(code, {"written": answer})
    else:
        with pytest.raises(AssertionError, match="at least 40 words, or 60 characters"):
            exec(code, {"written": answer})


@pytest.mark.parametrize("cell", ["test-measure", "test-measure-mode"])
@pytest.mark.parametrize("answer", [(0, 0), (0.0, 1.0)])
def test_a_measurement_of_nothing_earns_nothing(cell, answer):
    name = course.find("ps1")
    given = {one["id"]: one.source for one in course.source(name).cells}
    names: dict = {}
    for place in ("given-imports", "given-new-net"):
        exec(given[place], names)
    names["measure"] = lambda net, data: answer
    with pytest.raises(AssertionError):
        exec(course.tests(name)[cell], names)


@pytest.fixture(scope="module")
def records(base, tmp_path_factory):
    """Solved, blank, and a sample of the wrong variants, of every problem set, marked in one go."""
    folder = tmp_path_factory.mktemp("handed-in")
    for name in NAMES:
        classroom.hand_in(folder, "all-right", name, course.solved(name))
        classroom.hand_in(folder, "blank", name, classroom.notebook(base, name, {}))
        classroom.hand_in(folder, "emptied", name, classroom.emptied(base, name))
        for variant in sample(name):
            classroom.hand_in(folder, f"wrong-{variant}", name, classroom.wrong(base, name, variant))
    return classroom.marked(base, folder)


def sample(name: str) -> list[str]:
    """Some wrong variants, spread over the problem set."""
    return classroom.spread(list(classroom.VARIANTS[name].VARIANTS), SAMPLE)


@pytest.mark.parametrize("name", NAMES)
def test_solved_gets_full_marks(records, name):
    record = records[name, "all-right"]
    assert record["status"] == "marked" and record["remarks"] == [], classroom.said(record)
    assert classroom.zeros(record) == set(), classroom.said(record)
    assert list(record["by_hand"].values()) == [3.0]


@pytest.mark.parametrize("name", NAMES)
def test_blank_gets_nothing_and_is_no_error(records, name):
    record = records[name, "blank"]
    assert record["status"] == "marked" and record["remarks"] == []
    assert set(record["marks"].values()) == {0.0} and record["by_hand"] == {}


@pytest.mark.parametrize("student", ["blank", "emptied"])
@pytest.mark.parametrize("name", NAMES)
def test_unsolved_is_never_all_green(records, name, student):
    """Each test fails in what students see; and each cell to be solved is looked at by a visible test."""
    record = records[name, student]
    assert classroom.zeros(record) == set(course.tests(name)), classroom.said(record)
    assert [one["cell"] for one in record["cells"] if one.get("hidden")] == []
    assert "at least" in classroom.said(record), "the written answer is not asked for"


@pytest.mark.parametrize("name", NAMES)
def test_each_cell_to_be_solved_is_looked_at(name):
    seen = set()
    for cell in course.source(name).cells:
        if cell["id"] in course.tests(name) or cell["id"] == "written-length":
            seen |= {node.id for node in ast.walk(ast.parse(course.visible(cell.source))) if isinstance(node, ast.Name)}
    used = seen | {
        node.id
        for cell in course.source(name).cells
        if cell.cell_type == "code" and cell.metadata["nbgrader"]["locked"] and cell["id"] not in course.tests(name)
        if course.assigned(cell.source if "setup" not in cell.metadata.get("tags", []) else "") & seen
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Name)
    }
    for cell, code in classroom.solutions(name).items():
        assert course.assigned(code) & used, f"nothing that students see looks at {cell}"


@pytest.mark.parametrize(("name", "variant"), [(name, variant) for name in NAMES for variant in sample(name)])
def test_wrong_gets_what_is_right_in_it(records, name, variant):
    record = records[name, f"wrong-{variant}"]
    assert classroom.zeros(record) == classroom.VARIANTS[name].VARIANTS[variant][1], classroom.said(record)
    assert all(record["marks"][cell] in (0.0, points) for cell, points in course.graded(name).items())
    past = {one["cell"] for one in record["cells"] if one.get("hidden")}
    caught = {cell for cell, which in classroom.VARIANTS[name].CAUGHT.items() if which == variant}
    assert caught <= past, f"the visible tests of {caught - past} see this already"


def test_parts_of_a_run_are_all_of_it():
    variants = list("abcdefgh")
    parts = [grading.part_of(variants, f"{number}/3") for number in (1, 2, 3)]
    assert sorted("".join(map("".join, parts))) == variants and parts[1] == ["b", "e", "h"]
    for none in ("0/3", "4/3", "2"):
        with pytest.raises(ValueError):
            grading.part_of(variants, none)


def test_designs_are_ranked(records):
    board = records[course.find("ps6"), "all-right"]["board"]
    assert set(board) >= {"accuracy", "parameters", "macs"} and 0.5 < board["accuracy"] <= 1
    assert json.dumps(board)
