"""How many threads PyTorch takes and how they wait, so that a machine can be shared with other programs.

On a CPU PyTorch starts one thread for each processor this process may run on. Two things it cannot know:

* A container or a JupyterHub often allows a process less *time* than its processors have: the quota of a control group.
  With more threads than that, all of them are stopped for the rest of each tenth of a second.
* A thread that waits for the others looks for news in a loop before it sleeps: in GNU's OpenMP 300,000 times, which
  takes about 8 ms. While another program needs the processor, that is time in which nobody gets anything done.

So, on Linux, importing d2lite lowers the number of threads to what is allowed, and lets them sleep after ``SPINS``
looks. The environment has the last word (``NUMBER``, ``WAITING``), and so has a later ``torch.set_num_threads``. OpenMP
reads the environment once, when PyTorch loads it, so d2lite must be imported first; the number can be changed later.

Sources: the manual of libgomp on GOMP_SPINCOUNT; the kernel's on control groups ("CFS Bandwidth Control", "cpu.max").
"""

import contextlib
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


# Here and not in a function: d2lite imports this module first of all, and PyTorch reads it while it is imported.
if sys.platform == "linux" and "torch" not in sys.modules and _given(WAITING) is None:
    os.environ["GOMP_SPINCOUNT"] = str(SPINS)

import torch  # noqa: E402


def processors() -> int:
    """The number of processors on which this process may run (its affinity, which macOS and Windows do not have)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# joblib's cpu_count() sees the outermost group alone, rounds the quota up, and takes 0.1 s to import.
def quota(root: Path = Path("/")) -> float:
    """The processors' worth of time that control groups allow this process: 1.5 means 150 ms in each 100 ms.

    Infinity where nothing limits it. The tightest of the process's own group and of those around it counts, in both
    versions of control groups. ``root`` is where ``proc`` and ``sys`` lie.
    """
    try:
        groups = (root / "proc/self/cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:  # not Linux
        return math.inf
    limits = [math.inf]
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)  # version 1, version 2
        folder = root / "sys/fs/cgroup" / controllers
        # a container sees its own group as the top one, and may still be told the path that its host uses
        for step in ("", *path.strip("/").split("/")):
            folder /= step
            with contextlib.suppress(OSError, ValueError):  # the group is not there, or its quota is "max": no limit
                allowed, period = (int(word) for name in names for word in (folder / name).read_text("utf-8").split())
                limits += [allowed / period] if allowed > 0 else []  # version 1 says -1 for no limit
    return min(limits)


def allowed() -> int:
    """The number of threads that can run at once: that of the processors, or the quota, to the nearest whole number.

    A quota of 1.5 is better used by two threads, which then stand still a quarter of the time, than by one.
    """
    return max(1, int(min(processors(), quota() + 0.5)))


def limit() -> None:
    """Lower PyTorch's number of threads to what is allowed, unless the environment sets it; never raise it."""
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
    time, given = quota(), _given(NUMBER)
    return {
        "in use": f"{torch.get_num_threads()}" + (f"  ({given})" if given else ""),
        "processors": f"{processors()} of {os.cpu_count()} may be used",
        "their time": "no limit" if time == math.inf else f"as much as {time:g} processors have",
        "waiting": _given(WAITING) or "as PyTorch starts them",
    }


def warnings() -> list[str]:
    """What slows this process down on a shared machine, and what to do about it; empty where all is well."""
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
