"""Who feeds whom in a dense block: channels and parameters by layer, against a chain that adds."""

from __future__ import annotations

import math

from matplotlib.figure import Figure
from matplotlib.patches import Arc

from .base import Interactive, Number, Switch


def convolution(inputs: int, outputs: int, kernel: int, bias: bool) -> int:
    """Parameters of BatchNorm, ReLU and a convolution."""
    return 2 * inputs + outputs * (inputs * kernel**2 + bias)


def dense(layers: int, growth: int, channels: int, bottleneck: bool, compression: float) -> list[tuple[int, int, int]]:
    """(channels read, channels written, parameters) of each layer of a dense block, and of the transition after it.

    Convolutions have biases without ``bottleneck`` and none with it, as in the book's two networks.
    """
    rows = []
    for number in range(layers):
        read = channels + number * growth
        if bottleneck:
            cost = convolution(read, 4 * growth, 1, False) + convolution(4 * growth, growth, 3, False)
        else:
            cost = convolution(read, growth, 3, True)
        rows.append((read, growth, cost))
    read = channels + layers * growth
    written = max(1, math.floor(read * compression + 1e-9))
    return [*rows, (read, written, convolution(read, written, 1, not bottleneck))]


def chain(layers: int, growth: int, channels: int) -> tuple[int, int]:
    """(channels, parameters of a layer) of a chain of 3×3 layers that add, as wide as the block's output."""
    width = channels + layers * growth
    return width, convolution(width, width, 3, True)


class DenseConnectivity(Interactive):
    """A dense block: who reads what, how the channels grow, and what each layer costs.

    Args:
        layers: 1 to 24.
        growth: channels that each layer adds, 1 to 64.
        channels: that enter the block, 1 to 512.
        bottleneck: whether a 1×1 convolution to four times the growth rate stands before each 3×3 convolution.
        compression: share of the channels that the transition keeps, 0.1 to 1.
        reader: the layer whose sources are marked, from 1; ``layers + 1`` is the transition.

    The block maps (N, channels, H, W) to (N, channels + layers · growth, H, W). Costs are counts of parameters. A
    number out of range becomes the nearest in it, and what is none the default: nothing is raised. Source: Huang et
    al., 2017 (arXiv:1608.06993).
    """

    scripts = ("connectivity_drawing",)
    layers = Number(4, 1, 24)
    growth = Number(32, 1, 64)
    channels = Number(64, 1, 512)
    bottleneck = Switch(False)
    compression = Number(0.5, 0.1, 1.0)
    reader = Number(3, 1, 25)
    alt = (
        "A dense block of four layers: arcs lead from the input and from each layer to all later ones; bars show that "
        "the channels grow from 64 to 192 in equal steps, and that the parameters of the layers grow with them."
    )

    def picture(self) -> Figure:
        rows = dense(self.layers, self.growth, self.channels, self.bottleneck, self.compression)
        wide, each = chain(self.layers, self.growth, self.channels)
        reader, places = min(self.reader, self.layers + 1), range(1, len(rows) + 1)
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        top, middle, low = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 2))
        for target in places:
            for source in range(target):
                marked = (
                    {"color": "#c8701a", "linewidth": 2} if target == reader else {"color": "0.6", "linewidth": 0.8}
                )
                span = target - source
                top.add_patch(Arc(((source + target) / 2, 0), span, 2 * span, theta1=0, theta2=180, **marked))
        top.plot([0, *places], [0] * (len(rows) + 1), "o", color="#2f7fc9")
        top.set(ylim=(-0.4, len(rows) + 0.3), yticks=[])
        top.set_title("who reads whom", fontsize=8)
        middle.bar(places, [read for read, *_ in rows], color="#2f7fc9")
        middle.set_title("channels read", fontsize=8)
        low.bar(places, [cost for *_, cost in rows], color="#23936a")
        low.set_title(f"parameters; a layer that adds, {wide} channels wide, has {each:,}", fontsize=8)
        low.set_xticks([0, *places], ["input", *places[:-1], "after"], fontsize=7)
        for ax in (middle, low):
            ax.tick_params(axis="y", labelsize=7)
        return figure
