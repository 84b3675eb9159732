"""What is on record of each submission: one file each, written whole or not at all, so that a killed run goes on."""

import contextlib
import errno
import json
import os
import shutil
from pathlib import Path

from tools import files

LOCK = ".lock"
ROOM = 64 * 2**20  # bytes without which nothing is begun


class BusyError(Exception):
    """Another run marks into the same folder."""


class Records:
    """The records in ``folder``/records."""

    def __init__(self, folder: Path):
        self.folder = folder / "records"

    def path(self, problem_set: str, student: str) -> Path:
        """Where the record of a student's submission lies."""
        return self.folder / problem_set / f"{student}.json"

    def read(self, problem_set: str, student: str) -> dict | None:
        """The record, or None where there is none or a broken one."""
        try:
            return json.loads(self.path(problem_set, student).read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def write(self, record: dict) -> None:
        """Keep a record."""
        files.write(self.path(record["problem_set"], record["student"]), json.dumps(record, indent=1))


def is_ours(folder: Path) -> bool:
    """Whether a run keeps its marks in a folder."""
    return (folder / LOCK).is_file() and (folder / "course" / "nbgrader_config.py").is_file()


@contextlib.contextmanager
def alone(folder: Path):
    """Hold ``folder`` for this run.

    Raises:
        BusyError: another run does.
        OSError: it cannot be written, or is full.
    """
    import fcntl  # not on Windows, where marking says that it needs Linux

    folder.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(folder / LOCK) and not os.path.isfile(folder / LOCK):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder / LOCK))
    if shutil.disk_usage(folder).free < ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    with open(folder / LOCK, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"another run is marking into {folder}: wait for it, or give another folder (OUT=)"
            ) from None
        yield
