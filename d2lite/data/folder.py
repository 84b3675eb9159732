"""Images of one's own: a folder with a folder for each class, as torchvision's ``ImageFolder`` takes it."""

import itertools
import os
import re
import unicodedata
import warnings
from collections.abc import Callable, Hashable
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ..machine import devices
from ..machine.printing import how_many, in_notebook, printable
from .assemble import LARGEST_SHARE, capped, fixed_order, image_data, moments
from .catalog import DATASETS
from .corrections import DECISIONS, FILE, CorrectionsError, read_corrections
from .errors import DataError, ImageFileError
from .pictures import SUFFIXES, Photographs, decoded
from .scenes import Rows, check_scenes, numbered, whole_scenes
from .splits import ImageData

SIZE = 224  # pixels, where nobody says: what most networks for photographs are made for
PARTS = {"train": ("train", "training"), "val": ("val", "valid", "validation", "dev"), "test": ("test", "testing")}
LITTER = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")  # machines put it there
Scene = Callable[[Path], Hashable]
SAMPLE = 1000  # images from which mean and standard deviation are taken where not all are in memory


def load_folder(
    folder: Path, size: int, batch_size: int, *, quick_images: int, augment: bool, device: torch.device,
    all_sound: bool, group: Scene | None = None, normalize: tuple[list[float], list[float]] | None = None,
) -> ImageData:  # fmt: skip
    """The images of ``folder`` as :func:`d2lite.load` gives them.

    Raises:
        DataError: it is not laid out so, has too few images, or a table of corrections that does not fit it.
        ImageFileError: with ``all_sound``, an image cannot be decoded.
        ValueError: a batch would be larger than the training split.
    """
    classes, paths, labels, rows = _survey(folder, group)
    labels, rows = _corrected(folder, classes, paths, labels, rows)
    rows, totals = capped(rows, quick_images, batch_size)
    needed = sum(map(len, rows.values())) * size**2 * 3
    keep = needed <= LARGEST_SHARE * devices.free_memory(torch.device("cpu"))
    arrays, files, left_out = {}, {}, []
    for part, index in rows.items():
        images, sound = np.empty((len(index) if keep else 0, size, size, 3), np.uint8), []
        for row, picture in zip(index, _watched([paths[row] for row in index], size)):
            if isinstance(picture, ImageFileError):
                left_out.append(picture)
            else:
                images[len(sound) : len(sound) + keep] = picture
                sound.append(row)
        totals[part] += len(sound) - len(index)
        if not sound or (left_out and all_sound):
            raise left_out[0]
        files[part] = [paths[row] for row in sound]
        arrays[part] = images[: len(sound)] if keep else Photographs(files[part], size), labels[sound]
    if left_out:
        named = ", ".join(f"{error.path} {error.problem}" for error in left_out[:3])
        more = f" and {len(left_out) - 3:,} more" if len(left_out) > 3 else ""
        print(printable(f"Left out: {named}{more}. With fallback=False this is an error."))
    mean, std = normalize or moments(np.asarray(arrays["train"][0][: None if keep else SAMPLE]))
    name = Path(os.path.abspath(folder)).name
    return image_data(
        name, name, classes, arrays, mean=mean, std=std, channels=3, size=size, batch_size=batch_size, augment=augment,
        device=device, totals=totals, quick_images=quick_images, folder=folder, files=files,
    )  # fmt: skip


def _watched(paths: list[Path], size: int):
    """The pictures, with a bar where someone can watch it and it takes a while."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's do not say of which file they are
        warnings.filterwarnings("error", "Image size")  # but this is named: it might fill the memory
        shown = {"disable": False if in_notebook() else None, "delay": 2, "leave": False, "unit": " images"}
        yield from tqdm(decoded(paths, size), "Decoding", len(paths), **shown)


def _survey(folder: Path, group: Scene | None) -> tuple[list[str], list[Path], np.ndarray, Rows]:
    """The classes of ``folder``, the paths of all its images, their labels, and for each split its images' numbers."""
    there = {name.lower(): folder / name for name in folders_in(folder)}
    named = [(part, there[name]) for part, names in PARTS.items() for name in reversed(names) if name in there]
    tops = {part: top for part, top in named if folders_in(top)}  # a test without classes tells nothing
    dealt = "train" in tops
    tops = tops if dealt else {"train": folder}
    # A class may be called train, beside a bus, but hardly another val or test.
    splits = {top.name for _, top in named} if len(dict(named)) > 1 and not dealt else set()
    classes = sorted({name for top in tops.values() for name in folders_in(top)} - splits)
    taken = [top.name for top in tops.values()] if dealt else classes
    beside = ", ".join(name for name in folders_in(folder) if name not in taken)
    if len(classes) < 2:
        also = f" beside {beside}" if beside and not dealt else ""
        raise DataError(
            f"{tops['train']} holds {how_many(len(classes), 'folder')} of a class{also}, and "
            f"it takes two. Images of your own lie as in {folder / 'cat' / '1.jpg'} "
            f"and {folder / 'dog' / '2.jpg'}, perhaps below train, val and test. "
            f"Data sets by name: {', '.join(DATASETS)}."
        )
    if beside:
        print(printable(f"Not loaded: {beside}. Of {folder}, {', '.join(taken)} are."))
    alike = {}
    for name in classes:
        alike.setdefault(spelled(name), []).append(name)
    if twice := [" and ".join(map(repr, names)) for names in alike.values() if len(names) > 1]:
        print(printable(f"Two spellings of one class? {'; '.join(twice)} are loaded as classes of their own."))
    paths, labels, parts = [], [], []
    for (part, top), (label, name) in itertools.product(tops.items(), enumerate(classes)):
        found = images_in(top / name)
        paths, labels, parts = paths + found, labels + [label] * len(found), parts + [part] * len(found)
    labels, parts = np.array(labels, np.int64), np.array(parts)
    counts = np.bincount(labels[parts == "train"], minlength=len(classes))
    if not counts.all():
        raise DataError(
            f"{tops['train'] / classes[counts.argmin()]} holds no images to train with, and each folder stands for a "
            f"class, also in val and test. Remove it, or put images in it; their names end in {', '.join(SUFFIXES)}."
        )
    scenes = None if group is None else numbered(map(group, paths))
    rows = _shared_out(labels, parts, counts, scenes)
    if scenes is not None:
        check_scenes(classes, paths, labels, scenes, rows, {*tops} - {"train"})
    if not len(rows["val"]) or not len(rows["test"]):
        raise DataError(f"{folder} has too few images to hold some out: give a class at least 3, better 30.")
    return classes, paths, labels, rows


