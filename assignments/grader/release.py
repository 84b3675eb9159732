"""What is handed out: the released notebooks with a zip of them, and the solutions for afterwards."""

import tempfile
import zipfile
from pathlib import Path

from . import course, records

EPOCH = (2020, 1, 1, 0, 0, 0)  # so that the same notebooks make the same zip


def texts(folder: Path) -> dict[str, str]:
    """The released notebook of each problem set, made by nbgrader in ``folder``, by name."""
    course.prepare(folder, course.names())
    return {name: course.released(folder, name).read_text("utf-8") for name in course.names()}


def write(out: Path) -> None:
    """Write ``release/``, ``solutions/`` and ``release.zip`` into ``out``."""
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        given = texts(Path(folder))
    for name, text in given.items():
        records.whole(out / "release" / name / f"{name}.ipynb", text)
        records.whole(out / "solutions" / name / f"{name}.ipynb", course.text(course.solved(name)))
    with zipfile.ZipFile(out / "release.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in given.items():
            archive.writestr(zipfile.ZipInfo(f"{name}/{name}.ipynb", EPOCH), text)
