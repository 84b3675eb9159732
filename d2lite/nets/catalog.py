"""The networks of this book and their recipes, out of one table; and from a recipe a network."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from torch import nn

from ..arguments import check_whole, nearest
from .tables import table


@dataclass(frozen=True)
class Network:
    """Facts about one network: ``name`` as in the recipes, ``title`` as people read it, ``year``, ``chapter``."""

    name: str
    title: str
    year: int
    chapter: str


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
    init: str
    augment: bool
    label_smoothing: float
    precision: str = "auto"

    @property
    def fit_options(self) -> dict:
        """The keyword arguments of ``fit`` that this recipe fixes."""
        names = ("epochs", "lr", "optimizer", "momentum", "weight_decay", "schedule", "quick_epochs")
        return {name: getattr(self, name) for name in (*names, "label_smoothing", "precision")}

    @property
    def load_options(self) -> dict:
        """The keyword arguments of ``load`` that this recipe fixes."""
        return {name: getattr(self, name) for name in ("size", "batch_size", "quick_images", "augment")}


def _of(kind: type, row: dict):
    return kind(**{field.name: row[field.name] for field in fields(kind) if field.name in row})


_ROWS = table("networks.csv")
#: all networks by name, in the order of the book
NETWORKS: dict[str, Network] = {row["name"]: _of(Network, row) for row in _ROWS}
_RECIPES: dict[str, Recipe] = {row["name"]: _of(Recipe, row) for row in _ROWS}
#: networks of the main line, in the order of the book. Not among them: vgg16_unpadded, which needs 212 px, and the
#: ResNets without a downsampling stem, which are made for 32 px
MAINLINE = tuple(row["name"] for row in _ROWS if row["mainline"])
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
    tried = {row["lr"]: row["val_acc"] for row in rows}
    return max(tried, key=tried.get, default=SEARCHED[kind][1])


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


def published(network: str) -> list[dict]:
    """What earlier courses printed for ``network``, one row each: source, dataset, input_px, epochs, accuracies…

    Accuracies are fractions, ``lr`` is the learning rate (plain SGD, constant), ``init`` how the weights started,
    ``factory`` builds the network that was trained, ``note`` says what else was reported.

    Raises:
        ValueError: no row for that network.
    """
    rows = table("published.csv")
    found = [row for row in rows if row["network"] == network]
    if not found:
        known = sorted({row["network"] for row in rows})
        raise ValueError(f"nothing published for {network!r}{nearest(network, known)} Known: {', '.join(known)}.")
    return [{key: value for key, value in row.items() if key != "network"} for row in found]


def is_published(network: str) -> bool:
    """Whether an earlier course printed a result for ``network``."""
    return any(row["network"] == network for row in table("published.csv"))


def build(recipe: Recipe, in_channels: int, num_classes: int, size: int) -> nn.Module:
    """The network that ``recipe`` names, for images (N, in_channels, size, size) and ``num_classes`` logits.

    Its weights start as the recipe says: as the network itself starts them, or by Xavier's rule. The recipe stays with
    it as ``net.recipe``, from which ``fit`` knows how the weights started; a checkpoint of another start is refused.

    Raises:
        ValueError: a number is not a whole one from 1, or the network cannot take images of that size; the message
            names the smallest it can.
    """
    in_channels, num_classes, size = (
        check_whole(name, value, 1)
        for name, value in (("in_channels", in_channels), ("num_classes", num_classes), ("size", size))
    )
    module, function = recipe.factory.split(":")
    factory: Callable[..., nn.Module] = getattr(importlib.import_module(f"d2lite.models.{module}"), function)
    net = factory(in_channels=in_channels, num_classes=num_classes, size=size)
    net.recipe = recipe
    return net.apply(_xavier) if recipe.init == "xavier" else net


def _xavier(layer: nn.Module) -> None:
    """Glorot and Bengio, 2010, as the courses before this book started their networks; biases stay as they are."""
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(layer.weight)
