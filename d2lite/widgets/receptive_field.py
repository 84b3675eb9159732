"""The receptive field: which pixels a unit of each layer of a stack sees, and what that costs in weights."""

from __future__ import annotations

import base64
import io
import math
from numbers import Real

import traitlets
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from .base import Choice, Interactive, Number, Table, array, clamped
from .photos import CREDITS, photo

OWN = "own layers"
POOL = [2, 2, 1]
STACKS = {  # windows (kernel, stride, whether it is a pooling) from the image on
    "three 3×3": [[3, 1, 0]] * 3,
    "two 3×3": [[3, 1, 0]] * 2,
    "ten 3×3": [[3, 1, 0]] * 10,
    "one 5×5": [[5, 1, 0]],
    "one 7×7": [[7, 1, 0]],
    "LeNet": [[5, 1, 0], POOL, [5, 1, 0], POOL],
    "AlexNet": [[11, 4, 0], [3, 2, 1], [5, 1, 0], [3, 2, 1], [3, 1, 0], [3, 1, 0], [3, 1, 0], [3, 2, 1]],
    "VGG-11": [[3, 1, 0], POOL, [3, 1, 0], POOL, *([[3, 1, 0], [3, 1, 0], POOL] * 3)],
}
MOST = 13  # layers
LARGEST, WIDEST = 11, 4  # kernel, stride
WIDE = 128  # units from the middle of the image


def seen(layers) -> list[int]:
    """Units in a row that one unit behind ``layers`` depends on: pixels first, then of each layer, 1 at the end."""
    counts = [1]
    for kernel, stride, _ in reversed(layers):
        counts.insert(0, (counts[0] - 1) * stride + kernel)
    return counts


def reaches(layers) -> list[int]:
    """Side, in pixels, of what a unit of each layer sees."""
    return [seen(layers[: number + 1])[0] for number in range(len(layers))]


def paths(layers) -> list[int]:
    """Ways, in one direction, that lead from each pixel of the receptive field to the unit."""
    ways = [1]
    for kernel, stride, _ in reversed(layers):
        below = [0] * ((len(ways) - 1) * stride + kernel)
        for unit, number in enumerate(ways):
            for tap in range(kernel):
                below[unit * stride + tap] += number
        ways = below
    return ways


def weights(layers) -> int:
    """Weights per c², c channels in and out of each convolution; a pooling has none."""
    return sum(kernel**2 for kernel, _, pooling in layers if not pooling)


def first_pixel(layers, layer: int, size: int, right: int = 0) -> int:
    """The first pixel, in one direction, that a unit of ``layer`` sees on an image of ``size`` pixels.

    The unit is ``right`` units behind the one nearest to the middle of the image, which is unit 0 of the last layer.
    """
    step = math.prod(stride for _, stride, _ in layers[:layer])
    origin = (size - reaches(layers)[-1]) // 2
    return origin + (math.floor((size / 2 - reaches(layers)[layer - 1] / 2 - origin) / step + 0.5) + right) * step


def pictured() -> str:
    """A small photograph as the page takes it."""
    packed = io.BytesIO()
    Image.fromarray(photo("flower", 140, 140)).save(packed, "JPEG", quality=75)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode()}"


def windows(given) -> list[list[int]]:
    """Layers as in ``STACKS``, from these or from (kernel, stride, "pool"); empty where it is no such thing.

    Raises:
        ValueError: what stands behind the stride of a layer does not say whether it is a pooling.
    """
    try:
        given = array(given).tolist() if hasattr(given, "detach") else given
        rows = [(kernel, stride, more) for kernel, stride, *more in list(given)[:MOST]]
    except (TypeError, ValueError):
        return []
    for number, (_, _, more) in enumerate(rows, 1):
        if len(more) > 1 or any(not isinstance(kind, (str, Real)) or kind not in (0, 1, "pool") for kind in more):
            raise ValueError(
                f"layer {number}: behind kernel and stride stands {', '.join(map(repr, more))}: give 'pool' or 1 for "
                "a pooling, 0 or nothing for a convolution. Padding has no place here: it changes no receptive field."
            )
    sizes = (
        (round(clamped(1, LARGEST, 3)(kernel)), round(clamped(1, WIDEST, 1)(stride))) for kernel, stride, _ in rows
    )
    return [[*size, int(more in (["pool"], [1]))] for size, (*_, more) in zip(sizes, rows)]


