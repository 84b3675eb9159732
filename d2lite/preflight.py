"""What can be found out before the first step: arguments, shapes, channels and labels that do not fit."""

from __future__ import annotations

import math

import torch
from torch import nn

from .device import profile
from .shapes import trace


def check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} is {value!r}: choose one of {', '.join(map(repr, known))}.")


def check_fit(net: nn.Module, data) -> torch.device:
    """Find out before the first step, on meta tensors, whether sizes, channels and labels fit the network.

    Returns:
        Where the batches of ``data.train`` lie, which is where the network must go.
    """
    labels = getattr(data.train, "labels", None)
    if labels is not None:
        shape = (2, data.channels, data.size, data.size)
    else:
        X, labels = next(iter(data.train), (None, None))
        if X is None:
            raise ValueError("data.train has no batches: there is nothing to train on.")
        shape = tuple(X.shape)
    outputs = trace(net, shape)[-1].output_shape
    if len(outputs) == 2:
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= outputs[1]:
            raise ValueError(
                f"the labels run from {low} to {high}, but the network has {outputs[1]} outputs, for labels 0 to "
                f"{outputs[1] - 1}: build it with num_classes={high + 1}, or mend the labels."
            )
    return labels.device


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
