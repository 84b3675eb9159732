"""The curves of a run: loss and accuracy against epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from .history import History

# Okabe–Ito blue and vermilion: told apart in every common kind of colour blindness, and by line style in print.
STYLES = {"train": {"color": "#0072B2", "linestyle": "-"}, "val": {"color": "#D55E00", "linestyle": "--"}}


def plot(history: History, axes: tuple[Axes, Axes] | None = None) -> Figure:
    """Draw loss and accuracy against epochs, side by side, on ``axes`` or on a new figure; return the figure."""
    if axes is None:
        _, axes = plt.subplots(1, 2, figsize=(7, 2.6), layout="constrained")
    epochs = [record.epoch for record in history.records]
    for ax, quantity in zip(axes, ("loss", "accuracy")):
        for split, style in STYLES.items():
            values = [getattr(record, f"{split}_{quantity}") for record in history.records]
            if any(value is not None for value in values):
                ax.plot(epochs, values, marker="o", markersize=3, label=split, **style)
        ax.set(xlabel="epoch", ylabel=quantity)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(alpha=0.3)
        if epochs:
            ax.legend()
    return axes[0].figure
