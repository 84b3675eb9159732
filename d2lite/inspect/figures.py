"""Figures of images, predictions and what happens inside a network; each shows a PNG with alt text."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from ..arguments import check_whole, plain
from ..machine.devices import check_held
from ..machine.printing import how_many, shell
from .trace import bare, called, in_mode

CHANNELS = {"red": "Reds", "green": "Greens", "blue": "Blues"}  # and their color maps
LARGEST_EDGE_WITH_VALUES = 16
ROUNDING = 1e-3  # so far outside [0, 1] may be what was computed


def show(figure: Figure, alt: str) -> None:
    """Show ``figure``: in a notebook as an image that carries ``alt`` as its text, else in a window."""
    if shell() is not None:
        from IPython.display import display

        display(figure, metadata={"image/png": {"alt": alt}})
    else:
        plt.show()
        if plt.isinteractive():
            return  # the window is there, and stays while its reader types on
    plt.close(figure)


def show_images(
    images: torch.Tensor | np.ndarray | Sequence, labels: torch.Tensor | np.ndarray | Sequence | None = None, *,
    rows: int = 2, columns: int = 8, classes: Sequence[str] | None = None, alt: str | None = None,
) -> None:  # fmt: skip
    """Draw the first ``rows * columns`` images in a grid, each with its label above.

    Args:
        images: (N, C, H, W) or (N, H, W); whole numbers in 0…255, or floats in [0, 1]; C is 1 or 3.
        labels: one an image; a whole number is looked up in ``classes``, anything else is printed as it is.

    Raises:
        ValueError: the images have another shape or other numbers, or a label or its name is missing.
    """
    images = _tensor(images)
    shape = tuple(images.shape)
    colors_last = len(shape) in (3, 4) and shape[-1] in (1, 3) and shape[1] > 3
    images = images.unsqueeze(1) if len(shape) == 3 else images
    if colors_last or images.ndim != 4 or images.shape[1] not in (1, 3) or not images.numel():
        remedy = ", such as torch.as_tensor(images).permute(0, 3, 1, 2)" if colors_last and len(shape) == 4 else ""
        raise ValueError(f"images have shape {shape}: give (N, C, H, W) with C = 1 or 3, or (N, H, W){remedy}.")
    columns = check_whole("columns", columns, 1)
    images = images[: check_whole("rows", rows, 1) * columns]
    names = [] if labels is None else _names(labels, len(images), classes)
    figure = _grid(_pictures(images), columns, 1.25 if names else 1.05, names, cmap="gray", vmin=0, vmax=1)
    of = f" of {', '.join(dict.fromkeys(names))}" if names else ""
    show(figure, f"Grid of {how_many(len(images), 'image')}{of}." if alt is None else alt)


def show_channels(image: torch.Tensor | np.ndarray, *, alt: str | None = None) -> None:
    """Draw a color image beside its red, green and blue channels; up to 16 px a side, with the values on the pixels.

    Args:
        image: (3, H, W), whole numbers in 0…255, or floats in [0, 1].

    Raises:
        ValueError: the image has another shape or other numbers.
    """
    image = _tensor(image)
    if image.ndim != 3 or image.shape[0] != 3 or not image.numel():
        remedy = ", such as torch.as_tensor(image).permute(2, 0, 1)" if image.shape[2:] == (3,) else ""
        raise ValueError(f"the image has shape {tuple(image.shape)}: give one color image, (3, H, W){remedy}.")
    values = (_shades(image) * 255).round().numpy().astype(int)
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
    show(figure, alt or f"A color image, {height} by {width}, and its red, green and blue channels drawn on their own.")


def show_predictions(net: nn.Module, data, *, rows: int = 2, columns: int = 8, only_wrong: bool = False) -> None:
    """Draw test images with the predicted class, and where it is wrong the true one below it in vermilion.

    Args:
        data: an ``ImageData``; its test images are taken in their own order, ``only_wrong`` keeps the mistakes.

    Raises:
        ValueError: the network predicts a class that has no name in ``data``.
    """
    if not hasattr(data, "test") or not hasattr(data, "denormalize"):
        raise ValueError(f"data is a {type(data).__name__}: give what d2l.load or d2l.wrap returns, which has names.")
    net, columns = bare(net), check_whole("columns", columns, 1)
    most = check_whole("rows", rows, 1) * columns
    found = []  # picture, predicted class, true class, whether they differ
    with in_mode(net, training=False), torch.no_grad():
        for X, y in data.test:
            predicted = net(X).argmax(dim=1)
            keep = (predicted != y) | (not only_wrong)
            names = (_names(labels[keep], int(keep.sum()), data.classes) for labels in (predicted, y))
            found += zip(_pictures(data.denormalize(X[keep])), *names, (predicted != y)[keep].tolist())
            if len(found) >= most:
                break
    if not found:
        print("No wrong prediction in the test images.")
        return
    pictures, guesses, truths, wrong = zip(*found[:most])
    titles = [guess + (f"\nnot {truth}" if off else "") for guess, truth, off in zip(guesses, truths, wrong)]
    figure = _grid(pictures, columns, 1.45, titles, cmap="gray", vmin=0, vmax=1)
    for ax, off in zip(figure.axes, wrong):
        ax.title.set_color("#D55E00" if off else "black")
    told = f"{wrong.count(False)} are right, {wrong.count(True)} wrong"
    show(figure, f"{len(pictures)} test images with the predicted class; {told}.")


def show_feature_maps(
    net: nn.Module, image: torch.Tensor, layer: str, *, channels: int = 16, columns: int = 8, alt: str | None = None
) -> None:
    """Draw the first ``channels`` feature maps that ``layer`` puts out for one image.

    Args:
        image: (C, H, W) or (1, C, H, W), normalized as the network was trained on.
        layer: the layer's name as in ``summary`` or ``net.named_modules()``, such as ``"features.0"``.

    Raises:
        ValueError: there is no such layer (names them), its output is no image or not finite, or the image is not one
            that a network takes.
    """
    net = bare(net)
    modules = dict(net.named_modules())
    if layer not in modules:
        raise ValueError(f"no layer {layer!r}: choose one of {', '.join(name for name in modules if name)}.")
    given = f"{getattr(image, 'dtype', type(image).__name__)} of shape {tuple(getattr(image, 'shape', ()))}"
    fits = isinstance(image, torch.Tensor) and image.ndim in (3, 4) and image.shape[:-3] in ((), (1,))
    if not fits or not image.is_floating_point():
        raise ValueError(f"the image is {given}: give a normalized one, (C, H, W), such as data.test.batch(0)[0].")
    seen: list = []
    hook = modules[layer].register_forward_hook(lambda module, args, output: seen.append(output))
    with hook, in_mode(net, training=False), torch.no_grad():
        called(net, image if image.ndim == 4 else image.unsqueeze(0), net)
    shape = tuple(getattr(seen[0], "shape", ())) if seen else "nothing, since it is not called"
    if len(shape) != 4:
        raise ValueError(f"layer {layer!r} puts out shape {shape}: choose one that puts out (N, C, H, W).")
    maps = seen[0][0, : check_whole("channels", channels, 1)].float().cpu().numpy()
    if not np.isfinite(maps).all():
        raise ValueError(f"layer {layer!r} puts out NaN or infinity: train the network anew, with a lower rate.")
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
            title = titles[index].encode("utf-8", "replace").decode()  # a folder's name may be no text
            ax.set_title(title, fontsize=7, pad=2, parse_math=False)  # or $x^$
    figure.tight_layout(pad=0.3)
    return figure


def _pictures(images: torch.Tensor) -> list[np.ndarray]:
    """(N, C, H, W) → N of (H, W) or (H, W, 3), float in [0, 1]."""
    pictures = _shades(images).permute(0, 2, 3, 1).numpy()
    return list(pictures[..., 0] if pictures.shape[3] == 1 else pictures)


def _tensor(images: Any) -> torch.Tensor:
    """What was given as images, as a tensor."""
    if isinstance(images, torch.Tensor):
        check_held("images", images)
        return images
    try:
        return torch.from_numpy(np.array(images))
    except (TypeError, ValueError) as error:
        raise ValueError(f"images are no tensor ({error}): give a tensor or an array of numbers.") from error


def _shades(images: torch.Tensor) -> torch.Tensor:
    """Whole numbers in 0…255, floats in [0, 1] or booleans as floats in [0, 1] on the CPU; else raise ValueError."""
    if images.is_complex():
        raise ValueError(f"images are {images.dtype}: give real numbers, such as images.abs() or images.real.")
    most = 1 if images.is_floating_point() or images.dtype == torch.bool else 255
    shades = images.detach().cpu().float() / most
    if not ((shades > -ROUNDING) & (shades < 1 + ROUNDING)).all():  # nor is NaN
        low, high = (value.item() * most for value in shades.aminmax())
        raise ValueError(
            f"images are {images.dtype} from {low:.4g} to {high:.4g}: give whole numbers in 0…255 or floats in [0, 1], "
            "such as data.denormalize(images) of normalized ones, and images / 255 or / 65535 of others."
        )
    return shades.clamp(0, 1)


def _names(labels: Any, count: int, classes: Sequence[str] | None) -> list[str]:
    """What the first ``count`` labels are called; raise ValueError where one is missing, or has no name."""
    shape = tuple(getattr(labels, "shape", (len(labels),) if isinstance(labels, Sequence) else ()))
    if len(shape) != 1 or shape[0] < count:
        given = f"labels of shape {shape}" if len(shape) != 1 else f"{shape[0]} labels"
        raise ValueError(f"{count} images, but {given}: give one label an image.")
    names = [plain(label) for label in labels[:count]]
    if classes is None:
        return [str(name) for name in names]
    known = range(len(classes))
    if strange := [name for name in names if isinstance(name, int) and name not in known]:
        raise ValueError(f"label {strange[0]} has no name: give labels 0 to {len(classes) - 1}, or more classes.")
    return [str(classes[name] if isinstance(name, int) else name) for name in names]
