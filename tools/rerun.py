"""Which outputs are compared when pytest re-runs the chapters: depends on the data at hand."""


def labels_here() -> set[str]:
    """Labels of the data sets that are on this machine; no network is asked."""
    from d2lite.data.catalog import DATASETS
    from d2lite.data.store import find

    found = {name: find(dataset, None) for name, dataset in DATASETS.items() if dataset.layouts}
    return {DATASETS[name].label + where.layout.note for name, where in found.items() if where} | {
        dataset.label for dataset in DATASETS.values() if not dataset.layouts
    }


def compared(cell, stored: list[str], here: set[str]) -> bool:
    """Whether the outputs of a cell are compared, in a notebook whose run used the data ``stored``.

    A cell that depends on data needs those data sets that its output names, or all of them where it names none.
    """
    tags = cell.metadata.get("tags", [])
    if "data-output" not in tags:
        return "provenance" not in tags
    text = "".join(str(out.get("text", out.get("data", ""))) for out in cell.outputs)
    named = {label for label in stored if f"{label}:" in text}
    return (named or set(stored)) <= here
