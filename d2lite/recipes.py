"""The one table of recipes: which network is trained on what, how long, at which rate; and what others published."""

from __future__ import annotations

import csv
import difflib
from dataclasses import dataclass, fields
from importlib import resources

from .device import profile


@dataclass(frozen=True)
class Recipe:
    """How one network is trained.

    ``size`` is the edge of the square input in pixels. The fields that start with ``quick_`` replace or cap their
    namesakes in the quick profile. ``factory`` is ``"module:function"`` under ``d2lite.models``; the function takes
    ``in_channels``, ``num_classes`` and ``size``.
    """

    name: str
    factory: str
    dataset: str
    size: int
    batch_size: int
    epochs: int
    lr: float
    optimizer: str
    momentum: float
    weight_decay: float
    schedule: str
    quick_size: int
    quick_images: int
    quick_epochs: int

    @property
    def input_size(self) -> int:
        """Edge of the input image in pixels for the active profile."""
        return self.quick_size if profile() == "quick" else self.size

    @property
    def fit_options(self) -> dict:
        """The keyword arguments of ``fit`` that this recipe fixes."""
        names = ("epochs", "lr", "optimizer", "momentum", "weight_decay", "schedule", "quick_epochs")
        return {name: getattr(self, name) for name in names}

    @property
    def load_options(self) -> dict:
        """The keyword arguments of ``load`` that this recipe fixes."""
        return {"size": self.input_size, "batch_size": self.batch_size, "quick_images": self.quick_images}


_COLUMNS = [field.name for field in fields(Recipe)]
# name, factory, dataset | size, batch_size, epochs, lr | optimizer, momentum, weight_decay, schedule | quick_*
_ROWS = [
    ("lenet", "data_and_training:lenet", "fashion_mnist", 28, 64, 10, 0.05,
     "sgd", 0.9, 0.0, "one_cycle", 28, 10_000, 5),
    ("alexnet", "alexnet:alexnet", "fashion_mnist", 224, 128, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 72, 4096, 3),
    ("vgg11", "vgg:vgg11", "fashion_mnist", 224, 128, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 64, 1024, 1),
    ("vgg11_quarter", "vgg:vgg11_quarter", "fashion_mnist", 96, 64, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 64, 4096, 3),
    ("nin", "nin:nin", "fashion_mnist", 224, 128, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 72, 4096, 3),
    ("googlenet", "googlenet:googlenet", "fashion_mnist", 96, 128, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 64, 2048, 2),
    ("googlenet_batch_norm", "googlenet:googlenet_batch_norm", "fashion_mnist", 96, 128, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 64, 2048, 2),
    ("lenet_batch_norm", "batch_norm:lenet_batch_norm", "fashion_mnist", 28, 256, 5, 1.0,
     "sgd", 0.9, 0.0, "one_cycle", 28, 16384, 3),
    ("resnet18", "resnet:resnet18", "fashion_mnist", 96, 128, 10, 0.05,
     "sgd", 0.9, 5e-4, "one_cycle", 64, 2048, 2),
    ("resnet26", "resnet:resnet26", "fashion_mnist", 28, 256, 10, 0.05,
     "sgd", 0.9, 5e-4, "one_cycle", 28, 4096, 3),
    ("densenet", "densenet:densenet", "fashion_mnist", 96, 128, 10, 0.05,
     "sgd", 0.9, 5e-4, "one_cycle", 64, 4096, 2),
]  # fmt: skip
_RECIPES = {row[0]: Recipe(**dict(zip(_COLUMNS, row))) for row in _ROWS}


def recipe(name: str) -> Recipe:
    """The recipe called ``name``.

    Raises:
        ValueError: no such recipe; the message names the known ones and the nearest match.
    """
    if name not in _RECIPES:
        raise ValueError(f"unknown network {name!r}{nearest(name, _RECIPES)} Known: {', '.join(_RECIPES)}.")
    return _RECIPES[name]


def recipes() -> tuple[Recipe, ...]:
    """All recipes, in the order of the book."""
    return tuple(_RECIPES.values())


def nearest(name: str, known) -> str:
    """``"; did you mean 'x'?"`` for the closest known name, or ``"."`` where none is close."""
    match = difflib.get_close_matches(str(name).lower(), list(known), n=1, cutoff=0.5)
    return f"; did you mean {match[0]!r}?" if match else "."


def published(network: str) -> list[dict]:
    """What earlier courses printed for ``network``, one row each: source, dataset, input_px, epochs, accuracies…

    Accuracies are fractions, ``lr`` is the learning rate, ``note`` says what else was reported.

    Raises:
        ValueError: no row for that network.
    """
    with resources.files(__package__).joinpath("published.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for key in ("input_px", "batch_size", "epochs"):
            row[key] = int(row[key])
        for key in ("lr", "train_acc", "test_acc", "train_loss"):
            row[key] = float(row[key])
    found = [row for row in rows if row["network"] == network]
    if not found:
        known = sorted({row["network"] for row in rows})
        raise ValueError(f"nothing published for {network!r}{nearest(network, known)} Known: {', '.join(known)}.")
    return [{key: value for key, value in row.items() if key != "network"} for row in found]
