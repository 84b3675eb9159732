"""What goes wrong around marking: files of any size and kind, folders that cannot be written, runs that are killed."""

import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import classroom
import nbformat
import permissions
import psutil
import pytest

from assignments.grader import __main__, book, course, grade, intake, notebooks, records, run, workplace
from tools import project

NAME = course.find("ps2")
FIRST, *_ = classroom.solutions(NAME)


@pytest.fixture
def released(base):
    return nbformat.read(course.released(base, NAME), as_version=4)


def marked(base, path: Path) -> dict:
    return grade.grade(intake.Submission("a", NAME, path), grade.Options(base))


# -- one file cannot stop the class


@pytest.mark.parametrize("name", ["a_ps2.ipynb", "a_homework.ipynb"])
def test_a_huge_file_is_not_read(tmp_path, base, monkeypatch, name):
    with open(tmp_path / name, "wb") as file:
        file.truncate(12 * 2**30)
    start = time.process_time()
    (one,) = intake.find(tmp_path, NAME)
    record = marked(base, one.path)
    assert record["remarks"] == ["the file has 12288 MiB, more than 100: ask for it without outputs"]
    assert len(record["digest"]) == 64 and time.process_time() - start < 5


def test_a_huge_file_of_no_set_is_a_line(tmp_path):
    with open(tmp_path / "a_homework.ipynb", "wb") as file:
        file.truncate(12 * 2**30)
    (one,) = intake.find(tmp_path)
    assert one.problem_set == "unknown" and one.remarks == ["it has 12288 MiB, and more than 100 are not read"]


def test_the_main_process_reads_no_notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "read", lambda path: pytest.fail("read in the main process"))
    bomb = '{"nbformat":4,"cells":[],"metadata":{"x":[' + "{}," * 500_000 + "0]}}"
    (tmp_path / "a_homework.ipynb").write_text(bomb)
    (tmp_path / "b_homework.ipynb").write_text(course.text(course.solved(NAME)))
    assert [one.problem_set for one in intake.find(tmp_path)] == [NAME, "unknown"]


def test_json_of_many_values_is_not_read(tmp_path, base, monkeypatch):
    monkeypatch.setattr(notebooks, "MOST_PARTS", 100_000)
    monkeypatch.setattr(notebooks, "json", SimpleNamespace(loads=lambda text: pytest.fail("parsed")))
    (tmp_path / "a_ps2.ipynb").write_text('{"nbformat":4,"cells":[],"metadata":{"x":[' + "{}," * 100_000 + "0]}}")
    assert "more than 0.1 million values" in marked(base, tmp_path / "a_ps2.ipynb")["remarks"][0]


def test_a_time_that_is_none(tmp_path):
    late = SimpleNamespace(stat=lambda: SimpleNamespace(st_mtime=4e11))  # in the year 14645
    when, remarks = intake._when(late)
    assert when is None and "the file's time is none that can be" in remarks[0]
    path = tmp_path / "a_ps2.ipynb"
    path.write_text("{}")
    os.utime(path, (4e11, 4e11))  # not every file system keeps it
    (one,) = intake.find(tmp_path)
    assert (one.handed_in is None) == (path.stat().st_mtime > 3e11)


def test_a_pipe_is_a_line(tmp_path, base):
    os.mkfifo(tmp_path / "a_ps2.ipynb")
    (one,) = intake.find(tmp_path)
    assert one.path is None and one.remarks == ["no notebook: a_ps2.ipynb is a pipe or a device, not a file"]
    assert marked(base, tmp_path / "a_ps2.ipynb")["remarks"] == ["a pipe or a device, not a file"]


def test_a_folder_that_cannot_be_read_is_a_line(tmp_path):
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "ps2.ipynb").write_text("{}")
    (tmp_path / "ben_ps2.ipynb").write_text("{}")
    (tmp_path / "ann").chmod(0)
    try:
        with permissions.bind():
            found = intake.find(tmp_path, NAME)
    finally:
        (tmp_path / "ann").chmod(0o700)
    assert [(one.student, one.path and one.path.name) for one in found] == [("ann", None), ("ben", "ben_ps2.ipynb")]
    assert found[0].remarks == ["no notebook: a folder that cannot be read"]


