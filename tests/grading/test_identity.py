"""Whose work it is: nobody's is lost, nobody's counts for another, and what cannot be told is said."""

import os
import sys
from datetime import datetime
from pathlib import Path

import classroom
import pytest

from assignments.grader import __main__, course, intake, naming, roster, run, session, workplace

NAME = course.find("ps2")
MOODLE = "_assignsubmission_file_"


def put(folder: Path, *names: str, age: float = 0) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        os.utime(path, (1_700_000_000 - age,) * 2)


def table(folder: Path, text: str, encoding: str = "utf-8") -> roster.Roster:
    path = folder / "roster.csv"
    path.write_text(text, encoding)
    return roster.read(path)


def people(folder: Path, known: roster.Roster | None = None) -> dict[str, str | None]:
    """Who handed in what."""
    found = intake.find(folder, NAME, known)
    assert len({one.student.casefold() for one in found}) == len(found), "one would be written over another"
    return {one.student: one.path and str(one.path.relative_to(folder)) for one in found}


def said(folder: Path, student: str, known: roster.Roster | None = None) -> str:
    return "; ".join(next(one for one in intake.find(folder, NAME, known) if one.student == student).remarks)


@pytest.mark.parametrize(
    "name",
    [
        "Copy of ps2-batch-norm.ipynb",
        "ps2_final.ipynb",
        "homework/ps2-batch-norm.ipynb",
        "ps2 (1).ipynb",
        "x/y/ps2.ipynb",
    ],
)
def test_a_folder_for_each_student_decides(tmp_path, name):
    for student in ("miller_anna", "ng_ben", "lee_cy"):
        put(tmp_path, f"{student}/{name}")
    assert people(tmp_path) == {student: f"{student}/{name}" for student in ("lee_cy", "miller_anna", "ng_ben")}


@pytest.mark.parametrize("his", ["bob_ps2.ipynb", "bob/ps2.ipynb", "bob/bob_ps2.ipynb", "section A/bob_ps2.ipynb"])
@pytest.mark.parametrize("hers", [["anna/ps2.ipynb"], ["anna/anna_ps2.ipynb"], []])
def test_nobody_replaces_the_work_of_another(tmp_path, his, hers):
    put(tmp_path, his, *hers, age=100)
    put(tmp_path, "anna/bob_ps2.ipynb")
    found = people(tmp_path)
    assert found == {"anna": "anna/bob_ps2.ipynb", "bob": his}
    assert "called bob_ps2.ipynb, in the folder anna: the folder decides" in said(tmp_path, "anna")
    assert not hers or f"not {hers[0]}" in said(tmp_path, "anna")


def test_a_folder_of_many_is_nobodys(tmp_path):
    put(
        tmp_path, *(f"{place}/{who}_ps2.ipynb" for place, who in (("Tue Smith", "a"), ("Tue Smith", "b"), ("Thu", "c")))
    )
    assert set(people(tmp_path)) == {"a", "b", "c"}


def test_sections_hold_folders_of_students(tmp_path):
    put(tmp_path, *(f"{place}/{who}/ps2.ipynb" for place, who in (("Smith", "ann"), ("Smith", "ben"), ("Jones", "cy"))))
    assert set(people(tmp_path)) == {"ann", "ben", "cy"}


def test_work_in_an_unknown_folder_replaces_nobodys(tmp_path):
    put(tmp_path, "late ones/ann_ps2.ipynb", "late ones/ben_ps2.ipynb")
    put(tmp_path, "ann_ps2.ipynb", age=100)
    found = people(tmp_path)
    assert found == {
        "ann": "ann_ps2.ipynb",
        "ben": "late ones/ben_ps2.ipynb",
        "late_ones_ann": "late ones/ann_ps2.ipynb",
    }
    assert "whose this is cannot be told" in said(tmp_path, "late_ones_ann")


