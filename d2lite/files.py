"""Files that appear whole or not at all, zip archives that are checked before anyone believes them, named folders."""

import contextlib
import os
import secrets
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def path_of(path: str | os.PathLike) -> Path:
    """``path`` as a ``Path``, with ``~`` spelled out; raise ValueError where it is none that a file can have, such as
    None or ``""``."""
    name = path if isinstance(path, str) else str(path) if isinstance(path, os.PathLike) else ""
    if not name or "\0" in name:
        raise ValueError(f"{path!r} is no path: give that of a file, such as 'run.pt'.")
    return Path(os.path.expanduser(name))


def readable(path: str | os.PathLike) -> Path:
    """``path`` as ``path_of`` gives it; raise FileNotFoundError where there is no file to read."""
    path = path_of(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {path}: check the path, or save first.")
    return path


def check_regular(path: str | os.PathLike) -> Path:
    """``path`` as ``path_of`` gives it; raise OSError where no file could be put there, since something else is there,
    its name is too long, or links lead in a circle."""
    path, problem = path_of(path), None
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):  # whoever may write to a device may replace it as well, to everyone's loss
            problem = "it is a folder" if stat.S_ISDIR(mode) else "it is a device or a pipe"
    except OSError as error:
        problem = None if isinstance(error, (FileNotFoundError, NotADirectoryError)) else error.strerror
    if problem:
        raise OSError(f"cannot write {path}: {problem}. Give the path of a file.")
    return path


def write_atomically(path: str | os.PathLike, write: Callable[[BinaryIO], object]) -> Path:
    """Call ``write`` with a temporary file beside ``path`` and move it there when all went well.

    An interrupt, a full disk or any other error leaves what stood at ``path`` before, and no partial file. A link stays
    a link: the file that it names is the one that is written.

    Raises:
        OSError: the folder is missing or read-only, the disk is full, or ``path`` is a folder or a device; the message
            names the path.
    """
    path = check_regular(path)
    target = os.path.realpath(path)
    # A name may have 255 bytes, and a letter four: the draft's must not be too long where the file's is not.
    draft = Path(target).parent / f".{path.name[:40]}.{secrets.token_hex(4)}"
    remedy = "Give a path in a folder that exists and can be written"
    try:
        with open(draft, "xb") as file:
            remedy = "Free some space or give another path"
            write(file)
        os.replace(draft, target)
    except OSError as error:
        raise type(error)(error.errno, f"cannot write {path}: {error.strerror}. {remedy}") from error
    finally:
        with contextlib.suppress(OSError):  # there is none once it was moved
            draft.unlink()
    return path


def named_folder(variable: str) -> Path | None:
    """The folder that an environment variable names, with ``~`` spelled out; None where it is unset or empty.

    Raises:
        ValueError: it begins with ``~``, and there is no such home folder.
    """
    given = os.environ.get(variable)
    try:
        return Path(given).expanduser() if given else None
    except RuntimeError:
        raise ValueError(f"{variable} is {given!r}, and there is no such home: give a path without ~.") from None


def check_zip(path: str | os.PathLike) -> None:
    """Compare all that an uncompressed zip archive holds with its check sums, which ``torch.load`` does not look at.

    Raises:
        ValueError: a byte of the contents is not as it was written, or the file is no such archive; says what was seen.
        OSError: the file cannot be opened.
    """
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                for entry in archive.infolist():
                    stored = entry.compress_type == zipfile.ZIP_STORED and entry.file_size == entry.compress_size
                    if not stored or (entry.CRC and not entry.file_size):  # of an empty one no check sum is compared
                        raise zipfile.BadZipFile(f"the entry of {entry.filename!r} is not as it was written")
                if altered := archive.testzip():
                    raise zipfile.BadZipFile(f"Bad CRC-32 for file {altered!r}")
        except Exception as error:  # there is hardly one that altered bytes cannot provoke in the reader
            raise ValueError(f"{type(error).__name__}: {error}") from error
