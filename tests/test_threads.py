"""Threads on a machine that is shared: what is allowed is found out, and the environment has the last word."""

import math
import os
import subprocess
import sys

import pytest
import torch

from d2lite.__main__ import main
from d2lite.machine import threads

linux = pytest.mark.skipif(
    sys.platform != "linux", reason="tests of OpenMP's threads (other systems have another library): run them on Linux"
)


@pytest.fixture
def unset(monkeypatch):
    """An environment that says nothing on threads; PyTorch's number of threads is put back afterwards."""
    for name in (*threads.NUMBER, *threads.WAITING):
        monkeypatch.delenv(name, raising=False)
    before = torch.get_num_threads()
    yield monkeypatch
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("groups", "files", "allowed"),
    [
        ("0::/", {}, math.inf),
        ("0::/a", {"a/cpu.max": "max 100000"}, math.inf),
        ("0::/a", {"a/cpu.max": "150000 100000"}, 1.5),
        ("0::/a/b", {"a/cpu.max": "50000 20000", "a/b/cpu.max": "max 20000"}, 2.5),
        ("0::/a/b", {"a/cpu.max": "400000 100000", "a/b/cpu.max": "300000 100000"}, 3),
        ("0::/host/path/not/seen/inside", {"cpu.max": "200000 100000"}, 2),
        ("0::/../../a", {"cpu.max": "200000 100000"}, 2),
        ("0::/", {"cpu.max": "not a limit"}, math.inf),
        ("1:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, math.inf),
        ("3:cpu,cpuacct:/a", {"cpu,cpuacct/a/cpu.cfs_quota_us": "5", "cpu,cpuacct/a/cpu.cfs_period_us": "10"}, 0.5),
        ("3:cpu,cpuacct:/host", {"cpu,cpuacct/cpu.cfs_quota_us": "6", "cpu,cpuacct/cpu.cfs_period_us": "2"}, 3),
        ("2:cpuset:/\n1:name=systemd:/a:b\n0::/a", {"cpuset/cpu.max": "1 1", "a/cpu.max": "2 1"}, 2),
    ],
)  # fmt: skip
def test_the_tightest_quota_counts(groups, files, allowed, tmp_path):
    for name, text in {**{f"sys/fs/cgroup/{k}": v for k, v in files.items()}, "proc/self/cgroup": groups}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", "utf-8")
    assert threads.quota(tmp_path) == allowed


def test_a_group_with_an_odd_name_keeps_nobody_from_importing_d2lite(tmp_path):
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_bytes(b"0::/caf\xe9\n")
    assert threads.quota(tmp_path) == math.inf


def test_without_control_groups_nothing_is_limited(tmp_path):
    assert threads.quota(tmp_path) == math.inf


@pytest.mark.parametrize(
    ("processors", "quota", "allowed"),
    [(2, math.inf, 2), (8, 2.0, 2), (8, 1.5, 2), (8, 1.4, 1), (8, 0.2, 1), (2, 7.65, 2), (8, 7.65, 8)],
)
def test_threads_that_can_run_at_once(processors, quota, allowed, monkeypatch):
    monkeypatch.setattr(threads, "processors", lambda: processors)
    monkeypatch.setattr(threads, "quota", lambda: quota)
    assert threads.allowed() == allowed


def test_processors(monkeypatch):
    if hasattr(os, "sched_getaffinity"):
        every = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, {min(every)})
            assert threads.processors() == 1
        finally:
            os.sched_setaffinity(0, every)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert threads.processors() == os.cpu_count()


def test_the_number_of_threads_is_lowered_and_never_raised(unset):
    for now, most, then in ((4, 2, 2), (2, 4, 2)):
        unset.setattr(threads, "allowed", lambda most=most: most)
        torch.set_num_threads(now)
        threads.limit()
        assert torch.get_num_threads() == then


@pytest.mark.parametrize("name", threads.NUMBER)
def test_whoever_names_the_number_gets_it(name, unset):
    unset.setattr(threads, "allowed", lambda: 1)
    unset.setenv(name, "3")
    torch.set_num_threads(3)
    threads.limit()
    assert torch.get_num_threads() == 3


@linux
@pytest.mark.skipif(os.cpu_count() == 1, reason="tests of threads (one processor): run them where there are two")
@pytest.mark.slow
def test_importing_d2lite_lowers_the_number():
    code = "import os, torch; torch.set_num_threads(2); os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "import d2lite; print(torch.get_num_threads())"
    plain = {name: value for name, value in os.environ.items() if name not in threads.NUMBER}
    for environment, then in ((plain, "1\n"), ({**plain, "OMP_NUM_THREADS": "2"}, "2\n")):
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == then


@linux
@pytest.mark.parametrize(
    ("given", "first", "then"),
    [
        ({}, "d2lite", "1000"),
        ({}, "torch", None),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "d2lite", None),
        ({"GOMP_SPINCOUNT": "7"}, "d2lite", "7"),
    ],
)
@pytest.mark.slow
def test_threads_sleep_soon_where_nothing_else_is_said(given, first, then):
    plain = {name: value for name, value in os.environ.items() if name not in threads.WAITING}
    code = f"import os, {first}, d2lite; print(os.environ.get('GOMP_SPINCOUNT'))"
    environment = {**plain, **given, "OMP_DISPLAY_ENV": "verbose"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{then}\n"
    if "GOMP_SPINCOUNT" in done.stderr:  # GNU's OpenMP, which says what it read
        assert then is None or f"GOMP_SPINCOUNT = '{then}'" in done.stderr


@pytest.mark.parametrize(
    ("environment", "spins"),
    [
        ({"GOMP_SPINCOUNT": "1000"}, False),
        ({"GOMP_SPINCOUNT": "300000"}, True),
        ({"GOMP_SPINCOUNT": "300k"}, True),
        ({"GOMP_SPINCOUNT": "0", "OMP_WAIT_POLICY": "active"}, False),
        ({"OMP_WAIT_POLICY": "active"}, True),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, False),
        ({}, sys.platform == "linux"),
    ],
)
def test_threads_that_spin_are_seen(environment, spins, unset):
    for name, value in environment.items():
        unset.setenv(name, value)
    assert bool(threads.spinning()) == spins
    assert all(value in threads.spinning() for value in environment.values() if spins)


def test_doctor_warns_of_what_slows_threads_down(unset, capsys):
    unset.setattr(threads, "allowed", lambda: 2)
    unset.setattr(threads, "quota", lambda: 1.5)
    unset.setenv("OMP_WAIT_POLICY", "ACTIVE")
    torch.set_num_threads(3)
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "in use         3\n" in out and "as much as 1.5 processors have" in out
    assert "PyTorch uses 3 threads, but only 2 can run at once" in out and "torch.set_num_threads(2)" in out
    assert "keep their processors busy (OMP_WAIT_POLICY=ACTIVE)" in out
    torch.set_num_threads(1)
    assert threads.warnings() == [], "one thread waits for none"
