"""Submissions marked side by side: nobody's loses marks because of another's, or because the machine is busy."""

import contextlib
import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import classroom
import pytest
from nbformat.v4 import new_notebook

from assignments.grader import course, execute, grade, intake, sandbox, session, sharing, trusted, watch
from assignments.grader.trusted import Bench


def where() -> tuple[int, set[int]]:
    """This worker, once it has a processor of its own, and which."""
    sharing.processor()
    time.sleep(0.5)  # so that the other takes the other task
    return os.getpid(), os.sched_getaffinity(0)


@pytest.mark.slow(5)
@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="tests of a processor for each job (there is one): run them on Linux with two",
)
def test_each_worker_has_a_processor_of_its_own():
    before = os.sched_getaffinity(0)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        found = dict(task.result() for task in [pool.submit(where) for _ in range(4)])
    assert len(found) == 2 and all(len(one) == 1 for one in found.values())
    assert len(set.union(*found.values())) == 2
    sharing.processor()  # in the main process it does nothing
    assert os.sched_getaffinity(0) == before
    assert sandbox.Limits.here(2).own_processor and not sandbox.Limits.here(len(before) + 1).own_processor


def test_who_is_to_be_alone_waits_for_the_others_and_comes_next(monkeypatch, tmp_path):
    for name in ("ROOM", "DOOR"):
        (tmp_path / name).touch()
        monkeypatch.setattr(sharing, name, tmp_path / name)
    happened: list[str] = []

    def work(name: str, alone: bool, until: threading.Event) -> threading.Thread:
        def run():
            with sharing.room(alone):
                happened.append(f"{name} in")
                until.wait(20)
                happened.append(f"{name} out")

        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.3)
        return thread

    one, two, rest = threading.Event(), threading.Event(), threading.Event()
    threads = [work("a", False, one), work("b", False, one), work("alone", True, two), work("late", False, rest)]
    assert happened == ["a in", "b in"]
    one.set()
    threads[0].join(20), threads[1].join(20)
    time.sleep(0.3)
    assert happened[2:4] in (["a out", "b out"], ["b out", "a out"]) and happened[4:] == ["alone in"]
    rest.set(), two.set()
    for thread in threads:
        thread.join(20)
    assert happened[5:] == ["alone out", "late in", "late out"]


@pytest.mark.parametrize("doubt", [None, "the machine was busy with something else"])
def test_what_is_in_doubt_is_marked_once_more_alone(monkeypatch, doubt):
    done: list = []

    @contextlib.contextmanager
    def room(alone: bool = False):
        done.append("alone" if alone else "beside others")
        yield
        done.append("left")

    monkeypatch.setattr(sharing, "room", room)
    monkeypatch.setattr(execute.Execute, "_mark", lambda self, nb, resources: done.append("marked") or doubt)
    execute.Execute().preprocess(new_notebook(), {})
    once = ["beside others", "marked", "left"]
    assert done == (once if doubt is None else [*once, "alone", "marked", "left"])


@pytest.mark.slow(5)
@pytest.mark.parametrize("busy", [False, True])
def test_time_is_in_doubt_where_something_else_ran_meanwhile(needs_sandbox, monkeypatch, busy):
    monkeypatch.setattr(watch, "waited", lambda pid: time.monotonic() if busy else 0.0)
    with session.Session(sandbox.Limits(cell=60)) as running:
        running.limits = sandbox.Limits(cell=1)
        assert running.ask("run", source="1 + 1").fields["result"]["error"] is None and running.doubt is None
        running.ask("run", source="import time\ntime.sleep(30)")
        assert (running.doubt is not None) == busy
        running.doubt = None
        assert "did not end" in str(Bench(running, 1, set()).run("while True: pass", "loop")[0])
        assert (running.doubt is not None) == busy


@pytest.mark.slow(20)
@pytest.mark.parametrize("always", [False, True])
def test_the_graders_own_cells_cost_nobody_points(base, monkeypatch, tmp_path, always):
    """Imports and data that take too long here, once or each time."""
    name, cell = course.find("ps1"), "given-imports"
    texts, late = dict(course.trusted(name)), []

    def slow(_):
        late.append(always or not late)
        return {**texts, cell: "import time\ntime.sleep(60)" if late[-1] else texts[cell]}

    monkeypatch.setattr(course, "trusted", slow)
    first, *_ = solved = classroom.solutions(name)
    path = classroom.hand_in(tmp_path, "a", name, classroom.notebook(base, name, {first: solved[first]}))
    options = grade.Options(base, not classroom.sandboxed(), limits=sandbox.Limits(total=300))
    exec(texts[cell], {})  # what it loads is there, so that it is done in good time where it is not late
    monkeypatch.setattr(trusted, "OWN", 1.0 if always else 5.0)
    record = grade.grade(intake.Submission("a", name, path), options)
    if always:
        assert record["status"] == "not marked" and record["digest"] == "", "the next run must try again"
        assert f"the set's own cell {cell}" in classroom.said(record), record["remarks"]
    else:
        assert record["status"] == "marked" and record["remarks"] == record["look"] == []
        assert record["marks"]["test-cross-entropy"] == 1.0, classroom.said(record)
    assert len(late) > 2, "it was to be marked once more"


def test_a_cell_of_the_graders_own_stops_a_submissions_clock(needs_sandbox, monkeypatch):
    monkeypatch.setattr(trusted, "OWN", 60.0)
    with session.Session(sandbox.Limits(cell=60)) as running:
        bench = Bench(running, 0.5, set())
        before = running.end_of_time
        assert bench.run_own("import time\ntime.sleep(1.5)", "data")[0] is None
        assert running.end_of_time - before > 1.4
        assert "did not end" in str(bench.run("time.sleep(5)", "a test")[0])


@pytest.mark.slow(5)
def test_what_stays_in_doubt_is_told_to_the_teacher(base, monkeypatch, tmp_path):
    name, mark = course.find("ps1"), execute.Execute._mark

    def in_doubt(self, nb, resources):
        mark(self, nb, resources)
        nb.metadata["grading"]["doubt"] = "the machine was busy"
        return "the machine was busy"

    monkeypatch.setattr(execute.Execute, "_mark", in_doubt)
    path = classroom.hand_in(tmp_path, "a", name, classroom.notebook(base, name, {}))
    record = grade.grade(intake.Submission("a", name, path), grade.Options(base, not classroom.sandboxed()))
    assert record["status"] == "marked", record["remarks"]
    (line,) = record["look"]
    assert "the machine was busy" in line and "STUDENT=a" in line


def test_what_is_printed_is_cut_for_each_cell_and_for_all():
    step = execute.Execute()
    step.left = execute.ALL_PRINTED
    assert step._cut("x" * 100) == "x" * 100
    assert len(step._cut("x" * 10**6)) < 1.01 * execute.PRINTED
    total = sum(len(step._cut("x" * 10**6)) for _ in range(1000))
    assert total < execute.ALL_PRINTED + 1000 * len(execute.FULL) + execute.PRINTED