class ReceptiveField(Interactive):
    """Layers on an image: what one unit of each sees, and its weights beside those of one large kernel.

    Args:
        stack: a name out of ``STACKS``, or layers from the image on, at most 13: (kernel, stride) or (kernel, stride,
            0) of a convolution, (kernel, stride, "pool") or (kernel, stride, 1) of a pooling; kernel 1 to 11, stride 1
            to 4, in units of the layer below. What is no such thing becomes "three 3×3".
        layer: the one that is looked from, counted from 1; 0 is the last.
        size: side of the image in pixels, 8 to 256.
        down: which unit of the layer, counted from the one nearest to the middle of the image; its patch keeps at least
            half inside.
        right: likewise.

    A number out of range becomes the nearest in it. Sources: Simonyan and Zisserman, 2015 (arXiv:1409.1556), for small
    kernels in the place of a large one, 27 c² weights against 49 c²; Luo et al., 2016, for the paths to each pixel.

    Raises:
        ValueError: a third number of a layer says something else, such as its padding.
    """

    scripts = ("receptive_drawing",)
    stack = Choice(*STACKS, OWN)
    layers = Table(MOST, help="one's own: rows of kernel, stride, and 1 for a pooling")
    layer = Number(0, 0, MOST)
    size = Number(28, 8, 256)
    down = Number(0, -WIDE, WIDE)
    right = Number(0, -WIDE, WIDE)
    photograph = traitlets.Unicode(help="of the page: JPEG in base64, shrunk to the size of the image").tag(sync=True)
    credit = traitlets.Unicode(CREDITS["flower"]).tag(sync=True)
    alt = (
        "Three layers of 3×3 on a row of pixels: one unit at the top sees three units below it, these five, and those "
        "seven pixels. The three layers have 27 c² weights; one 7×7 kernel, which sees as far, has 49 c²."
    )

    def __init__(self, stack="three 3×3", **settings):
        if not isinstance(stack, str):
            settings["layers"] = windows(stack)
            stack = OWN if settings["layers"] else "three 3×3"
        super().__init__(stack=stack, photograph=pictured(), **settings)

    def used(self) -> list[list[int]]:
        """The layers that are looked at, up to ``layer``."""
        own = windows((*row[:2], int(row[2:3] == [1])) for row in self.layers)
        return STACKS.get(self.stack, own)[: self.layer or None]

    def picture(self) -> Figure:
        layers, step, figure = self.used(), 1, Figure(figsize=(6.4, 2.4), layout="constrained")
        counts = seen(layers)
        ax, own = figure.subplots(1, 2, width_ratios=(3, 1))
        for level, count in enumerate(counts):
            step *= layers[level - 1][1] if level else 1
            first = ((reaches(layers)[level - 1] if level else 1) - step) / 2
            for unit in range(count) if count <= 60 else ():
                ax.add_patch(Rectangle((first + unit * step, level), step, 0.6, facecolor="#2f7fc9", edgecolor="white"))
            if count > 60:
                ax.add_patch(Rectangle((first, level), count * step, 0.6, facecolor="#2f7fc9"))
            name = f"layer {level}, {layers[level - 1][0]}×{layers[level - 1][0]}" if level else "pixels"
            ax.text(-0.02 * counts[0], level + 0.3, f"{name}: {count}", ha="right", va="center", fontsize=8)
        ax.set(xlim=(-0.35 * counts[0], counts[0]), ylim=(-0.2, len(counts)))
        ax.axis("off")
        own.bar(["this stack", "one kernel"], [weights(layers), counts[0] ** 2], color=["#2f7fc9", "#c8701a"])
        own.set_title("weights per c²", fontsize=9)
        own.tick_params(labelsize=8)
        return figure
