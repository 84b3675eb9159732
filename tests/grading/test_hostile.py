"""Hostile submissions: none gains a point, none harms the grader or what comes after it."""

import os
import time

import classroom
import hostile
import psutil
import pytest

from assignments.grader import course, sandbox

NAME = course.find("ps2")
QUICK = {"cell": 6.0, "total": 40.0}


@pytest.fixture(scope="module")
def records(base, tmp_path_factory):
    """Every case, marked in one go between two honest submissions."""
    if not classroom.sandboxed():
        pytest.skip("no working bubblewrap on this machine: make sandbox")
    folder = tmp_path_factory.mktemp("hostile")
    for case in hostile.CASES:
        classroom.hand_in(folder, f"h-{case}", NAME, classroom.harmful(base, NAME, case))
    for student in ("a-honest", "z-honest"):
        classroom.hand_in(folder, student, NAME, course.solved(NAME))
    return classroom.marked(base, folder, unsafe=False, **QUICK)


@pytest.mark.parametrize("case", hostile.CASES)
def test_no_gain(records, case):
    record = records[NAME, f"h-{case}"]
    assert set(record["marks"].values()) == {0.0}, classroom.said(record)
    _, status, words = hostile.CASES[case]
    assert record["status"] in ((status,) if status else ("marked", "ended early")), record["remarks"]
    assert words in classroom.said(record), classroom.said(record)


@pytest.mark.parametrize("student", ["a-honest", "z-honest"])
def test_the_others_are_marked_as_ever(records, student):
    assert classroom.zeros(records[NAME, student]) == set()


def test_nothing_is_left_running(records):
    time.sleep(0.5)
    left = [
        p.info["cmdline"]
        for p in psutil.process_iter(["cmdline"])
        if any("inside.py" in w for w in p.info["cmdline"] or [])
    ]
    assert left == []


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


def test_nothing_stays_for_the_next(base, tmp_path, needs_sandbox):
    first = next(iter(classroom.solutions(NAME)))
    for student in ("one", "two"):
        classroom.hand_in(tmp_path, student, NAME, classroom.notebook(base, NAME, {first: TRACE}))
    done = classroom.marked(base, tmp_path, jobs=1, unsafe=False, **QUICK)
    for student in ("one", "two"):
        assert "FOUND [] False False" in classroom.said(done[NAME, student])


def test_what_a_submission_sees(needs_sandbox):
    line = sandbox.command(
        ["sh", "-c", "ls /work /home /root/.ssh /run /var /sys /mnt /media; env; id -u; ls -d /*"], sandbox.Limits()
    )
    done = classroom.shell(line)
    assert set(done.split()[-11:]) >= {"/usr", "/tmp", "/grader", "/proc", "/dev"}
    for name in ("/home", "/var", "/run", "/sys", "/mnt", "/opt", "/srv"):
        assert f"\n{name}\n" not in f"{done}\n"
    for name in os.environ:
        if name not in sandbox.environment("") and name not in ("PYTHONPATH", "PWD", "SHLVL", "_", "OLDPWD"):
            assert f"\n{name}=" not in done


def test_an_unprivileged_teacher_has_a_sandbox_too(needs_sandbox):
    if os.geteuid() != 0:
        pytest.skip("this is how the other tests run here")
    line = sandbox.command(["sh", "-c", "id -u; touch /x /tmp/x; ls /tmp"], sandbox.Limits())
    done = classroom.shell(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *line])
    assert done.split()[-2:] == ["home", "x"] and "/x" not in done.replace("/tmp/x", "").replace("'/x'", "")


def test_without_a_sandbox_it_refuses(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox.check.cache_clear()
    with pytest.raises(sandbox.SandboxError, match="apt install bubblewrap.*UNSAFE=1"):
        sandbox.check()
    sandbox.check.cache_clear()
