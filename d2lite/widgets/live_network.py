"""A trained network that runs in the page: on test images, on the reader's pictures, on what is drawn by hand."""

from __future__ import annotations

import base64
import copy
import math

import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from torch import nn

from ..arguments import whole
from .base import Choice, Interactive, Number, Switch, Table, numbers

KINDS = {
    nn.Conv2d: "convolution", nn.Linear: "fully connected", nn.Flatten: "flatten", nn.ReLU: "ReLU",
    nn.Sigmoid: "sigmoid", nn.Tanh: "tanh", nn.MaxPool2d: "max pooling", nn.AvgPool2d: "average pooling",
}  # fmt: skip
SILENT = (nn.Identity, nn.Dropout)  # they do nothing in prediction
PLAIN = {
    "dilation": 1, "groups": 1, "padding_mode": "zeros", "ceil_mode": False, "return_indices": False,
    "divisor_override": None, "start_dim": 1, "end_dim": -1,
}  # fmt: skip
MOST = 24  # test images
INK = 64  # of 255: what is brighter belongs to the drawing
FILLED = 20 / 28  # of the side that a digit of MNIST fills


def leaves(net: nn.Module) -> list[nn.Module]:
    """The layers of an ``nn.Sequential`` in order, those of inner ones too; without what does nothing in prediction."""
    if isinstance(net, nn.Sequential):
        return [leaf for child in net for leaf in leaves(child)]
    return [] if type(net) in SILENT else [net]


def described(layer: nn.Module) -> dict:
    """What the script has to know about a layer. Raises ValueError where it could not run it."""
    if type(layer) not in KINDS:
        known = ", ".join(kind.__name__ for kind in KINDS)
        raise ValueError(f"no {type(layer).__name__} runs in the page: give an nn.Sequential of {known}.")
    form = {"kind": KINDS[type(layer)]}
    for name, plain in PLAIN.items():
        if getattr(layer, name, plain) not in (plain, (plain, plain)):
            raise ValueError(f"no {layer} runs in the page: {name} has to be {plain!r}.")
    for name in ("kernel_size", "stride", "padding") if hasattr(layer, "kernel_size") else ():
        sides = set(side) if isinstance(side := getattr(layer, name), tuple) else {side}
        value = whole(sides.pop())
        if sides or value is None or (value and name == "padding" and "pooling" in form["kind"]):
            raise ValueError(f"no {layer} runs in the page: its {name} is {side!r}.")
        form[name] = value
    for name in ("weight", "bias"):
        if getattr(layer, name, None) is not None:
            form[name] = [*getattr(layer, name).shape]
    return form


def in_steps(tensor: torch.Tensor) -> tuple[torch.Tensor, float]:
    """The numbers of a tensor as whole steps from -127 to 127, and the length of a step."""
    tensor = tensor.detach().to("cpu", torch.float32).contiguous()
    if not tensor.isfinite().all():
        raise ValueError("this network holds numbers that are infinite or none: its training went wrong.")
    step = tensor.abs().max() / 127 if tensor.any() else torch.tensor(1.0)
    return (tensor / step).round().to(torch.int8), step.item()


def rounded(net: nn.Module) -> nn.Module:
    """A copy of ``net`` on the CPU, in evaluation mode, with exactly the numbers that the page computes with."""
    twin = copy.deepcopy(net).to("cpu", torch.float32).eval()
    with torch.no_grad():
        for parameter, own in zip(twin.parameters(), net.parameters()):
            steps, step = in_steps(own)
            parameter.copy_(steps.float() * step)
    return twin


def packed(net: nn.Module) -> dict:
    """Layers and numbers of a network for the script: ``{layers, steps, weights}``, a byte for each number."""
    layers = leaves(net)
    parts = [
        in_steps(p)
        for layer in layers
        for p in (getattr(layer, "weight", None), getattr(layer, "bias", None))
        if p is not None
    ]
    numbers = b"".join(steps.numpy().tobytes() for steps, _ in parts)
    return {
        "layers": [described(layer) for layer in layers],
        "steps": [step for _, step in parts],
        "weights": base64.b64encode(numbers).decode(),
    }


def drawn(lines, side: int, width: float) -> np.ndarray:
    """What the pen leaves on a black sheet, (side, side) uint8: a line goes through points (row, column) in pixels."""
    places = np.stack(np.mgrid[:side, :side], -1) + 0.5
    sheet = np.zeros((side, side))
    for line in lines:
        for start, end in zip(line, [*line[1:], line[-1]]):
            start, way = np.array(start, float), np.subtract(end, start)
            share = ((places - start) @ way / max(way @ way, 1e-9)).clip(0, 1)
            far = np.linalg.norm(places - start - share[..., None] * way, axis=-1)
            sheet = np.maximum(sheet, (width / 2 + 0.5 - far).clip(0, 1))
    return (255 * sheet).round().astype(np.uint8)


