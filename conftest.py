"""How pytest re-runs the chapters (nbval), beside the tests in tests/.

Rules, all of them: outputs are compared unless the cell is tagged `nbval-ignore-output` (nbval's own tag; the next cell
asserts), `provenance` (it states this run), or `data-output` while the data here are not those of the stored run.
Problem sets, with their solutions, are run the same way: they store no outputs, and their tests are in their cells.
The profile and the device decide nothing here: what a chapter shows untrained must be the same in both profiles and on
every device, so the outputs of a quick run on a laptop are held against a full one on a GPU, and the reverse.

`-m gpu` selects what is worth a GPU's time: the cells of the chapters, and the tests that are skipped without CUDA.
"""

import os
from pathlib import Path

import pytest

from tools.rerun import compared, labels_here

os.environ.setdefault("D2LITE_PROFILE", "quick")  # before anything asks, and inherited by the kernels

PROBLEM_SETS = Path(__file__).resolve().parent / "assignments"
OUTPUT_TIMEOUT = 120  # seconds; nbval waits 5 for an output, however long the cell may take


def stored_data(item) -> list[str]:
    """Labels of the data sets on which the stored run of a cell's notebook was made."""
    return item.parent.nb.metadata.get("d2lite", {}).get("run", {}).get("data", [])


def for_gpu(item) -> bool:
    """Whether `-m gpu` takes an item: a cell of a chapter, or a test whose condition for being skipped names CUDA."""
    if type(item).__name__ == "IPyNbCell":
        return not item.path.is_relative_to(PROBLEM_SETS)
    return any("CUDA" in mark.kwargs.get("reason", "") for mark in item.iter_markers("skipif"))


def pytest_configure(config):
    """Make the marker of `make gpu-test` known."""
    config.addinivalue_line("markers", "gpu: worth a GPU's time (given by itself, see conftest.py)")


@pytest.hookimpl(tryfirst=True)  # before pytest itself looks at the markers
def pytest_collection_modifyitems(config, items):
    """Set nbval's cells up by the rules above, and say which data are missing for a comparison."""
    for item in filter(for_gpu, items):
        item.add_marker("gpu")
    cells = [item for item in items if type(item).__name__ == "IPyNbCell"]
    here = labels_here() if cells else set()
    for item in cells:
        item.output_timeout = OUTPUT_TIMEOUT
        if item.path.is_relative_to(PROBLEM_SETS) or not compared(item.cell, stored_data(item), here):
            item.options["check"] = False
    missing = sorted({label for item in cells for label in stored_data(item)} - here)
    if missing:
        config.get_terminal_writer().line(
            f"chapters: {', '.join(missing)} not at hand as in the stored runs: outputs that depend on it are run, "
            "not compared",
        )


def pytest_report_header(config):
    """Say which data the chapters are re-run on, since it decides what is compared."""
    if not config.option.nbval:
        return None
    profile = f"in the {os.environ['D2LITE_PROFILE']} profile"
    real = sorted(labels_here() - {"digits"})
    return f"chapters: re-run {profile}, " + (f"on {', '.join(real)}" if real else "digits stand in for the real data")
