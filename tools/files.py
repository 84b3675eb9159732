"""Files that a tool writes: each whole or not at all. Standard library only, as for `project`."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def as_bytes(content: str | bytes) -> bytes:
    """What a file of this content holds."""
    return content.encode("utf-8") if isinstance(content, str) else content


def write(path: Path, content: str | bytes) -> bool:
    """Write a file whole or not at all; return whether it changed."""
    data = as_bytes(content)
    if path.exists() and path.read_bytes() == data:
        return False
    with draft(path) as unfinished:
        unfinished.write_bytes(data)
    return True


@contextlib.contextmanager
def draft(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write to, which replaces it at the end of the block; a failure leaves nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
