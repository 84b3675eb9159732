"""A private course: drawn by a secret, never the published form, and marked by what was drawn."""

import itertools
import os
import re
import sys
import zipfile

import classroom
import pytest

from assignments.grader import __main__, course, draws, grade, intake, sandbox

KEY = b"a secret of more than sixteen characters"
DRAWN = [name for name in course.names() if draws.table(name)]


def combinations(name: str) -> list[dict[str, int]]:
    """So many that each choice of each entry is in one of them."""
    entries = draws.table(name)
    most = max(len(entry["choices"]) for entry in entries)
    return [{entry["name"]: place % len(entry["choices"]) for entry in entries} for place in range(most)]


def test_most_sets_have_something_to_draw():
    assert len(DRAWN) >= 4


@pytest.mark.parametrize("name", DRAWN)
def test_every_choice_fits_the_source(name, tmp_path):
    for chosen in combinations(name):
        made = draws.make(name, KEY, "class", chosen)
        differ, same = draws.others(name, made, tmp_path / name)
        assert differ and same, f"{name} {chosen}: {differ}, {same}"
        assert not re.search(r"@[a-z]+@", made.text), f"{name} {chosen}: a number is missing"
        read = course.read(tmp_path / name / f"{name}.md")
        for cell in read.cells:
            if cell.cell_type == "code" and cell["id"] != "setup":
                compile(cell.source, cell["id"], "exec")


@pytest.mark.parametrize("name", course.names())
def test_the_same_secret_draws_the_same_and_another_another(name):
    public = (course.PUBLIC / name / f"{name}.md").read_text("utf-8")
    one, again, other = (draws.make(name, key, "a").text for key in (KEY, KEY, KEY[::-1]))
    assert one == again and len({public, one, other, draws.make(name, KEY, "b").text}) == 4
    hidden = [draws.SEED.findall("".join(course.HIDDEN.findall(text))) for text in (public, one)]
    assert hidden[0] and len(hidden[0]) == len(hidden[1])
    assert not any(after == before for before, after in zip(*hidden)), "a seed of a hidden test is the published one"


def test_classes_differ():
    texts = {tuple(draws.make(name, KEY, f"class {number}").drawn.items()) for number in range(40) for name in ["ps2"]
             for name in [course.find(name)]}  # fmt: skip
    assert len(texts) == 2 * 4, "every combination of what ps2 draws is some class's"


def test_what_stays_public_is_said(tmp_path):
    (folder,) = draws.write(tmp_path / "own", KEY, ["spring"])
    said = (folder / draws.README).read_text("utf-8")
    assert "Course of spring: private" in said
    for name in course.names():
        part = said.split(f"## {name}\n")[1].split("\n## ")[0]
        solutions = set(classroom.solutions(name)) - course.by_hand(name)
        told = {cell for line in part.splitlines() if "solutions" in line for cell in line.split(": ")[1].split(", ")}
        assert told - {"none"} == solutions
    with zipfile.ZipFile(folder / "release.zip") as archive:
        text = "".join(archive.read(name).decode() for name in archive.namelist())
    assert "SOLUTION" not in text and "HIDDEN" not in text
    assert course.SOURCE == course.PUBLIC and course.PRIVATE not in os.environ, "the public sets are what counts again"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["course", "--out", str(course.ROOT / "own"), "--secret", "SECRET"], "lies in the repository"),
        (["course", "--out", "OUT", "--secret", str(course.ROOT / "secret")], "lies in the repository"),
        (["course", "--out", "OUT", "--secret", "SHORT"], "fewer than 16 characters"),
        (["grade", "OUT", "--course", "OUT"], "there is no private course in"),
    ],
)
def test_what_is_refused(monkeypatch, capsys, tmp_path, more, words):
    (tmp_path / "short").write_text("abc")
    places = {"OUT": "out", "SECRET": "secret", "SHORT": "short"}
    line = [str(tmp_path / places[word]) if word in places else word for word in more]
    monkeypatch.setattr(sys, "argv", ["assignments.grader", *line])
    assert __main__.main() == 1 and words in capsys.readouterr().err
    assert course.SOURCE == course.PUBLIC
    assert not (course.ROOT / "own").exists() and not (course.ROOT / "secret").exists()


def test_a_secret_is_made_once_and_is_the_teachers_alone(tmp_path):
    path = tmp_path / "deep" / "secret"
    first = draws.secret(path)
    assert len(first) == 64 and draws.secret(path) == first and path.stat().st_mode & 0o777 == 0o600


def test_a_change_that_has_nothing_to_change_is_an_error():
    with pytest.raises(draws.DrawError, match="has no longer 'gone'"):
        draws.applied("text", [["gone", "here"]], {}, "ps0")


@pytest.mark.slow(40)
def test_a_private_course_is_marked_by_what_was_drawn(monkeypatch, tmp_path):
    """Its own solution gets all points, the published one those of what stays public."""
    name = course.find("ps2")
    monkeypatch.setattr(course, "names", lambda: [name])
    (folder,) = draws.write(tmp_path / "own", KEY, ["class"])
    published = course.solved(name)
    try:
        course.use(folder)
        course.prepare(tmp_path / "base", [name])
        own = classroom.notebook(tmp_path / "base", name, classroom.solutions(name))
        texts = {cell["id"]: cell.source for cell in published.cells if cell["id"] in classroom.solutions(name)}
        copied = classroom.notebook(tmp_path / "base", name, texts)
        options = grade.Options(tmp_path / "base", not classroom.sandboxed(), limits=sandbox.Limits(total=300))
        found = {}
        for student, made in (("own", own), ("copied", copied)):
            path = classroom.hand_in(tmp_path / "in", student, name, made)
            found[student] = grade.grade(intake.Submission(student, name, path), options)
        assert classroom.zeros(found["own"]) == set(), classroom.said(found["own"])
        assert classroom.zeros(found["copied"]) >= {"test-running", "test-idle", "test-group-norm"}
    finally:
        course.use(None)


def test_each_combination_is_counted():
    assert sum(1 for _ in itertools.chain.from_iterable(combinations(name) for name in DRAWN)) >= 12
