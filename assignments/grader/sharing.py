"""How submissions that are marked side by side share the machine: a processor for each, and a second try alone.

Limits on a submission's time are by the clock, so whoever keeps the processors busy could cost a neighbor its marks.
"""

import contextlib
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

# any two files would do that all workers of this grader have
ROOM, DOOR = Path(__file__), Path(__file__).with_name("session.py")


def processor() -> None:
    """Keep this worker, and all that it starts, on a processor of its own; students' code may not leave it."""
    number = multiprocessing.current_process().name.rpartition("-")[2]
    if multiprocessing.parent_process() is None or not number.isdigit() or not hasattr(os, "sched_setaffinity"):
        return
    with contextlib.suppress(OSError):
        there = sorted(os.sched_getaffinity(os.getppid()))  # of the main process, which was not moved
        os.sched_setaffinity(0, {there[int(number) % len(there)]})  # workers are numbered one after the other


@contextlib.contextmanager
def room(alone: bool = False) -> Iterator[None]:
    """Mark within it: beside others or, once they have left, ``alone``. Whoever waits to be alone is next."""
    if fcntl is None:
        yield
        return
    with _locked(DOOR, fcntl.LOCK_EX) as door, _locked(ROOM, fcntl.LOCK_EX if alone else fcntl.LOCK_SH):
        fcntl.flock(door, fcntl.LOCK_UN)
        yield


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[int]:
    file = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, how)
        yield file
    finally:
        os.close(file)
