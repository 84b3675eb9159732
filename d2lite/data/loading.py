"""``load``: a data set by name, from a data folder, the cache or the network, or one's own; as splits on the device."""

import os
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ..arguments import check_whole, nearest
from ..machine import devices
from ..machine.printing import printable
from . import store
from .assemble import capped, fixed_order, image_data, moments
from .catalog import DATASETS, DataSet
from .errors import NotFoundError
from .folder import SIZE, load_folder
from .splits import LARGEST_SIZE, ImageData


def load(
    name: str | os.PathLike, size: int | None = None, batch_size: int = 128, *, augment: bool = False,
    quick_images: int = 4096, group: Callable[[Path], Hashable] | None = None,
    normalize: tuple[Sequence[float], Sequence[float]] | None = None, root: str | os.PathLike | None = None,
    device: torch.device | str | None = None, fallback: bool | None = None,
) -> ImageData:  # fmt: skip
    """Load a data set as training, validation and test splits on the device.

    Files are looked for in ``root`` (default: the environment variable ``D2LITE_DATA``), then in the cache, then
    downloaded into the cache: the folder that the environment variable ``D2LITE_CACHE`` names, else the platform's
    (``~/.cache/d2lite`` on Linux). Who cannot reach the published hosts sets ``D2LITE_MIRROR`` to the address of a
    server of a data folder (``https://example.org/data/``): it is asked first. Validation images are held out of the
    published training images by a fixed permutation: 55,000 / 5,000 / 10,000 images for the MNIST family,
    45,000 / 5,000 / 10,000 for CIFAR-10, 1,257 / 180 / 360 for digits. The quick profile takes the first
    ``quick_images`` of the training split, a quarter as many of the validation split and half as many of the test
    split.

    A path in place of a name is that of images of your own: a folder with a folder for each class, as torchvision's
    ``ImageFolder`` takes it, or such folders below ``train``, ``val`` and ``test``. A split without a folder gets a
    tenth of each class to train with, by a fixed permutation; folders beside the splits are not loaded, which one
    printed line says. Pictures become RGB, upright and over white; of each the shorter edge is resized to ``size`` and
    the middle cut out. What fits half the free memory is decoded once; more is decoded batch by batch, in threads. Mean
    and standard deviation are those of the training images.

    A table ``corrections.csv`` in that folder is honored, which one printed line says. Its first line is
    ``file,decision,class``. Each other line names an image below the folder, as in ``cat/1.jpg``, and says ``keep``,
    ``drop``, or ``relabel`` with the class that is right. A corrected image stays in the split that it was in.
    ``d2l.widgets.LabelCleaner`` writes such a table.

    Args:
        name: ``"fashion_mnist"``, ``"mnist"``, ``"cifar10"`` or ``"digits"``, or the path of a folder of images.
        size: height and width in pixels to which each batch is resized, up to 4,096; None keeps the data set's own,
            and takes 224 for a folder.
        batch_size: images per batch; the last batch of a pass may be shorter.
        augment: shift training images by up to an eighth of their size, and mirror half of them, anew in each pass
            (those of digits are not mirrored).
        quick_images: cap on training images in the quick profile.
        group: for a folder, the scene of an image by its path, such as ``lambda path: path.stem.split("_")[0]``. Images
            of one scene, as of a burst or a video, then come into the same split. Whole scenes are held out, as many
            as fit into a tenth of a class, and at least one.
        normalize: for a folder, mean and standard deviation of the red, green and blue of images in [0, 1], where a
            network was trained with others than those of its training images, as ``(pretrained.mean, pretrained.std)``.
        root: a data folder as torchvision lays it out; it is only read.
        device: where the images live; None takes :func:`d2lite.device`.
        fallback: whether scikit-learn's digits may stand in where the data set can be had from nowhere. They are
            resized to its size and channels, and one printed line says so. None allows it in the quick profile only.
            Images of a folder that cannot be decoded are left out, which one printed line says, unless this is False.

    Raises:
        ValueError: unknown name, no such folder, or a size or batch size that cannot work.
        NotFoundError: no file, no network, and no stand-in allowed.
        DataFileError: a file is empty, truncated, altered, or of something else.
        DataError: a folder of images is laid out otherwise, has fewer than two classes, too few images or scenes, or a
            scene in two of its splits; or its table of corrections does not fit it.
    """
    size = size if size is None else check_whole("size", size, 1, LARGEST_SIZE)
    batch_size, quick_images = check_whole("batch_size", batch_size, 1), check_whole("quick_images", quick_images, 4)
    target = devices.chosen(device)
    if folder := _folder(name):
        settings = {"quick_images": quick_images, "augment": augment, "device": target, "group": group}
        settings["normalize"] = None if normalize is None else _normalization(normalize)
        return load_folder(folder, size or SIZE, batch_size, all_sound=fallback is False, **settings)
    if group is not None or normalize is not None:
        raise ValueError("group and normalize are for a folder of images: a published data set has its own.")

    dataset = asked = _dataset(name)
    size = dataset.size if size is None else size
    label, mean, std = dataset.label, dataset.mean, dataset.std
    if dataset.layouts:
        rows, totals = capped(_split_rows(dataset), quick_images, batch_size)
        try:
            wanted = {True: np.concatenate([rows["train"], rows["val"]]), False: rows["test"]}
            found, published = store.read(dataset, root, wanted)
            n, (images, labels) = len(rows["train"]), published[True]
            arrays = {"train": (images[:n], labels[:n]), "val": (images[n:], labels[n:]), "test": published[False]}
            label += found.layout.note
        except NotFoundError as error:
            if not (devices.profile() == "quick" if fallback is None else fallback):
                raise
            dataset, label = DATASETS["digits"], f"digits (standing in for {asked.label})"
            said = f"scikit-learn's digits stand in for {asked.label} (which is {error.reason}). {error.remedy}"
            print(printable(said))
    if not dataset.layouts:
        every = _split_rows(dataset)
        rows, totals = capped(every, quick_images, batch_size)
        images, labels = _digits(asked.size, asked.channels)
        arrays = {part: (images[index], labels[index]) for part, index in rows.items()}
        mean, std = moments(images[np.concatenate([every["val"], every["train"]])])
    return image_data(
        dataset.name, label, dataset.classes, arrays, mean=mean, std=std, channels=asked.channels, size=size,
        batch_size=batch_size, augment=augment, mirrored=dataset.mirrored, device=target, totals=totals,
        quick_images=quick_images, is_stand_in=dataset is not asked,
    )  # fmt: skip


