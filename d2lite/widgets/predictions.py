"""Test images by class and by network: what is got right, what is taken for what, and where networks disagree."""

from __future__ import annotations

import base64

import numpy as np
import traitlets
from matplotlib.figure import Figure

from .base import Choice, Interactive, Number

MOST = 120  # images
EVERY = "every class"
WHICH = ("wrong", "right", "networks disagree", "all")


def array(values) -> np.ndarray:
    """A tensor, on whatever device, or what numpy understands."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def answer(name: str, given, images: int) -> dict:
    """``name``, ``predicted``, a class for each image, and ``sure``, its probability, empty where that is not known.

    ``given`` holds classes, or a row for each image: probabilities, or logits, which become probabilities.
    """
    given = array(given)[:images]
    if given.ndim != 2:
        return {"name": name, "predicted": [int(value) for value in given.ravel()], "sure": []}
    if given.min() < 0 or abs(given.sum(1) - 1).max() > 1e-3:
        given = np.exp(given - given.max(1, keepdims=True))
        given = given / given.sum(1, keepdims=True)
    return {"name": name, "predicted": given.argmax(1).tolist(), "sure": given.max(1).astype(float).round(4).tolist()}


def selected(
    labels: list[int], answers: dict[str, list[int]], network: str, which: str, label: int | None
) -> list[int]:
    """Numbers of the images of class ``label`` (None: of every class) of which ``which`` is true."""
    rules = {
        "all": lambda image: True,
        "right": lambda image: answers[network][image] == labels[image],
        "wrong": lambda image: answers[network][image] != labels[image],
        "networks disagree": lambda image: len({predicted[image] for predicted in answers.values()}) > 1,
    }
    return [image for image, true in enumerate(labels) if label in (None, true) and rules[which](image)]


def confusion(labels: list[int], predicted: list[int], label: int, classes: int) -> list[int]:
    """How many images of class ``label`` are taken for each class."""
    taken = [guess for true, guess in zip(labels, predicted) if true == label]
    return [taken.count(guess) for guess in range(classes)]


class PredictionBrowser(Interactive):
    """Small grey test images with what networks take them for.

    Args:
        images: (N, H, W) or (N, 1, H, W); uint8 or bool, or numbers that are stretched from 0 to 255. At most ``MOST``
            are shown, the first ones.
        labels: N true classes.
        classes: their names.
        answers: for each network N classes, or N rows of probabilities or logits.
        label: the class shown first, or ``EVERY``.
        network: whose answers are shown first.
        which: images shown first, one of ``WHICH``.
        image: the image that is described first, counted within those shown.
    """

    pixels = traitlets.Unicode(help="base64, a byte a pixel").tag(sync=True)
    size = traitlets.List(help="rows and columns of an image").tag(sync=True)
    labels = traitlets.List().tag(sync=True)
    classes = traitlets.List().tag(sync=True)
    answers = traitlets.List(help="name, predicted, sure of each network").tag(sync=True)
    label = traitlets.Any(EVERY).tag(sync=True)
    network = traitlets.Any("").tag(sync=True)
    which = Choice(*WHICH)
    image = Number(0, 0, MOST - 1)
    alt = (
        "Test images that a network gets wrong, each with its true class and what the network takes it for, and how "
        "often each class is taken for which."
    )

    def __init__(self, images=(), labels=(), classes=(), answers=None, **settings):
        images, labels = array(images)[:MOST], [int(label) for label in array(labels).ravel()[:MOST]]
        if images.dtype not in (np.uint8, np.bool_):
            low, high = (images.min(), images.max()) if images.size else (0, 1)
            images = (255 * (images - low) / max(high - low, 1e-9)).round()
        elif images.dtype == np.bool_:
            images = 255 * images
        images = images.reshape(len(images), *images.shape[-2:]) if images.size else np.zeros((0, 28, 28))
        answers = [answer(str(name), given, len(images)) for name, given in (answers or {}).items()]
        classes = [str(name) for name in classes]
        used = [labels, *(given["predicted"] for given in answers)]
        if any(len(values) != len(images) for values in used):
            raise ValueError(f"{len(images)} images need as many labels and answers, not {[*map(len, used)]}")
        if any(not 0 <= value < len(classes) for values in used for value in values):
            raise ValueError(
                f"labels and answers must be from 0 to {len(classes) - 1}: there are {len(classes)} classes"
            )
        pixels = base64.b64encode(images.astype(np.uint8).tobytes()).decode()
        data = {"pixels": pixels, "size": list(images.shape[1:]), "labels": labels, "classes": classes}
        super().__init__(**data, answers=answers, **settings)
        self.label = self.label if self.label in classes else EVERY
        self.network = self.network if self.network in self.predicted() else next(iter(self.predicted()), "")

    def predicted(self) -> dict[str, list[int]]:
        """The classes that each network answers with."""
        return {given["name"]: given["predicted"] for given in self.answers}

    def shown(self) -> list[int]:
        """Numbers of the images that the present choice shows."""
        if not self.answers:
            return []
        label = None if self.label == EVERY else self.classes.index(self.label)
        return selected(self.labels, self.predicted(), self.network, self.which, label)

    def picture(self) -> Figure:
        shown = self.shown()[:24]
        rows = max(1, -(-len(shown) // 8))
        figure = Figure(figsize=(6.4, 0.4 + 1.15 * rows), layout="constrained")
        figure.suptitle(
            f"{self.network}: {self.which}, {self.label}: {len(self.shown())} of {len(self.labels)} images", fontsize=9
        )
        data = np.frombuffer(base64.b64decode(self.pixels), np.uint8).reshape(-1, *self.size)
        for axes, image in zip(
            figure.subplots(rows, 8, squeeze=False).flat, [*shown, *[None] * (8 * rows - len(shown))]
        ):
            axes.axis("off")
            if image is not None:
                axes.imshow(data[image], cmap="gray", vmin=0, vmax=255)
                true, taken = (self.classes[k] for k in (self.labels[image], self.predicted()[self.network][image]))
                axes.set_title(f"{true}\n→ {taken}", fontsize=6)
        return figure
