"""Figures of images, predictions and what happens inside a network; each shows a PNG with alt text."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from ..arguments import plain
from ..machine.notebook import shell
from .trace import in_mode

CHANNELS = {"red": "Reds", "green": "Greens", "blue": "Blues"}  # and their color maps
LARGEST_EDGE_WITH_VALUES = 16


def show(figure: Figure, alt: str) -> None:
    """Show ``figure`` and close it: in a notebook as an image that carries ``alt`` as its text, else in a window."""
    if shell() is not None:
        from IPython.display import display

        display(figure, metadata={"image/png": {"alt": alt}})
    else:
        plt.show()
    plt.close(figure)


def show_images(
    images: torch.Tensor, labels: torch.Tensor | Sequence | None = None, *,
    rows: int = 2, columns: int = 8, classes: Sequence[str] | None = None, alt: str | None = None,
) -> None:  # fmt: skip
    """Draw the first ``rows * columns`` images in a grid, each with its label above.

    Args:
        images: (N, C, H, W) or (N, H, W); ``uint8`` in 0…255 or float in [0, 1]; C is 1 or 3.
        labels: one a image; a whole number is looked up in ``classes``, anything else is printed as it is.

    Raises:
        ValueError: the images have another shape, or there are fewer labels than images.
    """
    images = torch.as_tensor(images)
    images = images.unsqueeze(1) if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        raise ValueError(f"images have shape {tuple(images.shape)}: give (N, C, H, W) with C = 1 or 3, or (N, H, W).")
    images = images[: rows * columns]
    names = [] if labels is None else [plain(label) for label in labels]
    names = [str(classes[name] if classes is not None and isinstance(name, int) else name) for name in names]
    if labels is not None and len(names) < len(images):
        raise ValueError(f"{len(images)} images, but {len(names)} labels: give one label an image.")
    figure = _grid(_pictures(images), columns, 1.25 if names else 1.05, names, cmap="gray", vmin=0, vmax=1)
    of = f" of {', '.join(dict.fromkeys(names[: len(images)]))}" if names else ""
    show(figure, f"Grid of {len(images)} images{of}." if alt is None else alt)


def show_channels(image: torch.Tensor, *, alt: str | None = None) -> None:
    """Draw a colour image beside its red, green and blue channels; up to 16 px a side, with the values on the pixels.

    Args:
        image: (3, H, W), ``uint8`` in 0…255 or float in [0, 1].
    """
    if image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"the image has shape {tuple(image.shape)}: give one colour image, (3, H, W).")
    values = (image if image.dtype == torch.uint8 else (image * 255).round()).cpu().numpy().astype(int)
    height, width = values.shape[1:]
    # two by two, so that the numbers on the pixels stay readable
    figure, axes = plt.subplots(2, 2, figsize=(7, 7 * height / width + 0.4), layout="constrained")
    axes[0, 0].imshow(values.transpose(1, 2, 0))
    for ax, name in zip(axes.flat, ("all three channels", *CHANNELS)):
        ax.set_title(name, fontsize=9)
        ax.axis("off")
    for ax, channel, cmap in zip(axes.flat[1:], values, CHANNELS.values()):
        ax.imshow(channel, cmap=cmap, vmin=0, vmax=255)
        if max(height, width) <= LARGEST_EDGE_WITH_VALUES:
            for (row, column), value in np.ndenumerate(channel):
                shade = "white" if value > 140 else "black"
                ax.text(column, row, value, ha="center", va="center", fontsize=6, color=shade)
    show(figure, alt or f"A {height} by {width} colour image, and its red, green and blue channels drawn on their own.")


def show_predictions(net: nn.Module, data, *, rows: int = 2, columns: int = 8, only_wrong: bool = False) -> None:
    """Draw test images with the predicted class, and where it is wrong the true one below it in vermilion.

    Args:
        data: an ``ImageData``; its test images are taken in their own order, ``only_wrong`` keeps the mistakes.
    """
    pictures, titles, colors = [], [], []
    with in_mode(net, training=False), torch.no_grad():
        for X, y in data.test:
            predicted = net(X).argmax(dim=1)
            keep = predicted != y if only_wrong else torch.ones_like(y, dtype=torch.bool)
            pictures += _pictures(data.denormalize(X[keep]))
            for guess, truth in zip(predicted[keep].tolist(), y[keep].tolist()):
                wrong = guess != truth
                titles.append(data.classes[guess] + (f"\nnot {data.classes[truth]}" if wrong else ""))
                colors.append("#D55E00" if wrong else "black")
            if len(titles) >= rows * columns:
                break
    shown = min(len(titles), rows * columns)
    if not shown:
        print("No wrong prediction in the test images.")
        return
    right = colors[:shown].count("black")
    figure = _grid(pictures[:shown], columns, 1.45, titles, cmap="gray", vmin=0, vmax=1)
    for ax, color in zip(figure.axes, colors):
        ax.title.set_color(color)
    show(figure, f"{shown} test images with the predicted class; {right} are right, {shown - right} wrong.")


def show_feature_maps(
    net: nn.Module, image: torch.Tensor, layer: str, *, channels: int = 16, columns: int = 8, alt: str | None = None
) -> None:
    """Draw the first ``channels`` feature maps that ``layer`` puts out for one image.

    Args:
        image: (C, H, W) or (1, C, H, W), normalised as the network was trained on.
        layer: the layer's name as in ``summary`` or ``net.named_modules()``, such as ``"features.0"``.

    Raises:
        ValueError: there is no such layer (names them), or its output is no image.
    """
    modules = dict(net.named_modules())
    if layer not in modules:
        raise ValueError(f"no layer {layer!r}: choose one of {', '.join(name for name in modules if name)}.")
    seen: list = []
    hook = modules[layer].register_forward_hook(lambda module, args, output: seen.append(output))
    with hook, in_mode(net, training=False), torch.no_grad():
        net(image if image.ndim == 4 else image.unsqueeze(0))
    maps = seen[0]
    if maps.ndim != 4:
        raise ValueError(f"layer {layer!r} puts out shape {tuple(maps.shape)}: choose one that puts out (N, C, H, W).")
    maps = maps[0, :channels].float().cpu().numpy()
    height, width = maps.shape[1:]
    figure = _grid(maps, columns, 1.05, cmap="viridis")
    show(figure, alt or f"{len(maps)} feature maps of layer {layer}, each {height} by {width}; brighter is stronger.")


def _grid(pictures, columns: int, height: float, titles: Sequence[str] | None = None, **look) -> Figure:
    """``pictures``, each (H, W) or (H, W, 3), in rows of ``columns``, which are ``height`` times as high as wide."""
    rows = math.ceil(len(pictures) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(7, 7 / columns * rows * height), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for index, (ax, picture) in enumerate(zip(axes.flat, pictures)):
        ax.imshow(picture, **look)
        if titles:
            ax.set_title(titles[index], fontsize=7, pad=2)
    figure.tight_layout(pad=0.3)
    return figure


def _pictures(images: torch.Tensor) -> list[np.ndarray]:
    """(N, C, H, W) → N of (H, W) or (H, W, 3), float in [0, 1]."""
    images = images.detach().cpu()
    values = images.float() / 255 if images.dtype == torch.uint8 else images.float().clamp(0, 1)
    pictures = values.permute(0, 2, 3, 1).numpy()
    return list(pictures[..., 0] if pictures.shape[3] == 1 else pictures)
