"""What is on record of each submission: one file each, written whole or not at all, so that a killed run goes on."""

import contextlib
import fcntl
import json
from pathlib import Path

from tools import files


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


@contextlib.contextmanager
def alone(folder: Path):
    """Hold ``folder`` for this run. Raises BusyError where another one does."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"another run is marking into {folder}: wait for it, or give another folder (OUT=)"
            ) from None
        yield
