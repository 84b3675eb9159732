"""The story so far: networks trained on the same images, equally long, as a table and a figure."""

from __future__ import annotations

import functools
import math
from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from ..arguments import nearest
from ..data.catalog import DATASETS
from ..inspect.summarize import Table
from .catalog import MAINLINE, NETWORKS, Network, counted, recipe
from .measurements import measured
from .statistics import Difference, compare, spread
from .tables import table

if TYPE_CHECKING:  # takes long to import
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Row:
    """One network of the story.

    ``accuracy`` is the mean test accuracy over ``seeds`` runs, a fraction, ``sd`` their standard deviation; NaN where
    it is to come or not measured (``sd`` of a single run too). ``macs`` are for one image, ``seconds`` for training on
    a thousand, ``memory_mb`` for a training step; the last two NaN where not measured. ``new`` says whether the chapter
    adds it.
    """

    network: Network
    accuracy: float
    sd: float
    seeds: int
    parameters: int
    macs: int
    seconds: float
    memory_mb: float
    new: bool

    @property
    def percent(self) -> str:
        """The accuracy and its standard deviation in percent."""
        if math.isnan(self.accuracy):
            return "to come"
        return f"{100 * self.accuracy:.2f}" + ("" if math.isnan(self.sd) else f" ± {100 * self.sd:.2f}")


@dataclass(frozen=True)
class Step:
    """What ``after`` buys and costs in comparison with ``before``.

    ``gain`` is the difference of their accuracies, with its standard errors. ``parameters`` and ``macs`` say how many
    times as many there are, ``seconds`` how many times as long training takes; NaN where it is not measured for both.
    """

    after: Row
    before: Row
    gain: Difference
    parameters: float
    macs: float
    seconds: float

    @property
    def points(self) -> str:
        """The gain as a phrase, such as ``"2.2 points more"``."""
        return f"{abs(100 * self.gain.difference):.1f} points {'more' if self.gain.difference >= 0 else 'fewer'}"

    @property
    def bought(self) -> str:
        """The gain in points, and how sure it is: a phrase, against the title of the other network."""
        error, luck = self.gain.error, "test images and seeds"
        if math.isnan(error):  # too few runs to tell how much they scatter
            error, luck = self.gain.from_images, "test images alone"
        return f"{self.points} than {self.before.network.title} (paired standard error, from {luck}: {100 * error:.1f})"


def _step(before: Row, after: Row) -> Step:
    for row in (after, before):
        if math.isnan(row.accuracy):
            raise ValueError(f"the accuracy of {row.network.name!r} is to come: run `make measure` to tell the step.")
    ratios = (getattr(after, cost) / getattr(before, cost) for cost in ("parameters", "macs", "seconds"))
    return Step(after, before, compare(after.network.name, before.network.name), *ratios)


