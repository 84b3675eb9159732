"""The files of a data set: found, downloaded or mended where need be, and read into checked arrays."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files import named_folder, path_of
from . import download, readers
from .catalog import DataSet, File, Layout
from .errors import DataError, DataFileError, DownloadError, NotFoundError, UnreadableFileError

Arrays = tuple[np.ndarray, np.ndarray]  # images uint8 (n, h, w, C), labels int64 (n,)


@dataclass(frozen=True)
class Found:
    """The files of a data set on this machine, in the layout in which they lie."""

    layout: Layout
    paths: dict[File, Path]

    @property
    def files(self) -> list[Path]:
        return list(self.paths.values())


def find(dataset: DataSet, root: str | os.PathLike | None = None) -> Found | None:
    """The files in ``root`` or ``D2LITE_DATA``, else in the cache; no network is used.

    In the data folder they may also lie where others put them: in that folder itself, or in any folder of it, as
    on Kaggle. There the smallest file is read, since MNIST and Fashion-MNIST give their files the same names.
    """
    data, cache = _data_folder(root), download.cache_folder()
    for folder in filter(None, (data, cache)):
        for layout in dataset.layouts:
            paths = _lying(layout, folder / layout.folder)
            if len(paths) == len(layout.files):
                return Found(layout, paths)
    for layout in dataset.layouts:
        for folder in _folders_of_others(layout, data):
            paths = _lying(layout, folder)
            if len(paths) == len(layout.files) and _are_published(paths):
                return Found(layout, paths)
    return None


def _data_folder(root: str | os.PathLike | None) -> Path | None:
    return path_of(root) if root else named_folder("D2LITE_DATA")


def _folders_of_others(layout: Layout, folder: Path | None) -> list[Path]:
    """Where else in the data folder ``folder`` files may lie; those there are."""
    tops = [folder, *(folder / name for name in _entries(folder))] if folder else []
    ends = ("", Path(layout.folder).name, layout.folder)
    return [place for top in tops for end in ends if (place := top / end).is_dir()]


def _entries(folder: Path) -> list[str]:
    """What lies in ``folder``; nothing where that cannot be read."""
    return sorted(os.listdir(folder)) if os.path.isdir(folder) and os.access(folder, os.R_OK) else []


def _are_published(paths: dict[File, Path]) -> bool:
    """Whether the smallest of these files holds what was published."""
    file, path = min(paths.items(), key=lambda pair: pair[1].stat().st_size)
    try:
        readers.checked(file, path)
    except (DataFileError, OSError):
        return False
    return True


def _lying(layout: Layout, folder: Path) -> dict[File, Path]:
    """Where those files of ``layout`` are that lie in ``folder``, each perhaps in a folder of its own name."""
    places = ((file, folder / form) for file in layout.files for form in file.forms)
    return {file: one for file, path in places for one in (path / path.name, path) if os.path.isfile(one)}


def obtain(dataset: DataSet, root: str | os.PathLike | None = None) -> Found:
    """Like :func:`find`, but downloads into the cache what is nowhere.

    Raises:
        NotFoundError: no mirror delivers; the message says where was looked and what to do.
        DataError: the cache cannot be written, or the disk is full.
    """
    if found := find(dataset, root):
        return found
    try:
        return Found(*download.fetch([layout for layout in dataset.layouts if layout.mirrors]))
    except DownloadError as error:
        reason = f"not in {_looked_in(dataset, root)}, and {error}"
    raise NotFoundError(dataset.label, reason, _ways_out(dataset))


def _looked_in(dataset: DataSet, root: str | os.PathLike | None) -> str:
    folder, cache = _data_folder(root), download.cache_folder()
    if folder is None:
        return f"{cache}, D2LITE_DATA is not set"
    if not folder.is_dir():
        return f"{folder} (there is no such folder) or {cache}"
    layout = max(dataset.layouts, key=lambda layout: len(_lying(layout, folder / layout.folder)))
    wanted = folder / layout.folder
    lying = _lying(layout, wanted)
    lacks = ", ".join(file.forms[0] for file in layout.files if file not in lying)
    place = wanted if wanted.is_dir() else folder
    there = [name for name in _entries(place) if not name.startswith(".")]
    seen = ", ".join(there[:6]) + (f" and {len(there) - 6:,} more" if len(there) > 6 else "")
    what = f"lacks {Path(layout.folder, lacks).as_posix()}; {place} holds {seen or 'nothing'}"
    return f"{folder} (which {what}) or {cache}"


def _ways_out(dataset: DataSet) -> str:
    return (
        f"For the real images: set D2LITE_DATA to a folder that holds {dataset.layouts[0].folder}, or run `python -m "
        f"d2lite data {dataset.name}` where there is a network, or connect to the network (D2LITE_MIRROR can name a "
        f"server of your own) and load again."
    )


def read(
    dataset: DataSet, root: str | os.PathLike | None, rows: dict[bool, np.ndarray], again: bool = False
) -> tuple[Found, dict[bool, Arrays]]:
    """The files, and their training (``True``) and test (``False``) images at ``rows``, in that order.

    Every file is compared with its check sum. What is nowhere is downloaded, and so is, once, what is damaged in the
    cache; in the data folder that is an error.

    Raises:
        NotFoundError, DataError: as :func:`obtain`.
        DataFileError: a file is empty, truncated, altered, or not of this data set.
    """
    found = obtain(dataset, root)
    try:
        contents = {file: readers.checked(file, path) for file, path in found.paths.items()}
        return found, {train: _arrays(found.layout, train, rows[train], contents) for train in rows}
    except (DataFileError, PermissionError) as error:
        if not isinstance(error, DataFileError):
            error = UnreadableFileError(error.filename, "may not be read (permission denied)")
        error.dataset = dataset.name
        ours = download.cache_folder() in error.path.parents and found.layout.mirrors
        if again or not ours or isinstance(error, UnreadableFileError):
            raise error from None
        print(f"{error.path}: {error.problem}. Downloading it again.", file=sys.stderr)
        error.path.unlink(missing_ok=True)
        try:
            download.fetch([found.layout])
        except DownloadError as failure:
            raise DataError(f"{error.path}: {error.problem}. {failure}. {_ways_out(dataset)}") from None
    return read(dataset, root, rows, again=True)


def verify(dataset: DataSet) -> Found:
    """Like :func:`read`, but only sees that all files are there and sound; nothing is decoded."""
    return read(dataset, None, {})[0]


def _arrays(layout: Layout, train: bool, rows: np.ndarray, contents: dict[File, bytes]) -> Arrays:
    """The published training or test images at ``rows``, and their labels."""
    kind, files = layout.kind, layout.train if train else layout.test
    if kind == "parquet":
        images, labels = readers.read_parquet(contents[files[0]], rows)
        return images, labels.astype(np.int64)
    if kind == "idx":
        images, labels = (readers.idx_array(contents[file]) for file in files)
        images = images[..., None]
    else:
        batches = [readers.batch(file.name, contents[file]) for file in files if kind != "cifar-archive"]
        images, labels = map(np.concatenate, zip(*batches or readers.archive_batches(contents[files[0]], train)))
        images = images.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images[rows]), labels[rows].astype(np.int64)
