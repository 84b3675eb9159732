"""Where the files of a data set are: the data folder, the cache, or, once downloaded, the cache."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from . import download
from .datasets import DataSet, Layout
from .formats import DataError


@dataclass(frozen=True)
class Found:
    """The files of a data set on this machine, in the layout in which they lie."""

    layout: Layout
    train: list[Path]
    test: list[Path]

    @property
    def files(self) -> list[Path]:
        return list(dict.fromkeys(self.train + self.test))


class NotFoundError(DataError):
    """A data set is neither on this machine nor to be had from the network; the message names the ways out.

    ``reason`` says where it was looked for, ``remedy`` what to do.
    """

    def __init__(self, label: str, reason: str, remedy: str):
        super().__init__(f"{label} is {reason}. {remedy}")
        self.reason, self.remedy = reason, remedy


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
        except download.DownloadError as error:
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
