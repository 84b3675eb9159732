"""Whole networks drawn to one scale, in the shapes and colors of this book."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle
from torch import nn

from ..machine.printing import how_many
from .figures import show
from .trace import Call, trace

CONVOLUTION, POINTWISE, BLOCK, POOLING, LINEAR = "k×k convolution", "1×1 convolution", "block", "pooling", "linear"
NORM = "normalization"  # of the blocks, those that are called so
#: The book's palette: what a color stands for in each of its drawings of networks.
COLORS = {
    CONVOLUTION: "#56B4E9", POINTWISE: "#E69F00", BLOCK: "#CC79A7", NORM: "#F0E442", POOLING: "#BBBBBB",
    LINEAR: "#009E73",
}  # fmt: skip
POOLINGS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
GAP, STEP = 0.06, 1.25  # between slabs, and from one group's start to the next at least, for its label
THIN = {NORM: 0.04, POOLING: 0.1, LINEAR: 0.1}  # width of slabs whose channels do not show


@dataclass(frozen=True)
class Slab:
    """A layer or block: its kind, what is written below it, and what it puts out."""

    kind: str
    label: str
    channels: int
    side: int | None


def show_networks(
    networks: Mapping[str, tuple[nn.Module, Sequence[int]]], *, blocks: tuple[type[nn.Module], ...] = ()
) -> None:
    """Draw networks below each other as rows of slabs: their convolutions, poolings and linear layers, in order.

    A slab's height is the square root of the side of its feature maps (for linear layers the logarithm of the units),
    and its width grows with the logarithm of the channels; all to one scale.

    Args:
        networks: by title, the network and the shape of its input, (1, C, H, W).
        blocks: types of module of which each is drawn as one slab, with its type as its name; a thin one for types
            that are called some kind of Norm.

    Raises:
        InputShapeError: a network does not take its shape.
        ValueError: there is no network, or one without anything to draw.
    """
    if not networks:
        raise ValueError("no network to draw: give one by its title, {'LeNet': (net, (1, 1, 28, 28))}.")
    rows = {title: _groups(_slabs(trace(net, tuple(shape))[-1], blocks)) for title, (net, shape) in networks.items()}
    if empty := [title for title, groups in rows.items() if not groups]:
        raise ValueError(f"{empty[0]} has no convolution, pooling or linear layer to draw, nor one of the blocks.")
    slabs = [slab for groups in rows.values() for group in groups for slab in group]
    height = 1.15 * max(map(_height, slabs)) / 2
    figure, axes = plt.subplots(len(rows), figsize=(7, 2.5 * len(rows)), squeeze=False, layout="constrained")
    right = max([_draw(ax, groups, height) for ax, groups in zip(axes.flat, rows.values())])
    for ax, title in zip(axes.flat, rows):
        ax.set_title(title, fontsize=10, loc="left")
        ax.set(xlim=(-0.1, right), ylim=(-height - 6, height + 1.5))
        ax.axis("off")
    kinds = [kind for kind in COLORS if kind in {slab.kind for slab in slabs}]
    patches = [Rectangle((0, 0), 1, 1, facecolor=COLORS[kind], edgecolor="black") for kind in kinds]
    figure.legend(patches, kinds, loc="outside upper right", ncols=len(kinds), fontsize=8)
    show(figure, " ".join(f"{title}: {', then '.join(map(_in_words, groups))}." for title, groups in rows.items()))


def _slabs(call: Call, blocks: tuple[type[nn.Module], ...]) -> list[Slab]:
    """What is drawn of one layer's turn: itself, or what is inside."""
    module: Any = call.module
    channels, side = call.output_shape[1], call.output_shape[-1] if len(call.output_shape) == 4 else None
    if isinstance(module, blocks):
        name = type(module).__name__
        return [Slab(NORM if "Norm" in name else BLOCK, name, channels, side)]
    if isinstance(module, nn.Conv2d):
        kernel = module.kernel_size
        return [Slab(POINTWISE if kernel == (1, 1) else CONVOLUTION, "×".join(map(str, kernel)), channels, side)]
    if isinstance(module, POOLINGS):
        return [Slab(POOLING, "pooling", channels, side)]
    if isinstance(module, nn.Linear):
        return [Slab(LINEAR, str(channels), channels, None)]
    return [slab for inner in call.inside for slab in _slabs(inner, blocks)]


def _groups(slabs: list[Slab]) -> list[list[Slab]]:
    """Neighbors whose maps have the same side, with the pooling that follows them; the linear layers together."""
    groups: list[list[Slab]] = []
    for slab in slabs:
        if groups and (last := groups[-1][-1]).kind != POOLING and (slab.side == last.side or slab.kind == POOLING):
            groups[-1].append(slab)
        else:
            groups.append([slab])
    return groups


def _height(slab: Slab) -> float:
    return math.log2(slab.channels + 1) / 1.5 if slab.side is None else slab.side**0.5


def _draw(ax, groups: list[list[Slab]], height: float) -> float:
    """Draw one network; where its last label ends."""
    start = 0.0
    for group in groups:
        x = start
        for slab in group:
            computes = slab.kind in (CONVOLUTION, POINTWISE, BLOCK)
            width, high = 0.1 * math.log2(max(slab.channels, 32) / 16) if computes else THIN[slab.kind], _height(slab)
            style = {"facecolor": COLORS[slab.kind], "edgecolor": "black", "lw": 0.8}
            ax.add_patch(Rectangle((x, -high / 2), width, high, **style))
            x += width + GAP
        first, middle = group[0], (start + x - GAP) / 2
        if first.side is not None:
            ax.text(middle, _height(first) / 2 + 0.4, f"{first.side} px", ha="center", fontsize=8)
        ax.text(middle, -height, "\n".join(_label(group)), ha="center", va="top", fontsize=8)
        start = max(x + 0.3, start + STEP)
    return start - 0.2


def _layers(group: list[Slab]) -> list[str]:
    """What is written below a group: its layers in order, equal neighbors counted."""
    layers = [slab for slab in group if slab.kind != POOLING]
    runs = ((label, len(list(run))) for label, run in itertools.groupby(slab.label for slab in layers or group))
    return [label if count == 1 else f"{count} × {label}" for label, count in runs]


def _channels(group: list[Slab]) -> list[int]:
    """The channels that leave a group; where it is a row of equal kernels that differ in them, those of each."""
    layers = [slab for slab in group if slab.kind != POOLING]
    row = len(layers) > 1 and layers[0].kind == CONVOLUTION and len({slab.label for slab in layers}) == 1
    each = [slab.channels for slab in layers]
    return each if row and len(set(each)) > 1 else [group[-1].channels]


def _label(group: list[Slab]) -> list[str]:
    """Lines below a group."""
    if group[0].side is None:
        return [LINEAR, *(slab.label for slab in group)]
    return [*_layers(group), f"{', '.join(map(str, _channels(group)))} ch."]


def _in_words(group: list[Slab]) -> str:
    """A group as a phrase of the figure's alt text."""
    if group[0].side is None:
        return f"linear layers of {', '.join(slab.label for slab in group)} units"
    pooled = f", pooled to {group[-1].side} px" if group[-1].kind == POOLING and len(group) > 1 else ""
    *others, last = _channels(group)
    held = how_many(last, "channel")
    if others:
        held = f"{', '.join(map(str, others))} and {held}"
    return f"{', '.join(_layers(group))} with {held} at {group[0].side} px{pooled}"
