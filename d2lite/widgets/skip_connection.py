"""Plain and residual networks of several depths: the gradient of each layer and the training loss, as measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import traitlets
from matplotlib.figure import Figure

from .base import Choice, Interactive, Number, Table

BLOCKS = ("plain", "residual")
SMOOTH, LAST = 12, 32  # steps whose mean is drawn, and steps at the end whose mean is told
BATCH, WIDTH, EPS, MOST = 64, 32, 1e-5, 27  # of the small network; its most blocks
COLORS = {"plain": "#c8701a", "residual": "#2f7fc9"}


def kept(values) -> list[float | None]:
    """Numbers with four digits; None in the place of what is none, or infinite."""
    return [float(f"{value:.4g}") if math.isfinite(value) else None for value in map(float, values)]


def smooth(losses: list[float | None], width: int = SMOOTH) -> list[float | None]:
    """The mean of each step and the ``width - 1`` before it; None where these are missing or one is no number."""
    windows = [losses[max(0, end - width) : end] for end in range(1, len(losses) + 1)]
    return [None if len(part) < width or None in part else sum(part) / width for part in windows]


def normal(count: int) -> np.ndarray:
    """Normal numbers from uniform ones, the same as in the script."""
    state, values = 7, np.empty((count, 2))
    for place in np.ndindex(count, 2):
        state = (1664525 * state + 1013904223) % 2**32
        values[place] = (state + 0.5) / 2**32
    return np.sqrt(-2 * np.log(values[:, 0])) * np.cos(2 * math.pi * values[:, 1])


def small_network(blocks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, gradient at the outputs, and weights of the network of dense layers that the page computes."""
    inputs, layers = BATCH * WIDTH, 2 * blocks
    x, d, weights = np.split(normal(2 * inputs + layers * WIDTH**2), [inputs, 2 * inputs])
    weights = weights.reshape(layers, WIDTH, WIDTH) * math.sqrt(2 / WIDTH)
    return np.maximum(x, 0).reshape(BATCH, WIDTH), d.reshape(BATCH, WIDTH) / BATCH, weights


def gradients(shortcuts: Sequence[bool]) -> list[float]:
    """The norm of the weights' gradient for each layer of the small network: two a block, with a shortcut or none."""

    def normalize(z):
        spread = np.sqrt(z.var(0) + EPS)
        return (z - z.mean(0)) / spread, spread

    def unnormalize(d, z, spread):
        return (d - d.mean(0) - z * (d * z).mean(0)) / spread

    (x, d, weights), tape, norms = small_network(len(shortcuts)), [], []
    for block, shortcut in enumerate(shortcuts):
        one = normalize(x @ weights[2 * block])
        hidden = np.maximum(one[0], 0)
        two = normalize(hidden @ weights[2 * block + 1])
        tape.append((block, shortcut, x, one, hidden, two))
        x = np.maximum(two[0] + x if shortcut else two[0], 0)
        tape[-1] += (x,)
    for block, shortcut, before, one, hidden, two, after in reversed(tape):
        d = d * (after > 0)
        d_two = unnormalize(d, *two)
        d_one = unnormalize((d_two @ weights[2 * block + 1].T) * (one[0] > 0), *one)
        norms += [np.linalg.norm(hidden.T @ d_two), np.linalg.norm(before.T @ d_one)]
        d = d_one @ weights[2 * block].T + (d if shortcut else 0)
    return [float(norm) for norm in reversed(norms)]


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
        removed: one row with the numbers, from 1, of the blocks that have no shortcut in a small network above the
            charts: two dense layers with BatchNorm a block, as deep as ``depth``, whose gradients the page computes.

    Of each number four digits are kept, and None stands for what is no finite one. Source: He et al., 2016
    (arXiv:1512.03385).

    Raises:
        ValueError: there is no run, or a block is neither plain nor residual.
    """

    scripts = ("shortcut_gradients",)
    runs = traitlets.Dict().tag(sync=True)
    depth = Number(44, 1, 10_000)
    shortcuts = Choice("both", "without", "with")
    when = Choice("before training", "after training")
    layer = Number(1, 1, 10_000)
    removed = Table(MOST)
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
            style = {"color": COLORS[block], "label": block, "marker": "os"[block == "residual"], "markersize": 3}
            left.plot(range(1, len(norms) + 1), norms, **style)
            losses = [math.nan if value is None else value for value in smooth(run["losses"])]
            right.plot(range(1, len(losses) + 1), losses, color=COLORS[block], label=block)
        left.set(
            title=f"{depth} layers, {self.when}",
            yscale="log",
            xlabel="3×3 convolution, first to last",
            ylabel="gradient norm",
        )
        right.set(title=f"training, {len(losses)} steps", xlabel="step", ylabel=f"loss, mean of {SMOOTH} steps")
        left.legend()
        return figure
