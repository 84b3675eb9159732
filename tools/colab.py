"""Run chapters as Colab would, in the environment this is started from, and see that their live boards come up.

Only what Colab has is imported here. Outputs are not stored.
"""

import sys
import time
from importlib import metadata

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

from tools import project

PATIENCE = 1200  # seconds for a cell: those of the quick profile take one or two dozen


def boards(nb) -> list[str]:
    """The tables of epochs that live boards left in the outputs, those with a figure beside them."""
    found = []
    for cell in nb.cells:
        data = [out.get("data", {}) for out in cell.get("outputs", [])]
        if any("image/png" in bundle for bundle in data):
            found += [table for bundle in data if "train loss</th>" in (table := bundle.get("text/html", ""))]
    return found


def run(chapter: str) -> bool:
    """Run one chapter; whether every cell ran, and as many boards came up as in its stored outputs."""
    nb = nbformat.read(project.notebook(chapter), as_version=4)
    expected, clock = len(boards(nb)), time.perf_counter()
    client = NotebookClient(
        nb, timeout=PATIENCE, kernel_name="python3", resources={"metadata": {"path": str(project.BOOK)}}
    )
    try:
        client.execute()
    except CellExecutionError as error:
        print(f"{chapter}: failed\n{error}", flush=True)
        return False
    except CellTimeoutError:  # its message is the whole code of the cell
        print(f"{chapter}: failed, since a cell took more than {PATIENCE} s", flush=True)
        return False
    shown, seconds = len(boards(nb)), time.perf_counter() - clock
    print(f"{chapter}: every cell ran, {seconds:.0f} s, {shown} of {expected} live boards", flush=True)
    return shown == expected


def main() -> int:
    """Command line: names of chapters; none means all."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "ipython", "ipywidgets", "d2lite"))
    print(f"Python {sys.version.split()[0]}, {versions}", flush=True)
    failed = [chapter for chapter in project.chosen(sys.argv[1:]) if not run(chapter)]
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
