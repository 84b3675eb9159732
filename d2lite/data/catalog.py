"""The data sets by name: what they contain, where their files lie in a data folder, and where to get them.

The facts stand in catalog.json. Folder layouts are those of torchvision, so that a folder which torchvision filled can
be used as it is. Check sums ("md5:…" or "sha256:…") are those of the publishers.
"""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file as it is published: its name, its size in bytes and its check sum.

    Copies of MNIST differ in their gzip headers: their ``hash`` is None, and ``contents_hash``, of what an IDX file
    holds unpacked, decides.
    """

    name: str
    size: int = 0
    hash: str | None = None
    contents_hash: str | None = None

    @property
    def forms(self) -> tuple[str, ...]:
        """The names under which it may lie in a data folder, last the one that is taken first.

        An IDX file may lie there unpacked, and with a dot before its kind, as some archives have it.
        """
        if not self.contents_hash:
            return (self.name,)
        plain = self.name.removesuffix(".gz")
        return tuple(name + end for end in ("", ".gz") for name in (plain, plain.replace("-idx", ".idx")))


@dataclass(frozen=True)
class Layout:
    """One way in which a data set may lie in a data folder.

    ``kind`` says how the files are read, ``folder`` where they lie ("" for the data folder itself). ``mirrors`` are the
    addresses before the files' names, in the order in which they are asked; empty where nobody serves them.
    ``note`` follows the data set's label wherever the images are not those published.
    """

    kind: str
    folder: str
    train: tuple[File, ...]
    test: tuple[File, ...]
    mirrors: tuple[str, ...] = ()
    note: str = ""
    source: str = ""

    @property
    def files(self) -> list[File]:
        return list(dict.fromkeys(self.train + self.test))


@dataclass(frozen=True)
class DataSet:
    """Facts about one data set.

    ``mean`` and ``std`` are per channel over the published training images, scaled to [0, 1]; empty where they are
    taken from the images at hand. ``mirrored`` says whether a mirror image keeps its class; a digit's does not.
    ``layouts`` are in the order in which they are looked for, and those with mirrors are downloaded.
    """

    name: str
    label: str
    source: str
    classes: tuple[str, ...]
    channels: int
    size: int
    train_images: int
    test_images: int
    val_images: int
    mirrored: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]
    layouts: tuple[Layout, ...]


def _typed(row: dict) -> dict | File | Layout:
    """What an object of catalog.json stands for; ``both`` are files that hold training and test images."""
    row = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    if "kind" in row:
        both = row.pop("both", ())
        return Layout(**{"train": both, "test": both, **row})
    return File(**row) if "name" in row else row


_FACTS = json.loads(Path(__file__).with_name("catalog.json").read_text("utf-8"), object_hook=_typed)
DATASETS: dict[str, DataSet] = {name: DataSet(name, **facts) for name, facts in _FACTS.items()}
