"""Files that appear whole or not at all, and zip archives that are looked at before anyone believes them."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: str | os.PathLike, write: Callable[[BinaryIO], object]) -> Path:
    """Call ``write`` with a temporary file beside ``path`` and move it there when all went well.

    An interrupt, a full disk or any other error leaves what stood at ``path`` before, and no partial file.

    Raises:
        OSError: the folder is missing or read-only, or the disk is full; the message names the path.
    """
    path = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise type(error)(
            error.errno,
            f"cannot write {path}: {error.strerror}. Give a path in a folder that exists and can be written",
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
        umask = os.umask(0)  # a temporary file is private; the finished one is what the user's umask says
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise type(error)(
                error.errno, f"cannot write {path}: {error.strerror}. Free some space or give another path"
            ) from error
        raise
    return path


def check_zip(path: str | os.PathLike) -> None:
    """Compare all that an uncompressed zip archive holds with its check sums, which ``torch.load`` does not look at.

    Raises:
        ValueError: a byte of the contents is not as it was written, or the file is no such archive; says what was seen.
        OSError: the file cannot be opened.
    """
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                for member in archive.infolist():
                    _check_member(archive, member)
        except Exception as error:  # there is hardly one that altered bytes cannot provoke in the reader
            raise ValueError(f"{type(error).__name__}: {error}") from error


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    stored = member.compress_type == zipfile.ZIP_STORED and member.file_size == member.compress_size
    if not stored or (member.CRC and not member.file_size):  # of an empty member the check sum would not be looked at
        raise zipfile.BadZipFile(f"the entry of {member.filename!r} is not as it was written")
    with archive.open(member) as content:
        while content.read(1 << 20):  # at its end the check sum is compared
            pass
