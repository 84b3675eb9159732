"""Re-run chapters and store their outputs in NAME.ipynb, with what the run depended on.

A failing cell is shown with its traceback, and the stored notebook stays as it was. With --seeds the chapters run once
a seed and nothing is stored: that tells whether the check cells hold by more than luck.
"""

import argparse
import json
import os
import re
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from tools import interactives, outputs, pairs, project

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
CELL_TIMEOUT = 3600  # seconds
LABELS = (
    'print(__import__("json").dumps([v.label for v in list(globals().values()) if type(v).__name__ == "ImageData"]))'
)
FACTS = """\
import json, torch, d2lite
from d2lite.device import most_memory
most = most_memory(torch.device("cpu"))
print(json.dumps({**vars(d2lite.provenance()), "memory_gib": round(most / 2**30, 2)}))"""


class Failed(Exception):
    """A chapter that cannot be stored; the message says which cell and why."""


def probe(code: str):
    """A hidden cell that asks the kernel something and is taken out again."""
    return nbformat.v4.new_code_cell(code, metadata={"probe": True})


def answer(cell):
    """What a hidden cell printed, as a value."""
    return json.loads("".join(out.text for out in cell.outputs if out.output_type == "stream"))


class Runner(NotebookClient):
    """Runs a notebook and prints one line a cell."""

    def __init__(self, nb, chapter: str):
        super().__init__(
            nb,
            timeout=CELL_TIMEOUT,
            kernel_name="python3",
            resources={"metadata": {"path": str(project.BOOK)}},
            on_cell_start=self.started,
            on_cell_executed=self.ended,
            extra_arguments=["--log-level=40"],
        )
        self.chapter, self.clock = chapter, 0.0
        self.total = sum(cell.cell_type == "code" and not cell.metadata.get("probe") for cell in nb.cells)
        self.number = 0

    def started(self, cell, cell_index):
        self.clock = time.perf_counter()

    def ended(self, cell, cell_index, execute_reply):
        if cell.metadata.get("probe"):
            return
        self.number += 1
        line = cell.source.strip().splitlines()[-1][:70] if cell.source.strip() else ""
        print(
            f"  {self.chapter} {self.number:>2}/{self.total} {time.perf_counter() - self.clock:6.1f} s  {line}",
            flush=True,
        )


def run(chapter: str) -> nbformat.NotebookNode:
    """Run a chapter; return it with outputs. Raises Failed, naming the cell, where one fails."""
    nb = pairs.join(pairs.read_source(chapter), None, chapter)
    cells = []
    for cell in nb.cells:
        cells.append(cell)
        if cell.cell_type == "code" and "load(" in cell.source:
            cells.append(probe(LABELS))  # at once, since a later cell may bind the name anew
    nb.cells = [*cells, probe(FACTS)]
    clock = time.perf_counter()
    try:
        Runner(nb, chapter).execute()
    except CellExecutionError as error:
        raise Failed(f"{chapter}: {COLOURS.sub('', str(error))}") from None  # it holds the cell's source and traceback
    except (CellTimeoutError, DeadKernelError) as error:
        raise Failed(f"{chapter}: {type(error).__name__} in the cell after the last one shown: {error}") from None
    seconds = time.perf_counter() - clock
    *labels, facts = (answer(cell) for cell in nb.cells if cell.metadata.get("probe"))
    nb.cells = [cell for cell in nb.cells if not cell.metadata.get("probe")]
    interactives.keep(nb, chapter)
    outputs.clean(nb)
    nb.metadata.update(kernelspec=pairs.KERNEL, language_info=pairs.LANGUAGE)  # as `sync` writes them
    nb.metadata["d2lite"] = {
        "run": {
            **{name: facts[name] for name in ("profile", "device", "torch", "python", "memory_gib", "date")},
            "data": sorted({label for found in labels for label in found}),
            "seconds": round(seconds, 1),
        }
    }
    return nb


def store(chapter: str, nb: nbformat.NotebookNode) -> None:
    """Write the notebook in one step. Raises Failed where it is too large or holds warnings."""
    problems = outputs.warnings(nb) + outputs.too_large(nb, len(pairs.as_text(nb).encode()))
    if problems:
        raise Failed(f"{chapter}: not stored\n  " + "\n  ".join(problems))
    # Ids and alt texts of the stored notebook are those of `sync`: the next one then changes nothing.
    stored = pairs.read_notebook(chapter)
    for cell, kept in zip(nb.cells, pairs.join(nb, stored, chapter).cells, strict=True):
        cell["id"] = kept["id"]
    pairs.write(project.notebook(chapter), pairs.as_text(nb))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", help="names of chapters; none means all")
    parser.add_argument("--profile", choices=["quick", "full"], help="default: full on CUDA, quick elsewhere")
    parser.add_argument("--seeds", nargs="+", type=int, metavar="N", help="run once a seed, store nothing")
    options = parser.parse_args()
    if options.profile:
        os.environ["D2LITE_PROFILE"] = options.profile
    failures = []
    for chapter in project.chosen(options.chapters):
        pairs.write_setup_cell(chapter)
        for seed in options.seeds or [None]:
            if seed is not None:
                os.environ["D2LITE_SEED"] = str(seed)
            name = chapter if seed is None else f"{chapter}, seed {seed}"
            print(f"{name}: running", flush=True)
            try:
                nb = run(chapter)
                if seed is None:
                    store(chapter, nb)
            except Failed as error:
                failures.append(name)
                print(error, file=sys.stderr)
                continue
            facts = nb.metadata.d2lite.run
            done = "all cells hold" if seed is not None else f"stored in book/{chapter}.ipynb"
            needed = f"{facts.seconds:.0f} s, {facts.memory_gib} GiB, {facts.profile} profile, {facts.device}"
            print(f"{name}: {done}, {needed}", flush=True)
    if failures:
        print(f"failed: {'; '.join(failures)}", file=sys.stderr)
    return int(bool(failures))


if __name__ == "__main__":
    raise SystemExit(main())
