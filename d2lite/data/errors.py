"""What goes wrong with data: errors that name the file, say what is wrong with it, and what to do."""

from pathlib import Path


class DataError(RuntimeError):
    """A data set cannot be had; the message says what to do."""


class DataFileError(DataError):
    """A data file is damaged or not what it should be. ``path`` is the file, ``problem`` what is wrong with it."""

    dataset = "NAME"
    remedy = (
        "Delete this file (or, where you may not, unset D2LITE_DATA) and fetch a sound copy with "
        "`python -m d2lite data {}`."
    )

    def __init__(self, path: str | Path, problem: str):
        super().__init__(path, problem)
        self.path, self.problem = Path(path), problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}. {self.remedy.format(self.dataset)}"


class UnreadableFileError(DataFileError):
    """A data file that this user may not read, sound or not."""

    remedy = (
        "Change its permissions with `chmod a+r` (or, where you may not, unset D2LITE_DATA) and load again; "
        "`python -m d2lite data {}` fetches a copy of your own."
    )


class ImageFileError(DataFileError):
    """A picture of someone's own that cannot be decoded."""

    remedy = "Delete it, or put a sound copy in its place."


class NotFoundError(DataError):
    """A data set is neither on this machine nor to be had from the network.

    ``reason`` says where it was looked for, ``remedy`` names the ways out; the message has both.
    """

    def __init__(self, label: str, reason: str, remedy: str):
        super().__init__(label, reason, remedy)  # what it is made anew from, where it comes from another process
        self.label, self.reason, self.remedy = label, reason, remedy

    def __str__(self) -> str:
        return f"{self.label} is {self.reason}. {self.remedy}"


class DownloadError(DataError):
    """No mirror delivered a file."""
