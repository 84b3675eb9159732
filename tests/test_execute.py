"""`make execute`: what is left out, what runs again, the time left, and a command that is killed and given again."""

import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest

from tools import execute, files, notebooks, outputs, pairs, project

pytestmark = pytest.mark.slow

NOW = {"profile": "full", "device": "CPU, 2 threads", "torch": "2.15.0", "python": "3.11.7 on linux"}
NOW |= {"memory_gib": 1.0, "date": "2026-01-01"}
NAMES = ["one", "two", "three"]
# A chapter notes that it runs, and in which process; one whose name is in the file `waits` does not end.
CHAPTER = """\
# {name}

A promise.

```{{code-cell}} ipython3
:tags: [setup]
```

```{{code-cell}} ipython3
import os, time
with open("log", "a") as log:
    print("{name}", os.getpid(), file=log)
while "{name}" in open("waits").read():
    time.sleep(0.05)
```

Some text.

> **Predict first.** Which?
>
> <!-- predict which: 3 -->

Some more.

```{{code-cell}} ipython3
print("the end of", "{name}")
```
"""
SETUP = "# no plots here"
# The command line, on chapters of another folder, with facts that take no PyTorch and a package that nobody edits.
COMMAND = """\
import sys
from pathlib import Path
from tools import execute, project
project.BOOK, project.chapters, project.setup_cell = Path({book!r}), lambda: {names!r}, lambda: {setup!r}
execute.FACTS = {facts!r}
execute.package_digest = (project.BOOK / "package").read_text
raise SystemExit(execute.main())
"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A folder with three small chapters that have not run yet."""
    monkeypatch.setattr(project, "setup_cell", lambda: SETUP)
    for name in NAMES:
        (tmp_path / f"{name}.md").write_text(pairs.with_setup_cell(CHAPTER.format(name=name)), "utf-8")
    (tmp_path / "waits").write_text("")
    (tmp_path / "log").write_text("")
    (tmp_path / "package").write_text("a")
    monkeypatch.setattr(project, "BOOK", tmp_path)
    monkeypatch.setattr(project, "chapters", lambda: NAMES)
    return tmp_path


def start(book, *arguments: str, now: dict = NOW) -> subprocess.Popen:
    """Start the command on the chapters of a folder."""
    facts = f"print({json.dumps(now)!r})"
    code = COMMAND.format(book=str(book), names=NAMES, setup=SETUP, facts=facts)
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, cwd=project.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def execute_to_the_end(book, *arguments: str, now: dict = NOW) -> tuple[str, str]:
    """Give the command; what it printed and complained about. It must succeed."""
    process = start(book, *arguments, now=now)
    shown, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    return shown, complaints


def ran(book) -> list[str]:
    """Names of the chapters that began to run, in order; the note of it is taken away."""
    names = [line.split()[0] for line in (book / "log").read_text().splitlines()]
    (book / "log").write_text("")
    return names


