"""What networks reached: in earlier courses, in this book's long runs (``measured.csv``), and on the page."""

from __future__ import annotations

import csv
from importlib import resources
from typing import TYPE_CHECKING

from .device import device_name
from .recipes import is_published, published
from .recipes import recipe as find_recipe

if TYPE_CHECKING:  # takes long to import
    import pandas as pd

MEASURED, COSTS = "measured.csv", "costs.csv"
_WHOLE = ("input_px", "images", "batch_size", "epochs", "seed", "parameters", "macs")
_REAL = ("lr", "train_acc", "test_acc", "train_loss", "test_loss", "train_seconds", "images_per_second", "memory_mb")
_SHOWN = ("source", "recipe", "dataset", "input_px", "images", "epochs", "train_acc", "test_acc", "device")
_IMAGES = {"Fashion-MNIST": 60_000, "MNIST": 60_000, "CIFAR-10": 50_000}  # earlier courses trained on all of them


def stored(table: str = MEASURED) -> list[dict]:
    """All rows of a stored table, as ``make measure`` wrote them.

    ``"measured.csv"`` has a row for each network, recipe, data set and seed that was trained: accuracies are fractions,
    losses nats, ``images`` those trained on, ``train_seconds`` the whole run without validation. ``"costs.csv"`` has a
    row for each network: training ``images_per_second``, and ``memory_mb``, the most memory a training step needed.
    """
    with resources.files(__package__).joinpath(table).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row.update({key: int(row[key]) for key in _WHOLE if key in row})
        row.update({key: float(row[key]) for key in _REAL if key in row})
    return rows


def measured(network: str | None = None, recipe: str | None = None) -> list[dict]:
    """The rows of ``measured.csv``, of one network or all, and of one kind of recipe or all."""
    return [row for row in stored() if network in (None, row["network"]) and recipe in (None, row["recipe"])]


def results(network: str, data=None, history=None, test=None) -> pd.DataFrame:
    """One row for each result with ``network``: published, measured for this book, and last that of the caller's run.

    Args:
        data, history, test: an ``ImageData``, the ``History`` and the test ``Metrics`` of a run; all three or none.

    Columns: source, recipe (``"published"``: the earlier course's; ``"book"``: this book's), dataset, input_px, images
    trained on, epochs, train_acc, test_acc (fractions) and device. Of several seeds the mean is given.

    Raises:
        ValueError: there is no such network.
    """
    import pandas as pd

    find_recipe(network)  # names the known ones where this one is unknown
    rows = [
        {**row, "recipe": "published", "images": _IMAGES[row["dataset"]], "device": "not stated"}
        for row in (published(network) if is_published(network) else [])
    ]
    ours = pd.DataFrame([row for row in measured(network) if row["recipe"] in ("published", "book")])
    if len(ours):
        same = ["recipe", "dataset", "input_px", "images", "epochs", "device"]
        means = ours.groupby(same, as_index=False, sort=False)[["train_acc", "test_acc"]].mean()
        rows += [{"source": "this book", **row} for row in means.to_dict("records")]
    if data is not None:
        on = device_name(data.train.labels.device)
        rows.append({
            "source": "this page", "recipe": "book", "dataset": data.label, "input_px": data.size,
            "images": data.train.num_images, "epochs": len(history), "train_acc": history.last.train_accuracy,
            "test_acc": test.accuracy, "device": on,
        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(_SHOWN)).round({"train_acc": 4, "test_acc": 4})
