"""Hostile submissions: none gains a point, none harms the grader or what comes after it.

A sample of them is marked here; with ``ATTACKS=all``, as ``make bench-grading ARGS=--attacks`` has it, each is.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import classroom
import hostile
import psutil
import pytest

from assignments.grader import course, sandbox, session

NAME = course.find("ps2")
CHOSEN = list(hostile.CASES) if os.environ.get("ATTACKS") == "all" else hostile.SAMPLE
# less than a course gives, so that what goes on for ever ends soon; honest work has time on a busy machine, too
QUICK = {"cell": 15.0, "total": 90.0, "memory": 2**30, "total_memory": 3 * 2**29}


TRACE = """
import os, sys
home = os.path.expanduser('~')
found = [name for name in os.listdir('/tmp') + os.listdir('/dev/shm') + os.listdir(home) if 'trace' in name]
for folder in ('/tmp', '/dev/shm', home, '/grader', '/grader/packages/d2lite', '/usr/lib', sys.prefix):
    try:
        open(folder + '/trace', 'w').write('x')
    except OSError:
        pass
startup = home + '/ipython/profile_default/startup'
os.makedirs(startup, exist_ok=True)
open(startup + '/trace.py', 'w').write('print("trace")')
found += [name for name in os.environ if 'TRACE' in name]
os.environ['TRACE'] = '1'
print('FOUND', found, os.path.exists('/grader/packages/d2lite/trace'), os.path.exists(sys.prefix + '/trace'))
"""


@pytest.fixture(scope="module")
def records(base, needs_sandbox, tmp_path_factory):
    """The cases, marked in one go between two honest submissions."""
    folder = tmp_path_factory.mktemp("hostile")
    for case in CHOSEN:
        classroom.hand_in(folder, f"h-{case}", NAME, classroom.harmful(base, NAME, case))
    first = next(iter(classroom.solutions(NAME)))
    for student in ("0-trace", "z-trace"):
        classroom.hand_in(folder, student, NAME, classroom.notebook(base, NAME, {first: TRACE}))
    for student in ("a-honest", "z-honest"):
        classroom.hand_in(folder, student, NAME, course.solved(NAME))
    return classroom.marked(base, folder, unsafe=False, **QUICK)


@pytest.mark.parametrize("case", CHOSEN)
def test_no_gain(records, case):
    record = records[NAME, f"h-{case}"]
    assert set(record["marks"].values()) == {0.0}, classroom.said(record)
    _, status, words = hostile.CASES[case]
    assert record["status"] in ((status,) if status else ("marked", "ended early")), record["remarks"]
    assert words in classroom.said(record), classroom.said(record)


@pytest.mark.parametrize("student", ["a-honest", "z-honest"])
def test_the_others_are_marked_as_ever(records, student):
    assert classroom.zeros(records[NAME, student]) == set()


def is_elsewhere(process) -> bool:
    """Whether a process belongs to the tests that another of pytest's processes runs meanwhile, or is over."""
    try:
        above = {parent.pid for parent in process.parents()}
    except psutil.NoSuchProcess:  # it has just ended
        return True
    return os.getppid() in above and os.getpid() not in above


def test_nothing_is_left_running(records):
    time.sleep(0.5)
    left = [
        p.info["cmdline"]
        for p in psutil.process_iter(["cmdline"])
        if any("grader/student.py" in w for w in p.info["cmdline"] or []) and not is_elsewhere(p)
    ]
    assert left == []


@pytest.mark.parametrize("student", ["0-trace", "z-trace"])
def test_nothing_stays_for_the_next(records, student):
    """The first and the last in the queue both leave what they can, and look for what was left."""
    assert "FOUND [] False False" in classroom.said(records[NAME, student])


def test_a_cell_that_is_deaf_to_the_clock_is_ended(needs_sandbox, monkeypatch):
    monkeypatch.setattr(session, "GRACE", 0.5)
    with session.Session(sandbox.Limits(cell=1)) as running:
        with pytest.raises(session.Ended, match="did not end within 1 s, nor when it was asked to"):
            running.ask("run", source=hostile.CASES["endless-and-deaf"][0])
        assert running.process.poll() is not None


def test_what_a_submission_sees(needs_sandbox):
    done = classroom.shell(sandbox.command(["sh", "-c", "env; ls -d /*"], sandbox.Limits()))
    assert set(done.split()[-11:]) >= {"/usr", "/tmp", "/grader", "/proc", "/dev"}
    for name in ("/home", "/var", "/run", "/sys", "/mnt", "/srv"):
        assert f"\n{name}\n" not in done
    for name in os.environ:
        if name not in sandbox.environment("") and name not in ("PYTHONPATH", "PWD", "SHLVL", "_", "OLDPWD"):
            assert f"\n{name}=" not in done


@pytest.fixture
def open_to_all(monkeypatch):
    """What a sandbox mounts lies where another user may read it; root's own Python, fonts and checkout may not."""
    with tempfile.TemporaryDirectory() as folder:
        for name, source in (("ROOT", sandbox.ROOT / "d2lite"), ("HERE", sandbox.HERE)):
            copy = Path(folder, name)
            shutil.copytree(source, copy / source.name, ignore=shutil.ignore_patterns("__pycache__"))
            monkeypatch.setattr(sandbox, name, copy if name == "ROOT" else copy / source.name)
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        monkeypatch.setattr(sandbox, "_readable", list)  # what the system has is enough
        monkeypatch.setattr(sandbox.matplotlib, "get_cachedir", lambda: f"{folder}/no fonts")
        yield


def test_an_unprivileged_teacher_has_a_sandbox_too(needs_sandbox, open_to_all):
    root = os.geteuid() == 0
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if root else []
    inside = "id -u; touch /x 2>/dev/null && echo written; touch /tmp/y && ls /tmp; grep CapEff /proc/self/status"
    with sandbox._filter() as filtered:
        line = [*nobody, *sandbox.command(["sh", "-c", inside], sandbox.Limits(), filtered=filtered)]
        done = subprocess.run(line, capture_output=True, text=True, check=False, pass_fds=sandbox._given(filtered))
    user = "65534" if root else str(os.getuid())
    assert done.stdout.split() == [user, "home", "y", "CapEff:", "0000000000000000"], done


def test_without_a_sandbox_it_refuses(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox.check.cache_clear()
    with pytest.raises(sandbox.SandboxError, match="apt install bubblewrap.*UNSAFE=1"):
        sandbox.check()
    sandbox.check.cache_clear()
