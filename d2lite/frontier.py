"""Which networks are worth their cost: the frontier of accuracy against a cost, and the best within a budget."""

from __future__ import annotations

import math


def frontier(cost, accuracy) -> list:
    """Names on the frontier, from cheap to costly.

    A network is on it if every network that costs no more is less accurate. Both arguments map names to numbers: they
    are pandas Series or dictionaries. A cost that is NaN is not known, and leaves its network out.
    """
    kept, best = [], -math.inf
    known = [name for name in cost.keys() if not math.isnan(cost[name])]  # noqa: SIM118 - a Series iterates over values
    for name in sorted(known, key=lambda name: (cost[name], -accuracy[name])):
        if accuracy[name] > best:
            kept.append(name)
            best = accuracy[name]
    return kept


def choose(networks: list[dict], cost: str, budget: float) -> dict | None:
    """The most accurate network within the budget, of equals the cheapest; None where none fits.

    Args:
        networks: each with its ``"accuracy"`` and, under the key ``cost``, a number, or None where it is not known.
    """
    fits = [network for network in networks if network[cost] is not None and network[cost] <= budget]
    return max(fits, key=lambda network: (network["accuracy"], -network[cost]), default=None)