# -- honest work is marked, whatever else is in the notebook

PHOTO = "data:image/jpeg;base64," + "A" * 3 * 2**20


def photographed(notebook) -> None:
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("My photo: ![photo](attachment:photo.jpg)"))
    notebook.cells[1]["attachments"] = {"photo.jpg": {"image/jpeg": PHOTO}}


def pasted(notebook) -> None:
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(f"before ![photo]({PHOTO}) after"))


def with_widgets(notebook) -> None:
    notebook.metadata["widgets"] = {project.STATE: {"state": {"a": "x" * 3 * 2**20}}}
    notebook.cells[2].metadata["widgets"] = "x" * 3 * 2**20


def printed(notebook) -> None:
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.outputs = [nbformat.v4.new_output("display_data", {"image/png": "A" * 3 * 2**20})]


@pytest.mark.parametrize("change", [photographed, pasted, with_widgets, printed])
@pytest.mark.parametrize("major", [3, 4])
def test_photographs_and_widgets_do_not_count(tmp_path, released, change, major):
    made = nbformat.from_dict({**course.solved(NAME), "nbformat": 4, "nbformat_minor": 5})
    change(made)
    path = tmp_path / "a_ps2.ipynb"
    path.write_text(json.dumps(made if major == 4 else nbformat.convert(made, major)))
    assert path.stat().st_size > notebooks.MOST_TEXT or change is photographed  # which format 3 had no place for
    read, remarks = notebooks.load(path, released)
    solved = {cell["id"]: cell.source for cell in course.solved(NAME).cells}
    theirs = {cell["id"]: cell.source for cell in read.cells if cell["id"] in solved}
    assert {key: theirs[key] for key in classroom.solutions(NAME)} == classroom.solutions(NAME)
    assert [one for one in remarks if "old format" not in one] == [] and len(course.text(read)) < 2**20
    if change is pasted:
        assert any("before ![photo](a picture) after" in cell.source for cell in read.cells)


# -- feedback has a limit of its own


def test_a_flood_of_output_is_cut():
    notebook = nbformat.v4.new_notebook()
    for number in range(100):
        cell = nbformat.v4.new_code_cell("x" * number)
        cell.outputs = [nbformat.v4.new_output("stream", text="y" * 8 * 2**20)] * 2
        cell.outputs += [nbformat.v4.new_output("error", ename="E", evalue="z" * 10**6, traceback=["z" * 10**6] * 50)]
        notebook.cells.append(nbformat.from_dict(cell))
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="short")]
    grade.cut(notebook)
    assert notebook.cells[0].outputs[0].text == "short"
    assert notebook.cells[1].outputs[0].text.endswith("the rest of the output is left out")
    assert sum(len(json.dumps(cell.outputs)) for cell in notebook.cells[:1]) < 1000
    assert len(json.dumps(notebook)) < 3 * grade.PRINTED + 100 * 10_000


# -- where the marks go


def main(monkeypatch, *line: object) -> int:
    monkeypatch.setattr(__main__.sandbox, "check", lambda: None)
    monkeypatch.setattr(sys, "argv", ["grader", "grade", *map(str, line)])
    return __main__.main()


@pytest.fixture
def handed_in(base, tmp_path):
    classroom.hand_in(tmp_path / "in", "ann", NAME, course.solved(NAME))
    return tmp_path / "in"


