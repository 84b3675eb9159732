"""The tables that measurements are stored in: CSV files, written whole or not at all, by one process at a time."""

import csv
import io
from pathlib import Path

from filelock import FileLock

from d2lite.files import write_atomically


def rows(path: Path) -> list[dict]:
    """The rows of a table, as text."""
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def is_same(old: dict, new: dict, names: tuple[str, ...]) -> bool:
    """Whether two rows, the old one of text, agree in the columns ``names``."""
    return all(old[name] == str(new[name]) for name in names)


def add(path: Path, row: dict, names: tuple[str, ...], locks: Path) -> None:
    """Put a row into a table, in place of one that agrees in ``names``; ``locks`` is a folder for the lock.

    Raises:
        ValueError: the row has a column that the table has not.
    """
    with FileLock(locks / f"{path.name}.lock"):
        columns = path.read_text("utf-8").splitlines()[0].split(",")
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*(old for old in rows(path) if not is_same(old, row, names)), row])
        write_atomically(path, lambda file: file.write(text.getvalue().encode()))
