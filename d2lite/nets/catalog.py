"""The networks of this book and their recipes, out of one table; and from a recipe a network."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from statistics import fmean
from typing import Any

import torch
from torch import nn

from ..arguments import check_whole, nearest
from ..data.catalog import DATASETS
from ..inspect.summarize import Summary, summary
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
#: what a kind of recipe replaces in a network's own
_KINDS: dict[str, dict] = {}
for _row in table("kinds.csv"):
    _kind, _after, _ = (_row.pop(column) for column in ("kind", "after", "source"))
    _given = {setting: value for setting, value in _row.items() if value != "" and value == value}  # NaN is not given
    _KINDS[_kind] = {**_KINDS.get(_after, {}), **_given}
KINDS = ("book", *_KINDS)
#: kinds of recipe from "2015" to "modern": first arithmetic changes, then learning rate, then three steps against
#: overfitting. Each differs from the one before it in one setting
LADDER = KINDS[KINDS.index("2015") :]
#: kinds of recipe whose learning rate is searched for each network alike, and the rates that the search begins with
SEARCHED = {"mainline": (3e-4, 1e-3, 3e-3), "ten_minutes": (0.05, 0.1, 0.2)}
TIE = 0.0105  # two rates so close after a search are told apart by runs of the full length
#: networks tried for ten minutes, with their size in pixels and the epochs that two cores have time for
TEN_MINUTES = {"resnet8_narrow": (32, 16), "resnet8": (32, 5), "densenet": (48, 10), "resnet18": (48, 4)}
_KEYS = {data.label: name for name, data in DATASETS.items()}


def recipe(name: str, kind: str = "book", dataset: str | None = None) -> Recipe:
    """The recipe called ``name``.

    Args:
        kind: ``"book"``, this book's; ``"published"``, the one that an earlier course printed with its result;
            ``"mainline"``, the same for every network but for its learning rate; ``"ten_minutes"``, what two cores can
            do in that time; or one of ``LADDER``, the steps from ``"2015"`` to ``"modern"``, for any network at its own
            size.
        dataset: in place of the recipe's; of several published recipes, the one for these data.

    Raises:
        ValueError: no such recipe; the message names the known ones and the nearest match.
    """
    for what, asked, known in (("network", name, _RECIPES), ("kind of recipe", kind, KINDS)):
        if asked not in known:
            raise ValueError(f"unknown {what} {asked!r}{nearest(asked, known)} Known: {', '.join(known)}.")
    found = replace(_RECIPES[name], **_KINDS.get(kind, {}))
    if kind == "published":
        rows = {_KEYS[row["dataset"]]: row for row in published(name)}
        dataset = next(iter(rows)) if dataset is None else dataset
        if dataset not in rows:
            raise ValueError(f"nothing published for {name!r} on {dataset!r}, only on {', '.join(rows)}.")
        row = rows[dataset]
        same = {setting: row[setting] for setting in ("factory", "batch_size", "epochs", "lr", "init")}
        found = replace(found, size=row["input_px"], **same)
    if kind == "ten_minutes":
        size, epochs = TEN_MINUTES.get(name, (found.size, found.epochs))
        found = replace(found, size=size, epochs=epochs)
    if kind in SEARCHED:
        found = replace(found, lr=best_rate(name, kind))
    return found if dataset is None else replace(found, dataset=dataset)


def best_rate(network: str, kind: str = "mainline") -> float:
    """The learning rate of ``network`` in a kind of recipe that searches for it: of those tried (``rates.csv``), the
    one with the highest accuracy on validation images; the middle one to try where none was. Where the two best were
    tried again in longer runs (``ties.csv``), these decide."""
    longer = tried(network, kind, "ties.csv")
    found = longer if len(longer) > 1 else tried(network, kind)
    return max(found, key=found.__getitem__, default=SEARCHED[kind][1])


def tried(network: str, kind: str, name: str = "rates.csv") -> dict[float, float]:
    """The accuracy on validation images by learning rate, the mean over its seeds, as a table has it."""
    rows = [row for row in table(name) if (row["network"], row["recipe"]) == (network, kind)]
    rates = dict.fromkeys(row["lr"] for row in rows)
    return {rate: fmean(row["val_acc"] for row in rows if row["lr"] == rate) for rate in rates}


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
    known = sorted({row["network"] for row in rows})
    if network not in known:
        raise ValueError(f"nothing published for {network!r}{nearest(network, known)} Known: {', '.join(known)}.")
    return [row for row in rows if row.pop("network") == network]


def counted(recipe: Recipe, in_channels: int, num_classes: int, size: int) -> Summary:
    """Shapes, parameters and multiply–accumulates of the network that ``build`` would make, which takes no memory.

    Raises:
        ValueError: as ``build`` does.
    """
    with torch.device("meta"):
        net = build(recipe, in_channels, num_classes, size)
    return summary(net, (1, in_channels, size, size))


def build(recipe: Recipe, in_channels: int, num_classes: int, size: int) -> nn.Module:
    """The network that ``recipe`` names, for images (N, in_channels, size, size) and ``num_classes`` logits.

    Its weights start as the recipe says: as the network itself starts them, or by Xavier's rule. The recipe stays with
    it as ``net.recipe``, from which ``fit`` knows how the weights started; a checkpoint of another start is refused.

    Raises:
        ValueError: ``recipe`` is none, such as a name; a number is not a whole one from 1; or the network cannot take
            images of that size, and the message names the smallest it can.
    """
    if not isinstance(recipe, Recipe):
        raise ValueError(f"recipe is {recipe!r}: give one, such as d2l.recipe('lenet').")
    numbers = {"in_channels": in_channels, "num_classes": num_classes, "size": size}
    module, function = recipe.factory.split(":")
    factory: Callable[..., Any] = getattr(importlib.import_module(f"d2lite.models.{module}"), function)
    net = factory(**{name: check_whole(name, value, 1) for name, value in numbers.items()})
    net.recipe = recipe
    if recipe.init == "xavier":  # Glorot and Bengio, 2010, as the courses before this book did; biases stay as they are
        for layer in net.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(layer.weight)
    return net