def spelled(name: str) -> str:
    """``name`` of a class without what people spell differently: case, and spaces, hyphens or underscores."""
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", name).casefold()).strip()


def _corrected(
    folder: Path, classes: list[str], paths: list[Path], labels: np.ndarray, rows: Rows
) -> tuple[np.ndarray, Rows]:
    """``labels`` and ``rows`` as the table in ``folder`` corrects them; splits were dealt before, and stay."""
    files = {path.relative_to(folder).as_posix(): row for row, path in enumerate(paths)}
    found = read_corrections(folder, files, classes)
    labels, dropped = labels.copy(), np.zeros(len(labels), bool)
    for file, (decision, name) in found.items():
        dropped[files[file]] = decision == "drop"
        if decision == "relabel":
            labels[files[file]] = classes.index(name)
    rows = {part: index[~dropped[index]] for part, index in rows.items()}
    counts = np.bincount(labels[rows["train"]], minlength=len(classes))
    if not counts.all() or not all(map(len, rows.values())):
        lacks = "a split is" if counts.all() else f"{classes[counts.argmin()]} is, in the training split,"
        raise CorrectionsError(folder / FILE, f"leaves too few images: {lacks} without any")
    if found:
        told = [sum(said == decision for said, _ in found.values()) for decision in DECISIONS]
        kept, relabeled, gone = (f"{count:,} {word}" for count, word in zip(told, ("kept", "relabeled", "dropped")))
        print(printable(f"{FILE}: {relabeled}, {gone}, {kept}."))
    return labels, rows


def folders_in(top: Path) -> list[str]:
    """The names of the folders in ``top``, in ``ImageFolder``'s order of classes."""
    return sorted(entry.name for entry in os.scandir(top) if entry.is_dir() and is_meant(entry.name))


def is_meant(name: str) -> bool:
    """Whether a name is of something that people put there, not a system or a program."""
    return not name.startswith(".") and name not in LITTER


def images_in(top: Path) -> list[Path]:
    """All files in ``top`` and its folders that are images by their names, in an order that no file system decides."""
    found, seen = [], set(map(str, Path(os.path.realpath(top)).parents))  # a link up leads to the other classes
    for place, folders, files in os.walk(top, followlinks=True):
        new = (real := os.path.realpath(place)) not in seen  # links may lead in circles
        seen.add(real)
        folders[:] = sorted(filter(is_meant, folders)) if new else []
        found += [Path(place, name) for name in files if new and is_meant(name) and name.lower().endswith(SUFFIXES)]
    return sorted(found, key=lambda path: path.parts)


def _shared_out(labels: np.ndarray, parts: np.ndarray, counts: np.ndarray, scenes: np.ndarray | None) -> Rows:
    """For each split the numbers of its images, in a fixed order.

    One without a folder gets a tenth of each class to train with, rounded up, where there are three. Of ``scenes``, a
    number for each image, it gets whole ones.
    """
    order = fixed_order().permutation(len(labels))
    rows = {part: order[parts[order] == part] for part in PARTS}
    for part in ("val", "test"):
        if not len(rows[part]):
            rest, held = rows["train"], np.zeros(len(labels), bool)
            for label, count in enumerate(counts):
                own, most = rest[labels[rest] == label], -(-count // 10) if count > 2 else 0
                if scenes is None:
                    held[own[:most]] = True
                else:
                    held |= np.isin(scenes, whole_scenes(scenes[own], most - held[own].sum()))
            held[parts != "train"] = False
            rows[part], rows["train"] = rest[held[rest]], rest[~held[rest]]
    return rows
