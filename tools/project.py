"""What every tool and the site's extension must agree on: folders, chapters, the repository's address.

Little more than the standard library, since the site is built without the author tools' packages. Nothing here is
stated twice: address and version come from ``pyproject.toml``, the order of the chapters from ``_toc.yml``.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
BRANCH = "main"
#: what a block quote begins with that becomes a box
BOXES = ("Predict first", "Exercise", "Deviation", "Note", "Warning", "Evidence")
#: such a label, as a part of a pattern: an exercise has a number
BOX = "|".join(rf"{label} \d+" if label == "Exercise" else label for label in BOXES)
#: what notebooks and pages hold of interactives: where one stands, and the states of all; `widgets.js` says the same
VIEW, STATE = (f"application/vnd.jupyter.widget-{part}+json" for part in ("view", "state"))

SETUP_CELL = """\
# On Colab, let the interactives run. There and on Kaggle, add d2lite if it is missing:
# the version that this notebook was written for. Nothing already installed is touched.
import importlib.util
import os
import sys

colab, kaggle = "google.colab" in sys.modules, "KAGGLE_KERNEL_RUN_TYPE" in os.environ
if colab:
    from google.colab import output

    output.enable_custom_widget_manager()
if (colab or kaggle) and importlib.util.find_spec("d2lite") is None:
    source = os.environ.get("D2LITE_SOURCE") or "git+{url}@{tag}"
    %pip install -q --no-deps {{source}}
    importlib.invalidate_caches()
    if importlib.util.find_spec("d2lite") is None:
        raise ImportError(
            f"d2lite did not come from {{source}}. On Kaggle, switch the Internet on (under "
            "Settings) and run this cell again. If the address cannot be reached from "
            "where you are, set os.environ['D2LITE_SOURCE'] to another one, or to a file."
        )
import d2lite  # before torch, so that PyTorch's threads can share the machine

%matplotlib inline
%config InlineBackend.figure_format = "retina\""""


def distribution() -> dict:
    """The table ``[project]`` of pyproject.toml."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def repository_url() -> str:
    """The repository's address, from ``[project.urls]`` of pyproject.toml. Raises ValueError where it is missing."""
    url = distribution().get("urls", {}).get("Repository", "")
    if not url.startswith("https://"):
        raise ValueError('pyproject.toml states no repository: add Repository = "https://…" under [project.urls]')
    return url.rstrip("/")


def tag() -> str:
    """The name under which git keeps the version of pyproject.toml."""
    return f"v{distribution()['version']}"


def site_url() -> str:
    """Where GitHub Pages serves the site of that repository, with a slash at the end."""
    owner, name = slug().split("/")
    home = f"{owner.lower()}.github.io"
    return f"https://{home}/" if name.lower() == home else f"https://{home}/{name}/"


def setup_cell() -> str:
    """The first code cell of every chapter."""
    return SETUP_CELL.format(url=repository_url(), tag=tag())


def colab_url(name: str, folder: str = "book") -> str:
    """Where a notebook opens in Colab: a chapter, or one of another folder of the repository."""
    return f"https://colab.research.google.com/github/{slug()}/blob/{BRANCH}/{folder}/{name}.ipynb"


def kaggle_url(name: str, folder: str = "book") -> str:
    """Where the same notebook opens in Kaggle."""
    return f"https://kaggle.com/kernels/welcome?src={repository_url()}/blob/{BRANCH}/{folder}/{name}.ipynb"


def slug() -> str:
    """``owner/name`` of the repository."""
    return "/".join(repository_url().split("/")[-2:])


def contents() -> list[str]:
    """The pages of the site that people write, in the order of the table of contents; chapters end with .ipynb."""
    import yaml  # not needed for an environment to be made, see tools/wheels.py

    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    return [toc["root"], *(entry["file"] for part in toc["parts"] for entry in part["chapters"])]


def chapters() -> list[str]:
    """Names of the chapters, in the order of the table of contents (entries that are notebooks)."""
    return [page.removesuffix(".ipynb") for page in contents() if page.endswith(".ipynb")]


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
