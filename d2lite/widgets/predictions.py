"""Test images by class and by network: what is got right, what is taken for what, and where networks disagree."""

from __future__ import annotations

import base64
import io

import numpy as np
import traitlets
from matplotlib.figure import Figure
from PIL import Image

from .base import Choice, Interactive, Number, array

MOST = 120  # images
LARGEST = 256  # rows and columns of an image
BLOCK = 8  # rows and columns that JPEG packs together
LOSSLESS = 64_000  # bytes of the largest sheet that is stored as PNG
QUALITY = 90  # of JPEG: CIFAR-10 is on average 2 of 255 off, in a fifth of the bytes of PNG
EVERY = "every class"
ANY = "any class"
WHICH = ("wrong", "right", "networks disagree", "all networks wrong", "all")


def finite(given, who: str, most: int | None = MOST) -> np.ndarray:
    """The first ``most`` entries as an array; ``who`` begins the message of the ValueError where one is not finite."""
    try:
        found = np.atleast_1d(array(given))[:most]
        fine = bool(np.isfinite(found).all())
    except (TypeError, ValueError):
        raise ValueError(f"{who} what is no array of numbers: {given!r:.60}") from None
    if not fine:
        raise ValueError(f"{who} numbers that are infinite or none")
    return found


def whole(values: np.ndarray, classes: int, who: str) -> list[int]:
    """Classes, one for each image. Raises ValueError where one is none."""
    if any(value not in range(classes) for value in values.ravel().tolist()):
        raise ValueError(f"{who} must be whole numbers from 0 to {classes - 1}: there are {classes} classes")
    return [int(value) for value in values.ravel()]


def pair(name: str, predicted, probability, classes: int) -> dict:
    """What :func:`answer` returns, of a class and its probability for each image, as a stored run has them.

    Raises:
        ValueError: there are not as many of one as of the other, or a probability is not from 0 to 1.
    """
    predicted = whole(finite(predicted, f"{name} answers with"), classes, f"answers of {name}")
    sure = finite(probability, f"probabilities of {name} hold").astype(float)
    if sure.shape != (len(predicted),):
        raise ValueError(f"{name} answers with {len(predicted)} classes and probabilities of shape {sure.shape}")
    if ((sure < 0) | (sure > 1)).any():
        raise ValueError(f"probabilities of {name} must be from 0 to 1: divide bytes by 255")
    return {"name": name, "predicted": predicted, "sure": sure.round(4).tolist(), "shares": []}


def answer(name: str, given, classes: int) -> dict:
    """``name``; ``predicted``, a class for each image; ``sure``, its probability; ``shares``, those of all classes.

    The last two are empty where they are not known.

    ``given`` holds classes; or a row for each image: probabilities, or logits, which become probabilities; or is a
    tuple of two lists or arrays, the classes and their probabilities.
    """
    if isinstance(given, tuple) and len(given) == 2 and all(np.ndim(part) for part in given):
        return pair(name, *given, classes)
    given = finite(given, f"{name} answers with")
    if given.ndim != 2:
        return {"name": name, "predicted": whole(given, classes, f"answers of {name}"), "sure": [], "shares": []}
    if given.shape[1] != classes:
        raise ValueError(f"{name} answers with rows of {given.shape[1]} numbers, and there are {classes} classes")
    rows = given.astype(float)
    # Probabilities add up to 1, those of half precision only nearly.
    if rows.min(initial=0) < 0 or abs(rows.sum(1) - 1).max(initial=0) > 0.01:
        rows = np.exp(rows - rows.max(1, keepdims=True))
    rows = rows / rows.sum(1, keepdims=True)
    shares, sure = rows.round(3).tolist(), rows.max(1).round(4).tolist()
    return {"name": name, "predicted": given.argmax(1).tolist(), "sure": sure, "shares": shares}


def as_bytes(given) -> np.ndarray:
    """Images as bytes, gray (n, H, W) or color (n, H, W, 3). Raises ValueError where they are no such images."""
    images = finite(given, "images hold")
    if not images.size:
        return np.zeros((0, 28, 28), np.uint8)
    if not (images.ndim == 3 or (images.ndim == 4 and images.shape[1] in (1, 3))):
        raise ValueError(
            f"images are {images.shape}: give (N, H, W), (N, 1, H, W) or, of color ones, (N, 3, H, W), where the "
            "channels come before rows and columns"
        )
    if max(images.shape[-2:]) > LARGEST:
        raise ValueError(f"images are {images.shape}: give small ones, of {LARGEST} × {LARGEST} pixels at most")
    if images.ndim == 4:
        images = images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
    if images.dtype == np.uint8:
        return images
    numbers = images.astype(float)
    low, high = (0, 1) if images.dtype == np.bool_ else (numbers.min(), numbers.max())
    return (255 * (numbers - low) / max(high - low, 1e-9)).round().astype(np.uint8)


