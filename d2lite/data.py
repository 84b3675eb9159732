"""``load``: a data set by name, from a data folder, the cache or the network, as splits on the device."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from . import device as _device
from .batches import ImageData, Split
from .datasets import DATASETS, DataSet, Layout
from .formats import DataError, DataFileError, read_split

__all__ = ["DATASETS", "DataError", "DataFileError", "ImageData", "Split", "is_available", "load"]

SPLIT_SEED = 20170825  # any fixed number; this one is the day Fashion-MNIST was published


@dataclass(frozen=True)
class Found:
    """Files of a data set on this machine."""

    layout: Layout
    train: list[Path]
    test: list[Path]


def _dataset(name: str) -> DataSet:
    if name in DATASETS:
        return DATASETS[name]
    near = difflib.get_close_matches(str(name).lower().replace("-", "_"), DATASETS, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"Unknown data set {name!r}.{hint} Known are: {', '.join(map(repr, DATASETS))}.")


def _find(dataset: DataSet, folder: Path) -> Found | None:
    """The first layout of which every file is there."""
    for layout in dataset.layouts:
        paths = []
        for name in layout.train + layout.test:
            choices = [folder / f"{name}.gz", folder / name] if layout.kind == "idx" else [folder / name]
            path = next((choice for choice in choices if choice.is_file()), None)
            if path is None:
                break
            paths.append(path)
        else:
            return Found(layout, paths[: len(layout.train)], paths[len(layout.train) :])
    return None


def _folders(root: str | os.PathLike | None) -> list[Path]:
    chosen = root or os.environ.get("D2LITE_DATA")
    return [Path(chosen).expanduser()] if chosen else []


def is_available(name: str, root: str | os.PathLike | None = None) -> bool:
    """Whether the files of data set ``name`` are on this machine (no network is used, nothing is read)."""
    dataset = _dataset(name)
    return not dataset.layouts or any(_find(dataset, folder) for folder in _folders(root))


def _digits(size: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """All 1,797 digits as uint8 (n, size, size, channels), and labels."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.from_numpy(digits.images / 16).float()[:, None]
    if size != images.shape[-1]:
        images = F.interpolate(images, (size, size), mode="bilinear", align_corners=False)
    images = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).expand(-1, -1, -1, channels)
    return images.numpy(), digits.target.astype(np.int64)


def _whole(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name} must be a whole number, not {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}.")
    return int(value)


def load(
    name: str,
    size: int | None = None,
    batch_size: int = 128,
    *,
    augment: bool = False,
    quick_images: int = 4096,
    root: str | os.PathLike | None = None,
    device: torch.device | str | None = None,
    fallback: bool | None = None,
) -> ImageData:
    """Load a data set as training, validation and test splits on the device."""
    dataset = _dataset(name)
    size = dataset.size if size is None else _whole("size", size, 1)
    batch_size = _whole("batch_size", batch_size, 1)
    quick_images = _whole("quick_images", quick_images, 4)
    quick = _device.profile() == "quick"
    target = torch.device(device) if device is not None else _device.device()
    found = next((f for folder in _folders(root) if (f := _find(dataset, folder))), None)
    asked, label, stand_in = dataset, dataset.label, False
    native, channels = dataset.size, dataset.channels
    if dataset.layouts and found is None:
        if fallback is False or (fallback is None and not quick):
            raise DataError(f"{dataset.label} is not on this machine.")
        dataset, stand_in = DATASETS["digits"], True
        label = f"digits (standing in for {asked.label})"
        print(f"No {asked.label} on this machine: scikit-learn's digits stand in.")
    elif found:
        label += found.layout.note

    draw = np.random.RandomState(SPLIT_SEED)  # unlike default_rng, its numbers are promised never to change
    if not dataset.layouts:
        images, labels = _digits(native, channels)
        order = draw.permutation(len(labels))
        test_order, order = order[: dataset.test_images], order[dataset.test_images :]
    else:
        order, test_order = draw.permutation(dataset.train_images), draw.permutation(dataset.test_images)
    rows = {"train": order[dataset.val_images :], "val": order[: dataset.val_images], "test": test_order}
    totals = {part: len(index) for part, index in rows.items()}
    if quick:
        caps = {"train": quick_images, "val": quick_images // 4, "test": quick_images // 2}
        rows = {part: index[: caps[part]] for part, index in rows.items()}
    arrays = {}
    if not dataset.layouts:
        arrays = {part: (images[index], labels[index]) for part, index in rows.items()}
    else:
        both = np.concatenate([rows["train"], rows["val"]])
        images, labels = read_split(found.layout, found.train, dataset, True, both)
        cut = len(rows["train"])
        arrays["train"], arrays["val"] = (images[:cut], labels[:cut]), (images[cut:], labels[cut:])
        arrays["test"] = read_split(found.layout, found.test, dataset, False, rows["test"])
    common = {"mean": dataset.mean * (channels // len(dataset.mean)), "std": dataset.std * (channels // len(dataset.std))}
    splits = {
        part: Split(
            torch.from_numpy(np.ascontiguousarray(x)).to(target),
            torch.from_numpy(y).to(target),
            size=size,
            batch_size=batch_size,
            total=totals[part],
            shuffle=part == "train",
            augment=augment and part == "train",
            mirrored=dataset.mirrored,
            **common,
        )
        for part, (x, y) in arrays.items()
    }
    return ImageData(
        name=dataset.name, label=label, classes=dataset.classes, channels=channels, size=size, batch_size=batch_size,
        is_stand_in=stand_in, **common, **splits,
    )