def centered(gray) -> np.ndarray:
    """A picture, (side, side) of 0 to 255, as those of MNIST were made: 20 of 28 pixels large, centered by its mass."""
    gray = np.asarray(gray, float)
    side, inked = len(gray), np.nonzero(gray > INK)
    if not len(inked[0]):
        return gray
    scale = np.clip((max(map(np.ptp, inked)) + 1) / (FILLED * side), 0.6, 1.4)
    pixels, wide = np.arange(side), max(1, scale)
    middles = [(gray.sum(axis) * (pixels + 0.5)).sum() / gray.sum() for axis in (1, 0)]
    places = [middle + (pixels + 0.5 - side / 2) * scale - 0.5 for middle in middles]
    down, right = (np.maximum(0, 1 - abs(place[:, None] - pixels) / wide) / wide for place in places)
    return down @ gray @ right.T


def strip(output: torch.Tensor) -> torch.Tensor:
    """The maps of a layer side by side, with columns of NaN between; a vector as one row."""
    if output.ndim < 3:
        return output.reshape(1, -1)
    return torch.cat([nn.functional.pad(one, (0, 1), value=math.nan) for one in output], dim=1)[:, :-1]


def first_maps(shapes: list[tuple]) -> list[int]:
    """The layers whose maps a compact interactive shows: the last of each run of equal shapes, two at most."""
    ends = [at for at, (own, after) in enumerate(zip(shapes, [*shapes[1:], ()])) if len(own) == 3 and own != after]
    return ends[:2]


class Gray(traitlets.TraitType):
    """A synchronized picture in base64, a byte for each pixel; what is no text becomes empty."""

    def validate(self, obj, value):
        return value if isinstance(value, str) else ""


