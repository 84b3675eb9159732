"""What is handed out: the released notebooks with a zip of them, and the solutions for afterwards."""

import io
import tempfile
import zipfile
from pathlib import Path

from tools import files

from . import course, written

EPOCH = (2020, 1, 1, 0, 0, 0)  # so that the same notebooks make the same zip


def texts(folder: Path) -> dict[str, str]:
    """The released notebook of each problem set, made by nbgrader in ``folder``, by name."""
    course.prepare(folder, course.names())
    return {name: course.released(folder, name).read_text("utf-8") for name in course.names()}


def stored(folder: Path) -> dict[Path, str]:
    """Every generated notebook of this repository with the text it must have: sources for nbgrader, and releases."""
    wanted = {course.SOURCE / name / f"{name}.ipynb": course.text(course.source(name)) for name in course.names()}
    return wanted | {course.RELEASE / name / f"{name}.ipynb": text for name, text in texts(folder).items()}


def sync() -> list[Path]:
    """Write the generated notebooks that are not what the Markdown sources make; their paths."""
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        wanted = stored(Path(folder))
    return [path for path, text in wanted.items() if files.write(path, text)]


def write(out: Path) -> list[str]:
    """Write ``release/``, ``solutions/`` and ``release.zip`` into ``out``; what to say of files that were edited."""
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        given = texts(Path(folder))
    contents: dict[str, str | bytes] = {}
    for name, text in given.items():
        contents[f"release/{name}/{name}.ipynb"] = text
        contents[f"solutions/{name}/{name}.ipynb"] = course.text(course.solved(name))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in given.items():
            archive.writestr(zipfile.ZipInfo(f"{name}/{name}.ipynb", EPOCH), text)
    contents["release.zip"] = held.getvalue()
    return written.said(out, written.Folder(out).write(contents))
