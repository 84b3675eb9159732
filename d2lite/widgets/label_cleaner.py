"""The most confident mistakes on one's own photographs, each to be kept, relabeled or dropped."""

from __future__ import annotations

import base64
import io

import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from PIL import Image
from torch.nn import functional as F

from ..data.corrections import read_corrections, write_corrections
from ..data.errors import DataFileError
from ..data.folder import images_in
from .base import Choice, Interactive, array

MOST = 60  # images
SIDE = 96  # rows and columns of the pictures that the page shows
QUALITY = 88  # of JPEG


def confident_mistakes(logits, labels) -> list[tuple[int, int, float]]:
    """The images that a network gets wrong: number, class and its probability; those of which it is surest come first.

    Raises:
        ValueError: ``logits`` are not (N, num_classes) finite numbers, for N labels.
    """
    logits, labels = array(logits).astype(float), array(labels)
    if logits.ndim != 2 or len(logits) != len(labels) or not np.isfinite(logits).all():
        raise ValueError(
            f"logits are {logits.shape}: give a finite number for each class of each of {len(labels):,} images."
        )
    shares = np.exp(logits - logits.max(1, keepdims=True))
    sure, taken = (shares / shares.sum(1, keepdims=True)).max(1), logits.argmax(1)
    wrong = np.nonzero(taken != labels)[0]
    order = wrong[np.argsort(-sure[wrong], kind="stable")]
    return [(int(row), int(taken[row]), float(sure[row])) for row in order]


def pictured(images: torch.Tensor) -> list[str]:
    """Images, uint8 (n, C, h, w), as JPEGs of ``SIDE`` pixels at most, each a data URL."""
    images = images.cpu()
    if images.numel() and max(images.shape[-2:]) > SIDE:
        side = SIDE / max(images.shape[-2:])
        images = F.interpolate(images.float(), scale_factor=side, mode="bilinear", antialias=True).round().byte()
    told = []
    for image in images.permute(0, 2, 3, 1).numpy():
        file = io.BytesIO()
        Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(file, "jpeg", quality=QUALITY)
        told.append(f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}")
    return told


class LabelCleaner(Interactive):
    """The images that a network gets wrong and is surest of, each to be kept as it is labeled, relabeled, or dropped.

    Each decision goes at once into ``corrections.csv`` in the folder of the images, which ``d2l.load`` of that folder
    honors. Decisions that stand there already are shown, and those on other images stay.

    Args:
        data: what ``d2l.load`` made of a folder of images.
        logits: (N, num_classes), those of the images of a split in its order: of ``data.val`` and ``data.test`` as they
            are iterated, of ``data.train`` as ``batch`` gives them. The network should not know these images.
        split: which split that is.
        most: how many images are shown.

    Raises:
        ValueError: ``data`` comes from no folder, or ``logits`` do not fit the split.
        DataFileError: ``corrections.csv`` does not fit the images.
    """

    pictures = traitlets.List(help="data URLs").tag(sync=True)
    files = traitlets.List(help="of each image, below the folder").tag(sync=True)
    labels = traitlets.List(help="the name of the class of each").tag(sync=True)
    taken = traitlets.List(help="the class that the network takes each for").tag(sync=True)
    sure = traitlets.List(help="and with which probability").tag(sync=True)
    classes = traitlets.List().tag(sync=True)
    decisions = traitlets.List(help="of each: nothing, keep, drop, or relabel, and then a class").tag(sync=True)
    which = Choice("all", "undecided", "decided")
    scripts = ("asked_notebook",)
    lean = True
    alt = (
        "Photographs that a network takes for another class than their label says, those first of which it is surest, "
        "with buttons that keep the label, change it, or drop the photograph."
    )

    def __init__(self, data, logits, split: str = "val", most: int = 24, **settings):
        if getattr(data, "folder", None) is None:
            raise ValueError('data comes from no folder of images: give what d2l.load("folder") returns.')
        part, self._folder = getattr(data, split), data.folder
        found = confident_mistakes(logits, part.labels)[: max(0, min(most, MOST))]
        rows = [row for row, _, _ in found]
        files = [part.files[row].relative_to(data.folder).as_posix() for row in rows]
        self._written = self._read(data.classes)
        super().__init__(
            pictures=pictured(part.images[torch.tensor(rows, dtype=torch.long)]), files=files,
            labels=[data.classes[int(part.labels[row])] for row in rows], classes=[*data.classes],
            taken=[data.classes[label] for _, label, _ in found], sure=[round(sure, 4) for _, _, sure in found],
            decisions=[[*self._written.get(file, ("", ""))] for file in files], **settings,
        )  # fmt: skip
        self.on_msg(self._told)

    def _read(self, classes) -> dict[str, tuple[str, str]]:
        """What the table says: of dropped images too, which ``data`` does not have."""
        there = {path.relative_to(self._folder).as_posix() for path in images_in(self._folder)}
        return read_corrections(self._folder, there, classes)

    def picture(self) -> Figure:
        """The first of the mistakes, with their labels and what the network says."""
        shown = min(len(self.pictures), 12)
        figure = Figure(figsize=(6.4, 2.0 if shown <= 6 else 3.6), layout="constrained")
        grid = figure.subplots(1 if shown <= 6 else 2, 6, squeeze=False).flat
        for at, axes in enumerate(grid):
            axes.axis("off")
            if at < shown:
                content = base64.b64decode(self.pictures[at].partition(",")[2])
                axes.imshow(np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))
                axes.set_title(f"label: {self.labels[at]}\n{self.taken[at]}, {self.sure[at]:.0%}?", fontsize=7)
        if not shown:
            figure.text(0.5, 0.5, "The network makes no mistake on these images.", ha="center")
        return figure

    def _decide(self, file: object, decision: object, name: object) -> None:
        """Take a decision into the table; an empty one takes it back. Raises ValueError where it is none."""
        if file not in self.files:
            raise ValueError("there is no such image here")
        if decision not in ("", "keep", "drop", "relabel") or (decision == "relabel" and name not in self.classes):
            raise ValueError("there is no such decision")
        written = {**self._read(self.classes), file: (decision, name if decision == "relabel" else "")}
        if not decision:
            del written[file]
        write_corrections(self._folder, written)
        self._written = written

    def _told(self, widget, content, buffers) -> None:
        """The page decides about an image, and gets an answer with the same number."""
        if not isinstance(content, dict):
            return
        done = {}
        try:
            if "file" in content:
                self._decide(content["file"], content.get("decision"), content.get("class"))
        except (ValueError, DataFileError) as error:
            done = {"problem": str(error)}
        except OSError as error:
            done = {"problem": error.strerror or str(error)}
        # What the page shows was in the trait before it was written: only what the table holds is true.
        self.decisions = [[*self._written.get(file, ("", ""))] for file in self.files]
        self.send({**done, "id": content.get("id"), "decisions": self.decisions})