def test_names_that_become_one_are_told_apart(tmp_path):
    put(tmp_path, "Ann Lee/ps2.ipynb", "ann_lee/ps2.ipynb", "ANN LEE_ps2.ipynb", "Copy of ps2.ipynb", "final_ps2.ipynb")
    found = people(tmp_path)
    assert len(found) == 5 and sum(name.startswith("nameless") for name in found) == 2
    assert all("another goes by the name" in said(tmp_path, name) for name in found)


def test_moodle_without_folders(tmp_path):
    put(tmp_path, *(f"Ann O'Lee_{n}{MOODLE}ps2-batch-norm.ipynb" for n in (7, 8)), f"Participant_9{MOODLE}x.ipynb")
    put(tmp_path, f"Mallory_3{MOODLE}Ann O'Lee_7{MOODLE}ps2.ipynb")
    assert list(people(tmp_path)) == ["Ann_O_Lee_7", "Ann_O_Lee_8", "Mallory", "Participant_9"]
    assert {one.student: one.problem_set for one in intake.find(tmp_path)}["Participant_9"] == "unknown"


@pytest.mark.parametrize("name", [f"Ann Lee_7{MOODLE}/ps2.ipynb", "leeann_7_99_ps2.ipynb"])
def test_the_folder_of_a_download_is_nobodys(tmp_path, name):
    put(tmp_path, f"CS101-Normalization-4711/{name}")
    (one,) = intake.find(tmp_path)
    assert one.sender.platform in ("moodle", "canvas") and one.student in ("Ann_Lee", "leeann")
    put(tmp_path, "bob/ps2.ipynb")  # now it may be somebody's, who plays at being somebody else
    assert {one.student for one in intake.find(tmp_path)} == {"CS101-Normalization-4711", "bob"}


def test_canvas_without_names(tmp_path):
    put(tmp_path, "anon_aB3xY_11_ps2-batch-norm.ipynb", "LATE_anon_Zz9q1_12_ps2-batch-norm-1.ipynb")
    found = intake.find(tmp_path)
    assert [(one.student, one.marked_late) for one in found] == [("anon_Zz9q1", True), ("anon_aB3xY", False)]


def test_canvas_of_one_student_the_last_file_counts(tmp_path):
    put(tmp_path, "leeann_31_100_ps2.ipynb", "leeann_31_99_ps2.ipynb", "leeann_32_5_ps2.ipynb")
    assert people(tmp_path) == {"leeann_31": "leeann_31_100_ps2.ipynb", "leeann_32": "leeann_32_5_ps2.ipynb"}


def test_blackboard(tmp_path):
    for when in ("2026-11-29-10-00-00", "2026-11-30-09-00-00"):
        put(tmp_path, f"Set 2_ab123_attempt_{when}_ps2.ipynb", f"Set 2_ab123_attempt_{when}.txt")
    (one,) = intake.find(tmp_path)
    assert one.student == "ab123" and one.handed_in == datetime(2026, 11, 30, 9) and "11-30" in one.path.name


def test_repositories_of_a_class(tmp_path):
    for login in ("octocat", "hubot"):
        put(tmp_path, f"ps2-batch-norm-{login}/ps2-batch-norm.ipynb", f"ps2-batch-norm-{login}/README.md")
        put(tmp_path, f"ps2-batch-norm-{login}/.github/workflows/mark.yml")
    assert set(people(tmp_path)) == {"octocat", "hubot"}


