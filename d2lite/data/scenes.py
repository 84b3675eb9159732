"""Scenes, of which several images show the same: all of one scene belong into one split."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..machine.printing import how_many
from .errors import DataError

Rows = dict[str, np.ndarray]  # for each split the numbers of its images


def numbered(scenes: Iterable[Hashable]) -> np.ndarray:
    """A number for each image, the same where its scene is."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(scene, len(known)) for scene in scenes])


def whole_scenes(scenes: np.ndarray, most: int) -> list[int]:
    """Of the ``scenes`` of a class's images those to hold out: as many as have ``most`` images, and at least one.

    Earlier images go first, in an order that is a fixed permutation. Where ``most`` is not above 0, none is held out.
    """
    if most <= 0 or not len(scenes):
        return []
    names, first, sizes = np.unique(scenes, return_index=True, return_counts=True)
    chosen, held = [], 0
    for at in np.argsort(first):
        if held + sizes[at] <= most:
            chosen, held = [*chosen, int(names[at])], held + sizes[at]
    return chosen or [int(names[sizes.argmin()])]


def check_scenes(
    classes: Sequence[str], paths: Sequence[Path], labels: np.ndarray, scenes: np.ndarray,
    rows: Mapping[str, np.ndarray], given: Collection[str],
) -> None:  # fmt: skip
    """Raise DataError where a scene lies in two splits, or a class has too few for those that are not ``given``."""
    where: dict[int, tuple[str, Path]] = {}
    for part, index in rows.items():
        for row in index:
            before, path = where.setdefault(int(scenes[row]), (part, paths[row]))
            if before != part:
                raise DataError(
                    f"{path} is in {before} and {paths[row]} in {part}, and by group both show one scene, so that the "
                    "network has seen what it is tested on. Move one of them to the other's split."
                )
    for part, index in rows.items():
        for label in sorted({*range(len(classes))} - {*labels[index].tolist()} if part not in given else ()):
            count = len({*scenes[labels == label].tolist()})
            raise DataError(
                f"{classes[label]} has images of {how_many(count, 'scene')}, and none is left for {part}: a class "
                "needs a scene for each split. Take photographs in another place, or on another day."
            )
