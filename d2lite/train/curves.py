"""The curves of a run: loss and accuracy against epochs."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

# Okabe–Ito blue and vermilion: told apart in every common kind of color blindness, and by line style in print.
STYLES = {"train": {"color": "#0072B2", "linestyle": "-"}, "val": {"color": "#D55E00", "linestyle": "--"}}


def plot(records: Sequence[Any], axes: Any = None) -> Figure:
    """Draw the records of a history on two ``axes`` or on a new figure; return the figure."""
    panels: Any = plt.subplots(1, 2, figsize=(7, 2.6), layout="constrained")[1] if axes is None else axes
    epochs = [record.epoch for record in records]
    for ax, quantity in zip(panels, ("loss", "accuracy")):
        for split, style in STYLES.items():
            values = [getattr(record, f"{split}_{quantity}") for record in records]
            if any(value is not None for value in values):
                ax.plot(epochs, values, marker="o", markersize=3, label=split, **style)
        ax.set(xlabel="epoch", ylabel=quantity)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(alpha=0.3)
        if epochs:
            ax.legend()
    return panels[0].figure
