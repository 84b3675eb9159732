"""What can be found out before the first step: arguments, shapes, channels and labels that do not fit."""

from __future__ import annotations

import math
import os
from pathlib import Path

import torch
from torch import nn

from ..arguments import whole
from ..inspect.trace import forward_on_meta, trace
from ..machine import distributed
from ..machine.devices import profile


def check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raise ValueError unless ``value`` is one of ``known``."""
    if value not in known:
        raise ValueError(f"{name} is {value!r}: choose one of {', '.join(map(repr, known))}.")


def check_writable(path: str | os.PathLike) -> None:
    """Raise OSError unless a file can be written at ``path``: better now than after an hour of training."""
    if Path(path).is_dir():
        raise OSError(f"cannot write {path}: it is a folder. Give the path of a file.")
    folder = Path(path).absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        why = "may not be written" if folder.is_dir() else "does not exist"
        raise OSError(f"cannot write {path}: the folder {folder} {why}. Make it, or give another path.")


def check_fit(net: nn.Module, data) -> torch.device:
    """Find out before the first step whether image size, channels, labels and batches fit the network.

    Returns:
        Where the batches of ``data.train`` lie, which is where the network must go.
    """
    train = data.train
    if hasattr(train, "labels"):
        shape, labels = (2, train.images.shape[1], train.size, train.size), train.labels
    else:
        X, labels = next(iter(train), (None, None))
        if X is None:
            raise ValueError("data.train has no batches: there is nothing to train on.")
        shape = tuple(X.shape)
    outputs = trace(net, shape)[-1].output_shape
    for given in (labels, getattr(data.val, "labels", None)):
        if given is not None and len(outputs) == 2:
            _check_labels(given, outputs[1])
    images, batch_size = (whole(getattr(train, name, None)) for name in ("num_images", "batch_size"))
    if images and batch_size:
        _check_last_batch(net, shape, images, batch_size)
    return getattr(train, "device", labels.device)


def _check_labels(labels: torch.Tensor, outputs: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= outputs:
        raise ValueError(
            f"the labels run from {low} to {high}, but the network has {outputs} outputs, for labels 0 to "
            f"{outputs - 1}: build it with num_classes={high + 1}, or mend the labels."
        )


def _check_last_batch(net: nn.Module, shape: tuple[int, ...], images: int, batch_size: int) -> None:
    """A fully connected batch normalization fails on one image, a process without images on all: say so before it
    happens, and not when the epoch is nearly over."""

    def smallest_share(batch_size: int) -> int:
        return (images % batch_size or batch_size) // distributed.size()

    def remedy() -> str:
        sizes = range(batch_size + 1, images + batch_size)
        works = next((size for size in sizes if smallest_share(size) > 1), None)
        return f"load the data with batch_size={works}" if works else "use fewer processes, or more images"

    if smallest_share(batch_size) == 0:
        raise ValueError(
            f"{images:,} images in batches of {batch_size} leave a last batch of {images % batch_size or batch_size}, "
            f"too few for {distributed.size()} processes: {remedy()}."
        )
    if smallest_share(batch_size) != 1:
        return
    try:
        forward_on_meta(net, (1, *shape[1:]), training=True)
    except Exception as error:
        if "more than 1 value per channel" not in str(error):
            return
        of = f" for one of {distributed.size()} processes" if distributed.size() > 1 else ""
        raise ValueError(
            f"{images:,} images in batches of {batch_size} leave a last batch of one image{of}, and batch "
            f"normalization cannot work with one: {remedy()}."
        ) from error


def epoch_budget(data, epochs: int, quick_epochs: int | None) -> tuple[int, list[str]]:
    """Epochs to run under the active profile, and what to announce about it."""
    total = getattr(data.train, "total", None)
    if profile() != "quick" or quick_epochs is None or total is None:
        return epochs, []
    images = data.train.num_images
    cap = max(quick_epochs, math.ceil(quick_epochs * getattr(data, "quick_images", images) / images))
    run = min(epochs, cap)
    if run == epochs and images == total:
        return epochs, []
    return run, [f"quick profile: {images:,} of {total:,} images, {run} of {epochs} epochs"]
