"""What a student's processes use, seen from outside: memory, also the kernel's for them, and the processor's time.

The kernel limits each process alone, and by its own pages. What is counted here is the sum over all of them, and what
no process shows as its own: what is under way in sockets, and the entries of folders that lie in memory.
"""

import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

INODE = 1280  # bytes of the kernel's for an entry of a folder in memory, its name included
FOLDERS = ("tmp", "dev/shm")  # in memory, and open to students
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
SHORT = 512 * 2**20  # a machine with less free memory than this is about to end processes by itself


def memory(pid: int, enough: int, inside: int | None = None) -> int:
    """Bytes that a process, its descendants and the kernel for them hold, without what is only mapped from files.

    ``inside`` is one of them that lives in a sandbox: what the kernel holds for this sandbox counts as well.

    Pages that several processes share count once, as Linux's proportional set size has it. That takes its time, so
    where even counting them for each gives no more than ``enough``, that is the answer.
    """
    family = list(tree(pid))
    kernel = 0 if inside is None else _kernel(inside)
    rough = sum(_fields(one, "status", "RssAnon:", "RssShmem:") for one in family)
    if kernel + rough <= enough:
        return kernel + rough
    return kernel + sum(_own(one) for one in family)


def seconds(pid: int) -> float:
    """Processor time of a process and its descendants, also of those that are over."""
    total = 0
    for one in tree(pid):
        with contextlib.suppress(OSError, ValueError, IndexError):
            after_name = Path(f"/proc/{one}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            total += sum(map(int, after_name[11:15]))  # its own, and that of children that it has waited for
    return total / TICKS


def waited(pid: int | str) -> float:
    """Seconds that a process was ready to run and another was running; 0 where the kernel does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/schedstat").read_text("utf-8").split()[1]) / 1e9
    return 0.0


def is_short() -> bool:
    """Whether this machine has hardly any memory left."""
    return psutil.virtual_memory().available < min(SHORT, psutil.virtual_memory().total // 20)


def tree(pid: int) -> Iterator[int]:
    """A process and its descendants, each after the one that started it."""
    yield pid
    if not _lists_children():
        with contextlib.suppress(psutil.Error):
            yield from (child.pid for child in psutil.Process(pid).children(recursive=True))
        return
    with contextlib.suppress(OSError, ValueError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text("utf-8").split():
                yield from tree(int(child))


@functools.cache
def _lists_children() -> bool:
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


@functools.cache
def _socket() -> int:
    """Bytes that can be under way from one socket."""
    with contextlib.suppress(OSError, ValueError):
        return int(Path("/proc/sys/net/core/wmem_default").read_text("utf-8"))
    return 212_992


def _fields(pid: int, file: str, *wanted: str) -> int:
    """The sum of lines that begin with ``wanted`` in a file of a process's, which gives KiB; 0 when it is over."""
    total = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/{file}").read_text("utf-8", "replace").splitlines():
            if line.startswith(wanted):
                total += int(line.split()[1]) * 1024
    return total


def _own(pid: int) -> int:
    return _fields(pid, "smaps_rollup", "Pss_Anon:", "Pss_Shmem:") or _fields(pid, "status", "RssAnon:", "RssShmem:")


def _kernel(inside: int) -> int:
    """The kernel's memory for the sandbox that the process ``inside`` lives in."""
    total = 0
    with contextlib.suppress(OSError, ValueError, IndexError):  # all sockets of its network, also those on their way
        words = Path(f"/proc/{inside}/net/sockstat").read_text("utf-8").split()
        total += int(words[words.index("used") + 1]) * _socket()
    for folder in FOLDERS:
        with contextlib.suppress(OSError):
            about = os.statvfs(f"/proc/{inside}/root/{folder}")
            total += (about.f_files - about.f_ffree) * INODE
    return total
