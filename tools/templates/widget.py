"""New name: where a kernel stands on a row of pixels, and how many outputs that makes."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .base import Interactive, Number

PIXELS = 12


def starts(kernel: int, stride: int) -> list[int]:
    """The first pixel below each place where a kernel fits whole; ``Conv1d`` without padding has as many outputs."""
    return list(range(0, PIXELS - kernel + 1, stride))


class NewName(Interactive):
    """A kernel of ``kernel`` pixels moves over a row of twelve in steps of ``stride``.

    Args:
        kernel: pixels that it covers, 1 to 7.
        stride: pixels from one place to the next, 1 to 4.

    A number out of range becomes the nearest in it, and what is none the default: nothing is raised.
    """

    kernel = Number(3, 1, 7)
    stride = Number(2, 1, 4)
    draft = True  # no chapter shows it yet: take this line out when one does
    alt = (
        "A row of twelve pixels, and below it a bar for each place where a kernel of three pixels stands when it moves "
        "by two. There are five places, and the last pixel is never covered."
    )

    def picture(self) -> Figure:
        places = starts(self.kernel, self.stride)
        figure = Figure(figsize=(6.4, 2.2), layout="constrained")
        axes = figure.subplots()
        for pixel in range(PIXELS):
            axes.add_patch(Rectangle((pixel, 0), 1, 1, facecolor="0.93", edgecolor="0.6"))
        for index, start in enumerate(places):
            axes.add_patch(Rectangle((start, -0.5 - 0.4 * index), self.kernel, 0.3, facecolor="#2f7fc9"))
        axes.set(xlim=(-0.1, PIXELS + 0.1), ylim=(-0.5 - 0.4 * PIXELS, 1.1))
        axes.set_axis_off()
        return figure
