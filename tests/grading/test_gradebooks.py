"""Tables that Canvas, Moodle and Blackboard import, and feedback that they take, read as their own importers do."""

import csv
import io
import re
import zipfile

import pytest
from test_identity import BLACKBOARD, CANVAS, MOODLE, MOODLE_SHEET, put, table

from assignments.grader import course, gradebooks, intake

NAME = course.find("ps2")


@pytest.fixture
def give(tmp_path):
    """Points for who handed in what, and the tables and zips that come of it."""

    def given(files: dict[str, float | None], roster: str = "", encoding: str = "utf-8"):
        put(tmp_path / "in", *files)
        known = table(tmp_path, roster, encoding) if roster else None
        found = []
        for one in intake.find(tmp_path / "in", None, known):
            points = files[str(one.path.relative_to(tmp_path / "in"))] if one.path else None
            status = "not marked" if points is None else "marked"
            marks = {"first": {"points": points or 0.0, "open": 0.0}, "second": {"points": 0.5, "open": 0.0}}
            put(tmp_path / "out" / "feedback" / one.problem_set, f"{one.student}.html")
            found.append((one, {"status": status, "problem_set": one.problem_set}, marks))
        said = gradebooks.write(tmp_path / "out", found, known)
        made = tmp_path / "out" / gradebooks.FOLDER
        return {path.name: path for path in sorted(made.iterdir())} if made.exists() else {}, said

    return given


def rows(path, encoding: str = "utf-8", delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding), newline=""), delimiter=delimiter))


def canvas_takes(path) -> dict[str, dict[str, str]]:
    """Grades by column and student's number, as lib/gradebook_importer.rb reads them."""
    header, *lines = rows(path)
    assert len(header) > 3 and "Student" in header[0] and "ID" in header[1]
    student_columns = 3
    if re.search(r"SIS\s+Login\s+ID", header[2]):
        student_columns += 1
    elif re.search(r"SIS\s+User\s+ID", header[2]) and re.search(r"SIS\s+Login\s+ID", header[3]):
        student_columns += 2
    assert "Section" in header[student_columns - 1]
    titles = [title for title in header[student_columns:] if not re.search("Current Score|Final Score", title)]
    found: dict[str, dict[str, str]] = {title: {} for title in titles}
    for line in lines:
        if "Points Possible" in line[0]:
            assert line[header.index(titles[0])] == "20"
            continue
        for title in titles:
            found[title][line[1]] = line[header.index(title)]
    return found


def moodle_takes(path) -> dict[int, float]:
    """Grades by participant, as importgradeslib.php and locallib.php of the offline feedback read them."""
    header, *lines = rows(path)
    who, grade, changed = (header.index(name) for name in ("Identifier", "Grade", "Last modified (grade)"))
    assert all(line[changed] for line in lines)
    return {int(line[who][len("Participant ") :]): float(line[grade]) for line in lines if line[grade]}


def test_canvas_from_the_names_of_files(give):
    files, said = give(
        {
            "milleranna_48213_990_ps2-batch-norm-1.ipynb": 17.0,
            "ngben_LATE_48214_991_ps2.ipynb": 3.5,
            "liwei_48215_992_ps2.ipynb": None,
            "by_hand_ps2.ipynb": 5.0,
        }
    )
    assert canvas_takes(files[f"{NAME}-canvas.csv"]) == {NAME: {"48213": "17.5", "48214": "4"}} and said == []
    with zipfile.ZipFile(files[f"{NAME}-feedback-canvas.zip"]) as archive:
        names = archive.namelist()
    numbers = [[part for part in name.split("_") if part.isdigit()][:2] for name in names]
    assert numbers == [["48215", "992"], ["48213", "990"], ["48214", "991"]]
    assert all(name.endswith(".html") for name in names)


def test_canvas_that_hides_names_gets_feedback_and_no_table(give):
    files, _ = give({"anon_aB3xY_11_ps2.ipynb": 1.0})
    assert list(files) == [f"{NAME}-feedback-canvas.zip"]


def test_canvas_own_gradebook_is_filled_in(give):
    files, said = give({"milleranna_48213_990_ps2.ipynb": 17.0, "stranger_1_2_ps2.ipynb": 9.0}, CANVAS, "utf-8-sig")
    path = files[f"{NAME}-canvas.csv"]
    assert path.read_bytes().startswith(b"\xef\xbb\xbf") and said == []
    taken = canvas_takes_bom(path)
    assert taken == {"Problem set 2 (77)": {"48213": "17.5", "48214": "", "48299": ""}}


