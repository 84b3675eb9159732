"""The files of a data set: found, downloaded or mended where need be, and read into checked arrays."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..files import write_atomically
from . import download, readers
from .catalog import DataSet, Layout
from .errors import DataError, DataFileError, DownloadError, NotFoundError, UnreadableFileError


@dataclass(frozen=True)
class Found:
    """The files of a data set on this machine, in the layout in which they lie."""

    layout: Layout
    train: list[Path]
    test: list[Path]

    @property
    def files(self) -> list[Path]:
        return list(dict.fromkeys(self.train + self.test))


def data_folder(root: str | os.PathLike | None) -> Path | None:
    chosen = root or os.environ.get("D2LITE_DATA")
    return Path(chosen).expanduser() if chosen else None


def find_in(dataset: DataSet, folder: Path) -> Found | None:
    """The first layout of which every file is in ``folder``."""
    for layout in dataset.layouts:
        paths = [_existing(layout, folder / name) for name in layout.train + layout.test]
        if all(paths):
            return Found(layout, paths[: len(layout.train)], paths[len(layout.train) :])
    return None


def _existing(layout: Layout, path: Path) -> Path | None:
    packed = path.with_name(f"{path.name}.gz")
    if layout.kind == "idx" and packed.is_file():
        return packed
    return path if path.is_file() else None


def find(dataset: DataSet, root: str | os.PathLike | None = None) -> Found | None:
    """The files in ``root`` or ``D2LITE_DATA``, else in the cache; nothing is opened and no network used."""
    for folder in (data_folder(root), download.cache_folder()):
        if folder and (found := find_in(dataset, folder)):
            return found
    return None


def obtain(dataset: DataSet, root: str | os.PathLike | None = None) -> Found:
    """Like :func:`find`, but downloads into the cache what is nowhere.

    Raises:
        NotFoundError: no mirror delivers; the message says where was looked and what to do.
        DataError: the cache cannot be written, or the disk is full.
    """
    if found := find(dataset, root):
        return found
    cache, problems = download.cache_folder(), []
    for layout in dataset.layouts:
        if not layout.remotes:
            continue
        try:
            download.fetch(layout.remotes, cache / layout.folder)
            return find_in(dataset, cache)
        except DownloadError as error:
            problems.append(str(error))
    reason = f"not in {_looked_in(dataset, root)}, and {'; '.join(dict.fromkeys(problems))}"
    raise NotFoundError(dataset.label, reason, ways_out(dataset))


def _looked_in(dataset: DataSet, root: str | os.PathLike | None) -> str:
    folder, cache = data_folder(root), download.cache_folder()
    if folder is None:
        return f"{cache}, D2LITE_DATA is not set"
    if not folder.is_dir():
        return f"{folder} (there is no such folder) or {cache}"
    for layout in dataset.layouts:
        names = layout.train + layout.test
        missing = [name for name in names if not _existing(layout, folder / name)]
        if 0 < len(missing) < len(set(names)):
            return f"{folder} (which lacks {missing[0]}) or {cache}"
    return f"{folder} or {cache}"


def ways_out(dataset: DataSet) -> str:
    example = dataset.layouts[0].folder
    return (
        f"For the real images: set D2LITE_DATA to a folder that holds {example}, or run `python -m d2lite data "
        f"{dataset.name}` where there is a network, or connect to the network and load again."
    )


SLOW = ("parquet", "cifar-archive")  # kinds of files that take seconds to decode, so that a decoded copy is kept


T = TypeVar("T")


def read(
    found: Found, dataset: DataSet, rows: dict[bool, np.ndarray | None]
) -> dict[bool, tuple[np.ndarray, np.ndarray]]:
    """Images uint8 (n, h, w, C) and labels int64 (n,) of the published training (``True``) and test (``False``) images.

    ``rows`` says for each which images to take, in which order; None takes all. A damaged file in the cache is
    downloaded again, once; one in the data folder is an error.

    Raises:
        DataFileError: a file is empty, truncated, altered, or not of this data set.
    """
    return _mending(
        found, dataset, lambda now: {train: _read_split(now, dataset, train, index) for train, index in rows.items()}
    )


def verify(found: Found, dataset: DataSet) -> None:
    """Compare every file with its check sum; nothing is kept, and nothing decoded that is slow to decode.

    A damaged file in the cache is downloaded again, once.

    Raises:
        DataFileError: as :func:`read`.
    """
    _mending(found, dataset, lambda now: _verify(now, dataset))


def _verify(found: Found, dataset: DataSet) -> None:
    if found.layout.kind in SLOW:
        for file in found.files:
            _check_source(found.layout, file)
    else:  # reading says more precisely what is wrong, and takes no longer than the check sums
        for train in (True, False):
            _read_files(found.layout, found.train if train else found.test, dataset, train)


def _mending(found: Found, dataset: DataSet, action: Callable[[Found], T]) -> T:
    """``action(found)``, and once more with a file downloaded again if the first finds one in the cache damaged."""
    for again in (False, True):
        try:
            return action(found)
        except DataFileError as error:
            error.dataset = dataset.name
            ours = download.cache_folder() in error.path.parents and found.layout.remotes
            if again or not ours or isinstance(error, UnreadableFileError):
                raise
            print(f"{error.path}: {error.problem}. Downloading it again.", file=sys.stderr)
            error.path.unlink(missing_ok=True)
            try:
                download.fetch(found.layout.remotes, error.path.parent)
            except DownloadError as failure:
                raise DataError(f"{error.path}: {error.problem}. {failure}. {ways_out(dataset)}") from None
            found = find_in(dataset, download.cache_folder())


def _read_split(found: Found, dataset: DataSet, train: bool, rows: np.ndarray | None):
    layout, files = found.layout, found.train if train else found.test
    if layout.kind not in SLOW:
        images, labels = _read_files(layout, files, dataset, train)
        return (images, labels) if rows is None else (images[rows], labels[rows])
    _check_source(layout, files[0])
    total = dataset.train_images if train else dataset.test_images
    # The check sum of the source names its decoded copy, so that another source never meets an old copy.
    key = layout.hashes.get(files[0].name, "").rpartition(":")[2][:16]
    copy = download.cache_folder() / "decoded" / f"{dataset.name}-{'train' if train else 'test'}-{key}.npz"
    arrays = _read_copy(copy, (total, dataset.size, dataset.size, dataset.channels))
    if arrays is None and layout.kind == "parquet" and rows is not None and len(rows) < total // 2:
        return _read_files(layout, files, dataset, train, rows)  # decoding a few is faster than keeping all
    if arrays is None:
        arrays = _read_files(layout, files, dataset, train)
        _write_copy(copy, arrays)
    return arrays if rows is None else (arrays[0][rows], arrays[1][rows])


def _read_files(
    layout: Layout, files: list[Path], dataset: DataSet, train: bool, rows: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """All images and labels of one published split; with ``rows``, which only parquet takes, these alone."""
    contents: list[bytes | None] = [None] * len(files)
    if layout.kind == "idx":
        (images, contents[0]), (labels, contents[1]) = readers.read_idx(files[0], 3), readers.read_idx(files[1], 1)
        images = images[..., None]
        if len(images) != len(labels):
            raise DataFileError(files[1], f"holds {len(labels):,} labels for the {len(images):,} images of {files[0]}")
    elif layout.kind == "parquet":
        images, labels = readers.read_parquet(files[0], rows)
    else:
        if layout.kind == "cifar-archive":
            batches = readers.archive_batches(files[0], train)
        else:
            parse = readers.batch_records if layout.kind == "cifar-bin" else readers.batch_pickle
            held = [readers.read_bytes(file) for file in files]
            if layout.kind == "cifar-bin":
                contents = held
            else:  # a pickle is not opened unless its bytes are those published
                for file, data in zip(files, held, strict=True):
                    _check_digest(layout, file, data)
            batches = [parse(file, data) for file, data in zip(files, held, strict=True)]
        images = np.concatenate([batch[0] for batch in batches]).transpose(0, 2, 3, 1)
        labels = np.concatenate([batch[1] for batch in batches])
    wrong = np.flatnonzero((labels < 0) | (labels >= len(dataset.classes)))
    if len(wrong):
        number, last = int(wrong[0]), len(dataset.classes) - 1
        path = files[-1] if len(files) < 3 else files[number // (len(labels) // len(files))]
        raise DataFileError(path, f"label {int(labels[number])} of image {number:,} is outside 0 … {last}")
    total = dataset.train_images if train else dataset.test_images
    if len(labels) != total:
        raise DataFileError(files[-1], f"holds {len(labels):,} labels where {dataset.label} has {total:,}")
    # Last, because the checks above say more precisely what is wrong, and these forms are safe to look into.
    for file, data in zip(files, contents, strict=True):
        if data is not None:
            _check_digest(layout, file, data)
    labels = labels.astype(np.int64)
    return np.ascontiguousarray(images), labels if rows is None else labels[rows]


def _check_source(layout: Layout, path: Path) -> None:
    try:
        if path.stat().st_size == 0:
            raise DataFileError(path, "is empty")
        _check_digest(layout, path, path)
    except PermissionError:
        raise UnreadableFileError(path) from None


def _check_digest(layout: Layout, path: Path, data: bytes | Path) -> None:
    expected = layout.hashes.get(path.name.removesuffix(".gz") if layout.kind == "idx" else path.name)
    if expected and readers.digest(data, expected.partition(":")[0]) != expected:
        raise DataFileError(
            path, f"does not hold the published bytes (check sum is not {expected}), so it is altered or truncated"
        )


def _read_copy(path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray] | None:
    """The decoded copy, or None where there is none or it is not as it was written."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, labels, digests = arrays["images"], arrays["labels"], arrays["digests"].tolist()
    except Exception:  # there is hardly one that altered bytes cannot provoke, and the source is at hand
        return None
    as_written = images.shape == shape and labels.shape == shape[:1] and digests == _digests(images, labels)
    return (images, labels) if as_written else None


def _digests(images: np.ndarray, labels: np.ndarray) -> list[str]:
    """Check sums over the arrays themselves: those of the archive's members say nothing once another wrote it anew."""
    return [readers.digest(np.ascontiguousarray(array), "sha256") for array in (images, labels)]


def _write_copy(path: Path, arrays: tuple[np.ndarray, np.ndarray]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        digests = np.array(_digests(*arrays))
        write_atomically(path, lambda file: np.savez(file, images=arrays[0], labels=arrays[1], digests=digests))
    except OSError as error:
        warnings.warn(
            f"Decoded images are not kept, so the next load decodes them again: {error}. D2LITE_CACHE can name "
            f"another folder.",
            RuntimeWarning,
            stacklevel=2,
        )
