"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
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
