"""What someone who looked at the images of a folder decided of them: a table beside them, which ``load`` honors."""

import csv
import io
from collections.abc import Collection, Mapping
from pathlib import Path

from ..files import write_atomically
from .errors import DataFileError

FILE = "corrections.csv"
COLUMNS = ("file", "decision", "class")
DECISIONS = ("keep", "relabel", "drop")
LARGEST = 16 << 20  # bytes: a table of a hundred thousand images is far smaller

Corrections = dict[str, tuple[str, str]]  # of each file what was decided, and the new class or ""


class CorrectionsError(DataFileError):
    """A table of corrections does not fit the images beside it."""

    remedy = (
        "Mend the table, or delete it to do without. Its first line is file,decision,class; each other one names an "
        "image as in cat/1.jpg, then keep, relabel or drop, and after relabel the class that is right."
    )


def read_corrections(folder: Path, files: Collection[str], classes: Collection[str]) -> Corrections:
    """What the table in ``folder`` decides, of ``files`` (paths below ``folder``, with ``/``); empty without one.

    Raises:
        CorrectionsError: it is no such table, or a line names an image, a decision or a class that there is not, or an
            image twice; the message names the line.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    found: Corrections = {}
    known = set(files)
    for number, line in _lines(path):
        file, decision, name = line
        if file not in known:
            namesake = next((other for other in files if other.rpartition("/")[2] == file.rpartition("/")[2]), "")
            hint = f"; did you mean {namesake!r}?" if namesake else ""
            problem = f"names {file!r}, and there is no such image here{hint}"
        elif file in found:
            problem = f"names {file!r} a second time"
        elif decision not in DECISIONS:
            problem = f"decides {decision!r}: it must be {', '.join(DECISIONS[:-1])} or {DECISIONS[-1]}"
        elif decision == "relabel" and name not in classes:
            problem = f"gives the class {name!r}, which is none of {', '.join(sorted(classes))}"
        elif decision != "relabel" and name:
            problem = f"gives a class to an image that it wants to {decision}"
        else:
            found[file] = decision, name
            continue
        raise CorrectionsError(path, f"line {number} {problem}")
    return found


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The lines below the first one with their numbers, as three fields each; empty lines are left out."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("it is too large for such a table")
        rows = csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline=""), strict=True)
        first = next(rows, [])
        if tuple(first) != COLUMNS:
            raise ValueError(f"its first line is {','.join(first)[:60]!r}, not {','.join(COLUMNS)!r}")
        lines = [(rows.line_num, [*row[:1], *map(str.strip, row[1:])]) for row in rows if any(row)]
    except (OSError, UnicodeError, csv.Error, ValueError) as error:
        raise CorrectionsError(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from None
    for number, line in lines:
        if len(line) != len(COLUMNS):
            raise CorrectionsError(path, f"line {number} has {len(line)} fields, not {len(COLUMNS)}")
    return lines


def write_corrections(folder: Path, corrections: Mapping[str, tuple[str, str]]) -> Path:
    """Write the table into ``folder``, whole or not at all, and return its path; without a decision it is removed.

    Raises:
        OSError: it cannot be written; what stood there stays.
    """
    path = folder / FILE
    if not corrections:
        path.unlink(missing_ok=True)
        return path
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((file, *corrections[file]) for file in sorted(corrections))
    return write_atomically(path, lambda file: file.write(table.getvalue().encode()))