def canvas_takes_bom(path):
    path.write_text(path.read_text("utf-8-sig"), "utf-8")
    return canvas_takes(path)


def test_canvas_without_the_column(give):
    files, said = give({"milleranna_48213_990_ps2.ipynb": 17.0}, CANVAS.replace("Problem set 2 (77)", "Essay (77)"))
    assert canvas_takes(files[f"{NAME}-canvas.csv"]) == {NAME: {"48213": "17.5", "48214": "", "48299": ""}}
    assert "will make a new assignment" in said[0]


@pytest.mark.parametrize(
    "title", ["PS2 (7)", "ps2-batch-norm (7)", "Homework 2: normalization (7)", "Assignment 02 (7)"]
)
def test_columns_that_are_found(give, title):
    files, said = give({"milleranna_48213_990_ps2.ipynb": 1.0}, CANVAS.replace("Problem set 2 (77)", title))
    assert canvas_takes(files[f"{NAME}-canvas.csv"])[title]["48213"] == "1.5" and said == []


def test_two_columns_that_it_could_be(give):
    text = CANVAS.replace("Problem set 2 (77),", "Homework 2 (7),Problem set 2 (8),")
    files, said = give({"milleranna_48213_990_ps2.ipynb": 1.0}, text)
    assert f"{NAME}-canvas.csv" not in files and "several columns of the gradebook could be it" in said[0]


def test_moodle_from_the_names_of_files(give):
    files, said = give({f"Anna Miller_48213{MOODLE}/ps2.ipynb": 17.0, f"Ben Ng_48214{MOODLE}ps2.ipynb": 1.0})
    assert moodle_takes(files[f"{NAME}-moodle.csv"]) == {48213: 17.5, 48214: 1.5} and said == []
    with zipfile.ZipFile(files[f"{NAME}-feedback-moodle.zip"]) as archive:
        for path in archive.namelist():
            info = path.split("/")[0].split("_", 4)
            assert int(info[1]) in (48213, 48214) and info[2:4] == ["assignfeedback", "file"] and path.endswith(".html")


def test_moodles_own_worksheet_is_filled_in(give):
    files, _ = give({f"Anna Miller_48213{MOODLE}/ps2.ipynb": 17.0}, MOODLE_SHEET)
    before, after = list(csv.reader(io.StringIO(MOODLE_SHEET))), rows(files[f"{NAME}-moodle.csv"])
    assert moodle_takes(files[f"{NAME}-moodle.csv"]) == {48213: 17.5}
    before[1][before[0].index("Grade")] = "17.5"
    assert after == before


def test_blackboards_own_gradebook_is_filled_in(give):
    files, said = give({"Set 2_ab1_attempt_2026-11-29-10-00-00_ps2.ipynb": 17.0}, BLACKBOARD, "utf-16")
    path = files[f"{NAME}-blackboard.csv"]
    header, anna, ben = rows(path, "utf-16", "\t")
    assert header == ["Last Name", "First Name", "Username", "Student ID", "ps2 [Total Pts: 20 Score] |4711"]
    assert anna == ["Miller", "Anna", "ab1", "1", "17.5"] and ben[-1] == "" and said == []
    with zipfile.ZipFile(files[f"{NAME}-feedback-blackboard.zip"]) as archive:
        assert archive.namelist() == ["feedback_ab1.html"]


def test_blackboard_needs_its_own_gradebook(give):
    files, said = give({"Set 2_ab1_attempt_2026-11-29-10-00-00_ps2.ipynb": 17.0})
    assert list(files) == [f"{NAME}-feedback-blackboard.zip"] and "export its gradebook" in said[0]
    _, said = give({"Set 2_ab1_attempt_2026-11-29-10-00-00_ps2.ipynb": 1.0}, BLACKBOARD.replace("ps2 [", "Essay ["))
    assert "make one in Blackboard" in said[0]


def test_names_are_no_formulas(give):
    files, _ = give({"=cmd()_48213_990_ps2.ipynb": 1.0})
    assert rows(files[f"{NAME}-canvas.csv"])[2][0] == "'=cmd()"
