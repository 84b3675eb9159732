"""How long until something happens? Seconds of imports, of the first batch, of a notebook and of the command line.

Each is timed in a process of its own, by its own clock, in turns; the first turn does not count. "First batch" is
``d2l.load("fashion_mnist")`` and a batch on the device, after the import, from the packed files: d2lite keeps no other
copy of them, since unpacking takes so little. "Notebook" is from the start of a kernel until the setup cell and
the import cell of a chapter have run.

    python -m benchmarks.startup [--pairs 7]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import PurePath

from nbclient import NotebookClient

from benchmarks import common
from d2lite.data.catalog import DATASETS
from d2lite.data.store import find
from tools import pairs, project

IMPORT = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"
FIRST_BATCH = """\
import time
import torch
import d2lite as d2l
from d2lite.machine.devices import device
if device().type == "cuda":
    torch.zeros(1, device="cuda")  # the driver's own start is not ours
began = time.perf_counter()
X, y = next(iter(d2l.load("fashion_mnist", fallback=False).train))
X.sum().item()
print(time.perf_counter() - began)"""


def said(code: str, **environment: str) -> float:
    """The number that a fresh Python prints last when it runs ``code``."""
    command, environment = [sys.executable, "-c", code], {**os.environ, **environment}
    done = subprocess.run(command, env=environment, cwd=project.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"startup: this failed:\n{code}\n{done.stderr}")
    return float(done.stdout.split()[-1])


def opening(chapter: str):
    """A chapter's notebook up to the cell that imports d2lite, that one included."""
    nb = pairs.join(pairs.read_source(chapter), None, chapter)
    last = next(number for number, cell in enumerate(nb.cells) if "import d2lite as d2l" in cell.source)
    nb.cells = [cell for cell in nb.cells[: last + 1] if cell.cell_type == "code"]
    return nb


def notebook(chapter: str) -> float:
    """Seconds from the start of a kernel until those cells have run."""
    ends = []
    client = NotebookClient(
        opening(chapter), kernel_name="python3", resources={"metadata": {"path": str(project.BOOK)}},
        on_cell_executed=lambda **_: ends.append(time.perf_counter()), extra_arguments=["--log-level=40"],
    )  # fmt: skip
    began = time.perf_counter()
    client.execute()
    return ends[-1] - began


def command_line() -> float:
    """Seconds of listing the networks."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "d2lite", "train", "--list"], cwd=project.ROOT, stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - began


def packed_files() -> str | None:
    """The data folder that holds Fashion-MNIST's packed files, or None where there is none on this machine."""
    found = find(DATASETS["fashion_mnist"])
    if found is None or found.files[0].suffix != ".gz":
        return None
    return str(found.files[0].parents[len(PurePath(found.layout.folder).parts)])


def first_batch(folder: str) -> float:
    """Seconds of loading all of it, and a batch."""
    with tempfile.TemporaryDirectory(prefix="bench-cache-") as empty:
        return said(FIRST_BATCH, D2LITE_DATA=folder, D2LITE_CACHE=empty, D2LITE_PROFILE="full")


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    options = common.parser(__doc__, pairs=7).parse_args(argv)
    turns = 1 if options.quick else options.pairs
    contestants = {
        "import torch": lambda: said(IMPORT.format("torch")),
        "import d2lite": lambda: said(IMPORT.format("d2lite")),
        "notebook, setup and imports": lambda: notebook(project.chapters()[0]),
        "python -m d2lite train --list": command_line,
    }
    if folder := packed_files():
        contestants["first batch, from .gz"] = lambda: first_batch(folder)
    else:
        print("first batch: left out, since the packed files of Fashion-MNIST are not here (set D2LITE_DATA)")
    times = common.in_turns(contestants, turns)
    added = [ours - torchs for ours, torchs in zip(times["import d2lite"], times["import torch"], strict=True)]
    times = {"import d2lite, added to torch": added, **times}
    rows = [{"what": what, "pairs": turns, **common.spread("seconds", spent)} for what, spent in times.items()]
    return common.finish("startup", rows, options)


if __name__ == "__main__":
    raise SystemExit(main())
