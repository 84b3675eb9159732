"""``load``: a data set by name, from a data folder, the cache or the network, as splits on the device."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ..arguments import check_whole, nearest
from ..machine import devices
from . import store
from .catalog import DATASETS, DataSet
from .errors import DataError, NotFoundError
from .splits import ImageData, Split

LARGEST_SHARE = 1 / 2  # of a device's free memory is what a data set may take
SPLIT_SEED = 20170825  # any fixed number: it decides which images are held out, and which the quick profile takes


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
    """Load a data set as training, validation and test splits on the device.

    Files are looked for in ``root`` (default: the environment variable ``D2LITE_DATA``), then in the cache, then
    downloaded into the cache: the folder that the environment variable ``D2LITE_CACHE`` names, else the platform's
    (``~/.cache/d2lite`` on Linux). Of CIFAR-10 it also keeps the decoded images, about 180 MB. Validation images are
    held out of the published training images by a fixed permutation: 55,000 / 5,000 / 10,000 images for the MNIST
    family, 45,000 / 5,000 / 10,000 for CIFAR-10, 1,257 / 180 / 360 for digits. The quick profile takes the first
    ``quick_images`` of the training split, a quarter as many of the validation split and half as many of the test
    split.

    Args:
        name: ``"fashion_mnist"``, ``"mnist"``, ``"cifar10"`` or ``"digits"``.
        size: height and width in pixels to which each batch is resized; None keeps the data set's own.
        batch_size: images per batch; the last batch of a pass may be shorter.
        augment: shift training images by up to an eighth of their size, and mirror half of them, anew in each pass
            (digits are not mirrored).
        quick_images: cap on training images in the quick profile.
        root: a data folder as torchvision lays it out; it is only read.
        device: where the images live; None takes :func:`d2lite.device`.
        fallback: whether scikit-learn's digits may stand in where the data set can be had from nowhere. They are
            resized to its size and channels, and one printed line says so. None allows it in the quick profile only.

    Raises:
        ValueError: unknown name, or a size or batch size that cannot work.
        NotFoundError: no file, no network, and no stand-in allowed.
        DataFileError: a file is empty, truncated, altered, or of something else.
    """
    dataset = asked = _dataset(name)
    size = dataset.size if size is None else check_whole("size", size, 1)
    batch_size, quick_images = check_whole("batch_size", batch_size, 1), check_whole("quick_images", quick_images, 4)
    quick = devices.profile() == "quick"
    cap = quick_images if quick else None
    target = torch.device(device) if device is not None else devices.device()

    rows, totals = _split_rows(dataset, cap, batch_size)
    label, mean, std = dataset.label, dataset.mean, dataset.std
    if dataset.layouts:
        try:
            wanted = {True: np.concatenate([rows["train"], rows["val"]]), False: rows["test"]}
            found, published = store.read(dataset, root, wanted)
            n, (images, labels) = len(rows["train"]), published[True]
            arrays = {"train": (images[:n], labels[:n]), "val": (images[n:], labels[n:]), "test": published[False]}
            label += found.layout.note
        except NotFoundError as error:
            if not (quick if fallback is None else fallback):
                raise
            dataset, label = DATASETS["digits"], f"digits (standing in for {asked.label})"
            print(f"scikit-learn's digits stand in for {asked.label} (which is {error.reason}). {error.remedy}")
            rows, totals = _split_rows(dataset, cap, batch_size)
    if not dataset.layouts:
        images, labels = _digits(asked.size, asked.channels)
        arrays = {part: (images[index], labels[index]) for part, index in rows.items()}
        full = images[_permutations(dataset)[0]] / 255.0
        mean, std = tuple(full.mean((0, 1, 2)).tolist()), tuple(full.std((0, 1, 2)).tolist())
    # What would fill the device stays in the host's memory, and is brought batch by batch.
    fits = sum(images.nbytes for images, _ in arrays.values()) <= LARGEST_SHARE * devices.free_memory(target)
    where = target if fits else torch.device("cpu")
    splits = {
        part: Split(
            torch.from_numpy(np.ascontiguousarray(images)).to(where), torch.from_numpy(labels).to(where), mean=mean,
            std=std, size=size, batch_size=batch_size, total=totals[part], shuffle=part == "train",
            augment=augment and part == "train", mirrored=dataset.mirrored, device=target,
        )
        for part, (images, labels) in arrays.items()
    }  # fmt: skip
    return ImageData(
        name=dataset.name, label=label, classes=dataset.classes, channels=asked.channels, size=size,
        batch_size=batch_size, mean=mean, std=std, is_stand_in=dataset is not asked, quick_images=quick_images,
        **splits,
    )  # fmt: skip


def is_available(name: str, root: str | os.PathLike | None = None) -> bool:
    """Whether all files of data set ``name`` are on this machine; no network is used and no file opened."""
    dataset = _dataset(name)
    return not dataset.layouts or store.find(dataset, root) is not None


def prepare(name: str) -> list[Path]:
    """See that data set ``name`` is on this machine, whole and sound, and print where; return its files.

    Looks where :func:`load` looks and downloads what is missing; every file is compared with its check sum. Downloads
    go to the folder that the environment variable ``D2LITE_CACHE`` names, else to the platform's cache
    (``~/.cache/d2lite`` on Linux). Nothing else is written: decoded copies are left to :func:`load`.

    Raises:
        ValueError: unknown name.
        NotFoundError: it is neither here nor can it be downloaded.
        DataFileError: a file in the data folder is damaged.
    """
    dataset = _dataset(name)
    if not dataset.layouts:
        print(f"{dataset.label}: comes with scikit-learn, no file is needed.")
        return []
    found = store.verify(dataset)
    print(f"{dataset.label}{found.layout.note}: {dataset.train_images:,} + {dataset.test_images:,} images, sound, in")
    for file in found.files:
        print(f"  {file}")
    return found.files


def _dataset(name: str) -> DataSet:
    if isinstance(name, str) and name in DATASETS:
        return DATASETS[name]
    raise ValueError(f"unknown data set {name!r}{nearest(name, DATASETS)} Known: {', '.join(DATASETS)}.")


def _permutations(dataset: DataSet) -> tuple[np.ndarray, np.ndarray]:
    """Fixed orders of the training (with validation) and the test images. Digits have no published test images, so
    theirs are the first of one order over all."""
    draw = np.random.RandomState(SPLIT_SEED)  # unlike default_rng, its numbers are promised never to change
    if dataset.layouts:
        return draw.permutation(dataset.train_images), draw.permutation(dataset.test_images)
    order = draw.permutation(dataset.train_images + dataset.test_images)
    return order[dataset.test_images :], order[: dataset.test_images]


def _split_rows(dataset: DataSet, cap: int | None, batch_size: int) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """For each split the rows of the published arrays that it takes, and how many it had without the cap."""
    order, test = _permutations(dataset)
    rows = {"train": order[dataset.val_images :], "val": order[: dataset.val_images], "test": test}
    totals = {part: len(index) for part, index in rows.items()}
    if cap is not None:
        caps = {"train": cap, "val": cap // 4, "test": cap // 2}
        rows = {part: index[: caps[part]] for part, index in rows.items()}
    n = len(rows["train"])
    if batch_size > n:
        why = " that the quick profile takes" if n < totals["train"] else ""
        raise ValueError(
            f"batch_size {batch_size:,} is larger than the {n:,} training images{why}: a batch size of "
            f"{2 ** (n.bit_length() - 1):,} works."
        )
    return rows, totals


def _digits(size: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """All 1,797 digits as uint8 (n, size, size, channels), and their labels."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError("The digits come with scikit-learn: `pip install scikit-learn`.") from None
    digits: Any = load_digits()
    images = torch.from_numpy(digits.images / 16).float()[:, None]
    if size != images.shape[-1]:
        images = F.interpolate(images, (size, size), mode="bilinear", align_corners=False)
    images = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).expand(-1, -1, -1, channels)
    return images.numpy(), digits.target.astype(np.int64)
