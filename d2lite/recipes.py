"""The one table of recipes: which network is trained on what, how long, at which rate; and what others published."""

from __future__ import annotations

import csv
import difflib
from dataclasses import dataclass, fields, replace
from importlib import resources


@dataclass(frozen=True)
class Recipe:
    """How one network is trained.

    ``size`` is the edge of the square input in pixels. The fields that start with ``quick_`` cap their namesakes in the
    quick profile; the full profile is what two cores can do overnight. ``factory`` is ``"module:function"`` under
    ``d2lite.models``; the function takes ``in_channels``, ``num_classes`` and ``size``. ``init`` is ``"own"``, the
    start that the network gives itself, or ``"xavier"``; ``augment`` shifts and mirrors the training images. The rest
    are arguments of ``fit``.
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
    quick_images: int
    quick_epochs: int
    init: str = "own"
    augment: bool = False
    label_smoothing: float = 0.0
    precision: str = "auto"

    @property
    def fit_options(self) -> dict:
        """The keyword arguments of ``fit`` that this recipe fixes."""
        names = ("epochs", "lr", "optimizer", "momentum", "weight_decay", "schedule", "quick_epochs")
        return {name: getattr(self, name) for name in (*names, "label_smoothing", "precision")}

    @property
    def load_options(self) -> dict:
        """The keyword arguments of ``load`` that this recipe fixes."""
        return {
            "size": self.size,
            "batch_size": self.batch_size,
            "quick_images": self.quick_images,
            "augment": self.augment,
        }


_COLUMNS = [field.name for field in fields(Recipe)]
# name, factory, dataset | size, batch_size, epochs, lr | optimizer, momentum, weight_decay, schedule | quick_*; and,
# where they are not the usual ones, init, augment, label_smoothing
_ROWS = [
    ("linear", "data_and_training:linear_classifier", "cifar10", 72, 128, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 4096, 3, "own", True),
    ("edge_histograms", "data_and_training:edge_classifier", "cifar10", 72, 128, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 4096, 3, "own", True),
    ("lenet", "data_and_training:lenet", "fashion_mnist", 28, 64, 10, 0.05,
     "sgd", 0.9, 0.0, "one_cycle", 10_000, 5),
    ("alexnet", "alexnet:alexnet", "fashion_mnist", 72, 128, 10, 5e-4,
     "adamw", 0.0, 0.05, "one_cycle", 4096, 3),
    ("vgg11", "vgg:vgg11", "fashion_mnist", 64, 128, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 1024, 1),
    ("vgg11_quarter", "vgg:vgg11_quarter", "fashion_mnist", 64, 64, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 4096, 3),
    ("vgg16_unpadded", "vgg:vgg16_unpadded", "fashion_mnist", 224, 32, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 128, 1),
    ("nin", "nin:nin", "fashion_mnist", 72, 64, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 4096, 3),
    ("googlenet", "googlenet:googlenet", "fashion_mnist", 48, 64, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 2048, 3),
    ("googlenet_batch_norm", "googlenet:googlenet_batch_norm", "fashion_mnist", 48, 64, 10, 1e-3,
     "adamw", 0.0, 0.05, "one_cycle", 2048, 3),
    ("lenet_batch_norm", "batch_norm:lenet_batch_norm", "fashion_mnist", 28, 256, 5, 1.0,
     "sgd", 0.9, 0.0, "one_cycle", 16384, 3),
    ("resnet18", "resnet:resnet18", "fashion_mnist", 48, 64, 10, 0.05,
     "sgd", 0.9, 5e-4, "one_cycle", 4096, 2),
    ("resnet26", "resnet:resnet26", "fashion_mnist", 28, 256, 2, 0.05,
     "sgd", 0.9, 5e-4, "one_cycle", 4096, 3),
    ("resnet8", "resnet:resnet8", "cifar10", 32, 128, 10, 0.1,
     "sgd", 0.9, 5e-4, "one_cycle", 4096, 3, "own", True, 0.1),
    ("resnet8_narrow", "resnet:resnet8_narrow", "cifar10", 32, 128, 10, 0.1,
     "sgd", 0.9, 5e-4, "one_cycle", 4096, 3, "own", True, 0.1),
    ("densenet", "densenet:densenet", "fashion_mnist", 48, 64, 10, 0.05,
     "sgd", 0.9, 5e-4, "one_cycle", 4096, 3),
]  # fmt: skip
_RECIPES = {row[0]: Recipe(**dict(zip(_COLUMNS, row))) for row in _ROWS}


#: networks of the main line, in the order of the book. Not among them: vgg16_unpadded, which needs 212 px, and the
#: ResNets without a downsampling stem, which are made for 32 px
MAINLINE = (
    "linear", "edge_histograms", "lenet", "alexnet", "vgg11_quarter", "vgg11", "nin", "googlenet", "lenet_batch_norm",
    "googlenet_batch_norm", "resnet18", "resnet26", "densenet",
)  # fmt: skip
#: kinds of recipe whose learning rate is searched for each network alike, and the rates that the search begins with
SEARCHED = {"mainline": (3e-4, 1e-3, 3e-3), "ten_minutes": (0.05, 0.1, 0.2)}
#: what replaces a network's own row, whatever the network
_KINDS = {
    # the main line of the book: every network on the same images, equally long, in the same way
    "mainline": {
        "dataset": "cifar10", "size": 72, "batch_size": 128, "epochs": 10, "optimizer": "adamw", "momentum": 0.0,
        "weight_decay": 0.05, "schedule": "one_cycle", "augment": True, "label_smoothing": 0.0, "init": "own",
        "quick_images": 4096, "quick_epochs": 3,
    },
    # what two cores can learn in ten minutes; the network and the epochs that fit are in ``TEN_MINUTES``
    "ten_minutes": {
        "dataset": "cifar10", "size": 32, "batch_size": 128, "optimizer": "sgd", "momentum": 0.9,
        "weight_decay": 5e-4, "schedule": "one_cycle", "augment": True, "label_smoothing": 0.0,
        "quick_images": 4096, "quick_epochs": 3,
    },
    # the foot of the ladder below, for any network at its own size: as He et al., 2015 trained, but for augmentation
    "2015": {
        "dataset": "cifar10", "batch_size": 128, "epochs": 10, "lr": 0.1, "optimizer": "sgd", "momentum": 0.9,
        "weight_decay": 1e-4, "schedule": "step", "augment": False, "label_smoothing": 0.0, "precision": "float32",
        "quick_images": 4096, "quick_epochs": 3,
    },
}  # fmt: skip
#: networks tried for ten minutes, with their size in pixels and the epochs that two cores have time for
TEN_MINUTES = {"resnet8_narrow": (32, 16), "resnet8": (32, 5), "densenet": (48, 10), "resnet18": (48, 4)}
#: what became usual since: arithmetic, learning rate, then three against overfitting; each keeps the changes before it
_STEPS = {
    "+precision": {"precision": "auto"},  # bfloat16 where the device has units for it: Kalamkar et al., 2019
    "+schedule": {"schedule": "one_cycle"},  # Smith and Topin, 2017
    "+augment": {"augment": True},  # He et al., 2015, did it already
    "+weight_decay": {"weight_decay": 5e-4},  # Zagoruyko and Komodakis, 2016
    "modern": {"label_smoothing": 0.1},  # Szegedy et al., 2016
}
_before = "2015"
for _kind, _change in _STEPS.items():
    _KINDS[_kind] = {**_KINDS[_before], **_change}
    _before = _kind

#: kinds of recipe from "2015" to "modern", in order; each differs from the one before it in one setting
LADDER = ("2015", *_STEPS)
KINDS = ("book", "published", *_KINDS)
_KEYS = {"Fashion-MNIST": "fashion_mnist", "MNIST": "mnist", "CIFAR-10": "cifar10"}


def recipe(name: str, kind: str = "book", dataset: str | None = None) -> Recipe:
    """The recipe called ``name``.

    Args:
        kind: ``"book"``, this book's; ``"published"``, the one that an earlier course printed with its result;
            ``"mainline"``, the same for every network but for its learning rate; or one of ``LADDER``, the steps from
            ``"2015"`` to ``"modern"``, for any network at its own size.
        dataset: in place of the recipe's; of several published recipes, the one for these data.

    Raises:
        ValueError: no such recipe; the message names the known ones and the nearest match.
    """
    if name not in _RECIPES:
        raise ValueError(f"unknown network {name!r}{nearest(name, _RECIPES)} Known: {', '.join(_RECIPES)}.")
    if kind not in KINDS:
        raise ValueError(f"unknown kind of recipe {kind!r}{nearest(kind, KINDS)} Known: {', '.join(KINDS)}.")
    found = _RECIPES[name]
    if kind == "published":
        return _as_published(found, dataset)
    if kind != "book":
        found = replace(found, **_KINDS[kind])
    if kind == "ten_minutes":
        size, epochs = TEN_MINUTES.get(name, (found.size, found.epochs))
        found = replace(found, size=size, epochs=epochs)
    if kind in SEARCHED:
        found = replace(found, lr=best_rate(name, kind))
    return found if dataset is None else replace(found, dataset=dataset)


def best_rate(network: str, kind: str = "mainline") -> float:
    """The learning rate of ``network`` in a kind of recipe that searches for it: of those tried (``rates.csv``), the
    one with the highest accuracy on validation images; the middle one to try where none was."""
    rows = [row for row in table("rates.csv") if (row["network"], row["recipe"]) == (network, kind)]
    tried = {float(row["lr"]): float(row["val_acc"]) for row in rows}
    return max(tried, key=tried.get, default=SEARCHED[kind][1])


def table(name: str) -> list[dict[str, str]]:
    """The rows of a table of this package, as text."""
    with resources.files(__package__).joinpath(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _as_published(found: Recipe, dataset: str | None) -> Recipe:
    rows = published(found.name)
    for row in rows:
        if dataset in (None, _KEYS[row["dataset"]]):
            return replace(
                found, factory=row["factory"], dataset=_KEYS[row["dataset"]], size=row["input_px"],
                batch_size=row["batch_size"], epochs=row["epochs"], lr=row["lr"], optimizer="sgd", momentum=0.0,
                weight_decay=0.0, schedule="constant", precision="float32", init=row["init"],
            )  # fmt: skip
    there = ", ".join(_KEYS[row["dataset"]] for row in rows)
    raise ValueError(f"nothing published for {found.name!r} on {dataset!r}, only on {there}.")


def recipes() -> tuple[Recipe, ...]:
    """All recipes, in the order of the book."""
    return tuple(_RECIPES.values())


def nearest(name: str, known) -> str:
    """``"; did you mean 'x'?"`` for the closest known name, or ``"."`` where none is close."""
    match = difflib.get_close_matches(str(name).lower(), list(known), n=1, cutoff=0.5)
    return f"; did you mean {match[0]!r}?" if match else "."


def published(network: str) -> list[dict]:
    """What earlier courses printed for ``network``, one row each: source, dataset, input_px, epochs, accuracies…

    Accuracies are fractions, ``lr`` is the learning rate (plain SGD, constant), ``init`` how the weights started,
    ``factory`` builds the network that was trained, ``note`` says what else was reported.

    Raises:
        ValueError: no row for that network.
    """
    rows = _published()
    found = [row for row in rows if row["network"] == network]
    if not found:
        known = sorted({row["network"] for row in rows})
        raise ValueError(f"nothing published for {network!r}{nearest(network, known)} Known: {', '.join(known)}.")
    return [{key: value for key, value in row.items() if key != "network"} for row in found]


def is_published(network: str) -> bool:
    """Whether an earlier course printed a result for ``network``."""
    return any(row["network"] == network for row in _published())


def _published() -> list[dict]:
    rows = table("published.csv")
    for row in rows:
        for key in ("input_px", "batch_size", "epochs"):
            row[key] = int(row[key])
        for key in ("lr", "train_acc", "test_acc", "train_loss"):
            row[key] = float(row[key])
    return rows
