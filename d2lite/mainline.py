"""The main line: every network of the book, trained on the same images, equally long; what each reaches and costs."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import torch

from .building import build
from .datasets import DATASETS
from .networks import NETWORKS, Network
from .recipes import recipe
from .results import COSTS, measured, stored
from .statistics import Difference, compare, spread
from .summary import summary

_SAME = ("dataset", "input_px", "images", "epochs")  # of all runs of the main line


@dataclass(frozen=True)
class Row:
    """One network of the story.

    ``accuracy`` is the mean test accuracy over ``seeds`` runs, a fraction, and ``sd`` their standard deviation; NaN
    where it is to come or not measured (``sd`` of a single run too). ``macs`` are for one image, ``seconds`` for
    training on a thousand, NaN where they are not measured. ``new`` says whether the chapter adds it.
    """

    network: Network
    accuracy: float
    sd: float
    seeds: int
    parameters: int
    macs: int
    seconds: float
    new: bool


@dataclass(frozen=True)
class Step:
    """What ``after`` buys and costs in comparison with ``before``; its text says so."""

    after: Row
    before: Row
    #: the accuracy of ``after`` minus that of ``before``, with its standard errors
    gain: Difference

    @property
    def parameters(self) -> float:
        """How many times as many parameters."""
        return self.after.parameters / self.before.parameters

    @property
    def macs(self) -> float:
        """How many times as many multiply–accumulates."""
        return self.after.macs / self.before.macs

    @property
    def seconds(self) -> float:
        """How many times as long the training takes; NaN where it is not measured for both."""
        return self.after.seconds / self.before.seconds

    def __str__(self) -> str:
        gain, after, before = self.gain, self.after, self.before
        points = f"{abs(100 * gain.difference):.2f} points {'more' if gain.difference >= 0 else 'less'} than"
        sure = "" if math.isnan(gain.errors) else f", a difference of {abs(gain.errors):.1f} standard errors"
        costs = f"parameters {_times(self.parameters)}, MACs {_times(self.macs)}"
        time = "" if math.isnan(self.seconds) else f", training time {_times(self.seconds)}"
        return (
            f"{after.network.title}: test accuracy {after.accuracy:.2%}, {points} {before.network.title} "
            f"({before.accuracy:.2%}){sure}; {costs}{time}."
        )


def step(after: Row, before: Row) -> Step:
    """The step from one network to another.

    Raises:
        ValueError: the accuracy of one of them is to come, or its predictions are not stored.
    """
    for row in (after, before):
        if math.isnan(row.accuracy):
            raise ValueError(
                f"the accuracy of {row.network.name!r} is to come: there is no step to tell before `make measure`."
            )
    return Step(after, before, compare(after.network.name, before.network.name))


@dataclass(frozen=True)
class Line:
    """Rows of the main line; ``conditions`` says how all were trained, ``timing`` where the seconds come from."""

    rows: list[Row]
    conditions: str
    timing: str


def line(names: Collection[str], new: Collection[str], to_come: bool) -> Line:
    """The networks ``names`` with what ``measured.csv`` and ``costs.csv`` hold; of ``new`` without accuracy if to come.

    Parameters and MACs that are not stored yet are counted.

    Raises:
        ValueError: runs differ in what they were trained on, or a seed of a network has two rows.
    """
    measurements, costs, rows = measured(recipe="mainline"), _costs(), []
    runs = {name: [run for run in measurements if run["network"] == name] for name in names}
    for name, its in runs.items():
        accuracies = [] if to_come and name in new else [run["test_acc"] for run in its]
        mean = sum(accuracies) / len(accuracies) if accuracies else math.nan
        cost = costs.get(name)
        parameters, macs = (cost["parameters"], cost["macs"]) if cost else _counted(name)
        seconds = 1000 / cost["images_per_second"] if cost else math.nan
        rows.append(
            Row(NETWORKS[name], mean, spread(accuracies), len(accuracies), parameters, macs, seconds, name in new)
        )
    return Line(rows, _conditions([run for its in runs.values() for run in its]), _timing(costs))


def _conditions(runs: list[dict]) -> str:
    if not runs:
        return "No network is measured yet."
    for column in _SAME:
        values = {run[column]: run["network"] for run in runs}
        if len(values) > 1:
            differing = ", ".join(f"{value} ({network})" for value, network in values.items())
            raise ValueError(f"runs of the main line differ in {column}: {differing}. Measure the odd ones anew.")
    for (network, seed), count in Counter((run["network"], run["seed"]) for run in runs).items():
        if count > 1:
            raise ValueError(
                f"{count} rows of the main line are of {network!r} with seed {seed}: keep the current one."
            )
    run = runs[0]
    return (
        f"{run['dataset']}, {run['input_px']} px, {run['images']:,} training images, {run['epochs']} epochs; "
        "test accuracy with its standard deviation over seeds."
    )


def _costs() -> dict[str, dict]:
    """Rows of ``costs.csv`` at the main line's size, by network: of the device that measured most of them."""
    size, channels, _ = _images()
    rows = [row for row in stored(COSTS) if (row["input_px"], row.get("channels")) == (size, channels)]
    kinds = Counter((row["device"], row["batch_size"]) for row in rows).most_common(1)
    return {row["network"]: row for row in rows if (row["device"], row["batch_size"]) == kinds[0][0]}


def _timing(costs: dict[str, dict]) -> str:
    if not costs:
        return "Training times are not measured yet."
    any_row = next(iter(costs.values()))
    return f"Training times: {any_row['device']}, batches of {any_row['batch_size']}."


def _images() -> tuple[int, int, int]:
    """Edge in pixels, channels and classes of the main line's images."""
    its = recipe("lenet", "mainline")
    return its.size, DATASETS[its.dataset].channels, len(DATASETS[its.dataset].classes)


@functools.cache
def _counted(name: str) -> tuple[int, int]:
    """Parameters, and MACs of one image."""
    size, channels, classes = _images()
    with torch.device("meta"):
        net = build(recipe(name, "mainline"), channels, classes, size)
    counted = summary(net, (1, channels, size, size))
    return counted.parameters, counted.macs


def _times(ratio: float) -> str:
    return f"× {float(f'{ratio:.2g}'):,.10g}"
