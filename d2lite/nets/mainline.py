"""The story so far: networks trained on the same images, equally long, as a table and a figure."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import torch

from ..arguments import nearest
from ..data.catalog import DATASETS
from ..inspect.summarize import summary
from .catalog import MAINLINE, NETWORKS, Network, build, recipe
from .measurements import measured
from .statistics import Difference, compare, spread
from .tables import table

if TYPE_CHECKING:  # takes long to import
    import pandas as pd
    from matplotlib.figure import Figure


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
    rows = [row for row in table("costs.csv") if (row["input_px"], row.get("channels")) == (size, channels)]
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


class Story:
    """The table and the figure that ``story`` returns: shown in a notebook, text in a terminal."""

    def __init__(self, line: Line):
        self.rows = line.rows
        #: how all of them were trained, and where the times were taken: two sentences
        self.notes = f"{line.conditions} {line.timing}"

    @property
    def step(self) -> Step | None:
        """From the last network before the new ones to the last new one; None where there is none before, or none new.

        Raises:
            ValueError: the accuracy of one of the two is to come.
        """
        before = [row for row in self.rows if not row.new]
        return step(self.rows[-1], before[-1]) if before and self.rows[-1].new else None

    @property
    def step_from_best(self) -> Step | None:
        """As ``step``, from the most accurate of the networks before the new ones."""
        before = [row for row in self.rows if not row.new and not math.isnan(row.accuracy)]
        return step(self.rows[-1], max(before, key=lambda row: row.accuracy)) if before and self.rows[-1].new else None

    def between(self, before: str, after: str) -> Step:
        """The step from any network of the story to any other.

        Raises:
            ValueError: one of them is not in the story, or its accuracy is to come.
        """
        named = {row.network.name: row for row in self.rows}
        for name in (before, after):
            if name not in named:
                raise ValueError(f"{name!r} is not in this story{nearest(name, named)} It has: {', '.join(named)}.")
        return step(named[after], named[before])

    def to_frame(self) -> pd.DataFrame:
        """One row a network, indexed by its name: title, year, accuracy, sd, seeds, parameters, macs, seconds, new."""
        import pandas as pd

        records = [{**vars(row), **vars(row.network)} for row in self.rows]
        columns = ["name", "title", "year", "accuracy", "sd", "seeds", "parameters", "macs", "seconds", "new"]
        return pd.DataFrame(records, columns=columns).set_index("name")

    _HEADER = ("network", "year", "test accuracy in %", "seeds", "parameters", "MACs", "s per 1,000 images")

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                row.network.title + (" (new)" if row.new else ""),
                str(row.network.year),
                _accuracy(row),
                str(row.seeds or "–"),
                _short(row.parameters),
                _short(row.macs),
                "–" if math.isnan(row.seconds) else f"{row.seconds:.3g}",
            )
            for row in self.rows
        ]

    def __str__(self) -> str:
        table = [self._HEADER, *self._cells()]
        widths = [max(len(row[column]) for row in table) for column in range(len(self._HEADER))]
        lines = [
            "  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
            for row in table
        ]
        rule = "─" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def cell(text: str, column: int, new: bool) -> str:
            text = f"<strong>{escape(text)}</strong>" if new else escape(text)
            kind = 'th scope="row"' if not column else "td"
            style = "text-align:right;white-space:nowrap" if column else "text-align:left"
            return f'<{kind} style="{style}">{text}</{kind.split()[0]}>'

        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self._HEADER)
        body = "".join(
            "<tr>" + "".join(cell(text, column, row.new) for column, text in enumerate(cells)) + "</tr>"
            for row, cells in zip(self.rows, self._cells())
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{escape(self.notes)}</p>"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        from ..inspect.figures import show

        display({"text/html": self._repr_html_(), "text/plain": str(self)}, raw=True)
        show(self.plot(), self.alt)

    @property
    def alt(self) -> str:
        """The figure in words."""
        points = "; ".join(f"{row.network.title} {_accuracy(row)}" for row in self.rows)
        return f"Test accuracy of {len(self.rows)} networks, in the order of the book: {points}."

    def plot(self) -> Figure:
        """Draw the accuracy of each network, in order, with its standard deviation over seeds; return the figure."""
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots(figsize=(7, 0.8 + 0.26 * len(self.rows)), layout="constrained")
        known = [(place, row) for place, row in enumerate(self.rows) if not math.isnan(row.accuracy)]
        ax.plot([100 * row.accuracy for _, row in known], [place for place, _ in known], color="0.75", zorder=1)
        for place, row in enumerate(self.rows):
            color, marker = ("#D55E00", "D") if row.new else ("#0072B2", "o")
            if math.isnan(row.accuracy):
                ax.text(0.01, place, _accuracy(row), color=color, fontsize=8, va="center",
                        transform=ax.get_yaxis_transform())  # fmt: skip
                continue
            error = 0 if math.isnan(row.sd) else 100 * row.sd
            ax.errorbar(100 * row.accuracy, place, xerr=error, color=color, marker=marker, markersize=5, capsize=2)
        ax.set_yticks(range(len(self.rows)), [row.network.title for row in self.rows], fontsize=8)
        ax.set(xlabel="test accuracy in %", ylim=(len(self.rows) - 0.5, -0.5))
        if known:  # beside the line through the first, the linear classifier, everything has to prove itself
            ax.axvline(100 * known[0][1].accuracy, color="0.6", linestyle=":", zorder=0)
        else:
            ax.set(xlim=(0, 100))
        ax.grid(alpha=0.3)
        return figure


def story(upto: str | None = None, *, to_come: bool = False) -> Story:
    """The networks of the main line up to ``upto``, in the order of the book: what each reaches and what it costs.

    All were trained on the same images, equally long; their rows are read from ``measured.csv`` and ``costs.csv``. In
    a notebook it shows a table and a figure. Its ``step`` compares the newest network with the one before it.

    Args:
        upto: a network, which is then the new one, or a chapter, whose networks are all new. None for all networks,
            none of them new.
        to_come: leave the accuracy of the new networks open, as a chapter does when it begins.

    Raises:
        ValueError: no such network or chapter; or runs of the main line differ in what they were trained on.
    """
    if upto is None:
        return Story(line(MAINLINE, (), to_come))
    new = [name for name in MAINLINE if upto in (name, NETWORKS[name].chapter)]
    if not new:
        known = list(dict.fromkeys([*(NETWORKS[name].chapter for name in MAINLINE), *MAINLINE]))
        raise ValueError(f"no story up to {upto!r}{nearest(upto, known)} Known: {', '.join(known)}.")
    return Story(line(MAINLINE[: MAINLINE.index(new[-1]) + 1], new, to_come))


def _accuracy(row: Row) -> str:
    if math.isnan(row.accuracy):
        return "to come"
    return f"{100 * row.accuracy:.2f}" + ("" if math.isnan(row.sd) else f" ± {100 * row.sd:.2f}")


def _short(count: int) -> str:
    """Three digits and a unit: 61706 → ``"61.7 k"``."""
    rounded = float(f"{count:.3g}")
    for unit, word in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if rounded >= unit:
            return f"{rounded / unit:g}{word}"
    return f"{rounded:g}"
