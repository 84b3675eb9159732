"""How many threads PyTorch takes and how they wait, so that a machine can be shared with other programs.

On a CPU PyTorch starts one thread for each processor this process may run on. Two things it cannot know:

* A container or a JupyterHub often allows a process less *time* than its processors have: the quota of a control group.
  With more threads than that, all of them are stopped for the rest of each tenth of a second.
* A thread that waits for the others looks for news in a loop before it sleeps: in GNU's OpenMP 300,000 times, which
  takes about 8 ms. While another program needs the processor, that is time in which nobody gets anything done.

So, on Linux, importing d2lite lowers the number of threads to what is allowed, and lets them sleep after ``SPINS``
looks. The environment has the last word: ``OMP_NUM_THREADS`` and ``MKL_NUM_THREADS`` on the number, ``OMP_WAIT_POLICY``
and ``GOMP_SPINCOUNT`` on waiting; and so has a later ``torch.set_num_threads``. OpenMP reads the environment once, when
PyTorch loads it, so d2lite must be imported first; the number of threads can still be changed afterwards.

Sources: the manual of libgomp on GOMP_SPINCOUNT; the kernel's on control groups ("CFS Bandwidth Control", "cpu.max").
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

#: how often a waiting thread looks before it sleeps: 27 µs on an AMD EPYC. The pause between two operations of a
#: network is about as short, the turn of another program a hundred times as long.
SPINS = 1_000
MANY = 10_000  # from here on a waiting thread counts as one that spins
NUMBER = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
WAITING = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def _given(names: tuple[str, ...]) -> str | None:
    """The first of these variables that the environment sets, as NAME=value."""
    return next((f"{name}={os.environ[name]}" for name in names if os.environ.get(name)), None)


# Here and not in a function: d2lite imports this module first of all, before it imports PyTorch.
if sys.platform == "linux" and "torch" not in sys.modules and _given(WAITING) is None:
    os.environ["GOMP_SPINCOUNT"] = str(SPINS)


def processors() -> int:
    """The number of processors on which this process may run (its affinity, where the system has one)."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota(root: Path = Path("/")) -> float:
    """The processors' worth of time that control groups allow this process: 1.5 means 150 ms in each 100 ms.

    Infinity where nothing limits it. The tightest of the process's own group and of those around it counts, in both
    versions of control groups. ``root`` is where ``proc`` and ``sys`` lie.
    """
    try:
        groups = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:  # not Linux
        return math.inf
    limits = [math.inf]
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = root / "sys/fs/cgroup" / controllers  # version 2 names none
        # a container sees its own group as the top one, and may still be told the path that its host uses
        for step in ("", *path.strip("/").split("/")):
            folder /= step
            limits.append(_limit(folder, 1 if controllers else 2))
    return min(limits)


def _limit(folder: Path, version: int) -> float:
    """The processors' worth of time that one control group allows; infinity where it sets no limit or is not there."""
    names = ("cpu.max",) if version == 2 else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    try:
        allowed, period = " ".join((folder / name).read_text("utf-8") for name in names).split()
        return int(allowed) / int(period) if int(allowed) > 0 else math.inf  # version 1 says -1 for no limit
    except (OSError, ValueError):  # version 2 says "max"
        return math.inf


def allowed() -> int:
    """The number of threads that can run at once: that of the processors, or the quota, to the nearest whole number.

    A quota of 1.5 is better used by two threads, which then stand still a quarter of the time, than by one.
    """
    return max(1, int(min(processors(), quota() + 0.5)))


def limit() -> None:
    """Lower PyTorch's number of threads to what is allowed, unless the environment sets it; never raise it."""
    import torch

    if _given(NUMBER) is None and torch.get_num_threads() > allowed():
        torch.set_num_threads(allowed())


def spinning() -> str:
    """Why PyTorch's threads keep a processor busy for long while they wait; empty where they sleep soon.

    Other systems than Linux have other OpenMP libraries; nothing is said about them unless the environment does.
    """
    count, policy = (os.environ.get(name, "").strip() for name in WAITING)
    if count:
        return "" if count.isdigit() and int(count) < MANY else f"GOMP_SPINCOUNT={count}"
    if policy:
        return f"OMP_WAIT_POLICY={policy}" if policy.upper() == "ACTIVE" else ""
    return "torch was imported before d2lite" if sys.platform == "linux" else ""


def report() -> dict[str, str]:
    """What ``python -m d2lite doctor`` says about threads: titles and values."""
    import torch

    time = quota()
    return {
        "in use": f"{torch.get_num_threads()}" + (f"  ({given})" if (given := _given(NUMBER)) else ""),
        "processors": f"{processors()} of {os.cpu_count()} may be used",
        "their time": "no limit" if time == math.inf else f"as much as {time:g} processors have",
        "waiting": _given(WAITING) or "as PyTorch starts them",
    }


def warnings() -> list[str]:
    """What slows this process down on a shared machine, and what to do about it; empty where all is well."""
    import torch

    found, used, most = [], torch.get_num_threads(), allowed()
    if used > most:
        found.append(
            f"PyTorch uses {used} threads, but only {most} can run at once, so they wait for each "
            f"other. Unset {' and '.join(NUMBER)}, or call torch.set_num_threads({most})."
        )
    if used > 1 and (why := spinning()):
        found.append(
            f"Threads that wait keep their processors busy ({why}), which costs most of the speed while other programs "
            f"run. Import d2lite before torch in a new process, with {' and '.join(WAITING)} unset."
        )
    return found
