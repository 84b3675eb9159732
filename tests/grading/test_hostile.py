"""Hostile submissions: none gains a point, none harms the grader or what comes after it.

A sample of them is marked here; with ``ATTACKS=all``, as ``make bench-grading ARGS=--attacks`` has it, each is.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import classroom
import hostile
import matplotlib
import ordinary
import psutil
import pytest

from assignments.grader import __main__, course, sandbox, session

NAME = course.find("ps2")
ATTACKS = os.environ.get("ATTACKS", "")  # "all", or how many
ALL = ATTACKS == "all"
#: who marks → the cases: whoever runs the tests and, where that is root, an ordinary user as well
CHOSEN = {"own": hostile.SAMPLE}
if ALL or ATTACKS.isdigit():
    CHOSEN["own"] = classroom.spread(list(hostile.CASES), None if ALL else int(ATTACKS))
if os.geteuid() == 0:
    CHOSEN["ordinary"] = list(hostile.CASES) if ALL else hostile.SAMPLE_OF_ORDINARY
# less than a course gives, so that what goes on for ever ends soon; honest work has time on a busy machine, too
QUICK = {"cell": 15.0, "total": 90.0, "cpu": 60.0, "memory": 2**30, "total_memory": 3 * 2**29, "own_processor": True}


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


#: raises what it is given, unless that is what the visible tests give
TALKATIVE = """
plain_moments = moments
def moments(X):
    if tuple(X.shape) not in ((3, 2), (4, 3, 5, 6)):
        raise type(f"Found {X.flatten()[0].item()}", (ValueError,), {})(f"hidden: {X.tolist()}")
    return plain_moments(X)
