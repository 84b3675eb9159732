"""What every tool and the site's extension must agree on: folders, chapters, the repository's address.

Standard library only, since the site is built without the author tools' packages. Nothing here is stated twice: the
address comes from ``pyproject.toml``, the order of the chapters from ``_toc.yml``.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
BRANCH = "main"

SETUP_CELL = """\
# On Colab, let the interactives run, and add d2lite if it is missing. Nothing that is
# already installed is touched.
import importlib.util
import sys

if "google.colab" in sys.modules:
    from google.colab import output

    output.enable_custom_widget_manager()
    if importlib.util.find_spec("d2lite") is None:
        %pip install --quiet --no-deps git+{url}
import d2lite  # before torch, so that PyTorch's threads can share the machine

%matplotlib inline
%config InlineBackend.figure_format = "retina\""""


def repository_url() -> str:
    """The repository's address, from ``[project.urls]`` of pyproject.toml. Raises ValueError where it is missing."""
    match = re.search(r'^Repository = "(https://[^"]+?)/?"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
    if match is None:
        raise ValueError('pyproject.toml states no repository: add Repository = "https://…" under [project.urls]')
    return match.group(1)


def site_url() -> str:
    """Where GitHub Pages serves the site of that repository, with a slash at the end."""
    owner, name = slug().split("/")
    home = f"{owner.lower()}.github.io"
    return f"https://{home}/" if name.lower() == home else f"https://{home}/{name}/"


def setup_cell() -> str:
    """The first code cell of every chapter."""
    return SETUP_CELL.format(url=repository_url())


def colab_url(name: str, folder: str = "book") -> str:
    """Where a notebook opens in Colab: a chapter, or one of another folder of the repository."""
    return f"https://colab.research.google.com/github/{slug()}/blob/{BRANCH}/{folder}/{name}.ipynb"


def slug() -> str:
    """``owner/name`` of the repository."""
    return "/".join(repository_url().split("/")[-2:])


def chapters() -> list[str]:
    """Names of the chapters, in the order of the table of contents (entries that are notebooks)."""
    toc = (ROOT / "_toc.yml").read_text("utf-8")
    return re.findall(r"^\s*- file: ([a-z0-9_]+)\.ipynb\s*$", toc, re.M)


def with_interactives() -> list[str]:
    """The chapters that show interactives."""
    return [name for name in chapters() if "d2l.widgets." in source(name).read_text("utf-8")]


def chosen(names: list[str]) -> list[str]:
    """The chapters named, or all of them. Raises SystemExit naming the known ones for an unknown name."""
    known = chapters()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no chapter named {', '.join(unknown)} in _toc.yml; there are: {', '.join(known)}")
    return names or known


def source(chapter: str) -> Path:
    """The MyST source of a chapter, the file people edit."""
    return BOOK / f"{chapter}.md"


def notebook(chapter: str) -> Path:
    """The notebook of a chapter: the same cells with stored outputs."""
    return BOOK / f"{chapter}.ipynb"


def report(stale: list[str], remedy: str) -> int:
    """Print what is stale and the command that mends it; return the exit code of a check."""
    for line in stale:
        print(line)
    if stale:
        print(f"to mend: {remedy}")
    return int(bool(stale))