def test_marks_among_the_submissions_are_nobodys(handed_in, tmp_path):
    out = handed_in / "marks"
    for name in ("course/submitted/ann/ps2-batch-norm/ps2-batch-norm.ipynb", "course/nbgrader_config.py", ".lock"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("{}")
    shutil.copytree(out, handed_in / "marks of last week")
    said: list[str] = []
    found = intake.find(handed_in, out=out, say=said.append)
    assert [one.student for one in found] == ["ann"]
    assert said == [f"left out: {handed_in / name}, where marks are kept" for name in ("marks", "marks of last week")]
    with pytest.raises(intake.IntakeError, match="give them a folder of their own"):
        intake.find(handed_in, out=handed_in)
    with pytest.raises(intake.IntakeError, match="give them a folder of their own"):
        intake.find(out)


def test_a_folder_that_cannot_be_written(handed_in, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    out.mkdir(mode=0o500)
    with permissions.bind():
        assert main(monkeypatch, handed_in, "--out", out) == 1
    assert f"{out / '.lock'} cannot be written (Permission denied). Marks go there" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["file", "pipe"])
def test_something_in_the_way(handed_in, tmp_path, monkeypatch, capsys, what):
    out = tmp_path / "out"
    if what == "file":
        out.write_text("")
    else:
        out.mkdir()
        os.mkfifo(out / records.LOCK)
    assert main(monkeypatch, handed_in, "--out", out) == 1
    assert "is in the way" in capsys.readouterr().err


def test_a_full_disk(handed_in, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patched:
        patched.setattr(records.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**6))
        assert main(monkeypatch, handed_in, "--out", tmp_path / "out") == 1
    assert "no room for" in capsys.readouterr().err

    def full(folder, wanted):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

    monkeypatch.setattr(run.course, "prepare", full)
    assert main(monkeypatch, handed_in, "--out", tmp_path / "out") == 1
    assert "give the same command again" in capsys.readouterr().err


def test_a_gradebook_in_use(handed_in, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(book, "WAIT", 0.05)
    (tmp_path / "out" / "course").mkdir(parents=True)
    path = tmp_path / "out" / "course" / "gradebook.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE x (y)")
    other.execute("BEGIN EXCLUSIVE")
    assert main(monkeypatch, handed_in, "--out", tmp_path / "out") == 1
    assert f"the gradebook {path} is in use" in capsys.readouterr().err
    other.close()
    path.write_bytes(b"no gradebook" * 1000)
    assert main(monkeypatch, handed_in, "--out", tmp_path / "out") == 1
    assert "cannot be read" in capsys.readouterr().err


# -- a run that is killed

SCRIPT = """
import multiprocessing, os, sys, time
from assignments.grader import workplace

def work(parent):
    workplace.end_with(parent)
    time.sleep(600)

if __name__ == "__main__":
    with workplace.folder() as folder:
        (folder / "hidden tests").write_text("x")
        worker = multiprocessing.get_context("spawn").Process(target=work, args=(os.getpid(),))
        worker.start()
        print(folder, worker.pid, flush=True)
        if sys.argv[1] == "stay":
            time.sleep(600)
        worker.kill()
"""


def gone(condition, seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while condition() and time.monotonic() < until:
        time.sleep(0.05)
    return not condition()


@pytest.mark.parametrize("how", ["end", signal.SIGKILL, signal.SIGTERM, "all"])
def test_nothing_is_left_of_a_run(tmp_path, how):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    line = [sys.executable, str(script), "end" if how == "end" else "stay"]
    environment = {**os.environ, "PYTHONPATH": str(course.ROOT), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    folder, worker = process.stdout.readline().rsplit(" ", 1)
    if how == "all":
        os.killpg(process.pid, signal.SIGKILL)
    elif how != "end":
        process.send_signal(how)
    process.wait()
    assert gone(lambda: os.path.exists(folder)) and gone(lambda: psutil.pid_exists(int(worker)))
    assert list(tmp_path.glob("course-*")) == []


def test_what_a_run_left_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(workplace.tempfile, "tempdir", str(tmp_path))
    left, foreign = tmp_path / "course-left", tmp_path / "course-of-somebody"
    left.mkdir()
    foreign.mkdir()
    (left / workplace.HELD).touch()
    with workplace.folder() as first:
        assert not left.exists() and foreign.exists()
        with workplace.folder() as second:
            assert first.exists() and second.exists()
    assert list(tmp_path.iterdir()) == [foreign]
