"""Files that outlive a session: on Colab, whose disk goes with the machine, in Google Drive."""

import os
import sys
from pathlib import Path

from ..files import path_of

MOUNTED = Path("/content/drive")


def drive(path: str | os.PathLike) -> Path:
    """Where to keep ``path`` so that a lost session does not take it along.

    On Colab it is a file of the folder ``d2lite`` in the reader's Google Drive, for which Colab asks once; anywhere
    else the path itself. An absolute path is kept as it is. ``fit(..., checkpoint=d2l.drive("run.pt"))``, run again
    after a reconnect, goes on where it was.

    Raises:
        OSError: Google Drive could not be reached, or was not allowed.
    """
    path = path_of(path)
    if "google.colab" not in sys.modules or path.is_absolute():
        return path
    from google.colab import drive as google  # pyright: ignore[reportMissingImports]

    try:
        google.mount(str(MOUNTED))
        kept = MOUNTED / "MyDrive" / "d2lite" / path
        kept.parent.mkdir(parents=True, exist_ok=True)
    except Exception as error:  # Colab has kinds of its own
        raise OSError(
            f"Google Drive is not there ({error}): run the cell again and allow it, or give {str(path)!r} without "
            "d2l.drive, which is lost with the session."
        ) from error
    return kept