ROSTER = """student,name,id,email,also
s1,"Anna María Miller",48213,anna.miller@x.edu,octocat
s2,Ben Ng,48214,,
s3,Jörg Müller,48215,,
s4,Wei Li,48216,,
s5,Wei Li,48217,,
s6,Nobody Seen,48218,,
"""


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("miller_anna_maria_ps2.ipynb", "s1"),
        ("Anna Maria Miller_5_assignsubmission_file_/hw_ps2.ipynb", "s1"),
        ("milleranna_48213_990_ps2-batch-norm-1.ipynb", "s1"),
        ("nganything_48214_990_ps2-batch-norm.ipynb", "s2"),
        ("ngben_ps2.ipynb", "s2"),
        ("anna.miller/Copy of ps2.ipynb", "s1"),
        ("ps2-batch-norm-octocat/ps2-batch-norm.ipynb", "s1"),
        ("48214/ps2.ipynb", "s2"),
        ("muller_jorg_ps2.ipynb", "s3"),
        ("liwei_48217_990_ps2.ipynb", "s5"),
        ("S3_ps2.ipynb", "s3"),
    ],
)
def test_the_roster_names_everybody(tmp_path, path, student):
    known = table(tmp_path, ROSTER)
    put(tmp_path / "in", path)
    found = {one.student: one for one in intake.find(tmp_path / "in", NAME, known)}
    assert found[student].path == tmp_path / "in" / path and len(found) == 6
    missing = [name for name, one in found.items() if one.missing]
    assert missing == sorted({"s1", "s2", "s3", "s4", "s5", "s6"} - {student})


def test_the_roster_says_who_is_unknown_or_could_be_two(tmp_path):
    known = table(tmp_path, ROSTER)
    folder = tmp_path / "in"
    put(folder, "anna_ps2.ipynb", "wei_li_ps2.ipynb")
    found = people(folder, known)
    assert "not on the roster" in said(folder, "anna", known)
    assert "2 go by this name, s4 or s5" in said(folder, "wei_li", known)
    assert [name for name, path in found.items() if path is None] == ["s1", "s2", "s3", "s4", "s5", "s6"]


def test_two_works_of_one_on_the_roster_are_named(tmp_path):
    known = table(tmp_path, ROSTER)
    put(tmp_path / "in", "ng_ben_ps2.ipynb")
    put(tmp_path / "in", "ngben_48214_5_ps2.ipynb", age=100)
    assert people(tmp_path / "in", known)["s2"] == "ngben_48214_5_ps2.ipynb"
    words = said(tmp_path / "in", "s2", known)
    assert "the one whose place is surer counts, not ng_ben_ps2.ipynb" in words


CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Problem set 2 (77),Final Score
    Points Possible,,,,,20,(read only)
