"""Batch normalization of one channel: what comes in, what goes out in training, and what in prediction."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from matplotlib.figure import Figure

from .base import Interactive, Number, Table

EPS = 1e-5
LARGEST, STEPS = 256, 60
LEFT, RIGHT, BIN = -8.25, 12.25, 0.5  # a bin lies around 0, so that what is 0 stands at 0, not beside it


@cache
def stream() -> np.ndarray:
    """Pseudo-random numbers of mean 0 and spread 1, leaning to the left, the same as in the script."""
    state, values = 1, []
    for _ in range(LARGEST * (STEPS + 1)):
        product = 1.0
        for _ in range(3):
            state = (1664525 * state + 1013904223) % 2**32
            product *= (state + 0.5) / 2**32
        values.append((-math.log(product) - 3) / math.sqrt(3))
    return np.array(values)


def batch(step: int, size: int, mean: float, spread: float) -> np.ndarray:
    """The ``size`` values of one channel at a step from 1 on; at step 0, those that are shown."""
    start = LARGEST + (step - 1) * size if step else 0
    return mean + spread * stream()[start : start + size]


def running(means: list[float], size: int, spread: float, momentum: float) -> tuple[float, float]:
    """Running mean and variance after a step for each of ``means``, as PyTorch keeps them: from 0 and 1, unbiased."""
    average, variance = 0.0, 1.0
    for step, mean in enumerate(means, 1):
        values = batch(step, size, mean, spread)
        average = (1 - momentum) * average + momentum * values.mean()
        variance = (1 - momentum) * variance + momentum * values.var(ddof=1)
    return float(average), float(variance)


def normalized(values: np.ndarray, mean: float, variance: float, gamma: float, beta: float) -> np.ndarray:
    """Scale and shift of the values, standardized with ``mean`` and ``variance``."""
    return gamma * (values - mean) / math.sqrt(variance + EPS) + beta


class BatchNormLab(Interactive):
    """One channel of a batch normalization layer, in training and in prediction.

    Args:
        mean: of what comes in now, -4 to 4.
        earlier: mean of what came in during the training steps so far, which the running statistics have seen, -4 to 4.
        spread: of what comes in, now and then, its standard deviation, 0.1 to 3.
        size: of the batch, 2 to 256.
        gamma: scale, 0 to 3.
        beta: shift, -4 to 4.
        momentum: share of the new batch in the running statistics, 0 to 1, in PyTorch's convention.
        steps: training steps that the running statistics have seen, 0 to 60.
        seen: one row with the means of what came in during further steps, after those; 60 steps at most in all.

    A batch is ``size`` numbers of one channel, without a unit. A number out of range becomes the nearest in it, and
    what is none the default: nothing is raised. Source: Ioffe and Szegedy, 2015 (arXiv:1502.03167).
    """

    mean = Number(3.0, -4.0, 4.0)
    earlier = Number(3.0, -4.0, 4.0)
    spread = Number(1.5, 0.1, 3.0)
    size = Number(64, 2, LARGEST)
    gamma = Number(1.0, 0.0, 3.0)
    beta = Number(0.0, -4.0, 4.0)
    momentum = Number(0.1, 0.0, 1.0)
    steps = Number(5, 0, STEPS)
    seen = Table(STEPS, 2)
    alt = (
        "Three histograms of one channel. What comes in has a mean near 3. What goes out in training has mean "
        "0 and spread 1. What goes out in prediction after five steps lies between: the running statistics lag."
    )

    def means(self) -> list[float]:
        """The mean of what came in, for each training step."""
        further = [min(max(mean, -4.0), 4.0) for mean in (self.seen or [[]])[0]]
        return ([self.earlier] * self.steps + further)[:STEPS]

    def stages(self) -> dict[str, np.ndarray]:
        """The values as they come in, and as they go out in training and in prediction."""
        values = batch(0, self.size, self.mean, self.spread)
        average, variance = running(self.means(), self.size, self.spread, self.momentum)
        return {
            "comes in": values,
            "goes out in training": normalized(values, values.mean(), values.var(), self.gamma, self.beta),
            "goes out in prediction": normalized(values, average, variance, self.gamma, self.beta),
        }

    def picture(self) -> Figure:
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        bins = np.arange(LEFT, RIGHT + BIN, BIN)
        colors = ("#c8701a", "#2f7fc9", "#23936a")
        for ax, color, (title, values) in zip(figure.subplots(3, 1, sharex=True), colors, self.stages().items()):
            inside = values[(values >= LEFT) & (values < RIGHT)]
            ax.hist(inside, bins, color=color, alpha=0.8)
            ax.axvline(values.mean(), color="black", linewidth=1)
            beyond = f", {values.size - inside.size} of {values.size} beyond the axis" * (inside.size < values.size)
            ax.set(yticks=[], xlim=(LEFT, RIGHT))
            told = f"{title}: mean {round(values.mean(), 2) + 0.0:.2f}, spread {values.std():.2f}{beyond}"
            ax.set_title(told.replace("-", "−"), fontsize=9, loc="left")
        return figure
