"""Every network of the book by its costs: shapes, parameters, multiply–accumulates and memory, a row for each block."""

from __future__ import annotations

import math

import traitlets
from matplotlib.figure import Figure

from .base import Choice, Interactive, Number
from .layers import NETWORKS, described


def pooled(side: int, kernel: int, stride: int, padding: int, ceil: int) -> int:
    """Side of what a pooling puts out; with ``ceil`` its last window may hang over, but not start outside."""
    room = side + 2 * padding - kernel
    return room // stride + 1 if not ceil else min(-(-room // stride), (side + padding - 1) // stride) + 1


def costs(rows: list, size: int, channels: int = 1, classes: int = 10, width: float = 1.0) -> list[tuple]:
    """(name, output shape, parameters, MACs, bytes) of each row, for one image; ``width`` scales the convolutions."""
    made, table = [(channels, size)], []
    for name, _, steps in rows:
        parameters = macs = values = 0
        for kind, back, *numbers in steps:
            (inputs, side), out = made[-back[0]], 0
            if kind == "conv":
                channels_out, kernel, stride, padding, bias = numbers
                out = max(1, math.floor(channels_out * width + 0.5)) if channels_out else classes
                side = (side + 2 * padding - kernel) // stride + 1
                parameters += out * (inputs * kernel**2 + bias)
                macs += out * inputs * kernel**2 * side**2
            elif kind == "linear":
                out, macs = numbers[0] or classes, macs + (numbers[0] or classes) * inputs * side**2
                parameters, side = parameters + out * (inputs * side**2 + 1), 1
            elif kind.endswith("pool"):
                side = pooled(side, *numbers)
            elif kind == "average":
                side = 1
            elif kind == "norm":
                parameters += 2 * inputs
            elif kind == "join":
                out = sum(made[-source][0] for source in back)
            made.append((out or inputs, side))
            values += made[-1][0] * side**2
        shape = (made[-1][0],) if steps[0][0] == "linear" else (made[-1][0], side, side)
        table.append((name, shape, parameters, macs, 4 * values))
    return table


def growth(name: str, width: float, size: int, channels: int = 1, classes: int = 10) -> list[float]:
    """How many times the parameters, MACs and bytes the blocks of convolutions have, against ``width`` 1."""
    rows = described(name)["rows"]
    blocks = [steps[0][0] != "linear" for _, _, steps in rows]
    wide, plain = (list(zip(*costs(rows, size, channels, classes, factor)))[2:] for factor in (width, 1.0))
    kept = [
        [sum(value for value, block in zip(column, blocks) if block) for column in table] for table in (wide, plain)
    ]
    return [mine / its for mine, its in zip(*kept)]


class ArchitectureExplorer(Interactive):
    """Shapes, parameters, multiply–accumulates and memory of any network of the book, a row for each block.

    Args:
        network: a key of ``NETWORKS``.
        width: factor on the channels of all convolutions, ¼ to 4; hidden linear layers keep theirs.
        size: height and width of the image in pixels, 8 to 320.
        channels: of the image, 1 to 4.
        classes: 2 to 1000.

    Counted is one image, (1, channels, size, size): shapes are (channels, height, width) or (features,), the work is
    in multiply–accumulates, and the memory is what the layers write, in bytes, four for each number. An image below
    the network's smallest is told on the page. A number out of range becomes the nearest in it, and what is none of
    these the default: nothing is raised. Sources: those of the networks, as ``d2lite.models`` names them.
    """

    scripts = ("architecture_drawing",)
    network = Choice("vgg11", *NETWORKS)
    width = Number(1.0, 0.25, 4.0)
    size = Number(224, 8, 320)
    channels = Number(1, 1, 4)
    classes = Number(10, 2, 1000)
    networks = traitlets.Dict(help="every network as data").tag(sync=True)
    alt = (
        "VGG-11 by blocks, with bars for each block's share of the parameters, of the multiply–accumulates and of the "
        "memory: the first linear layer holds most of the parameters, the convolutions do nearly all of the work."
    )

    @traitlets.default("networks")
    def _networks(self) -> dict:
        return {name: described(name) for name in NETWORKS}

    def picture(self) -> Figure:
        found = self.networks[self.network]
        size = max(self.size, found["smallest"])
        table = costs(found["rows"], size, self.channels, self.classes, self.width)
        figure = Figure(figsize=(6.8, 0.9 + 0.22 * len(table)), layout="constrained")
        names = [row[1] for row in found["rows"]]
        panels = (("parameters", 2, 1e6, "M"), ("multiply–accumulates", 3, 1e6, "M"), ("memory", 4, 1e6, "MB"))
        for ax, (title, column, unit, sign), color in zip(
            figure.subplots(1, 3, sharey=True), panels, ("#2f7fc9", "#c8701a", "#23936a")
        ):
            values = [row[column] for row in table]
            ax.barh(range(len(table)), values, color=color)
            ax.set_title(f"{title}: {sum(values) / unit:,.1f} {sign}", fontsize=8)
            ax.set_xticks([])
            ax.set_yticks(range(len(table)), names, fontsize=7)
        ax.invert_yaxis()
        figure.suptitle(f"{found['title']}, {size}×{size} px", fontsize=9)
        return figure