"Miller, Anna",48213,u1,annam,A,,
"Ng, Ben",48214,u2,benn,A,,
"Student, Test",48299,,,A,,
"""
CANVAS_IN_PARTS = (
    CANVAS.replace("Student,ID", "LastName,FirstName,ID").replace(", ", '","').replace("Possible,", "Possible,,")
)
MOODLE_SHEET = """Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Last modified (grade)"
"Participant 48213","Anna Miller",a@x.edu,"Submitted for grading - ",,20.00,-
"Participant 48214","Ben Ng",b@x.edu,"No submission",,20.00,-
"""
BLACKBOARD = '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"ps2 [Total Pts: 20 Score] |4711"\r\n'
BLACKBOARD += '"Miller"\t"Anna"\t"ab1"\t"1"\t""\r\n"Ng"\t"Ben"\t"ab2"\t"2"\t""\r\n'


@pytest.mark.parametrize(
    ("text", "encoding", "platform", "students", "file"),
    [
        (CANVAS, "utf-8-sig", "canvas", ["Miller_Anna", "Ng_Ben"], "milleranna_48213_9_ps2.ipynb"),
        (CANVAS_IN_PARTS, "utf-8", "canvas", ["Miller_Anna", "Ng_Ben"], "milleranna_48213_9_ps2.ipynb"),
        (MOODLE_SHEET, "utf-8", "moodle", ["Anna_Miller", "Ben_Ng"], f"Anna Miller_48213{MOODLE}/ps2.ipynb"),
        (BLACKBOARD, "utf-16", "blackboard", ["ab1", "ab2"], "T_ab1_attempt_2026-11-29-10-00-00_ps2.ipynb"),
    ],
)
def test_a_gradebook_is_a_roster(tmp_path, text, encoding, platform, students, file):
    known = table(tmp_path, text, encoding)
    assert known.platform == platform and [one.student for one in known.people] == students
    put(tmp_path / "in", file)
    found = intake.find(tmp_path / "in", NAME, known)
    assert [(one.student, one.missing) for one in found] == [(students[0], False), (students[1], True)]


def test_the_number_of_a_platform_tells_two_of_one_name_apart(tmp_path):
    known = table(tmp_path, CANVAS)
    put(tmp_path / "in", "ngben_99999_5_ps2.ipynb")
    assert people(tmp_path / "in", known)["Ng_Ben"] is None
    assert "not on the roster" in said(tmp_path / "in", "ngben", known)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"who,what\na,b\n", "has no column `student`"),
        (b"PK\x03\x04", "is a workbook: save it as CSV"),
        (b"student\na\nA\n", "stands there twice"),
        (b"student\n\n", "names no student"),
    ],
)
def test_no_roster(tmp_path, content, words):
    (tmp_path / "roster.csv").write_bytes(content)
    with pytest.raises(roster.RosterError, match=words):
        roster.read(tmp_path / "roster.csv")


def test_a_roster_that_is_not_there(tmp_path, monkeypatch, capsys):
    line = ["grader", "grade", str(tmp_path), "--out", str(tmp_path / "out"), "--roster", str(tmp_path / "none.csv")]
    monkeypatch.setattr(__main__.sandbox, "check", lambda: None)
    monkeypatch.setattr(sys, "argv", line)
    assert __main__.main() == 1 and "there is no file" in capsys.readouterr().err


def test_the_table_has_the_names_and_who_is_missing(base, tmp_path, monkeypatch):
    """All but the marking, which is another test's."""
    places: list[Path] = []

    def mark(waiting, options, jobs, keep):
        assert 200 * (options.limits.total + session.GRACE) / 2 < 2 * 60 * 60, "a class of sleepers takes too long"
        assert (options.base / workplace.HELD).exists(), "hidden tests lie where they outlive the run"
        places.append(options.base)
        for one in waiting:
            keep(run.grade.grade(one, options))

    def half(record, submission, options):
        record["status"] = "not marked"

    monkeypatch.setattr(run, "mark_all", mark)
    monkeypatch.setattr(run.grade, "_mark", half)
    monkeypatch.setattr(run.course, "prepare", lambda folder, wanted: run.book.copy(base, folder))
    put(tmp_path / "in", "ng_ben_ps2.ipynb", "stranger_ps2.ipynb")
    monkeypatch.setattr(run.os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    known = table(tmp_path, ROSTER)
    options = {"jobs": 1, "only_set": None, "student": None, "unsafe": True, "due": None}
    run.run(tmp_path / "in", tmp_path / "out", **options, people=known)
    assert not places[0].exists()
    lines = (tmp_path / "out" / "grades.csv").read_text("utf-8").splitlines()
    assert lines[0].startswith("student,name,problem_set") and len(lines) == 8
    assert "s1,Anna María Miller,ps2-batch-norm,0,20,0,,missing" in lines[1] and "s2,Ben Ng," in lines[2]
    assert "not on the roster" in lines[7]
    page = (tmp_path / "out" / "summary.html").read_text("utf-8")
    assert "2 handed in, 5 missing" in classroom.sentence(page)


def test_a_busy_machine_is_waited_for(monkeypatch):
    times = []
    for load in (0.0, 3.0, 1000.0):
        monkeypatch.setattr(run.os, "getloadavg", lambda load=load: (load * run.os.cpu_count(), 0.0, 0.0))
        times.append((run.limits(1).cell, run.limits(1).total))
    quiet, busy, most = times
    assert quiet[1] == run.AFFORDED and busy == tuple(3 * one for one in quiet)
    assert most == tuple(run.PATIENCE * one for one in quiet)


def test_what_a_file_is_called():
    assert [naming.personal(name) for name in ("Copy of ps2", "ps2_final", "lee_ann_ps2_final_v2", "caps2_lock")] == [
        "",
        "",
        "lee_ann",
        "caps2_lock",
    ]
