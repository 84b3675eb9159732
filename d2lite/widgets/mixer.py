"""A 1×1 convolution on a photograph: at each pixel the same three dot products of its three channels."""

from __future__ import annotations

import base64

import numpy as np
import traitlets
from matplotlib.figure import Figure

from .base import Choice, Interactive, Number, Table, array
from .convolution import weights_given
from .photos import CREDITS, photo

OWN = "own numbers"
MIXES = {  # rows: new red, new green, new blue; columns: red, green, blue
    "identity": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "red and not green": [[1, -1, 0]] * 3,
    "gray": [[0.299, 0.587, 0.114]] * 3,
    "swap red and blue": [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
    "only red": [[1, 0, 0], [0, 0, 0], [0, 0, 0]],
    "sepia": [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]],
}
LARGEST = 2.0  # weight
MOST = 96  # pixels a side


def mix(image, weights) -> np.ndarray:
    """What a 1×1 convolution without bias makes of (rows, columns, 3), weights (3, 3) as output × input."""
    return np.asarray(image, float) @ np.asarray(weights, float).T


def colors(given) -> np.ndarray | None:
    """An RGB image, channels first or last, as uint8 (rows, columns, 3) of at most 96 × 96; None where it is none."""
    try:
        image = array(given)
        image = image[0] if image.ndim == 4 and len(image) == 1 else image
        image = np.moveaxis(image, 0, -1) if image.ndim == 3 and image.shape[-1] != 3 else image
        if image.ndim != 3 or image.shape[-1] != 3 or not image.size:
            return None
        apart = -(-max(image.shape) // MOST)
        image = image[::apart, ::apart]
        values = np.nan_to_num(image.astype(float))
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None
    if image.dtype.kind == "f" and np.abs(values).max() <= 1:
        values = values * 255
    return values.round().clip(0, 255).astype(np.uint8)


class PixelMixer(Interactive):
    """A 1×1 convolution with three channels in and three out, on an image in color.

    Args:
        image: (rows, columns, 3), (3, rows, columns), or one of these in a batch of one; whole numbers from 0 to 255 or
            others from 0 to 1, at most 96 × 96 (a larger one is thinned); an array, lists, or a tensor of any kind.
            None takes a small photograph, (48, 72, 3). Where it is none, the page says so.
        mix: a name out of ``MIXES``, or weights from -2 to 2: (3, 3), output × input, or (3, 3, 1, 1), as a 1×1
            convolution has them.
        channels: new ones that are shown, 1 or 3; with 1 the page asks for three weights alone. None takes 1 for
            "identity", the mix that is shown first, and 3 for any other.
        row: of the pixel that is looked at first, counted from 0.
        column: likewise.

    Source: Lin et al., 2014 (arXiv:1312.4400), for the 1×1 convolution.

    Raises:
        ValueError: ``mix`` is neither a name out of ``MIXES`` nor such an array.
    """

    image = traitlets.Unicode(help="red, green, blue of each pixel: bytes in base64").tag(sync=True)
    width = Number(1, 1, MOST)
    mix = Choice(*MIXES, OWN)
    weights = Table(3, help="one's own, output × input")
    channels = Choice(1, 3)
    row = Number(22, 0, MOST - 1)
    column = Number(34, 0, MOST - 1)
    credit = traitlets.Unicode().tag(sync=True)
    alt = (
        "A photograph of an orange flower on green leaves, and the same one after a 1×1 convolution that subtracts "
        "green from red at each pixel: the flower stays, brightest at its red center; the leaves are black."
    )

    def __init__(self, image=None, mix="identity", channels=None, **settings):
        if image is None:
            image, settings["credit"] = photo("flower", 48, 72), CREDITS["flower"]
        pixels = colors(image)
        if pixels is not None:
            settings |= {"image": base64.b64encode(pixels.tobytes()).decode(), "width": pixels.shape[1]}
        if not (isinstance(mix, str) and mix in (*MIXES, OWN)):
            settings["weights"] = weights_given("mix", mix, [*MIXES, OWN], range(3, 4), LARGEST, last=True)
            mix = OWN
        super().__init__(mix=mix, channels=channels or (1 if mix == "identity" else 3), **settings)

    def pixels(self) -> np.ndarray:
        """The image, uint8 (rows, columns, 3); no rows where the traits hold none."""
        try:
            values = np.frombuffer(base64.b64decode(self.image, validate=True), np.uint8)
        except ValueError:
            values = np.zeros(0, np.uint8)
        rows, rest = divmod(values.size, 3 * self.width)
        return (values if not rest and rows <= MOST else values[:0]).reshape(-1, self.width, 3)

    def matrix(self) -> np.ndarray:
        """The weights that are used, (3, 3)."""
        if self.mix != OWN:
            return np.array(MIXES[self.mix], float)
        own = np.zeros((3, 3))
        given = np.asarray(self.weights or [[0]])
        own[: given.shape[0], : given.shape[1]] = given
        return own.clip(-LARGEST, LARGEST)

    def picture(self) -> Figure:
        """The mix beside the image. Of the first mix, which changes nothing, it shows what the reader is to find."""
        matrix = np.array(MIXES["red and not green"]) if self.mix == "identity" else self.matrix()
        figure = Figure(figsize=(6.4, 2.5), layout="constrained")
        left, right = figure.subplots(1, 2)
        pixels = self.pixels()
        if pixels.size:
            left.imshow(pixels)
            right.imshow(mix(pixels, matrix).round().clip(0, 255).astype(np.uint8))
        else:
            left.text(0.5, 0.5, "There is no image.", ha="center", va="center", transform=left.transAxes)
        names = ("red", "green", "blue")
        rows = [" + ".join(f"{w:g}·{name}" for w, name in zip(row, names)) for row in matrix]
        left.set_title("image", fontsize=9)
        right.set_title("mixed", fontsize=9)
        told = "\n".join(f"new {name} = {row}" for name, row in zip(names, rows))
        figure.supxlabel(told.replace("-", "−"), fontsize=8)
        for ax in (left, right):
            ax.set(xticks=[], yticks=[])
        return figure