def _normalization(given: object) -> tuple[list[float], list[float]]:
    with suppress(TypeError, ValueError):
        mean, std = np.asarray(given, float).tolist()
        if len(mean) == 3 and np.isfinite([mean, std]).all() and min(std) > 0:
            return mean, std
    raise ValueError(f"normalize is {given!r:.80}: give (mean, std), three numbers each, with std above 0.")


def is_available(name: str, root: str | os.PathLike | None = None) -> bool:
    """Whether all files of data set ``name`` are on this machine; no network is used."""
    dataset = _dataset(name)
    return not dataset.layouts or store.find(dataset, root) is not None


def prepare(name: str) -> list[Path]:
    """See that data set ``name`` is on this machine, whole and sound, and print where; return its files.

    Looks where :func:`load` looks and downloads what is missing; every file is compared with its check sum. Downloads
    go to the folder that the environment variable ``D2LITE_CACHE`` names, else to the platform's cache
    (``~/.cache/d2lite`` on Linux). The address in ``D2LITE_MIRROR`` is asked first, such as that of a server in a
    firm or school which has a data folder; check sums are those published.

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
        print(printable(f"  {file}"))
    return found.files


def _dataset(name: str | os.PathLike) -> DataSet:
    if isinstance(name, str) and name in DATASETS:
        return DATASETS[name]
    raise ValueError(
        f"unknown data set {name!r}{nearest(str(name), DATASETS)} Known: {', '.join(DATASETS)}. Images of your own are "
        f"loaded by the path of their folder (unpack an archive first), and there is no such folder."
    )


def _folder(name: object) -> Path | None:
    """The folder whose path ``name`` is; None for a data set, and where there is no such folder."""
    if not isinstance(name, (str, os.PathLike)) or not name or name in DATASETS:
        return None
    path = Path(os.path.expanduser(name))
    return path if os.path.isdir(path) else None


def _split_rows(dataset: DataSet) -> dict[str, np.ndarray]:
    """For each split the rows of the published arrays that it has, in a fixed order.

    Digits have no published test images, so theirs are the first of one order over all.
    """
    draw, n = fixed_order(), dataset.test_images
    order = draw.permutation(dataset.train_images + (0 if dataset.layouts else n))
    test, order = (draw.permutation(n), order) if dataset.layouts else (order[:n], order[n:])
    return {"train": order[dataset.val_images :], "val": order[: dataset.val_images], "test": test}


def _digits(size: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """All 1,797 digits as uint8 (n, size, size, channels), and their labels."""
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    images = torch.from_numpy(digits.images / 16).float()[:, None]
    if size != images.shape[-1]:
        images = F.interpolate(images, (size, size), mode="bilinear", align_corners=False)
    images = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).expand(-1, -1, -1, channels)
    return images.numpy(), digits.target.astype(np.int64)
