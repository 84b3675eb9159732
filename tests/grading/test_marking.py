"""Marking a folder from the command line: reports, resuming, marks by hand, and what breaks on the way."""

import contextlib
import csv
import html
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import classroom
import nbformat
import pytest
import torch  # noqa: F401 - for the copies of this process below

from assignments.grader import __main__, course, grade, intake, records, run

NAME = course.find("ps2")
FIRST, *_ = classroom.solutions(NAME)
TEST = next(iter(course.tests(NAME)))
PEOPLE = 2


def command(submissions: Path, out: Path, *more: str) -> list[str]:
    unsafe = [] if classroom.sandboxed() else ["--unsafe"]
    line = [sys.executable, "-m", "assignments.grader", "grade", str(submissions), "--out", str(out), "--jobs", "2"]
    line += ["--due", "2020-01-01"]
    return [*line, *unsafe, *more]


def cli(submissions: Path, out: Path, *more: str) -> subprocess.CompletedProcess:
    line = command(submissions, out, *more)
    return subprocess.run(line, cwd=course.ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def again(monkeypatch, capsys):
    """``again(submissions, out, …)``: the same command within this process, which has loaded all; what it prints."""

    def given(submissions: Path, out: Path, *more: str) -> str:
        monkeypatch.setattr(sys, "argv", command(submissions, out, *more)[2:])
        capsys.readouterr()
        assert __main__.main() == 0
        return capsys.readouterr().out

    return given


def rows(out: Path) -> dict[str, dict]:
    with open(out / "grades.csv", encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def handed_in(base, tmp_path_factory):
    """A folder as it comes: right, blank, tampered with, of an old format, no notebook, and a few short ones."""
    folder = tmp_path_factory.mktemp("handed-in")
    classroom.hand_in(folder, "right", NAME, course.solved(NAME))
    tampered = classroom.notebook(base, NAME, {TEST: "pass"})
    classroom.hand_in(folder, "tampered", NAME, tampered)
    (folder / "nothing_ps2.docx").write_text("I am ill")
    old = nbformat.convert(nbformat.from_dict({**course.solved(NAME), "nbformat": 4, "nbformat_minor": 5}), 3)
    path = folder / "Old Format_1_assignsubmission_file_" / "ps2-batch-norm.ipynb"
    path.parent.mkdir()
    path.write_text(json.dumps(old), "utf-8")
    for number in range(PEOPLE):
        classroom.hand_in(folder, f"blank{number}", NAME, classroom.notebook(base, NAME, {FIRST: f"x = {number}"}))
    return folder


@pytest.fixture(scope="module")
def out(handed_in, tmp_path_factory):
    """The same folder marked in one go."""
    folder = tmp_path_factory.mktemp("marked")
    done = cli(handed_in, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[6/6]" in done.stdout and "Grades:" in done.stdout
    return folder


def test_the_table(out):
    table = rows(out)
    assert len(table) == 4 + PEOPLE and list(table) == sorted(table)
    auto = sum(course.graded(NAME).values()) - 3
    for student in ("right", "Old_Format"):
        assert float(table[student]["points"]) == auto and table[student]["open_by_hand"] == "3"
        assert table[student]["out_of"] == "20" and table[student]["status"] == "marked"
    assert "the old format 3" in table["Old_Format"]["remarks"]
    assert table["tampered"]["points"] == "0" and f"restored: {TEST}" in table["tampered"]["remarks"]
    assert table["nothing"]["status"] == "not marked" and "no notebook" in table["nothing"]["remarks"]
    assert table["blank0"]["points"] == "0" and table["blank0"]["status"] == "marked"
    assert table["blank0"]["late"] == "late"


def test_killed_half_way_and_resumed(handed_in, out, again, tmp_path):
    process = subprocess.Popen(
        command(handed_in, tmp_path), cwd=course.ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "records").rglob("*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = len(list((tmp_path / "records").rglob("*.json")))
    assert 2 <= kept < 4 + PEOPLE and not (tmp_path / "grades.csv").exists()
    assert f"{kept} of {4 + PEOPLE} are on record" in again(handed_in, tmp_path)
    assert (tmp_path / "grades.csv").read_bytes() == (out / "grades.csv").read_bytes()


def test_pages_for_students_show_their_work_and_no_hidden_test(out):
    right = (out / "feedback" / NAME / "right.html").read_text("utf-8")
    blank = (out / "feedback" / NAME / "blank0.html").read_text("utf-8")
    assert "17 of 20 points" in right and "3 more still to be marked by hand" in right
    assert "x = 0" in blank and "0 of 20 points" in blank
    for page in map(html.unescape, (right, blank)):
        assert "HIDDEN" not in page and "src=" not in page and "http" not in page.split("<h2>")[0]
        for code in course.tests(NAME).values():
            for line in code.splitlines():
                assert len(line) < 60 or line not in page


def test_the_summary(out):
    page = (out / "summary.html").read_text("utf-8")
    assert "<svg" in page and "6 handed in, 5 marked, 5 late" in page and "Said most often" in page
    assert page.index(TEST) and "no notebook: handed in nothing_ps2.docx" in page


def give(out: Path, student: str, points: float, comment: str) -> None:
    """Mark the written answer as the formgrader does."""
    with course.gradebook(out / "course") as book:
        (cell,) = course.by_hand(NAME)
        found = book.find_grade(cell, NAME, NAME, student)
        found.manual_score, found.needs_manual_grade = points, False
        book.find_comment(cell, NAME, NAME, student).manual_comment = comment
        book.db.commit()


def test_marks_by_hand_count_and_stay(handed_in, out, again):
    before = (out / "grades.csv").read_bytes()
    give(out, "right", 2.0, "Say <why> as well.")
    assert "6 of 6 are on record" in again(handed_in, out)
    row = rows(out)["right"]
    assert (row["points"], row["open_by_hand"]) == ("19", "0")
    assert "Say &lt;why&gt; as well." in (out / "feedback" / NAME / "right.html").read_text("utf-8")
    assert "[1/1]" in again(handed_in, out, "--student", "right")
    row = rows(out)["right"]
    assert (row["points"], row["open_by_hand"]) == ("19", "3"), "marked anew, the answer is to be looked at once more"
    with course.gradebook(out / "course") as book:
        (cell,) = course.by_hand(NAME)
        book.find_grade(cell, NAME, NAME, "right").manual_score = None
        book.db.commit()
    again(handed_in, out)
    assert (out / "grades.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--student", "nobody"], "there is nothing of 'nobody'; there are"),
        (["--set", "ps0"], "there is no problem set 'ps0'; there are ps1-training-loop"),
        (["--due", "tomorrow"], "is no date: write 2026-12-01T23:59"),
        (["--jobs", "0"], "is no number of jobs"),
    ],
)
def test_what_was_asked_wrongly(handed_in, tmp_path, monkeypatch, capsys, more, words):
    monkeypatch.setattr(sys, "argv", [*command(handed_in, tmp_path / "out")[2:], *more])
    with contextlib.suppress(SystemExit):
        assert __main__.main() == 1
    assert words in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_folder_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", command(tmp_path / "nowhere", tmp_path / "out")[2:])
    assert __main__.main() == 1
    assert "there is no folder" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_two_runs_do_not_share_a_folder(tmp_path):
    with records.alone(tmp_path), pytest.raises(records.BusyError, match="another run"), records.alone(tmp_path):
        pass


def dies(submission, options):
    if submission.student.startswith("deadly") and submission.path is not None:
        os._exit(1)
    time.sleep(0.5)
    return {"student": submission.student, "remarks": [], "digest": ""}


def test_a_worker_that_dies_takes_nobody_with_it(monkeypatch, tmp_path):
    monkeypatch.setattr(run.grade, "grade", dies)
    monkeypatch.setattr(run.grade, "digest", lambda submission, options: "")
    copies = multiprocessing.get_context("fork")  # of this process: to load all anew in each takes seconds
    monkeypatch.setattr(run, "multiprocessing", SimpleNamespace(get_context=lambda spawn: copies))
    waiting = [intake.Submission(student, NAME, tmp_path) for student in ("a", "deadly", "b", "deadly2", "c")]
    done: list[dict] = []
    run.mark_all(waiting, grade.Options(tmp_path), 2, done.append)
    assert sorted(one["student"] for one in done) == ["a", "b", "c", "deadly", "deadly2"]
    assert sorted(one["student"] for one in done if one["remarks"]) == ["deadly", "deadly2"]


def test_what_breaks_the_grader_is_a_line(monkeypatch, base, tmp_path):
    def broken(*args):
        raise OSError("the disk is full")

    monkeypatch.setattr(grade, "_mark", broken)
    path = classroom.hand_in(tmp_path, "a", NAME, course.solved(NAME))
    record = grade.grade(intake.Submission("a", NAME, path), grade.Options(base))
    assert record["remarks"] == ["the grader failed: OSError: the disk is full"] and record["status"] == "not marked"
    assert record["digest"] == "", "the next run must try again"


def test_a_broken_record_is_marked_anew(tmp_path):
    store = records.Records(tmp_path)
    store.write({"problem_set": NAME, "student": "a", "digest": "x"})
    assert store.read(NAME, "a")["digest"] == "x"
    store.path(NAME, "a").write_text("{")
    assert store.read(NAME, "a") is None and store.read(NAME, "b") is None


def test_a_new_text_or_submission_is_marked_anew(monkeypatch, base, tmp_path):
    one = intake.Submission("a", NAME, classroom.hand_in(tmp_path, "a", NAME, course.solved(NAME)))
    options = grade.Options(base)
    before = grade.digest(one, options)
    assert grade.digest(one, options) == before
    one.path.write_text(one.path.read_text("utf-8") + " ", "utf-8")
    changed = grade.digest(one, options)
    assert changed != before
    monkeypatch.setattr(grade, "_of_the_grader", lambda name: b"another text")
    assert grade.digest(one, options) != changed


def test_formulas_are_not_run_by_spreadsheets():
    from assignments.grader import report

    assert (
        report._no_formula("=cmd()") == "'=cmd()"
        and report._no_formula("anna") == "anna"
        and report._no_formula("") == ""
    )
