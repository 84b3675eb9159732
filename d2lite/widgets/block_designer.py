"""A block of one's own: what it costs, how far it sees, and how accurate the nearest trained one was."""

from __future__ import annotations

import math
from typing import Any

import traitlets
from matplotlib.figure import Figure

from .base import Choice, Interactive, Number, Switch

COLORS = ("#2f7fc9", "#c8701a", "#b05cab", "#2f7fc9")
KERNELS = (3, 1, 5, 7)
GROUPS = ("all channels", "groups of 4", "each channel alone")
EXPANSIONS = {"1": 1.0, "1/4": 0.25, "1/2": 0.5, "2": 2.0, "4": 4.0, "6": 6.0}


def parts(channels: int, kernel: int, groups: str, expansion: str, gate: bool, size: int) -> list[tuple[str, int, int]]:
    """(name, parameters, MACs for one image) of each part of the block: 1×1 convolution, kernel, gate, 1×1 convolution.

    Each convolution has no bias and a BatchNorm after it. The gate squeezes to a quarter of the block's channels.
    """
    inner = round(channels * EXPANSIONS[expansion])
    reads = {"all channels": inner, "groups of 4": 4, "each channel alone": 1}[groups]
    found = [
        ("1×1 in", channels * inner, 2 * inner),
        (f"{kernel}×{kernel}", kernel**2 * reads * inner, 2 * inner),
        ("1×1 out", inner * channels, 2 * channels),
    ]
    rows = [(name, weights + norm, weights * size**2) for name, weights, norm in found]
    if gate:
        squeezed = channels // 4
        rows.insert(2, ("gate", 2 * inner * squeezed + inner + squeezed, 2 * inner * squeezed))
    return rows


def apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    """How far two settings are from each other: powers of two in expansion, and steps in the rest."""
    return (
        abs(math.log2(EXPANSIONS[one["expansion"]] / EXPANSIONS[other["expansion"]]))
        + abs(GROUPS.index(one["groups"]) - GROUPS.index(other["groups"]))
        + abs(one["kernel"] - other["kernel"]) / 2
        + (one["gate"] != other["gate"])
        + (one["shortcut"] != other["shortcut"])
    )


def nearest(setting: dict[str, Any], trained: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The trained block whose settings are nearest, the first of equals; None where none was trained."""
    return min(trained, key=lambda block: apart(setting, block), default=None)


class Trained(traitlets.TraitType):
    """Synchronized rows of trained blocks: a name, the settings, and a share of test images from 0 to 1."""

    def __init__(self, **more):
        super().__init__([], **more)
        self.tag(sync=True)

    def validate(self, obj, value):
        """The rows that are such; each as a dictionary."""
        rows = value if isinstance(value, (list, tuple)) else []
        return [dict(row) for row in rows if isinstance(row, dict) and self._fits(row)]

    @staticmethod
    def _fits(row: dict) -> bool:
        accuracy, choices = row.get("accuracy"), (("groups", GROUPS), ("expansion", EXPANSIONS), ("kernel", KERNELS))
        known = all(type(row.get(name)) in (str, int) and row[name] in options for name, options in choices)
        switched = all(isinstance(row.get(name), bool) for name in ("gate", "shortcut"))
        return (
            isinstance(row.get("name"), str) and known and switched and type(accuracy) is float and 0 <= accuracy <= 1
        )


class BlockDesigner(Interactive):
    """A residual block: 1×1 convolution, kernel in groups, gate, 1×1 convolution, shortcut.

    Args:
        channels: that come in and go out, 16 to 512; the nearest multiple of 16 counts.
        kernel: side of the kernel in the middle: 1, 3, 5 or 7.
        groups: which channels one kernel reads: "all channels", "groups of 4" or "each channel alone".
        expansion: channels in the middle as a multiple of ``channels``: "1/4", "1/2", "1", "2", "4" or "6".
        gate: whether squeeze-and-excitation follows the kernel.
        shortcut: whether the input is added.
        size: height and width of the map in pixels, 1 to 112.
        trained: blocks that were trained, each a dictionary of ``name``, ``kernel``, ``groups``, ``expansion``,
            ``gate``, ``shortcut`` and ``accuracy``, a share of the test images. What is no such row is left out.

    The block maps (N, channels, size, size) to the same shape. A number out of range becomes the nearest in it, and
    what is none the default: nothing is raised.
    """

    channels = Number(64, 16, 512)
    kernel = Choice(*KERNELS)
    groups = Choice(*reversed(GROUPS))
    expansion = Choice(*EXPANSIONS)
    gate = Switch(False)
    shortcut = Switch(True)
    size = Number(16, 1, 112)
    trained = Trained()
    alt = (
        "A block with a depthwise 3×3 kernel on 64 channels: bars for the multiply–accumulates of its parts. The two "
        "1×1 convolutions do nearly all of the work, and the kernel a few percent."
    )

    def picture(self) -> Figure:
        channels = 16 * round(self.channels / 16)
        rows = parts(channels, self.kernel, self.groups, self.expansion, self.gate, self.size)
        total = sum(row[2] for row in rows)
        figure = Figure(figsize=(6.4, 2.2), layout="constrained")
        axes = figure.subplots()
        colors = COLORS if self.gate else (*COLORS[:2], COLORS[3])
        axes.barh([row[0] for row in rows], [100 * row[2] / total for row in rows], color=colors)
        axes.invert_yaxis()
        axes.set_xlabel(f"share of {total:,} multiply–accumulates in %", fontsize=8)
        axes.set_title(f"{channels} channels: {sum(row[1] for row in rows):,} parameters", fontsize=9)
        axes.tick_params(labelsize=8)
        return figure
