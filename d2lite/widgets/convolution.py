"""A convolution on a real image: each output is the sum of k × k products."""

from __future__ import annotations

import numpy as np
import traitlets
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .base import Choice, Interactive, Number, Table, array
from .photos import CREDITS, photo

OWN = "own numbers"
KERNELS = ("vertical edge", "horizontal edge", "identity", "blur", "sharpen", OWN)
MOST = 64  # pixels a side
LARGEST = 1e6  # weight


def weights_of(name: str, size: int) -> np.ndarray:
    """The kernel of that name, (size, size); all zero for one's own."""
    kernel, middle = np.zeros((size, size)), (size - 1) // 2
    if name == "vertical edge":
        kernel[:] = np.sign(2 * np.arange(size) - (size - 1))
    elif name == "horizontal edge":
        kernel = weights_of("vertical edge", size).T
    elif name == "blur":
        kernel[:] = 1 / size**2
    elif name == "sharpen":
        beside = [(middle + i, middle + j) for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1))]
        inside = [place for place in beside if min(place) >= 0 and max(place) < size]
        for place in inside:
            kernel[place] = -1
        kernel[middle, middle] = 1 + len(inside)
    elif name == "identity":
        kernel[middle, middle] = 1
    return kernel


def convolve(image, kernel, stride: int = 1, padding: int = 0, dilation: int = 1) -> np.ndarray:
    """What ``torch.nn.functional.conv2d`` makes of (rows, columns); empty where no window fits."""
    image, kernel = np.pad(np.asarray(image, float), padding), np.asarray(kernel, float)
    rows, columns = ((side - dilation * (len(kernel) - 1) - 1) // stride + 1 for side in image.shape)
    output = np.zeros((max(rows, 0), max(columns, 0)))
    if output.size:
        for (i, j), weight in np.ndenumerate(kernel):
            top, left = i * dilation, j * dilation
            output += weight * image[top::stride, left::stride][:rows, :columns]
    return output


def weights_given(what: str, given, names, sides: range, largest: float, last: bool = False) -> list[list[float]]:
    """One's own weights as rows: a square array with a side out of ``sides``.

    More axes are taken off if of length 1: leading ones, and with ``last`` those at the end, too.

    Raises:
        ValueError: they are no such array, or not all finite and between ``-largest`` and ``largest``. The text names
            them ``what``, and ends with what is possible, of which ``names`` is a part.
    """
    shapes = " to ".join(dict.fromkeys(f"{side}×{side}" for side in (sides[0], sides[-1])))
    possible = f"give {shapes} numbers from {-largest:,.0f} to {largest:,.0f}, or one of {', '.join(map(repr, names))}."
    if isinstance(given, str):
        raise ValueError(f"{what} {given!r} is unknown: {possible}")
    try:
        found = array(given).astype(float)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise ValueError(f"{what}: this {type(given).__name__} is no array of numbers: {possible}") from None
    shape = found.shape
    while found.ndim > 2 and 1 in (len(found), found.shape[-1] if last else 0):
        found = found[0] if len(found) == 1 else found[..., 0]
    if found.ndim != 2 or found.shape[0] != found.shape[1] or len(found) not in sides:
        raise ValueError(f"{what}: an array of shape {shape} does not fit: {possible}")
    if not (np.abs(found) <= largest).all():
        wrong = found[~(np.abs(found) <= largest)][0]
        raise ValueError(f"{what}: the weight {wrong:g} does not fit: {possible}")
    return found.tolist()


class ConvolutionLab(Interactive):
    """A kernel slides over an image; the page shows the products behind one output, and all outputs.

    Args:
        image: (rows, columns), or with axes of length 1 before them, at most 64 × 64 numbers (a larger one is thinned,
            and three decimals are kept); an array, lists, or a tensor of any kind. None takes a small photograph,
            (32, 32), gray from 0 to 255. Where it is none, the page says so.
        kernel: one of ``KERNELS``, or (size, size) weights, 1 × 1 to 5 × 5, of -1e6 to 1e6; axes of length 1 may stand
            before them, so ``conv.weight[0, 0]`` fits.
        size: of the kernel in taps, 1 to 5; that of ``kernel`` where this is an array.
        stride: in pixels, 1 to 5.
        padding: zeros at each border, in pixels, 0 to 5.
        dilation: distance of neighboring taps in pixels, 1 to 8.
        row: of the output that is looked at first, counted from 0; -1 is the one farthest from zero.
        column: likewise.

    A number out of range becomes the nearest in it.

    Raises:
        ValueError: ``kernel`` is neither a name out of ``KERNELS`` nor such an array.
    """

    image = Table(MOST, decimals=3)  # what is shown is what is computed
    kernel = Choice(*KERNELS)
    weights = Table(5, help="one's own kernel")
    size = Number(3, 1, 5)
    stride = Number(1, 1, 5)
    padding = Number(0, 0, 5)
    dilation = Number(1, 1, 8)
    row = Number(-1, -1, 99)
    column = Number(-1, -1, 99)
    credit = traitlets.Unicode().tag(sync=True)
    alt = (
        "A photograph of a tower, 32 by 32 gray pixels, and the output of a 3×3 kernel of -1, 0 and 1: far from zero "
        "along the vertical edges, near zero elsewhere. One output is the sum of nine products, written out below."
    )

    def __init__(self, image=None, kernel=KERNELS[0], **settings):
        if image is None:
            image = photo("china", 32, 32, left=0.1).mean(-1).round()
            settings["credit"] = CREDITS["china"]
        if not (isinstance(kernel, str) and kernel in KERNELS):
            own = weights_given("kernel", kernel, KERNELS, range(1, 6), LARGEST)
            settings |= {"weights": own, "size": len(own)}
            kernel = OWN
        super().__init__(image=image, kernel=kernel, **settings)

    def taps(self) -> np.ndarray:
        """The weights that are used, (size, size)."""
        taps = weights_of(self.kernel, self.size)
        if self.kernel == OWN:
            own = np.asarray(self.weights or [[0]])[: self.size, : self.size]
            taps[: own.shape[0], : own.shape[1]] = own
        return taps

    def picture(self) -> Figure:
        figure = Figure(figsize=(6.4, 3.1), layout="constrained")
        left, right = figure.subplots(1, 2)
        image, taps = np.asarray(self.image or [[0]], float), self.taps()
        output = convolve(image, taps, self.stride, self.padding, self.dilation)
        left.imshow(np.pad(image, self.padding), cmap="gray")
        left.set_title(f"image, {image.shape[0]}×{image.shape[1]}", fontsize=9)
        if output.size:
            row, column = np.unravel_index(np.abs(output).argmax(), output.shape)
            row, column = (
                min(a, b - 1) if a >= 0 else c for a, b, c in zip((self.row, self.column), output.shape, (row, column))
            )
            top, below, span = row * self.stride, column * self.stride, self.dilation * (self.size - 1) + 1
            left.add_patch(
                Rectangle((below - 0.5, top - 0.5), span, span, fill=False, edgecolor="#c8701a", linewidth=2)
            )
            if taps.sum() > 1e-9:  # an image again: white is what becomes of a white patch
                scale = {"cmap": "gray", "vmin": taps.sum() * min(image.min(), 0), "vmax": taps.sum() * image.max()}
            else:
                most, ends = max(np.abs(output).max(), 1e-9), ["#2f6ebe", "white", "#c8690f"]
                scale = {"cmap": LinearSegmentedColormap.from_list("signed", ends), "vmin": -most, "vmax": most}
            right.imshow(output, **scale)
            right.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#c8701a", linewidth=2))
            right.set_title(f"output, {output.shape[0]}×{output.shape[1]}", fontsize=9)
            seen = np.pad(image, self.padding)[top : top + span : self.dilation, below : below + span : self.dilation]
            terms = " + ".join(f"({product:g})" for product in (seen * taps).round(2).flat)
            text = f"the framed output = the sum of its {self.size**2} products = {output[row, column]:g}"
            told = text if self.size > 3 else f"{text}\n{terms}"
            figure.supxlabel(told.replace("-", "−"), fontsize=9)
        for ax in (left, right):
            ax.set(xticks=[], yticks=[])
        return figure
