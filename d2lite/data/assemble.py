"""From arrays of images and labels to :class:`ImageData`: which rows a split takes, and where its images lie."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..machine import devices
from .splits import ImageData, Split

LARGEST_SHARE = 1 / 2  # of a device's free memory is what a data set may take
SPLIT_SEED = 20170825  # any fixed number: it decides which images are held out, and which the quick profile takes


def fixed_order() -> np.random.RandomState:
    """Where the fixed permutations of a data set come from: the same in each run, on each machine."""
    return np.random.RandomState(SPLIT_SEED)  # unlike default_rng, its numbers are promised never to change


def capped(
    rows: Mapping[str, np.ndarray], quick_images: int, batch_size: int
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """For each split the rows that it takes, fewer in the quick profile, and how many it had without that cap.

    Raises:
        ValueError: a batch would be larger than the training split.
    """
    totals = {part: len(index) for part, index in rows.items()}
    if devices.profile() == "quick":
        caps = {"train": quick_images, "val": quick_images // 4, "test": quick_images // 2}
        rows = {part: index[: caps[part]] for part, index in rows.items()}
    n = len(rows["train"])
    if not n:
        raise ValueError("no image is left to train on: give more images, or hold a smaller share out.")
    if batch_size > n:
        why = " that the quick profile takes" if n < totals["train"] else ""
        raise ValueError(
            f"batch_size {batch_size:,} is larger than the {n:,} training images{why}: a batch size of "
            f"{2 ** (n.bit_length() - 1):,} works."
        )
    return dict(rows), totals


def moments(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel of uint8 ``images`` (n, h, w, C), for values in [0, 1]."""
    sums = np.zeros((2, images.shape[-1]))
    for start in range(0, len(images), 128):  # as float64 all of them would take eight times their memory
        some = images[start : start + 128] / 255.0
        sums += some.sum((0, 1, 2)), np.square(some).sum((0, 1, 2))
    mean, square = sums / max(1, np.prod(images.shape[:-1]))
    std = np.sqrt(np.maximum(square - mean**2, 0))
    return tuple(mean.tolist()), tuple(np.where(std > 1e-6, std, 1.0).tolist())  # of one color: left as it is


def image_data(
    name: str, label: str, classes: Sequence[str], arrays: Mapping[str, tuple[Any, np.ndarray]],
    *, size: int, batch_size: int, augment: bool = False, mirrored: bool = True,
    device: torch.device | str | None = None, mean: Sequence[float] | None = None, std: Sequence[float] | None = None,
    totals: Mapping[str, int] | None = None, channels: int | None = None, quick_images: int = 4096,
    is_stand_in: bool = False, folder: Path | None = None, files: Mapping[str, Sequence[Path]] | None = None,
) -> ImageData:  # fmt: skip
    """The data set whose splits hold ``arrays``: for ``train``, ``val`` and ``test`` the images, uint8 (n, h, w, C) or
    :class:`Photographs`, and their labels, int64 (n,).

    ``files`` are the paths of the images of each, where they come from a ``folder``. Without ``mean`` and ``std`` those
    of the training images are taken. What would fill the device stays in the host's memory, and is brought batch by
    batch. ``device=None`` takes :func:`d2lite.device`.
    """
    target = devices.chosen(device)
    held = all(isinstance(images, np.ndarray) for images, _ in arrays.values())
    fits = held and sum(images.nbytes for images, _ in arrays.values()) <= LARGEST_SHARE * devices.free_memory(target)
    where = target if fits else torch.device("cpu")
    if mean is None or std is None:
        mean, std = moments(arrays["train"][0])
    splits = {
        part: Split(
            torch.from_numpy(np.ascontiguousarray(images)).to(where) if held else images,
            torch.from_numpy(labels).to(where), mean=mean, std=std, size=size, batch_size=batch_size,
            total=totals[part] if totals else None, shuffle=part == "train", augment=augment and part == "train",
            mirrored=mirrored, device=target, files=files[part] if files else None,
        )
        for part, (images, labels) in arrays.items()
    }  # fmt: skip
    return ImageData(
        name=name, label=label, classes=tuple(classes), channels=channels or arrays["train"][0].shape[-1], size=size,
        batch_size=batch_size, mean=tuple(mean), std=tuple(std), is_stand_in=is_stand_in, quick_images=quick_images,
        folder=folder, **splits,
    )  # fmt: skip
