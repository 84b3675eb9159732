"""Files that appear whole or not at all, and zip archives that are looked at before anyone believes them."""

import contextlib
import os
import secrets
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
    draft = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    remedy = "Give a path in a folder that exists and can be written"
    try:
        with open(draft, "xb") as file:
            remedy = "Free some space or give another path"
            write(file)
        os.replace(draft, path)
    except OSError as error:
        raise type(error)(error.errno, f"cannot write {path}: {error.strerror}. {remedy}") from error
    finally:
        with contextlib.suppress(OSError):  # there is none once it was moved
            draft.unlink()
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
                for entry in archive.infolist():
                    stored = entry.compress_type == zipfile.ZIP_STORED and entry.file_size == entry.compress_size
                    if not stored or (entry.CRC and not entry.file_size):  # of an empty one no check sum is compared
                        raise zipfile.BadZipFile(f"the entry of {entry.filename!r} is not as it was written")
                    with archive.open(entry) as content:
                        while content.read(1 << 20):  # at its end the check sum is compared
                            pass
        except Exception as error:  # there is hardly one that altered bytes cannot provoke in the reader
            raise ValueError(f"{type(error).__name__}: {error}") from error
