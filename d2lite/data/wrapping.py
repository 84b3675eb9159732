"""``wrap``: a data set of PyTorch's, whose items are single images with labels, as splits on the device."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import ConcatDataset, IterableDataset, Subset

from ..arguments import check_real, check_whole, plain, whole
from ..machine.devices import check_held
from .assemble import capped, fixed_order, image_data
from .pictures import colors, fitted
from .splits import LARGEST_SIZE, ImageData

MOST_CLASSES = 1_000_000  # a larger label is a number of something else, and a list of so many names fills the memory


class Items(Protocol):
    """A data set with an image and its label at each index, such as those of ``torchvision.datasets``, or a list."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


def wrap(
    dataset: Items, size: int | None = None, batch_size: int = 128, *, val: Items | float = 0.1,
    test: Items | None = None, augment: bool = False, quick_images: int = 4096,
    device: torch.device | str | None = None,
) -> ImageData:  # fmt: skip
    """Take the images of ``dataset`` as splits on the device, as :func:`d2lite.load` gives them.

    Each image is asked for once and kept as bytes, normalized by mean and standard deviation of the training images.
    So the data set needs no transforms; those that draw random numbers or normalize are out of place.

    Args:
        dataset: (image, label) at each index: a picture of Pillow's, a tensor (C, H, W) or (H, W), or an array (H, W)
            or (H, W, C), as bytes or as floats from 0 to 1; and the number of its class, from 0. Its ``classes`` name
            them, where it has such, and those of ``val`` and ``test`` must have the same names.
        size: height and width in pixels to which each batch is resized, up to 4,096; None keeps the images' own.
            Images that are not square, or of several sizes, need it: their shorter edge is resized, and the middle cut
            out.
        batch_size: images per batch; the last batch of a pass may be shorter.
        val: a data set to measure on while training, or the share of ``dataset`` that is held out for it, by a fixed
            permutation.
        test: a data set to measure on in the end; without one ``data.test`` is empty.
        augment: shift training images by up to an eighth of their size, and mirror half of them, anew in each pass.
        quick_images: cap on training images in the quick profile, as in ``load``.
        device: where the images live; None takes :func:`d2lite.device`.

    Raises:
        ValueError: no data set, images or labels that do not fit, or a share, size or batch size that cannot work.
    """
    size = None if size is None else check_whole("size", size, 1, LARGEST_SIZE)
    batch_size, quick_images = check_whole("batch_size", batch_size, 1), check_whole("quick_images", quick_images, 4)
    sources = {"train": dataset, "val": val if hasattr(plain(val), "__getitem__") else dataset, "test": test}
    counts = {part: _count(source) for part, source in sources.items() if part != "test" or source is not None}
    counts.setdefault("test", 0)
    rows = {part: fixed_order().permutation(count) for part, count in counts.items()}
    if sources["val"] is dataset:
        share = check_real("val", val, lambda share: 0 < share < 1, "a data set, or a share such as 0.1")
        held_out = max(1, round(share * len(rows["train"])))
        rows |= {"train": rows["train"][held_out:], "val": rows["train"][:held_out]}
    rows, totals = capped(rows, quick_images, batch_size)
    read, labels = zip(*(_read(sources[part], int(row)) for part, index in rows.items() for row in index))
    images, size = _alike(read, size)
    ends = np.cumsum([len(index) for index in rows.values()])[:-1]
    parts = zip(np.split(images, ends), np.split(np.array(labels, np.int64), ends))
    own: Any = dataset
    while isinstance(own, Subset):
        own = own.dataset
    name = type(own).__name__
    classes = _classes([own for source in sources.values() if source is not None for own in _inner(source)])
    if len(classes) <= max(labels):
        classes = list(map(str, range(1 + max(labels))))
    return image_data(
        name, name, classes, dict(zip(rows, parts)), size=size, batch_size=batch_size, augment=augment,
        device=device, totals=totals, quick_images=quick_images,
    )  # fmt: skip


