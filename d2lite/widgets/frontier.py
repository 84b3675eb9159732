"""Which networks are worth their cost: accuracy against a cost, the frontier, and a budget."""

from __future__ import annotations

import math

import traitlets
from matplotlib.figure import Figure

from ..nets.statistics import choose, frontier
from .base import Choice, Interactive, Number, Switch

COSTS = {
    "parameters": "parameters",
    "macs": "MACs for one image",
    "epoch_s": "seconds an epoch",
    "memory_mb": "MB, training step",
}
MOST = 60  # networks


def ends(costs: list[float]) -> tuple[float, float]:
    """The ends of the axis, a little beyond the cheapest and the dearest."""
    low, high = min(costs), max(costs)
    margin = max(high / low, 3.0) ** 0.08
    return low / margin, high * margin


def budget_at(share: float, costs: list[float]) -> float:
    """The cost at ``share`` percent of the logarithmic axis, with the three digits that the page shows."""
    low, high = ends(costs)
    return float(f"{low * (high / low) ** (share / 100):.3g}")


def number(value, above: float = -math.inf) -> float | int | None:
    """``value`` as a number of Python above ``above``; None where it is none."""
    try:
        value = float(value)
    except (TypeError, ValueError):
        return None
    if not math.isfinite(value) or value <= above:
        return None
    return int(value) if value.is_integer() else value


def records(networks) -> list[dict]:
    """Networks as the page wants them: every key, None for what is missing; no row without an accuracy.

    What is neither a DataFrame nor a list of dictionaries, a Series too, holds no network.
    """
    if hasattr(networks, "assign"):  # a DataFrame; a Series has none
        frame = networks if "name" in networks else networks.assign(name=list(networks.index))
        networks = frame.to_dict("records")
    rows = []
    for given in networks if isinstance(networks, (list, tuple)) else []:
        if not isinstance(given, dict) or number(given.get("accuracy")) is None:
            continue
        row = {"name": str(given.get("name", f"network {len(rows) + 1}")), "accuracy": number(given["accuracy"])}
        row |= {key: number(given.get(key), low) for key, low in (("sd", -1e-12), ("seeds", 0), ("year", 0))}
        rows.append(row | {cost: number(given.get(cost), 0) for cost in COSTS})
    return rows[:MOST]


class Networks(traitlets.TraitType):
    """Synchronized networks, see :func:`records`."""

    def validate(self, obj, value):
        """A list of dictionaries that have every key."""
        return records(value)


class FrontierExplorer(Interactive):
    """Accuracy against a cost, the frontier, and the best network within a budget.

    Args:
        networks: a DataFrame, or a list of dictionaries, ``MOST`` at most; anything else holds none. Keys or columns:
            ``name`` (of a DataFrame also its index); ``accuracy`` on the test set, 0 to 1; and, where they are known,
            ``year``; ``sd``, the standard deviation of the accuracy over ``seeds`` runs; ``parameters``, how many;
            ``macs``, multiply-adds for one image; ``epoch_s``, seconds for one epoch of training; ``memory_mb``, MB
            that a training step takes. A cost is known where it is above 0.
        cost: one of the last four.
        budget: where on the logarithmic axis it is, in percent: at 0 nothing fits, at 100 everything.
        sort: the column by which the table is sorted; ``descending`` says from which end.
    """

    networks = Networks([]).tag(sync=True)
    cost = Choice(*COSTS)
    budget = Number(50.0, 0.0, 100.0)
    sort = Choice("accuracy", "name", "year", "sd", "seeds", *COSTS)
    descending = Switch(True)
    scripts = ("frontier_chart",)
    lean = True
    alt = (
        "Test accuracy of networks against a cost on a logarithmic scale. A stepped line, the frontier, joins those "
        "that no cheaper network reaches; networks above the budget are pale, and the best below it has a ring."
    )

    def __init__(self, networks=(), **settings):
        super().__init__(networks=networks, **settings)
        if not self.known() and (others := [cost for cost in COSTS if self.known(cost)]):
            self.cost = others[0]

    def known(self, cost: str | None = None) -> list[dict]:
        """Networks whose ``cost`` is known."""
        return [network for network in self.networks if network[cost or self.cost] is not None]

    def picture(self) -> Figure:
        figure = Figure(figsize=(6.4, 3.2), layout="constrained")
        axes, known = figure.subplots(), self.known()
        axes.set(xlabel=COSTS[self.cost], ylabel="test accuracy")
        if not known:
            axes.text(0.5, 0.5, "no network with this cost", ha="center", transform=axes.transAxes)
            return figure
        costs = [network[self.cost] for network in known]
        (low, high), budget, front = (
            ends(costs),
            budget_at(self.budget, costs),
            frontier(*({i: n[key] for i, n in enumerate(known)} for key in (self.cost, "accuracy"))),
        )
        steps = [(known[i][self.cost], known[i]["accuracy"]) for i in front]
        axes.step(*zip(*steps, (high, steps[-1][1])), where="post", color="0.6", linewidth=1)
        axes.axvspan(budget, high, color="0.95")
        for index, network in enumerate(known):
            face, alpha = "#2f7fc9" if index in front else "white", 1 if network[self.cost] <= budget else 0.35
            place = (network[self.cost], network["accuracy"])
            axes.errorbar(
                *place, yerr=network["sd"] or None, fmt="o", color="#2f7fc9", mfc=face, capsize=2, alpha=alpha
            )
            if index in front:
                left = {"xytext": (7, -9), "ha": "left"} if network[self.cost] == min(costs) else {}  # inside the axes
                words = {"xytext": (-5, 3), "ha": "right", "fontsize": 8, **left}
                axes.annotate(network["name"], place, textcoords="offset points", **words)
        if best := choose(known, self.cost, budget):
            axes.plot(best[self.cost], best["accuracy"], "o", markersize=13, mfc="none", color="#c8701a")
        axes.set(xscale="log", xlim=(low, high))
        axes.margins(y=0.12)  # room for the name of the best
        return figure
