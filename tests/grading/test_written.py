"""What a teacher has edited outlasts every command that writes the same files again."""

import zipfile
from pathlib import Path

import pytest

from assignments.grader import book, course, draws, release, report, written

KEY = b"a secret of more than sixteen characters"
SET = course.find("ps2")


@pytest.fixture
def short(monkeypatch):
    """A course of one problem set, handed out as it is written: nbgrader's step would cost seconds each time."""
    real = course.names
    monkeypatch.setattr(release, "texts", lambda _: {name: course.text(course.source(name)) for name in course.names()})
    monkeypatch.setattr(course, "names", lambda: [name for name in real() if name == SET or name.startswith("ps9")])


def in_zip(folder: Path) -> str:
    with zipfile.ZipFile(folder / "release.zip") as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist())


# -- the files themselves


def test_ours_are_written_again_and_others_go_aside(tmp_path):
    assert written.Folder(tmp_path).write({"a/b.csv": "1", "c.csv": "2"}) == []
    assert written.Folder(tmp_path).write({"a/b.csv": "3", "c.csv": "2"}) == []
    (tmp_path / "a" / "b.csv").write_text("mine")
    assert written.Folder(tmp_path).write({"a/b.csv": "4"}) == ["a/b.csv"]
    (tmp_path / "a" / "b.csv").write_text("mine, too")
    assert written.Folder(tmp_path).write({"a/b.csv": "4"}) == ["a/b.csv"]
    found = {path.name: path.read_text() for path in (tmp_path / "a").iterdir()}
    assert found == {"b.csv": "4", "b.yours.csv": "mine", "b.yours-2.csv": "mine, too"}
    assert (tmp_path / "c.csv").read_text() == "2"


def test_what_is_not_on_record_is_somebodys(tmp_path):
    (tmp_path / "grades.csv").write_text("theirs")
    assert written.Folder(tmp_path).write({"grades.csv": "ours"}) == ["grades.csv"]
    assert (tmp_path / "grades.yours.csv").read_text() == "theirs"


@pytest.mark.parametrize("record", ["{", "[1]", ""])
def test_a_broken_record_loses_nothing(tmp_path, record):
    written.Folder(tmp_path).write({"a.csv": "1"})
    (tmp_path / written.RECORD).write_text(record)
    written.Folder(tmp_path).write({"a.csv": "2"})
    assert (tmp_path / "a.yours.csv").read_text() == "1"


def test_a_run_that_is_killed_while_it_writes_leaves_nothing_that_looks_edited(tmp_path, monkeypatch):
    written.Folder(tmp_path).write({"a.csv": "1", "b.csv": "1"})
    real = written.files.write

    def killed(path, content):
        if path.name == "b.csv":
            raise KeyboardInterrupt
        return real(path, content)

    monkeypatch.setattr(written.files, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        written.Folder(tmp_path).write({"a.csv": "2", "b.csv": "2"})
    monkeypatch.undo()
    assert written.Folder(tmp_path).write({"a.csv": "3", "b.csv": "3"}) == []


# -- make course


def test_an_edited_source_stays_and_is_handed_out(short, tmp_path):
    (folder,) = draws.write(tmp_path, KEY, ["spring"], say=pytest.fail)
    source = folder / "source" / SET / f"{SET}.md"
    drawn = source.read_text("utf-8")
    source.write_text(drawn.replace("# Problem set 2", "# Our own set 2"), "utf-8")
    (folder / "source" / "from_scratch.csv").write_text("set,cells,names\n")
    said: list[str] = []
    draws.write(tmp_path, KEY, ["spring"], said.append)
    assert "# Our own set 2" in source.read_text("utf-8") and "# Our own set 2" in in_zip(folder)
    assert (folder / "source" / "from_scratch.csv").read_text() == "set,cells,names\n"
    assert len(said) == 1 and f"{SET}.md" in said[0] and "left as you have it" in said[0]
    assert "edited since" in (folder / draws.README).read_text("utf-8")
    source.unlink()
    draws.write(tmp_path, KEY, ["spring"], said.append)
    assert source.read_text("utf-8") == drawn


def test_a_set_of_ones_own_stays_and_is_handed_out(short, tmp_path):
    (folder,) = draws.write(tmp_path, KEY, ["spring"])
    own = folder / "source" / "ps9-own" / "ps9-own.md"
    own.parent.mkdir()
    own.write_text((folder / "source" / SET / f"{SET}.md").read_text("utf-8").replace("# Problem set 2", "# Ours"))
    draws.write(tmp_path, KEY, ["spring"])
    assert own.exists() and "# Ours" in in_zip(folder)


def test_what_is_handed_out_goes_aside_where_it_was_edited(short, tmp_path):
    (folder,) = draws.write(tmp_path, KEY, ["spring"])
    given = folder / "release" / SET / f"{SET}.ipynb"
    given.write_text("mine", "utf-8")
    (folder / draws.README).write_text("notes", "utf-8")
    said: list[str] = []
    draws.write(tmp_path, KEY, ["spring"], said.append)
    assert given.with_name(f"{SET}.yours.ipynb").read_text("utf-8") == "mine" != given.read_text("utf-8")
    assert (folder / "README.yours.md").read_text("utf-8") == "notes"
    assert len(said) == 2 and all("yours" in line for line in said)


def test_somebody_elses_source_is_never_touched(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "thesis.tex").write_text("years of work")
    with pytest.raises(draws.DrawError, match=r"no record of it: give another folder \(OUT=\), or move it away"):
        draws.write(tmp_path, KEY, ["spring"])
    assert [path.name for path in tmp_path.rglob("*")] == ["source", "thesis.tex"]


def test_a_course_of_another_secret_or_class_is_not_overwritten(short, tmp_path):
    draws.write(tmp_path, KEY, ["spring"])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for key, who in ((KEY[::-1], "spring"), (KEY, "autumn")):
        with pytest.raises(draws.DrawError, match="drawn with another secret or for another class"):
            draws.write(tmp_path, key, [who])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


# -- make assignments, make grade


def test_make_assignments(short, tmp_path):
    release.write(tmp_path)
    solved = tmp_path / "solutions" / SET / f"{SET}.ipynb"
    solved.write_text("with my notes")
    (line,) = release.write(tmp_path)
    assert "edited since written" in line and solved.with_name(f"{SET}.yours.ipynb").read_text() == "with my notes"
    assert release.write(tmp_path) == []


def test_tables_pages_and_settings_of_marking(tmp_path):
    record = {
        "student": "ann",
        "name": "",
        "problem_set": SET,
        "status": "missing",
        "remarks": [],
        "look": [],
        "late": False,
    }
    record |= {"out_of": 20.0, "cells": [], "board": None, "notebook": None, "digest": "", "by_hand": {}, "marks": {}}
    assert report.write(tmp_path, [record], [{}]) == report.write(tmp_path, [record], [{}]) == []
    edited = [tmp_path / "grades.csv", tmp_path / "summary.html", tmp_path / "feedback" / SET / "ann.html"]
    for path in edited:
        path.write_text("mine")
    (line,) = report.write(tmp_path, [record], [{}])
    assert all(path.name in line for path in edited)
    assert [path.with_name(f"{path.stem}.yours{path.suffix}").read_text() for path in edited] == ["mine"] * 3
    assert book.configure(tmp_path, False) == []
    (tmp_path / "nbgrader_config.py").write_text("c.mine = True")
    assert "nbgrader_config.py" in book.configure(tmp_path, False)[0]