def _inner(source: Any) -> list[Any]:
    """The data sets of which ``source`` takes or joins images."""
    if isinstance(source, Subset):
        return _inner(source.dataset)
    return [own for one in source.datasets for own in _inner(one)] if isinstance(source, ConcatDataset) else [source]


def _classes(sources: list[Any]) -> list[str]:
    """The names that the data sets give their classes; raise ValueError where one label has two."""
    given = [getattr(source, "classes", None) for source in sources]
    named = [list(map(str, names)) for names in given if isinstance(names, (list, tuple, np.ndarray))]
    pairs = (pair for names in named for pair in zip_longest(named[0], names))
    if different := next((pair for pair in pairs if pair[0] != pair[1]), None):
        ours, theirs = different
        raise ValueError(
            f"one label stands for {ours!r} in one of the data sets and for {theirs!r} in another: give all the same "
            "classes, in the same order."
        )
    return named[0] if named else []


def _count(source: Any) -> int:
    indexed = hasattr(source, "__getitem__") and hasattr(source, "__len__")
    single = isinstance(source, (list, tuple)) and source and hasattr(source[0], "shape")  # as (X, y)
    if indexed and not single and not isinstance(source, (str, dict, IterableDataset)) and len(source):
        return len(source)
    raise ValueError(
        f"a data set is a {type(source).__name__} without images at indices: give one such as "
        "torchvision.datasets.FashionMNIST(root), a list of pairs (image, label), or TensorDataset(X, y). A DataLoader "
        "is for d2l.fit, a folder of images for d2l.load(path)."
    )


def _read(source: Any, row: int) -> tuple[np.ndarray, int]:
    """An image as uint8 (h, w, C), and its label."""
    item = source[row]
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        raise ValueError(f"item {row} is a {type(item).__name__}: give pairs (image, label).")
    image, given = item
    label = whole(given[0] if getattr(given, "shape", None) == (1,) else given)
    if label is None or not 0 <= label < MOST_CLASSES:
        raise ValueError(f"the label of item {row} is {given!r}: give the number of its class, from 0.")
    if hasattr(image, "convert"):  # Pillow's
        image = image.convert("L") if image.mode in ("1", "L") else colors(image)
    elif isinstance(image, torch.Tensor):
        check_held(f"the numbers of image {row}", image)
        image = (image.permute(1, 2, 0) if image.dim() == 3 else image).detach().cpu()
        image = image.float() if image.is_floating_point() else image  # NumPy knows no bfloat16
    values = np.asarray(image)
    values = values[..., None] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[-1] not in (1, 3) or not values.size:
        raise ValueError(
            f"image {row} is a {type(image).__name__} of shape {values.shape}, channels last: give a picture of "
            "Pillow's, a tensor (C, H, W) or an array (H, W, C), of one channel or three."
        )
    if values.dtype == np.uint8:
        return values, label
    if not np.issubdtype(values.dtype, np.floating) or not 0 <= values.min() <= values.max() <= 1:
        raise ValueError(
            f"image {row} holds {values.dtype} from {values.min()} to {values.max()}: give bytes (uint8), or floats "
            "from 0 to 1 as ToTensor() makes them, without Normalize(…), since wrap normalizes."
        )
    return (values * 255).round().astype(np.uint8), label


def _alike(images: Sequence[np.ndarray], size: int | None) -> tuple[np.ndarray, int]:
    """``images`` as one array (n, edge, edge, C), and the size of batches; only squares alike keep their own edge."""
    shapes = sorted({image.shape[:2] for image in images})
    edge = min(shapes[0])
    if len(shapes) > 1 or shapes[0] != (edge, edge):
        if size is None:
            found = " to ".join(f"{height} × {width}" for height, width in shapes[:: max(1, len(shapes) - 1)])
            raise ValueError(
                f"the images have {found} pixels, and batches are squares of one size: give size={edge}, to which the "
                "shorter edge is then resized before the middle is cut out, or a transform that makes squares."
            )
        images = [fitted(image, size) for image in images]
    channels = max(image.shape[-1] for image in images)  # one channel stands for three that are equal
    return np.stack([np.broadcast_to(image, (*image.shape[:2], channels)) for image in images]), size or edge