class LiveNetwork(Interactive):
    """A trained network, layer by layer, on a picture that the reader chooses, drops in or draws.

    Made for networks of the size of LeNet-5 (LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied
    to document recognition"): the page stores a byte for each number, and runs all layers after each stroke.

    Args:
        net: an ``nn.Sequential`` of the layers in ``KINDS``, from (N, 1, side, side) to logits (N, classes). Its
            numbers are rounded to 8 bits a number, with one step a tensor; ``rounded(net)`` is the network that the
            page runs.
        images: uint8, (n, side, side) or (n, 1, side, side): test images to choose from, ``MOST`` at most.
        classes: names, one for each output of the network.
        mean, std: with which pixels between 0 and 1 are normalized, numbers or sequences of one.
        labels: the true class of each image, n numbers, if known.
        image: which of them is shown.
        own: the reader's picture in its place, side × side bytes in base64; empty where there is none.
        negative: whether light and dark are exchanged.
        pen: "light" or "dark", as it is seen on the page; ``width`` is its width in pixels of the picture.
        centered: whether the network gets each picture as those of MNIST were made, see :func:`centered`.
        compact: whether only the picture, the probabilities and the maps of the first layers are shown; a drawing then
            begins on a blank sheet.
        unit: a row [layer, map, row, column]: the number whose window and kernel are shown; empty where none is.
        strokes: the lines of the first image, as :func:`drawn` takes them. The page draws them once when it opens.

    Raises:
        ValueError: the network has a layer that does not run in the page, a fully connected one that gets maps, numbers
            that are infinite or none, or does not fit images and classes; images are not of the form above; ``mean``
            and ``std`` are not finite, or ``std`` is not above 0.
    """

    scripts = ("network_forward", "network_drawing", "network_maps")
    network = traitlets.Dict().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)
    image = Number(0, 0, MOST - 1)
    own = Gray("").tag(sync=True)
    negative = Switch(False)
    pen = Choice("light", "dark")
    width = Number(2.5, 1, 5)
    centered = Switch(False)
    compact = Switch(False)
    unit = Table(4)
    alt = (
        "A picture, what each layer of the network makes of it, from maps that are like the picture to vectors that "
        "are not, and the probabilities of its classes."
    )

    def __init__(self, net, images, classes, mean, std, labels=(), *, strokes=(), **options):
        images = torch.as_tensor(images)[:MOST].cpu()
        images = images.squeeze(1) if images.ndim == 4 else images
        if images.dtype != torch.uint8 or images.ndim != 3 or not len(images) or images.shape[1] != images.shape[2]:
            raise ValueError(
                f"images are {images.dtype} {tuple(images.shape)}: give uint8 (n, side, side), n at least 1."
            )
        mean, std = (float(torch.as_tensor(value).flatten()[0]) for value in (mean, std))
        if not (math.isfinite(mean) and 0 < std < math.inf):
            raise ValueError(f"mean {mean} and std {std} normalize nothing.")
        network, self._net = packed(net), rounded(net)
        self._images, classes = images, [*map(str, classes)]
        data = {
            "images": base64.b64encode(images.numpy().tobytes()).decode(), "side": images.shape[1], "mean": mean,
            "std": std, "classes": classes, "labels": [int(label) for label in labels[:MOST]],
            "strokes": [numbers(line, 1000, 2) for line in strokes],
        }  # fmt: skip
        if strange := [label for label in labels[:MOST] if whole(label) not in range(len(classes))]:
            raise ValueError(f"label {strange[0]} has no name: give labels 0 to {len(classes) - 1}, or more classes.")
        super().__init__(network=network, data=data, **options)
        self._check(classes)

    def _check(self, classes: list[str]) -> None:
        """Raise ValueError where the network does not fit images and classes."""
        try:
            given = [self.input(0), *self.activations(0)]
        except RuntimeError as error:
            raise ValueError(f"the network does not take images of {self.data['side']} px: {error}") from None
        for layer, X in zip(leaves(self._net), given):
            if type(layer) is nn.Linear and X.ndim != 1:  # PyTorch takes the last axis, the script would take all
                raise ValueError(f"{layer} gets maps, {tuple(X.shape)} for an image: put an nn.Flatten before it.")
        shape = tuple(given[-1].shape)
        if shape != (len(classes),):
            raise ValueError(f"the network puts out {shape} for an image, and there are {len(classes)} classes.")

    def input(self, image: int) -> torch.Tensor:
        """What the network gets for a test image, (1, side, side)."""
        gray = self._images[image].numpy()
        gray = torch.as_tensor(centered(gray) if self.centered else gray, dtype=torch.float32)
        return (gray[None] / 255 - self.data["mean"]) / self.data["std"]

    @torch.no_grad()
    def activations(self, image: int) -> list[torch.Tensor]:
        """What each layer of the rounded network puts out for a test image, without the axis of the batch."""
        X = self.input(image)[None]
        # A layer gets a copy, since one that works in place would change what is stored of the layer before it.
        return [(X := layer(X.clone()))[0] for layer in leaves(self._net)]

    def picture(self) -> Figure:
        image = min(self.image, len(self._images) - 1)
        outputs, classes = self.activations(image), self.data["classes"]
        if self.compact:
            return self._small_picture(image, outputs)
        figure = Figure(figsize=(6.8, 4.2), layout="constrained")
        left, right = figure.subfigures(1, 2, width_ratios=(2, 5))
        shown, bars = left.subplots(2, 1)
        shown.imshow(self.input(image)[0].numpy(), cmap="gray")
        shown.axis("off")
        bars.barh(classes, outputs[-1].softmax(0).numpy(), color="#2f7fc9")
        bars.invert_yaxis()
        bars.set(xlim=(0, 1), xlabel="probability")
        bars.tick_params(labelsize=7)
        strips = [strip(output).numpy() for output in outputs]
        heights = [max(0.04, (len(rows) - 1) / rows.shape[1]) for rows in strips]
        for ax, layer, rows in zip(right.subplots(len(strips), height_ratios=heights), leaves(self._net), strips):
            most = np.nanmax(np.abs(rows))
            low = -most if (rows < 0).any() else 0
            ax.imshow(rows, cmap="gray", vmin=low, vmax=most or 1, aspect="auto", interpolation="nearest")
            ax.set_ylabel(f"{KINDS[type(layer)]} ", rotation=0, ha="right", va="center", fontsize=7)
            ax.set(xticks=[], yticks=[])
            ax.set_facecolor("0.6")
        return figure

    def _small_picture(self, image: int, outputs: list[torch.Tensor]) -> Figure:
        """The picture, the maps of the first layers, and the probabilities."""
        maps = [outputs[at] for at in first_maps([tuple(output.shape) for output in outputs])]
        figure = Figure(figsize=(6.8, 2.55), layout="constrained")
        shown, *grids, bars = figure.subplots(1, len(maps) + 2, width_ratios=[2, *[1.2] * len(maps), 2])
        shown.imshow(self._images[image].numpy(), cmap="gray")
        shown.set_title("a drawing", fontsize=9)
        for ax, output in zip(grids, maps):
            across = -(-len(output) // 4)
            rows = [strip(output[at : at + across]) for at in range(0, len(output), across)]
            rows = [nn.functional.pad(row, (0, rows[0].shape[1] - row.shape[1], 0, 1), value=math.nan) for row in rows]
            ax.imshow(torch.cat(rows)[:-1].numpy(), cmap="gray", interpolation="nearest")
            ax.set_title(f"{len(output)} maps", fontsize=9)
        for ax in (shown, *grids):
            ax.axis("off")
        bars.barh(self.data["classes"], outputs[-1].softmax(0).numpy(), color="#2f7fc9")
        bars.invert_yaxis()
        bars.set(xlim=(0, 1), xticks=[])
        bars.set_title("probabilities", fontsize=9)
        bars.spines[["top", "right", "bottom"]].set_visible(False)
        bars.tick_params(labelsize=8, length=0)
        return figure