def process_of(book, name: str) -> int:
    """The process of the kernel of a chapter, as soon as that runs."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for line in (book / "log").read_text().splitlines():
            if line.startswith(f"{name} "):
                return int(line.split()[1])
        time.sleep(0.05)
    raise AssertionError(f"{name} does not run")


def ends(process: int) -> bool:
    """Whether a process ends within ten seconds."""
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def pretend_stored(chapter: str, **facts) -> None:
    """Store a chapter as if it had run, with these facts."""
    nb = pairs.join(pairs.read_source(chapter), None, chapter)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="shown\n")]
    outputs.clean(nb)
    nb.metadata["d2lite"] = {"run": {**NOW, "data": [], "seconds": 60.0, **facts}, "package": "a"}
    execute.store(chapter, nb)


def edit(chapter: str, old: str, new: str) -> None:
    """Replace a part of the source of a chapter."""
    path = project.source(chapter)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_a_killed_command_goes_on_where_it_was(book):
    (book / "waits").write_text("two")
    killed = start(book)
    kernel = process_of(book, "two")
    whole = project.notebook("one").read_bytes()
    killed.kill()
    killed.communicate(timeout=30)
    assert ends(kernel), "a kernel stays behind and takes the processor from the next run"
    assert ran(book) == ["one", "two"]
    assert not project.notebook("two").exists(), "half a run was stored"

    (book / "waits").write_text("")
    shown, _ = execute_to_the_end(book)
    assert ran(book) == ["two", "three"]
    assert "left out, since what their stored runs depend on is unchanged: one\n" in shown
    assert "two: running (not run yet), 2 of 3, 2 chapters not timed before\n" in shown
    assert project.notebook("one").read_bytes() == whole
    for name in NAMES:
        assert pairs.drift(name) == []
        cells = [cell for cell in pairs.read_notebook(name).cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in cells] == [1, 2, None, 3], "what asks is not run"
        assert cells[-1].outputs[0].text == f"the end of {name}\n"
    assert [path.name for path in book.iterdir() if path.name.startswith(".")] == [], "a draft stays behind"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
def test_a_stopped_command_does_not_go_on_with_the_next_chapter(book, number, code):
    (book / "waits").write_text("one")
    stopped = start(book)
    kernel = process_of(book, "one")
    stopped.send_signal(number)
    _, complaints = stopped.communicate(timeout=30)
    assert stopped.returncode == code and ("stopped in one" in complaints) == (number == signal.SIGINT)
    assert ends(kernel) and ran(book) == ["one"]


def test_only_what_changed_runs_and_new_text_is_stored(book):
    for name in NAMES:
        pretend_stored(name)
    edit("two", "Some text.", "Other text.")
    edit("three", "the end of", "it was")
    shown, _ = execute_to_the_end(book)
    assert ran(book) == ["three"]
    assert "three: running (its code has changed), 3 of 3, about 1 min left\n" in shown
    two = pairs.read_notebook("two")
    assert pairs.drift("two") == [] and two.cells[-1].outputs[0].text == "shown\n", "new text, old outputs"
    assert [execute.why_run(name, NOW, "a") for name in NAMES] == ["", "", ""]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], []),
        (["two"], ["two"]),
        (["--again"], NAMES),
        (["two", "--seeds", "0", "1"], ["two", "two"]),
    ],
)
def test_what_is_asked_for_runs_anew(book, monkeypatch, capsys, arguments, expected):
    for name in NAMES:
        pretend_stored(name)
    begun = []

    def run(chapter):
        begun.append(chapter)
        raise execute.Failed("not today")

    monkeypatch.setattr(execute, "run", run)
    monkeypatch.setattr(execute, "here", lambda: NOW)
    monkeypatch.setattr(execute, "package_digest", lambda: "a")
    monkeypatch.setenv("D2LITE_SEED", "0")  # to be as before afterwards
    monkeypatch.setattr("sys.argv", ["execute", *arguments])
    assert execute.main() == bool(expected) and begun == expected
    if "--seeds" in arguments:
        assert "two, seed 1: running (asked for), 2 of 2, about 1 min left\n" in capsys.readouterr().out


def test_what_is_edited_during_a_run_is_a_reason_to_run_again(book):
    (book / "waits").write_text("one")
    running = start(book, "one", "two")
    process_of(book, "one")
    (book / "package").write_text("b")
    edit("one", "the end of", "it was")
    (book / "waits").write_text("")
    running.communicate(timeout=120)
    assert running.returncode == 0
    assert [execute.why_run(name, NOW, "b") for name in ("one", "two")] == ["d2lite has changed", ""]
    assert execute.why_run("one", NOW, "a") == "its code has changed"


def test_a_chapter_that_failed_is_the_one_that_runs_again(book):
    for name in NAMES:
        pretend_stored(name)
    edit("two", 'print("the end', '1 / 0; print("the end')
    failed = start(book)
    _, complaints = failed.communicate(timeout=120)
    assert failed.returncode == 1 and "failed: two" in complaints and "ZeroDivisionError" in complaints
    assert ran(book) == ["two"]
    edit("two", "1 / 0; ", "1 / 1; ")
    execute_to_the_end(book)
    assert ran(book) == ["two"]


def test_a_run_that_is_too_large_is_kept_aside(book, monkeypatch):
    folder = book / "book"
    folder.mkdir()
    (book / "one.md").rename(folder / "one.md")
    monkeypatch.setattr(project, "BOOK", folder)
    monkeypatch.setattr(outputs, "MAX_BYTES", 100)
    with pytest.raises(execute.Failed, match=r"(?s)not stored, kept in .*one\.ipynb\n.*make figures smaller"):
        pretend_stored("one")
    assert not project.notebook("one").exists()
    kept = nbformat.read(book / "_build" / "not-stored" / "one.ipynb", as_version=4)
    shown = [output.text for cell in kept.cells for output in cell.get("outputs", []) if "text" in output]
    assert shown == ["shown\n"] * 3, "setup and the two cells"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({}, ""),
        ({"device": "CPU, 1 thread"}, ""),
        ({"data": ["Fashion-MNIST"]}, ""),
        ({"profile": "quick"}, "stored in the quick profile on CPU, 2 threads with torch 2.15.0"),
        ({"device": "NVIDIA H200"}, "stored in the full profile on NVIDIA H200 with torch 2.15.0"),
        ({"torch": "2.14.1"}, "stored in the full profile on CPU, 2 threads with torch 2.14.1"),
        ({"data": ["digits (standing in for Fashion-MNIST)"]}, "stored with stand-in data"),
    ],
)
def test_a_run_counts_in_its_own_setting(book, facts, why):
    assert execute.why_run("one", NOW, "a") == "not run yet"
    pretend_stored("one", **facts)
    assert execute.why_run("one", NOW, "a") == why
    assert execute.why_run("one", NOW, "b") == (why or "d2lite has changed")


@pytest.mark.parametrize("synced", [False, True])
@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("Some text.", "Some other text, and more of it.", True),
        ("predict which: 3", "predict other: 4", True),
        ("> **Predict first.** Which?\n>\n> <!-- predict which: 3 -->", "Nothing is asked.", True),
        ('print("the end of", "one")', 'print("the end of one")', False),
        ("```{code-cell} ipython3\nimport", "```{code-cell} ipython3\n:tags: [check]\n\nimport", False),
        ("Some text.", "```{code-cell} ipython3\nprint(1)\n```", False),
        ("```{code-cell} ipython3\nimport os, time\n", "```\nimport os, time\n", False),  # a code cell less
    ],
)
def test_a_run_counts_for_its_own_code(book, old, new, counts, synced):
    pretend_stored("one")
    edit("one", old, new)
    if synced:
        joined = pairs.join(pairs.expected("one"), pairs.read_notebook("one"), "one")
        files.write(project.notebook("one"), notebooks.as_text(joined))
    assert execute.why_run("one", NOW, "a") == ("" if counts else "its code has changed")


def test_the_package_is_known_by_what_it_does(tmp_path, monkeypatch):
    monkeypatch.setattr(project, "ROOT", tmp_path)
    folder = tmp_path / "d2lite"
    (folder / "models").mkdir(parents=True)
    code, table = folder / "models" / "net.py", folder / "measured.csv"
    code.write_text("def f():\n    return 1\n")
    table.write_text("a,b\n")
    before = execute.package_digest()
    code.write_text("# why\ndef f():\n\n    return (1)\n")
    (folder / "page.js").write_text("draw()")
    (folder / "questions.json").write_text("{}")
    assert execute.package_digest() == before
    code.write_text("def f():\n    return 2\n")
    assert (other := execute.package_digest()) != before
    table.write_text("a,b\n1,2\n")
    assert (third := execute.package_digest()) != other
    code.rename(folder / "net.py")
    assert execute.package_digest() != third


def test_the_time_left(book):
    pretend_stored("one", seconds=1500.0)
    pretend_stored("two", seconds=100.0, profile="quick")
    pretend_stored("three", seconds=30.0, device="NVIDIA H200")
    assert [execute.minutes(name, NOW) for name in NAMES] == [25, None, None]
    assert execute.minutes("three", NOW | {"device": "NVIDIA H200"}) == 0.5
    assert execute.time_left([25.0, 48.6]) == "about 74 min left"
    assert execute.time_left([25.0, None]) == "about 25 min left, 1 chapter not timed before"
    assert execute.time_left([None, None]) == "2 chapters not timed before"
    assert execute.time_left([0.1]) == "about 1 min left"


def test_chapters_over_the_limit_are_named(book, monkeypatch, capsys):
    seconds = 60 * execute.LIMIT
    pretend_stored("one", seconds=seconds + 30.0)
    pretend_stored("two", seconds=seconds - 30.0)
    pretend_stored("three", seconds=9999.0, profile="quick")
    assert execute.over_limit(NAMES) == ["one (45.5)"]
    pretend_stored("three", seconds=9999.0, device="NVIDIA H200")
    assert execute.over_limit(NAMES) == ["one (45.5)"]
    pretend_stored("three")
    monkeypatch.setattr(execute, "here", lambda: NOW)
    monkeypatch.setattr(execute, "package_digest", lambda: "a")
    monkeypatch.setattr("sys.argv", ["execute"])
    assert execute.main() == 0
    shown = capsys.readouterr()
    assert "left out" in shown.out, "also a chapter that an earlier command ran is named"
    assert shown.err == "over 45 minutes in the full profile on a CPU: one (45.5)\n"


def test_this_machine_is_asked_in_the_profile_given(monkeypatch):
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    found = execute.here()
    assert found["profile"] == "full" and found["torch"] and execute.setting(found)[0] == "full"
    monkeypatch.setenv("D2LITE_PROFILE", "fast")
    with pytest.raises(SystemExit, match="'quick' or 'full'"):
        execute.here()
