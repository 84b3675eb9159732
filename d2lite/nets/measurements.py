"""What networks reached: in earlier courses, in this book's long runs (``measured.csv``), and on the page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import nearest
from ..data.catalog import DATASETS
from ..machine.devices import device_name
from .catalog import NETWORKS
from .catalog import recipe as find_recipe
from .tables import table

if TYPE_CHECKING:  # takes long to import
    import pandas as pd

_KINDS = ("published", "mainline", "book")  # of the rows that ``results`` shows, in this order
_IMAGES = {data.label: data.train_images for data in DATASETS.values()}  # earlier courses trained on all of them


def measured(network: str | None = None, recipe: str | None = None) -> list[dict]:
    """The rows of ``measured.csv``, of one network or all, and of one kind of recipe or all."""
    return [row for row in table() if network in (None, row["network"]) and recipe in (None, row["recipe"])]


def results(network: str, data: Any = None, history: Any = None, test: Any = None) -> pd.DataFrame:
    """One row for each result with ``network``: published, measured for this book, and last that of the caller's run.

    Columns: source (the course that printed it, ``"this book"`` or ``"this page"``), recipe (``"published"``: the
    earlier course's; ``"mainline"``: this book's for all networks; ``"book"``: this book's for this network), dataset,
    input_px, images trained on, epochs, train_acc, test_acc (fractions) and device. Of several seeds the mean is given.

    Args:
        data, history, test: an ``ImageData``, the ``History`` and the test ``Metrics`` of a run; all three or none.

    Raises:
        ValueError: there is no such network.
    """
    import pandas as pd

    find_recipe(network)  # names the known ones where this one is unknown
    rows = [
        {**row, "recipe": "published", "images": _IMAGES[row["dataset"]], "device": "not stated"}
        for row in table("published.csv")
        if row["network"] == network
    ]
    ours = pd.DataFrame([row for kind in _KINDS for row in measured(network, kind)])
    same = ["recipe", "dataset", "input_px", "images", "epochs", "device"]
    if len(ours):
        means = ours.groupby(same, sort=False, dropna=False).agg({"train_acc": "mean", "test_acc": "mean"})
        rows += means.reset_index().assign(source="this book").to_dict("records")
    if data is not None:
        rows.append({
            "source": "this page", "recipe": "book", "dataset": data.label, "input_px": data.size,
            "images": data.train.num_images, "epochs": len(history), "train_acc": history.last.train_accuracy,
            "test_acc": test.accuracy, "device": device_name(data.train.labels.device),
        })  # fmt: skip
    columns = ["source", *same[:-1], "train_acc", "test_acc", "device"]
    return pd.DataFrame(rows, columns=columns).round({"train_acc": 4, "test_acc": 4})


def training_seconds(network: str, macs: int, images: int) -> float:
    """About how long training on ``images`` images takes on a device of this kind, where one of them needs ``macs``.

    From the rate in ``costs.csv``, supposing that time grows with the multiply-accumulates. NaN where the network was
    not timed on such a device: a CPU, or a GPU of the same name.
    """
    here = device_name().partition(",")[0]  # without the number of threads
    costs = [row for row in table("costs.csv") if row["network"] == network and row["device"].partition(",")[0] == here]
    return images / costs[-1]["images_per_second"] * macs / costs[-1]["macs"] if costs else math.nan


def published_table() -> pd.DataFrame:
    """One row for each result that an earlier course printed, and beside it this book's run on the same data.

    They did not run under equal conditions. Ours is with their recipe where that is stored, else the main line, else
    the book's own recipe for the network; of runs of different length the longest, and of several seeds the mean.

    Columns: network, source, dataset, input_px, epochs, test_acc (a fraction) and note, as printed; then ours: recipe
    (text, "" where there is no run), our_px, our_images, our_epochs, seeds, our_acc, device; ``difference``, our_acc
    minus test_acc; and ``same_network``, False where ours is another network than the one that was printed. NaN where
    there is no run.
    """
    import pandas as pd

    order, printed = list(NETWORKS), ["network", "source", "dataset", "input_px", "epochs", "test_acc", "note"]
    theirs = sorted(table("published.csv"), key=lambda row: order.index(row["network"]))
    return pd.DataFrame([{**{key: row[key] for key in printed}, **_counterpart(row)} for row in theirs])


def _counterpart(row: dict) -> dict:
    """This book's run of the network and on the data of a published row, as ``published_table`` shows it."""
    runs = [run for run in measured(row["network"]) if run["dataset"].partition(" (")[0] == row["dataset"]]
    runs = next(filter(None, ([run for run in runs if run["recipe"] == kind] for kind in _KINDS)), [])
    longest = max(runs, key=lambda run: run["images"] * run["epochs"], default={})
    runs = [run for run in runs if all(run[key] == longest[key] for key in ("input_px", "images", "epochs"))]
    mean = sum(run["test_acc"] for run in runs) / len(runs) if runs else math.nan
    kind, factory = longest.get("recipe", ""), find_recipe(row["network"]).factory
    return {
        "recipe": kind, "our_px": longest.get("input_px", math.nan), "our_images": longest.get("images", math.nan),
        "our_epochs": longest.get("epochs", math.nan), "seeds": len(runs), "our_acc": mean,
        "device": " and ".join(dict.fromkeys(run["device"] for run in runs)), "difference": mean - row["test_acc"],
        "same_network": kind == "published" or row["factory"] == factory,
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a stored run of the main line answered to each test image, in the order of ``test_labels``.

    ``predicted`` (N,) holds classes as int64, ``probability`` (N,) what the network gave the predicted class, in
    [0, 1] and stored in steps of 1/255.
    """

    network: str
    seed: int
    predicted: np.ndarray
    probability: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether each prediction is right: (N,) of bool; its mean is the test accuracy."""
        return self.predicted == test_labels()


def stored_seeds() -> dict[str, list[int]]:
    """The seeds whose predictions are stored, in order, by network."""
    folder = resources.files("d2lite.nets").joinpath("predictions")
    names = sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []
    seeds: dict[str, list[int]] = {}
    for network, _, seed in (name.removesuffix(".npz").rpartition("-") for name in names if name.endswith(".npz")):
        if network:  # not so the labels
            seeds[network] = sorted([*seeds.get(network, []), int(seed)])
    return seeds


def predictions(network: str, seed: int) -> Predictions:
    """The predictions of one stored run of the main line.

    Raises:
        ValueError: none are stored for that network, or for that seed; the message says for which there are.
    """
    stored = stored_seeds()
    if network not in stored:
        known = ", ".join(stored) or "none"
        raise ValueError(f"no predictions of {network!r} are stored{nearest(network, stored)} Stored: {known}.")
    if seed not in stored[network]:
        seeds = ", ".join(map(str, stored[network]))
        raise ValueError(f"no predictions of {network!r} with seed {seed!r} are stored, only with seeds {seeds}.")
    kept = _arrays(f"{network}-{seed}.npz")
    return Predictions(network, seed, kept["predicted"].astype(np.int64), kept["probability"] / 255)


def test_labels() -> np.ndarray:
    """The classes (N,) of the test images that the stored predictions answer: all of CIFAR-10's, in their order.

    The quick profile tests on the first 2,048 of them.
    """
    return _arrays("labels.npz")["labels"].astype(np.int64)


def _arrays(name: str) -> dict[str, np.ndarray]:
    with resources.files("d2lite.nets").joinpath(f"predictions/{name}").open("rb") as file, np.load(file) as kept:
        return dict(kept)
