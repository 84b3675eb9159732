"""`make offline`: the book in one zip, for machines without network.

It holds the site, which works from a folder, the notebooks, d2lite as a wheel, and `start.html`, which leads to all of
it; with `--data` also Fashion-MNIST, where it is on this machine. The digits that stand in for it otherwise come with
scikit-learn.
"""

from __future__ import annotations

import html
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tools import files, pages, project
from tools.editions import articles, command

START = Path(__file__).with_name("start.html")
#: of the repository, what a wheel of d2lite is made of
PACKAGE = ("pyproject.toml", "LICENSE", "README.md", "requirements.txt", "requirements-dev.txt")
DATA = "fashion_mnist"
PACKED = {".png", ".gz", ".whl", ".woff2"}  # these do not get smaller


def folder_name() -> str:
    """The one folder in the zip."""
    return f"d2lite-book-{project.distribution()['version']}"


def wheel(out: Path) -> Path:
    """Build d2lite's wheel into the folder ``out``, and leave nothing in the repository."""
    with tempfile.TemporaryDirectory() as place:
        source = Path(place)
        for name in PACKAGE:
            shutil.copy(project.ROOT / name, source)
        shutil.copytree(project.ROOT / "d2lite", source / "d2lite", ignore=shutil.ignore_patterns("__pycache__"))
        line = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), place]
        subprocess.run(line, check=True)
    (made,) = out.glob("*.whl")
    return made


def data_files() -> dict[str, Path]:
    """Fashion-MNIST's files on this machine, by their places in a folder of data; none where it is not here."""
    from d2lite.data import catalog, store  # it brings NumPy

    found = store.find(catalog.DATASETS[DATA])
    return {f"{found.layout.folder}/{path.name}": path for path in found.files} if found else {}


def start(package: str, with_data: bool) -> str:
    """The page that leads to everything in the zip."""
    title, promise = pages.opening(project.BOOK / "index.md")
    rows = []
    for name in project.chapters():
        chapter, promises = (html.escape(pages.facts(name)[key]) for key in ("title", "promise"))
        rows.append(f'<li><a href="site/{name}.html">{chapter}</a> (<a href="notebooks/{name}.ipynb">notebook</a>)'
                    f"<br>{promises}</li>")  # fmt: skip
    data = (
        "Fashion-MNIST is in the folder <code>data</code>. Tell d2lite where that is before you start Jupyter: set the "
        "environment variable <code>D2LITE_DATA</code> to its full path."
        if with_data
        else "The images that chapters train on are not here. Without network, scikit-learn’s digits stand in for "
        "them. If you have them, set <code>D2LITE_DATA</code> to their folder."
    )
    filled = START.read_text("utf-8")
    for key, value in {
        "title": html.escape(title), "promise": html.escape(promise), "chapters": "\n".join(rows), "wheel": package,
        "data": data, "edition": project.distribution()["version"],
        "python": project.distribution()["requires-python"].removeprefix(">="),
    }.items():  # fmt: skip
        filled = filled.replace(f"{{{{{key}}}}}", value)
    return filled


def make(site: Path, path: Path, with_data: bool = False) -> Path:
    """Write the zip.

    Raises:
        NotBuiltError: the site is not built, or the data are not on this machine.
    """
    if not (site / "index.html").exists():
        raise articles.NotBuiltError(f"{site} has no site: build it first, with make book")
    data = data_files() if with_data else {}
    if with_data and not data:
        raise articles.NotBuiltError("Fashion-MNIST is not on this machine: python -m d2lite data fetches it")
    top = folder_name()
    entries = {f"site/{file.relative_to(site).as_posix()}": file for file in sorted(site.rglob("*")) if file.is_file()}
    entries |= {f"notebooks/{name}.ipynb": project.notebook(name) for name in project.chapters()}
    entries |= {name: project.ROOT / name for name in ("LICENSE", "LICENSE-TEXT", "CITATION.cff")}
    entries |= {f"data/{name}": file for name, file in data.items()}
    with (
        tempfile.TemporaryDirectory() as place,
        files.draft(path) as draft,
        zipfile.ZipFile(draft, "w", compresslevel=9) as package,
    ):
        built = wheel(Path(place))
        package.writestr(f"{top}/start.html", start(built.name, bool(data)), zipfile.ZIP_DEFLATED)
        for name, file in {**entries, built.name: built}.items():
            kind = zipfile.ZIP_STORED if file.suffix in PACKED else zipfile.ZIP_DEFLATED
            package.write(file, f"{top}/{name}", kind)
    return path


def main() -> int:
    """Command line."""
    parser = command.parser(__doc__, "d2lite-book-offline.zip")
    parser.add_argument("--data", action="store_true", help="with Fashion-MNIST, from this machine")
    options = parser.parse_args()
    with command.told("zip"):
        path = make(options.site, options.out, options.data)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