"""


def by_ordinary(base: Path, folder: Path) -> dict[tuple[str, str], dict]:
    """What marking gives when an ordinary user does it, with limits as above."""
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(folder, f"{place}/in")
        shutil.copytree(base, f"{place}/base")
        subprocess.run(["chown", "-R", str(ordinary.USER), place], check=True)  # a teacher's own course
        line = [*ordinary.by(), sys.executable, classroom.__file__, f"{place}/base", f"{place}/in", json.dumps(QUICK)]
        given = {**ordinary.environment(Path("/tmp")), "PYTHONPATH": str(course.ROOT)}
        done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=course.ROOT, env=given)
    assert done.returncode == 0, done.stderr
    return {(one["problem_set"], one["student"]): one for one in json.loads(done.stdout.splitlines()[-1])}


@pytest.fixture(scope="module")
def marked(base, needs_sandbox, tmp_path_factory):
    """The records of the cases, marked in one go between two honest submissions; a function of who marks."""

    @functools.cache
    def records(who: str) -> dict[tuple[str, str], dict]:
        folder = tmp_path_factory.mktemp("hostile")
        for case in CHOSEN[who]:
            classroom.hand_in(folder, f"h-{case}", NAME, classroom.harmful(base, NAME, case))
        first = next(iter(classroom.solutions(NAME)))
        for student in ("0-trace", "z-trace"):
            classroom.hand_in(folder, student, NAME, classroom.notebook(base, NAME, {first: TRACE}))
        for student in ("a-honest", "z-honest"):
            classroom.hand_in(folder, student, NAME, course.solved(NAME))
        solved = classroom.solutions(NAME)
        talkative = {**solved, first: solved[first] + TALKATIVE}
        classroom.hand_in(folder, "talkative", NAME, classroom.notebook(base, NAME, talkative))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CANVAS_TOKEN", "made-up")
            if who == "ordinary":
                return by_ordinary(base, folder)
            return classroom.marked(base, folder, jobs=2, unsafe=False, **QUICK)  # so that each has a neighbor to harm

    return records


@pytest.fixture
def records(marked, who):
    """The records of one who marks."""
    return marked(who)


@pytest.mark.parametrize(("who", "case"), [(who, case) for who, cases in CHOSEN.items() for case in cases])
def test_no_gain(records, case):
    record = records[NAME, f"h-{case}"]
    assert set(record["marks"].values()) == {0.0}, classroom.said(record)
    _, status, words = hostile.CASES[case]
    assert record["status"] in ((status,) if status else ("marked", "ended early")), record["remarks"]
    assert words in classroom.said(record), classroom.said(record)
    assert len(classroom.said(record)) < 100_000, "what is printed is cut outside, too"


@pytest.mark.parametrize("who", CHOSEN)
def test_what_a_test_gives_is_not_told_by_what_the_student_raises(records, who):
    record = records[NAME, "talkative"]
    assert "test-moments" in classroom.zeros(record)
    assert "your code raised ValueError on other values" in classroom.said(record)
    of_hidden = [cell["message"] for cell in record["cells"] if cell["test"] and cell["hidden"]]
    assert any(of_hidden) and not any("hidden:" in said or "Found" in said for said in of_hidden)


@pytest.mark.parametrize("who", CHOSEN)
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


@pytest.fixture(scope="module", autouse=True)
def before():
    """What earlier tests of this process keep for the next, such as the sandbox in which they marked by themselves."""
    return {process.pid for process in psutil.Process().children(recursive=True)}


@pytest.mark.parametrize("who", CHOSEN)
def test_nothing_is_left_running(before, records):
    time.sleep(0.5)
    left = [
        p.info["cmdline"]
        for p in psutil.process_iter(["cmdline"])
        if any(w in ("/grader/student.py", "/grader/nursery.py") for w in p.info["cmdline"] or [])
        and p.pid not in before
        and not is_elsewhere(p)
    ]
    assert left == []


@pytest.mark.parametrize("who", CHOSEN)
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
    with sandbox.command(["sh", "-c", "env; ls -d /*"], sandbox.Limits()) as (line, given):
        done = subprocess.run(line, capture_output=True, text=True, check=False, **given).stdout
    assert set(done.split()[-11:]) >= {"/usr", "/tmp", "/grader", "/proc", "/dev"}
    for name in ("/home", "/var", "/run", "/sys", "/mnt", "/srv"):
        assert f"\n{name}\n" not in done
    for name in os.environ:
        if name not in sandbox.environment("") and name not in ("PYTHONPATH", "PWD", "SHLVL", "_", "OLDPWD"):
            assert f"\n{name}=" not in done


def test_an_ordinary_teacher_has_a_sandbox_too(needs_sandbox, monkeypatch, tmp_path):
    monkeypatch.setattr(matplotlib, "get_cachedir", lambda: str(tmp_path))  # that of root is not an ordinary user's
    inside = "id -u; touch /x 2>/dev/null && echo written; touch /tmp/y && ls /tmp; grep CapEff /proc/self/status"
    with sandbox.command(["sh", "-c", inside], sandbox.Limits(), by=ordinary.by()) as (line, given):
        path = {"PATH": os.environ["PATH"]}  # for what comes before bubblewrap
        done = subprocess.run(line, capture_output=True, text=True, check=False, **{**given, "env": path})
    user = str(ordinary.USER if os.geteuid() == 0 else os.getuid())
    assert done.stdout.split() == [user, "home", "y", "CapEff:", "0000000000000000"], done


def test_without_a_sandbox_it_refuses(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox.check.cache_clear()
    with pytest.raises(sandbox.SandboxError, match="apt install bubblewrap.*UNSAFE=1"):
        sandbox.check()
    sandbox.check.cache_clear()


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_unsafe_needs_linux_too(monkeypatch, capsys, tmp_path, platform):
    monkeypatch.setattr(sys, "argv", ["grade", "grade", str(tmp_path), "--unsafe"])
    monkeypatch.setattr(sys, "platform", platform)
    assert __main__.main() == 1
    assert "UNSAFE=1 needs Linux, too: a virtual machine, a container, or WSL" in capsys.readouterr().err


def test_elsewhere_it_says_where_to_mark():
    """Without what only Unix has, and on systems that are no Linux: a sentence, and no error at import."""
    said = {"darwin": "On a Mac", "win32": "wsl --install", "aix": "on Linux"}
    script = (
        "import sys, torch, nbgrader.apps, psutil, multiprocessing.pool\n"
        "sys.modules.update(fcntl=None, resource=None)\n"
        f"from assignments.grader import __main__\nsys.argv[1:] = ['grade', '.']\nfor sys.platform in {[*said]}:\n"
        "    print(sys.platform, file=sys.stderr)\n    assert __main__.main() == 1"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=course.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    for platform, words in said.items():
        assert words in done.stderr.split(f"{platform}\n")[1].split("\n")[0], done.stderr