def packed(images: np.ndarray) -> str:
    """Images as one picture, a data URL: a sheet with one below the other; empty where there are none.

    Each has whole blocks of JPEG for itself, and colors keep their full resolution, so that no image shows in the next.
    A small sheet, as of gray images, loses nothing: it is PNG. JPEG is for color, of which PNG would take most of the
    bytes that a notebook may have.
    """
    if not len(images):
        return ""
    missing = [(0, -side % BLOCK) for side in images.shape[1:3]]
    cells = np.pad(images, [(0, 0), *missing, *[(0, 0)] * (images.ndim - 3)], mode="edge")
    sheet, file = Image.fromarray(cells.reshape(-1, *cells.shape[2:])), io.BytesIO()
    sheet.save(file, "png", optimize=True)
    kind = "png" if file.tell() <= LOSSLESS else "jpeg"
    if kind == "jpeg":
        file = io.BytesIO()
        sheet.save(file, kind, quality=QUALITY, subsampling=0, optimize=True)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def unpacked(sheet: str, rows: int, columns: int) -> np.ndarray:
    """The images of a sheet, (n, rows, columns, 3) bytes, as the page shows them."""
    picture = Image.open(io.BytesIO(base64.b64decode(sheet.partition(",")[2]))).convert("RGB")
    cells = np.asarray(picture).reshape(-1, rows + -rows % BLOCK, picture.width, 3)
    return cells[:, :rows, :columns]


def selected(
    labels: list[int],
    answers: dict[str, list[int]],
    network: str,
    which: str,
    label: int | None,
    taken: int | None = None,
) -> list[int]:
    """Numbers of the images of class ``label`` of which ``which`` is true, and which ``network`` takes for ``taken``.

    None stands for every class.
    """
    rules = {
        "all": lambda image: True,
        "right": lambda image: answers[network][image] == labels[image],
        "wrong": lambda image: answers[network][image] != labels[image],
        "networks disagree": lambda image: len({predicted[image] for predicted in answers.values()}) > 1,
        "all networks wrong": lambda image: all(predicted[image] != labels[image] for predicted in answers.values()),
    }
    fits = [image for image in range(len(labels)) if taken in (None, answers[network][image])]
    return [image for image in fits if label in (None, labels[image]) and rules[which](image)]


def shared(
    labels: list[int], answers: dict[str, list[int]], network: str, label: int | None
) -> dict[str, tuple[int, int]]:
    """How many mistakes of ``network`` each other one makes too, and in how many of them it says the same class."""
    wrong = selected(labels, answers, network, "wrong", label)
    both = {
        name: [image for image in wrong if said[image] != labels[image]]
        for name, said in answers.items()
        if name != network
    }
    alike = {name: sum(answers[name][i] == answers[network][i] for i in images) for name, images in both.items()}
    return {name: (len(images), alike[name]) for name, images in both.items()}


def confusion(labels: list[int], predicted: list[int], label: int, classes: int) -> list[int]:
    """How many images of class ``label`` are taken for each class."""
    taken = [guess for true, guess in zip(labels, predicted) if true == label]
    return [taken.count(guess) for guess in range(classes)]


def counted(labels: list[int], name: str, given, classes: int) -> list[list[int]]:
    """How many images of each class (row) are taken for each one (column), of as many answers as there are labels.

    Raises:
        ValueError: there are not as many answers as labels, or they are no classes.
    """
    given = finite(given[0] if isinstance(given, tuple) else given, f"{name} answers with", None)
    predicted = whole(given.argmax(1) if given.ndim == 2 else given, classes, f"answers of {name}")
    if len(predicted) != len(labels):
        raise ValueError(f"{name} answers {len(predicted)} times, and there are {len(labels)} labels of all images")
    table = np.zeros((classes, classes), int)
    np.add.at(table, (labels, predicted), 1)
    return table.tolist()


