"""How pytest re-runs the chapters (nbval), beside the tests in tests/.

Rules, all of them: outputs are compared unless the cell is tagged `nbval-ignore-output` (nbval's own tag; the next cell
asserts), `provenance` (it states this run), or `data-output` while the data here are not those of the stored run.
"""

import os

os.environ.setdefault("D2LITE_PROFILE", "quick")  # before anything asks, and inherited by the kernels

OUTPUT_TIMEOUT = 120  # seconds; nbval waits 5 for an output, however long the cell may take


def labels_here() -> set[str]:
    """Labels of the data sets that are on this machine; no network is asked."""
    from d2lite.datasets import DATASETS
    from d2lite.locate import find

    found = {name: find(dataset, None) for name, dataset in DATASETS.items() if dataset.layouts}
    return {DATASETS[name].label + where.layout.note for name, where in found.items() if where} | {
        dataset.label for dataset in DATASETS.values() if not dataset.layouts
    }


def compared(tags: list[str], stored: list[str], here: set[str]) -> bool:
    """Whether the outputs of a cell with these tags are compared, for a notebook whose run used the data ``stored``."""
    return "provenance" not in tags and ("data-output" not in tags or set(stored) <= here)


def pytest_collection_modifyitems(items):
    """Set nbval's cells up by the rules above."""
    cells = [item for item in items if type(item).__name__ == "IPyNbCell"]
    here = labels_here() if cells else set()
    for item in cells:
        item.output_timeout = OUTPUT_TIMEOUT
        stored = item.parent.nb.metadata.get("d2lite", {}).get("run", {}).get("data", [])
        if not compared(item.cell.metadata.get("tags", []), stored, here):
            item.options["check"] = False


def pytest_report_header(config):
    """Say which data the chapters are re-run on, since it decides what is compared."""
    if not config.option.nbval:
        return None
    here = labels_here()
    if not any(label.startswith(("Fashion-MNIST", "CIFAR-10")) for label in here):
        return "chapters: digits stand in; outputs that depend on the data are run but not compared"
    return f"chapters: re-run on {', '.join(sorted(here))}; elsewhere digits stand in and are not compared"
