"""What goes wrong with data: errors that name the file, say what is wrong with it, and what to do."""

from __future__ import annotations

from pathlib import Path


class DataError(RuntimeError):
    """A data set cannot be had; the message says what to do."""


class DataFileError(DataError):
    """A data file is damaged or not what it should be. ``path`` is the file, ``problem`` what is wrong with it."""

    def __init__(self, path: str | Path, problem: str):
        super().__init__(path, problem)
        self.path, self.problem = Path(path), problem
        self.dataset = "NAME"

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.problem}. Delete this file (or, where you may not, unset D2LITE_DATA) and fetch a "
            f"sound copy with `python -m d2lite data {self.dataset}`."
        )


class UnreadableFileError(DataFileError):
    """A data file that this user may not read, sound or not."""

    def __init__(self, path: str | Path):
        super().__init__(path, "may not be read (permission denied)")

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.problem}. Change its permissions with `chmod a+r` (or, where you may not, unset "
            f"D2LITE_DATA) and load again; `python -m d2lite data {self.dataset}` fetches a copy of your own."
        )


class NotFoundError(DataError):
    """A data set is neither on this machine nor to be had from the network; the message names the ways out.

    ``reason`` says where it was looked for, ``remedy`` what to do.
    """

    def __init__(self, label: str, reason: str, remedy: str):
        super().__init__(f"{label} is {reason}. {remedy}")
        self.reason, self.remedy = reason, remedy


class DownloadError(DataError):
    """No mirror delivered a file."""