class PredictionBrowser(Interactive):
    """Small test images, gray or in color, with what networks take them for.

    Arrays and tensors, which may be on any device, have a gradient and be of any kind of float.

    Args:
        images: gray (N, H, W) or (N, 1, H, W), or color (N, 3, H, W), at most ``LARGEST`` pixels high and wide; uint8
            or bool, or numbers that are stretched from 0 to 255, all channels alike. At most ``MOST`` are shown, the
            first ones.
        labels: N true classes, from 0.
        classes: their names, C of them.
        answers: for each network, by its name, N classes, or (N, C) probabilities or logits, or a tuple of N classes
            and their N probabilities, from 0 to 1.
        label: the class shown first, or ``EVERY``.
        taken: the class that images shown first are taken for by the network, or ``ANY``.
        network: whose answers are shown first; without it, those of the first one.
        which: images shown first, one of ``WHICH``.
        image: the image that is described first, counted within those shown.
        all_labels: the labels of a whole test set, whose first images are shown. Answers are then as many, and the
            squares count all of them.

    Raises:
        ValueError: images have another shape, as (N, H, W, 3), or are too large; labels or answers are not N, or not
            from 0 to C - 1; a row of an answer does not have C numbers; there are not N probabilities, or one is not
            from 0 to 1; something is infinite or no number.
    """

    pixels = traitlets.Unicode(help="the images one below the other, a data URL").tag(sync=True)
    size = traitlets.List(help="rows and columns of an image").tag(sync=True)
    labels = traitlets.List().tag(sync=True)
    classes = traitlets.List().tag(sync=True)
    answers = traitlets.List(help="name, predicted, sure, shares of each network").tag(sync=True)
    counts = traitlets.Dict(help="of each network, C × C: what each class of a whole test set is taken for").tag(
        sync=True
    )
    label = traitlets.TraitType(EVERY).tag(sync=True)  # not Any, whose None is never checked
    taken = traitlets.TraitType(ANY).tag(sync=True)
    network = traitlets.TraitType("").tag(sync=True)
    which = Choice(*WHICH)
    image = Number(0, 0, MOST - 1)
    lean = True
    alt = (
        "Test images that a network gets wrong, each with its true class and what the network takes it for, and how "
        "often each class is taken for which."
    )

    def __init__(self, images=(), labels=(), classes=(), answers=None, all_labels=None, **settings):
        images, classes, counts_of_all = as_bytes(images), [str(name) for name in classes], {}
        if all_labels is not None:
            everyone = whole(finite(all_labels, "all labels hold", None), len(classes), "all labels")
            given = (answers or {}).items()
            counts_of_all = {str(name): counted(everyone, str(name), each, len(classes)) for name, each in given}
        labels = whole(finite(labels, "labels hold"), len(classes), "labels")
        answers = [answer(str(name), given, len(classes)) for name, given in (answers or {}).items()]
        counts = [len(labels), *(len(given["predicted"]) for given in answers)]
        if any(count != len(images) for count in counts):
            raise ValueError(f"{len(images)} images need as many labels and answers, not {counts}")
        size = list(images.shape[1:3])
        data = {"pixels": packed(images), "size": size, "labels": labels, "classes": classes}
        data |= {"counts": counts_of_all}
        super().__init__(**data, answers=answers, **settings)

    @traitlets.validate("label", "taken", "network")
    def _there(self, proposal):
        first = {"label": EVERY, "taken": ANY}.get(proposal["trait"].name)
        options = [first, *self.classes] if first else [*self.predicted()] or [""]
        value = proposal["value"]
        return value if isinstance(value, str) and value in options else options[0]

    @traitlets.observe("answers", "classes")
    def _bring_back(self, change):
        """What was chosen may not be there any more."""
        self.label, self.taken, self.network = self.label, self.taken, self.network

    def predicted(self) -> dict[str, list[int]]:
        """The classes that each network answers with."""
        return {given["name"]: given["predicted"] for given in self.answers}

    def shown(self) -> list[int]:
        """Numbers of the images that the present choice shows."""
        if not self.answers:
            return []
        label, taken = (
            None if chosen in (EVERY, ANY) else self.classes.index(chosen) for chosen in (self.label, self.taken)
        )
        return selected(self.labels, self.predicted(), self.network, self.which, label, taken)

    def picture(self) -> Figure:
        shown = self.shown()[:24]
        rows = max(1, -(-len(shown) // 8))
        figure = Figure(figsize=(6.4, 0.4 + 1.15 * rows), layout="constrained")
        figure.suptitle(
            f"{self.network}: {self.which}, {self.label}: {len(self.shown())} of {len(self.labels)} images", fontsize=9
        )
        images = unpacked(self.pixels, *self.size) if shown else []
        for axes, image in zip(
            figure.subplots(rows, 8, squeeze=False).flat, [*shown, *[None] * (8 * rows - len(shown))]
        ):
            axes.axis("off")
            if image is not None:
                axes.imshow(images[image])
                true, taken = (self.classes[k] for k in (self.labels[image], self.predicted()[self.network][image]))
                axes.set_title(f"{true}\n→ {taken}", fontsize=6)
        return figure
