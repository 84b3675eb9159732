"""A memory cgroup for each sandbox, on machines where the grader may make one: the kernel's own bound on all it holds.

What a submission makes the kernel keep for it counts there as well. Where there is none, ``watch`` counts what it can
see from outside, so this is a second fence and nobody has to set it up.
"""

import atexit
import contextlib
import functools
import os
import time
import uuid
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "grading-"
_LEFT: list[Path] = []  # of sandboxes that are over


class Group:
    """A group in the folder ``parent`` that may hold ``memory`` bytes."""

    def __init__(self, parent: Path, memory: int):
        self.folder = parent / f"{PREFIX}{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self.folder.mkdir()
        bounds = {"memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes": memory}  # of the first version
        bounds |= {"memory.max": memory, "memory.swap.max": 0, "memory.oom.group": 1}  # of the second
        for name, bound in bounds.items():
            with contextlib.suppress(OSError):
                if (self.folder / name).exists():
                    (self.folder / name).write_text(str(bound))

    def by(self) -> list[str]:
        """The beginning of a command line that runs in the group what comes after it."""
        return ["/bin/sh", "-c", 'echo 0 > "$0/cgroup.procs"; exec "$@"', str(self.folder)]

    def add(self, pid: int) -> None:
        """Let a process, and what it starts from now on, count here."""
        with contextlib.suppress(OSError):
            (self.folder / "cgroup.procs").write_text(str(pid))

    def ran_short(self) -> bool:
        """Whether the kernel ended a process of the group for want of memory."""
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError, ValueError):
                words = (self.folder / name).read_text("utf-8").split()
                if "oom_kill" in words:
                    return int(words[words.index("oom_kill") + 1]) > 0
        return False

    def remove(self) -> None:
        """Remove the group, now or, where its processes have not all ended yet, soon."""
        _LEFT.append(self.folder)
        _remove_what_can_be()


def _remove_what_can_be() -> None:
    for folder in list(_LEFT):
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:  # the kernel takes a moment to end them
            continue
        _LEFT.remove(folder)


@atexit.register
def _remove_all() -> None:
    until = time.monotonic() + 3
    while _LEFT and time.monotonic() < until:
        _remove_what_can_be()
        time.sleep(0.02)


def make(memory: int) -> Group | None:
    """A group for one sandbox; None where there can be none."""
    _remove_what_can_be()
    parent = place()
    if parent is not None:
        with contextlib.suppress(OSError):
            return Group(parent, memory)
    return None


@functools.cache
def place() -> Path | None:
    """The folder in which this process may make groups with a bound on memory, and move its children into them."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines():
            _, kinds, path = line.split(":", 2)
            if "memory" in kinds.split(","):
                return _first([ROOT / "memory" / path.lstrip("/")])
            if not kinds and (ROOT / "cgroup.controllers").exists():
                own = ROOT / path.lstrip("/")
                above = [own, *own.parents]
                return _first([folder for folder in above[: above.index(ROOT) + 1] if _hands_memory_on(folder)])
    return None


def _hands_memory_on(folder: Path) -> bool:
    """Whether groups in a folder of the second version have a bound on memory."""
    with contextlib.suppress(OSError):
        return "memory" in (folder / "cgroup.subtree_control").read_text("utf-8").split()
    return False


def _first(folders: list[Path]) -> Path | None:
    """The first folder in which groups can be made; what earlier graders that were killed left there is removed."""
    for folder in folders:
        if os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK):
            for old in folder.glob(f"{PREFIX}*-*"):
                if not Path("/proc", old.name.split("-")[1]).exists():
                    with contextlib.suppress(OSError):
                        old.rmdir()
            return folder
    return None
