"""What ``fit`` takes, and what can be found out before the first step: options, shapes and labels that do not fit."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from ..arguments import check_real, whole
from ..inspect.trace import forward_on_meta, trace
from ..machine import distributed
from ..machine.devices import profile

Batch = tuple[torch.Tensor, torch.Tensor]

CHOICES = {
    "optimizer": ("sgd", "adamw"),
    "schedule": ("one_cycle", "step", "constant"),
    "precision": ("auto", "float32", "bfloat16"),
}
NUMBERS: dict[str, tuple[Callable[[float], bool], str]] = {
    "lr": (lambda value: value > 0, "a positive learning rate, such as 0.1"),
    "momentum": (lambda value: 0 <= value < 1, "a number from 0 to below 1, such as 0.9"),
    "weight_decay": (lambda value: value >= 0, "a number from 0, such as 5e-4"),
    "label_smoothing": (lambda value: 0 <= value <= 1, "a number from 0 to 1, such as 0.1"),
}


class Batches(Protocol):
    """Batches (X, y) on one device, and how many there are."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Batch]: ...


class Data(Protocol):
    """What ``fit`` takes; what else it can make use of is in ``Facts``."""

    @property
    def train(self) -> Batches: ...

    @property
    def val(self) -> Iterable[Batch] | None: ...


@dataclass(frozen=True)
class Facts:
    """What an ``ImageData`` or a split tells beyond its batches; other data may tell some of it, or (None) nothing."""

    label: Any = None
    size: Any = None
    batch_size: Any = None
    quick_images: Any = None
    labels: torch.Tensor | None = None
    images: torch.Tensor | None = None
    num_images: Any = None
    total: int | None = None
    device: torch.device | None = None
    weight: Callable[[int], float] = lambda step: 1.0
    generator: Any = None  # from which the order is drawn, where it has one of its own, as a ``DataLoader`` may
    shuffle: Any = None
    augment: Any = None
    mirrored: Any = None

    @classmethod
    def of(cls, source: object) -> Facts:
        """What ``source`` tells."""
        told: dict[str, Any] = {field.name: getattr(source, field.name, field.default) for field in fields(cls)}
        return cls(**told)


def check_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of ``fit``, their numbers as floats; raise ValueError, with what to give, where one does not fit."""
    for name, known in CHOICES.items():
        if options[name] not in known:
            raise ValueError(f"{name} is {options[name]!r}: choose one of {', '.join(map(repr, known))}.")
    return options | {name: check_real(name, options[name], *limits) for name, limits in NUMBERS.items()}


def check_writable(path: str | os.PathLike) -> None:
    """Raise OSError unless a file can be written at ``path``: better now than after an hour of training."""
    if Path(path).is_dir():
        raise OSError(f"cannot write {path}: it is a folder. Give the path of a file.")
    folder = Path(path).absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        why = "may not be written" if folder.is_dir() else "does not exist"
        raise OSError(f"cannot write {path}: the folder {folder} {why}. Make it, or give another path.")


def check_fit(net: nn.Module, data: Data) -> torch.device:
    """Find out before the first step whether image size, channels, labels and batches fit the network.

    Returns:
        Where the batches of ``data.train`` lie, which is where the network must go.
    """
    train = Facts.of(data.train)
    if train.labels is not None and train.images is not None and train.size is not None:
        shape, labels = (2, train.images.shape[1], train.size, train.size), train.labels
    else:
        X, labels = next(iter(data.train), (None, None))
        if X is None or labels is None:
            raise ValueError("data.train has no batches: there is nothing to train on.")
        shape = tuple(X.shape)
    outputs = trace(net, shape)[-1].output_shape
    for given in (labels, Facts.of(data.val).labels):
        if given is not None and len(outputs) == 2:
            _check_labels(given, outputs[1])
    images, batch_size = whole(train.num_images), whole(train.batch_size)
    if images and batch_size:
        _check_last_batch(net, shape, images, batch_size)
    return torch.device(train.device or labels.device)


def _check_labels(labels: torch.Tensor, outputs: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= outputs:
        raise ValueError(
            f"the labels run from {low} to {high}, but the network has {outputs} outputs, for labels 0 to "
            f"{outputs - 1}: build it with num_classes={high + 1}, or mend the labels."
        )


def _check_last_batch(net: nn.Module, shape: tuple[int, ...], images: int, batch_size: int) -> None:
    """A fully connected batch normalization fails on one image, and a process on none, when an epoch is nearly over."""

    def last(batch_size: int) -> int:
        return images % batch_size or batch_size

    processes = distributed.size()
    share = last(batch_size) // processes  # the smallest
    if share > 1:
        return
    too_few = f"{last(batch_size)}, too few for {processes} processes"
    if share == 1:
        try:
            forward_on_meta(net, (1, *shape[1:]), training=True)
            return
        except Exception as error:
            if "more than 1 value per channel" not in str(error):
                return
        of = f" for one of {processes} processes" if processes > 1 else ""
        too_few = f"one image{of}, and batch normalization cannot work with one"
    sizes = range(batch_size + 1, images + batch_size)
    works = next((size for size in sizes if last(size) // processes > 1), None)
    remedy = f"load the data with batch_size={works}" if works else "use fewer processes, or more images"
    raise ValueError(f"{images:,} images in batches of {batch_size} leave a last batch of {too_few}: {remedy}.")


def epoch_budget(data: Data, epochs: int, quick_epochs: int | None) -> tuple[int, list[str]]:
    """Epochs to run under the active profile, and what to announce about it."""
    train = Facts.of(data.train)
    if profile() != "quick" or quick_epochs is None or train.total is None:
        return epochs, []
    images = train.num_images
    cap = max(quick_epochs, math.ceil(quick_epochs * (Facts.of(data).quick_images or images) / images))
    run = min(epochs, cap)
    if run == epochs and images == train.total:
        return epochs, []
    return run, [f"quick profile: {images:,} of {train.total:,} images, {run} of {epochs} epochs"]
