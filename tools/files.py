"""Files that a tool writes: each whole or not at all. Standard library only, as for `project`."""

import os
from pathlib import Path


def as_bytes(content: str | bytes) -> bytes:
    """What a file of this content holds."""
    return content.encode("utf-8") if isinstance(content, str) else content


def write(path: Path, content: str | bytes) -> bool:
    """Write a file whole or not at all; return whether it changed."""
    data = as_bytes(content)
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_bytes(data)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return True
