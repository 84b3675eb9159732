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
from .base import Choice, Interactive, Number, Switch

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


def strip(output: torch.Tensor) -> torch.Tensor:
    """The maps of a layer side by side, with columns of NaN between; a vector as one row."""
    if output.ndim < 3:
        return output.reshape(1, -1)
    return torch.cat([nn.functional.pad(one, (0, 1), value=math.nan) for one in output], dim=1)[:, :-1]


class Grey(traitlets.TraitType):
    """A synchronised picture in base64, a byte for each pixel; what is no text becomes empty."""

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
        pen: "light" or "dark", as it is seen on the page.

    Raises:
        ValueError: the network has a layer that does not run in the page, a fully connected one that gets maps, numbers
            that are infinite or none, or does not fit images and classes; images are not of the form above; ``mean``
            and ``std`` are not finite, or ``std`` is not above 0.
    """

    network = traitlets.Dict().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)
    image = Number(0, 0, MOST - 1)
    own = Grey("").tag(sync=True)
    negative = Switch(False)
    pen = Choice("light", "dark")
    alt = (
        "A picture of clothing, what each layer of the network makes of it, from maps that are like the picture to "
        "vectors that are not, and the probabilities of the ten classes."
    )

    def __init__(self, net, images, classes, mean, std, labels=(), **options):
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
        self._inputs, classes = (images.unsqueeze(1) / 255 - mean) / std, [*map(str, classes)]
        try:
            outputs = self.activations(0)
        except RuntimeError as error:
            raise ValueError(f"the network does not take images of {images.shape[1]} px: {error}") from None
        given = [self._inputs[0], *outputs]
        for layer, X in zip(leaves(self._net), given):
            if type(layer) is nn.Linear and X.ndim != 1:  # PyTorch takes the last axis, the script would take all
                raise ValueError(f"{layer} gets maps, {tuple(X.shape)} for an image: put an nn.Flatten before it.")
        shape = tuple(given[-1].shape)
        if shape != (len(classes),):
            raise ValueError(f"the network puts out {shape} for an image, and there are {len(classes)} classes.")
        data = {
            "images": base64.b64encode(images.numpy().tobytes()).decode(), "side": images.shape[1], "mean": mean,
            "std": std, "classes": classes, "labels": [int(label) for label in labels[:MOST]],
        }  # fmt: skip
        super().__init__(network=network, data=data, **options)

    @torch.no_grad()
    def activations(self, image: int) -> list[torch.Tensor]:
        """What each layer of the rounded network puts out for a test image, without the axis of the batch."""
        X = self._inputs[image : image + 1]
        # A layer gets a copy, since one that works in place would change what is stored of the layer before it.
        return [(X := layer(X.clone()))[0] for layer in leaves(self._net)]

    def picture(self) -> Figure:
        image = min(self.image, len(self._inputs) - 1)
        outputs, classes = self.activations(image), self.data["classes"]
        figure = Figure(figsize=(6.8, 4.2), layout="constrained")
        left, right = figure.subfigures(1, 2, width_ratios=(2, 5))
        shown, bars = left.subplots(2, 1)
        shown.imshow(self._inputs[image, 0].numpy(), cmap="gray")
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
