"""Figures of images, predictions and what happens inside a network; each shows a PNG with alt text."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from .trace import in_mode

CHANNEL_NAMES = ("red", "green", "blue")
CHANNEL_MAPS = ("Reds", "Greens", "Blues")
LARGEST_EDGE_WITH_VALUES = 16


def show(figure: Figure, alt: str) -> None:
    """Show ``figure`` and close it: in a notebook as an image that carries ``alt`` as its text, else in a window."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        get_ipython = lambda: None  # noqa: E731
    if get_ipython() is None:
        plt.show()
    else:
        display(figure, metadata={"image/png": {"alt": alt}})
    plt.close(figure)


def show_images(
    images: torch.Tensor,
    labels: torch.Tensor | Sequence | None = None,
    *,
    rows: int = 2,
    columns: int = 8,
    classes: Sequence[str] | None = None,
    alt: str | None = None,
) -> None:
    """Draw the first ``rows * columns`` images in a grid, each with its label above.

    Args:
        images: (N, C, H, W) or (N, H, W); ``uint8`` in 0…255 or float in [0, 1]; C is 1 or 3.
        labels: one a image; a whole number is looked up in ``classes``, anything else is printed as it is.

    Raises:
        ValueError: the images have another shape, or there are fewer labels than images.
    """
    pictures = [_picture(image) for image in _as_batch(images)[: rows * columns]]
    names = None if labels is None else [_name(label, classes) for label in labels]
    if names is not None and len(names) < len(pictures):
        raise ValueError(f"{len(pictures)} images, but {len(names)} labels: give one label an image.")
    rows = min(rows, math.ceil(len(pictures) / columns))
    figure, axes = plt.subplots(
        rows, columns, figsize=(7, 7 / columns * rows * (1.25 if names else 1.05)), squeeze=False
    )
    for index, ax in enumerate(axes.flat):
        ax.axis("off")
        if index < len(pictures):
            ax.imshow(pictures[index], cmap="gray", vmin=0, vmax=1)
            if names is not None:
                ax.set_title(names[index], fontsize=7, pad=2)
    figure.tight_layout(pad=0.3)
    if alt is None:
        of = f" of {', '.join(dict.fromkeys(names[: len(pictures)]))}" if names else ""
        alt = f"Grid of {len(pictures)} images{of}."
    show(figure, alt)


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
    axes[0, 0].set_title("all three channels", fontsize=9)
    for ax, channel, name, cmap in zip(axes.flat[1:], values, CHANNEL_NAMES, CHANNEL_MAPS):
        ax.imshow(channel, cmap=cmap, vmin=0, vmax=255)
        ax.set_title(name, fontsize=9)
        if max(height, width) <= LARGEST_EDGE_WITH_VALUES:
            for (row, column), value in np.ndenumerate(channel):
                shade = "white" if value > 140 else "black"
                ax.text(column, row, value, ha="center", va="center", fontsize=6, color=shade)
    for ax in axes.flat:
        ax.axis("off")
    show(figure, alt or f"A {height} by {width} colour image, and its red, green and blue channels drawn on their own.")


def show_predictions(net: nn.Module, data, *, rows: int = 2, columns: int = 8, only_wrong: bool = False) -> None:
    """Draw test images with the predicted class, and where it is wrong the true one below it in vermilion.

    Args:
        data: an ``ImageData``; its test images are taken in their own order, ``only_wrong`` keeps the mistakes.
    """
    images, guesses, truths = [], [], []
    with in_mode(net, training=False), torch.no_grad():
        for X, y in data.test:
            predicted = net(X).argmax(dim=1)
            keep = predicted != y if only_wrong else torch.ones_like(y, dtype=torch.bool)
            images.append(data.denormalize(X[keep]))
            guesses += predicted[keep].tolist()
            truths += y[keep].tolist()
            if len(guesses) >= rows * columns:
                break
    shown = min(len(guesses), rows * columns)
    if not shown:
        print("No wrong prediction in the test images.")
        return
    pictures = torch.cat(images)[:shown]
    figure, axes = plt.subplots(
        math.ceil(shown / columns), columns, figsize=(7, 7 / columns * math.ceil(shown / columns) * 1.45), squeeze=False
    )
    for index, ax in enumerate(axes.flat):
        ax.axis("off")
        if index < shown:
            ax.imshow(_picture(pictures[index]), cmap="gray", vmin=0, vmax=1)
            right = guesses[index] == truths[index]
            title = data.classes[guesses[index]]
            ax.set_title(
                title if right else f"{title}\nnot {data.classes[truths[index]]}",
                fontsize=7, pad=2, color="black" if right else "#D55E00",
            )  # fmt: skip
    figure.tight_layout(pad=0.3)
    right = sum(guess == truth for guess, truth in zip(guesses[:shown], truths[:shown]))
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
    seen: list[torch.Tensor] = []
    hook = modules[layer].register_forward_hook(lambda module, args, output: seen.append(output))
    try:
        with in_mode(net, training=False), torch.no_grad():
            net(image if image.ndim == 4 else image.unsqueeze(0))
    finally:
        hook.remove()
    maps = seen[0]
    if maps.ndim != 4:
        raise ValueError(f"layer {layer!r} puts out shape {tuple(maps.shape)}: choose one that puts out (N, C, H, W).")
    maps = maps[0, :channels].float().cpu().numpy()
    rows = math.ceil(len(maps) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(7, 7 / columns * rows * 1.05), squeeze=False)
    for index, ax in enumerate(axes.flat):
        ax.axis("off")
        if index < len(maps):
            ax.imshow(maps[index], cmap="viridis")
    figure.tight_layout(pad=0.3)
    height, width = maps.shape[1:]
    show(figure, alt or f"{len(maps)} feature maps of layer {layer}, each {height} by {width}; brighter is stronger.")


def _as_batch(images: torch.Tensor) -> torch.Tensor:
    images = torch.as_tensor(images)
    if images.ndim == 3:
        images = images.unsqueeze(1)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        raise ValueError(f"images have shape {tuple(images.shape)}: give (N, C, H, W) with C = 1 or 3, or (N, H, W).")
    return images


def _picture(image: torch.Tensor) -> np.ndarray:
    """(C, H, W) → (H, W) or (H, W, 3), float in [0, 1]."""
    image = image.detach().cpu()
    values = image.float() / 255 if image.dtype == torch.uint8 else image.float().clamp(0, 1)
    return values[0].numpy() if image.shape[0] == 1 else values.permute(1, 2, 0).numpy()


def _name(label, classes: Sequence[str] | None) -> str:
    if isinstance(label, torch.Tensor):
        label = label.item()
    return classes[label] if classes is not None and isinstance(label, (int, np.integer)) else str(label)