@dataclass(frozen=True, eq=False, repr=False)
class Story(Table):
    """The table and the figure that ``story`` returns: shown in a notebook, text in a terminal."""

    rows: list[Row]
    #: how all of them were trained, and where the times were taken: two sentences
    notes: str

    @property
    def step(self) -> Step | None:
        """From the last network before the new ones to the last new one; None where there is none before, or none new.

        Raises:
            ValueError: the accuracy of one of the two is to come.
        """
        before = [row for row in self.rows if not row.new]
        return _step(before[-1], self.rows[-1]) if before and self.rows[-1].new else None

    @property
    def step_from_best(self) -> Step | None:
        """As ``step``, from the most accurate of the networks before the new ones."""
        before = [row for row in self.rows if not row.new and not math.isnan(row.accuracy)]
        return _step(max(before, key=lambda row: row.accuracy), self.rows[-1]) if before and self.rows[-1].new else None

    def between(self, before: str, after: str) -> Step:
        """The step from any network of the story to any other.

        Raises:
            ValueError: one of them is not in the story, or its accuracy is to come.
        """
        named = {row.network.name: row for row in self.rows}
        for name in (before, after):
            if name not in named:
                raise ValueError(f"{name!r} is not in this story{nearest(name, named)} It has: {', '.join(named)}.")
        return _step(named[before], named[after])

    def to_frame(self) -> pd.DataFrame:
        """One row a network, indexed by its name: title, year, and what its ``Row`` holds."""
        import pandas as pd

        records = [{**vars(row.network), **vars(row)} for row in self.rows]
        return pd.DataFrame(records).set_index("name").drop(columns=["network", "chapter"])

    _HEADER = ("network", "year", "test accuracy in %", "seeds", "parameters", "MACs", "s per 1,000 images")
    _LEFT = 1

    @property
    def _note(self) -> str:
        return self.notes

    def _cells(self) -> list[list[str]]:
        return [
            [
                row.network.title + (" (new)" if row.new else ""), str(row.network.year), row.percent,
                str(row.seeds or "–"), _short(row.parameters), _short(row.macs),
                "–" if math.isnan(row.seconds) else f"{row.seconds:.3g}",
            ]
            for row in self.rows
        ]  # fmt: skip

    def _html(self, text: str, column: int, row: int) -> str:
        text = f"<strong>{escape(text)}</strong>" if self.rows[row].new else escape(text)
        if column == 0:
            return f'<th scope="row" style="text-align:left">{text}</th>'
        return f'<td style="text-align:right;white-space:nowrap">{text}</td>'

    def _ipython_display_(self) -> None:
        from IPython.display import display

        from ..inspect.figures import show

        display({"text/html": self._repr_html_(), "text/plain": str(self)}, raw=True)
        if not all(math.isnan(row.accuracy) for row in self.rows):  # else there is nothing to draw yet
            show(self.plot(), self.alt)

    @property
    def alt(self) -> str:
        """The figure in words."""
        points = "; ".join(f"{row.network.title} {row.percent}" for row in self.rows)
        return f"Test accuracy of {len(self.rows)} networks, in the order of the book: {points}."

    def plot(self) -> Figure:
        """Draw the accuracy of each network, in order, with its standard deviation over seeds; return the figure."""
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots(figsize=(7, 0.8 + 0.26 * len(self.rows)), layout="constrained")
        known = []
        for place, row in enumerate(self.rows):
            color, marker = ("#D55E00", "D") if row.new else ("#0072B2", "o")
            if math.isnan(row.accuracy):  # written right of the line through the first
                ax.text(
                    0.06, place, row.percent, color=color, fontsize=8, va="center", transform=ax.get_yaxis_transform()
                )
                continue
            error = 0 if math.isnan(row.sd) else 100 * row.sd
            ax.errorbar(100 * row.accuracy, place, xerr=error, color=color, marker=marker, markersize=5, capsize=2)
            known.append((100 * row.accuracy, place))
        ax.set_yticks(range(len(self.rows)), [row.network.title for row in self.rows], fontsize=8)
        ax.set(xlabel="test accuracy in %", ylim=(len(self.rows) - 0.5, -0.5))
        if known:  # beside the line through the first, the linear classifier, everything has to prove itself
            ax.plot(*zip(*known), color="0.75", zorder=1)
            ax.axvline(known[0][0], color="0.6", linestyle=":", zorder=0)
            ax.set_xlabel(f"test accuracy in % (dotted: {self.rows[known[0][1]].network.title.lower()})")
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
        ValueError: no such network or chapter.
    """
    new = [name for name in MAINLINE if upto in (name, NETWORKS[name].chapter)]
    if upto is not None and not new:
        known = list(dict.fromkeys([*(NETWORKS[name].chapter for name in MAINLINE), *MAINLINE]))
        raise ValueError(f"no story up to {upto!r}{nearest(upto, known)} Known: {', '.join(known)}.")
    names = MAINLINE[: MAINLINE.index(new[-1]) + 1] if new else MAINLINE
    runs, costs, rows = measured(recipe="mainline"), _costs(), []
    for name in names:
        accuracies = [run["test_acc"] for run in runs if run["network"] == name and not (to_come and name in new)]
        mean = sum(accuracies) / len(accuracies) if accuracies else math.nan
        cost = costs.get(name) or _counted(name)
        sizes = cost["parameters"], cost["macs"], 1000 / cost["images_per_second"], cost["memory_mb"]
        rows.append(Row(NETWORKS[name], mean, spread(accuracies), len(accuracies), *sizes, name in new))
    run, timed = runs[0], (f"{cost['device']}, batches of {cost['batch_size']}" for cost in costs.values())
    trained = f"{run['dataset']}, {run['input_px']} px, {run['images']:,} training images, {run['epochs']} epochs"
    told = f"Training times: {next(timed, 'not measured yet')}."  # of one device, all of them
    return Story(rows, f"{trained}; test accuracy with its standard deviation over seeds. {told}")


def _costs() -> dict[str, dict]:
    """Rows of ``costs.csv`` at the main line's size, by network: of the device that measured most of them."""
    its = recipe("lenet", "mainline")
    images = its.size, DATASETS[its.dataset].channels
    rows = [row for row in table("costs.csv") if (row["input_px"], row["channels"]) == images]
    devices = Counter((row["device"], row["batch_size"]) for row in rows).most_common(1)
    return {row["network"]: row for row in rows if (row["device"], row["batch_size"]) == devices[0][0]}


@functools.cache
def _counted(name: str) -> dict[str, Any]:
    """A row of ``costs.csv`` for a network that has none: its parameters, and MACs of one image."""
    its = recipe(name, "mainline")
    data = DATASETS[its.dataset]
    found = counted(its, data.channels, len(data.classes), its.size)
    return {"parameters": found.parameters, "macs": found.macs, "images_per_second": math.nan, "memory_mb": math.nan}


def _short(count: int) -> str:
    """Three digits and a unit: 61706 → ``"61.7 k"``."""
    rounded = float(f"{count:.3g}")
    for unit, word in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if rounded >= unit:
            return f"{rounded / unit:g}{word}"
    return f"{rounded:g}"
