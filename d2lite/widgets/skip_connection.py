"""Plain and residual networks of several depths: the gradient of each layer and the training loss, as measured."""

from __future__ import annotations

import math
from collections.abc import Mapping

import traitlets
from matplotlib.figure import Figure

from .base import Choice, Interactive, Number

BLOCKS = ("plain", "residual")
SMOOTH, LAST = 12, 32  # steps whose mean is drawn, and steps at the end whose mean is told
COLOURS = {"plain": "#c8701a", "residual": "#2f7fc9"}


def kept(values) -> list[float | None]:
    """Numbers with four digits; None in the place of what is none, or infinite."""
    return [float(f"{value:.4g}") if math.isfinite(value) else None for value in map(float, values)]


def smooth(losses: list[float | None], width: int = SMOOTH) -> list[float | None]:
    """The mean of each step and the ``width - 1`` before it; None where these are missing or one is no number."""
    windows = [losses[max(0, end - width) : end] for end in range(1, len(losses) + 1)]
    return [None if len(part) < width or None in part else sum(part) / width for part in windows]


class SkipConnection(Interactive):
    """What shortcuts do to the gradient of each layer, and to training, from runs of the page itself.

    Args:
        norms: ``(block, depth)`` → the gradient's norm for each convolution, first to last, before training. A
            block is "plain" or "residual", or a class of that name; depth is a number of layers.
        losses: ``(block, depth)`` → the training loss of each step, for the same runs.
        later: like ``norms``, after training, if it was measured.
        depth: which depth is shown, in layers; one that was not measured becomes the nearest.
        shortcuts: "both", "without" or "with".
        when: the gradients "before training" or "after training".
        layer: the convolution whose gradient is told, from 1.

    Of each number four digits are kept, and None stands for what is no finite one. Source: He et al., 2016
    (arXiv:1512.03385).

    Raises:
        ValueError: there is no run, or a block is neither plain nor residual.
    """

    runs = traitlets.Dict().tag(sync=True)
    depth = Number(44, 1, 10_000)
    shortcuts = Choice("both", "without", "with")
    when = Choice("before training", "after training")
    layer = Number(1, 1, 10_000)
    alt = (
        "Left: the gradient's norm for each layer before training. In the plain network it grows many times over from "
        "the last layer to the first, in the residual one far less. Right: the residual network's loss falls lower."
    )

    def __init__(self, norms: Mapping, losses: Mapping, later: Mapping | None = None, **options):
        runs: dict[str, dict] = {}
        for name, measured in {"before training": norms, "losses": losses, "after training": later or {}}.items():
            for (block, depth), values in measured.items():
                block = getattr(block, "__name__", str(block)).lower()
                if block not in BLOCKS:
                    raise ValueError(f"block {block!r}: give one of {', '.join(BLOCKS)}, or a class of that name.")
                runs.setdefault(str(int(depth)), {}).setdefault(block, {})[name] = kept(values)
        complete = [
            run.get(name)
            for blocks in runs.values()
            for run in blocks.values()
            for name in ("before training", "losses")
        ]
        if not runs or not all(complete):
            raise ValueError("give norms and losses of the same runs, of one at least.")
        super().__init__(runs=runs, **options)

    def shown(self) -> tuple[int, dict[str, dict]]:
        """The depth that is shown, and its runs by block."""
        depth = min(map(int, self.runs), key=lambda known: (abs(known - self.depth), known))
        hidden = {"without": "residual", "with": "plain"}.get(self.shortcuts)
        return depth, {block: run for block, run in self.runs[str(depth)].items() if block != hidden}

    def numbers(self) -> dict[str, dict]:
        """By block: the gradient of the layer, the same as a multiple of the last layer's, and the loss at the end."""
        told = {}
        for block, run in self.shown()[1].items():
            norms, losses = run.get(self.when, run["before training"]), run["losses"][-LAST:]
            layer = min(self.layer, len(norms))
            norm, last = norms[layer - 1], norms[-1]
            loss = None if None in losses else sum(losses) / len(losses)
            growth = norm / last if norm is not None and last else None
            told[block] = {"layer": layer, "norm": norm, "growth": growth, "loss": loss}
        return told

    def picture(self) -> Figure:
        depth, runs = self.shown()
        figure = Figure(figsize=(6.4, 2.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        for block, run in runs.items():
            norms = [math.nan if value is None else value for value in run.get(self.when, run["before training"])]
            style = {"color": COLOURS[block], "label": block, "marker": "os"[block == "residual"], "markersize": 3}
            left.plot(range(1, len(norms) + 1), norms, **style)
            losses = [math.nan if value is None else value for value in smooth(run["losses"])]
            right.plot(range(1, len(losses) + 1), losses, color=COLOURS[block], label=block)
        left.set(
            title=f"{depth} layers, {self.when}",
            yscale="log",
            xlabel="3×3 convolution, first to last",
            ylabel="gradient norm",
        )
        right.set(title="training", xlabel="step", ylabel=f"loss, mean of {SMOOTH} steps")
        left.legend()
        return figure
