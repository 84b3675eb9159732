"""Run a chapter as Colab would, in the environment this is started from, and see that the live board came up.

Only what Colab has is imported here. The chapter's outputs are not stored.
"""

import sys
import time
from importlib import metadata

import nbformat
from nbclient import NotebookClient

from tools import project


def boards(nb) -> list[str]:
    """The tables of epochs that live boards left in the outputs, those with a figure beside them."""
    found = []
    for cell in nb.cells:
        data = [out.get("data", {}) for out in cell.get("outputs", [])]
        if any("image/png" in bundle for bundle in data):
            found += [table for bundle in data if "train loss</th>" in (table := bundle.get("text/html", ""))]
    return found


def main() -> int:
    """Command line: the name of a chapter, or none for the first."""
    chapter = project.chosen(sys.argv[1:] or project.chapters()[:1])[0]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "ipython", "ipywidgets", "d2lite"))
    print(f"{chapter}: running with Python {sys.version.split()[0]}, {versions}", flush=True)
    nb = nbformat.read(project.notebook(chapter), as_version=4)
    clock = time.perf_counter()
    NotebookClient(
        nb, timeout=1200, kernel_name="python3", resources={"metadata": {"path": str(project.BOOK)}}
    ).execute()
    shown = boards(nb)
    seconds = time.perf_counter() - clock
    print(f"{chapter}: every cell ran, {seconds:.0f} s, {len(shown)} live boards with curves and table")
    return int(not shown)


if __name__ == "__main__":
    raise SystemExit(main())
