"""Photographs from the reader's disk or camera, saved where the notebook runs: a folder for each class."""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from ..data.folder import folders_in, is_meant, spelled
from ..data.pictures import SUFFIXES, colors
from ..files import path_of, write_atomically
from ..machine.printing import how_many
from ..nets.weights import pretrained
from .base import HERE, Choice, Interactive
from .photos import CREDITS, photo

LARGEST = 8 << 20  # bytes of a photograph as the page sends it, which has shrunk it before
SMALLEST = 8  # rows and columns
MOST = 5000  # photographs in the folder
LONGEST = 60  # characters of a name
SIDE, NEWEST = 213, 6  # pixels of a photograph that the lens opens, and how many of the folder it offers
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')  # in names of files, on one system or another


class Refused(Exception):
    """A photograph is not saved; says why, for the reader."""


def class_name(given: object) -> str:
    """``given`` as the name of a folder. Raises Refused where it cannot be one."""
    name = unicodedata.normalize("NFC", given).strip() if isinstance(given, str) else ""
    if not name or not is_meant(name) or name.endswith(".") or FORBIDDEN.search(name):
        raise Refused(f"{given!r:.80} cannot be the name of a folder: use letters, digits and spaces")
    if len(name) > LONGEST:
        raise Refused(f"the name of a class may have {LONGEST} characters")
    return name


def file_name(given: object) -> str:
    """A name for a file, without its ending, that every system takes, like that of the file ``given``."""
    name = unicodedata.normalize("NFC", given) if isinstance(given, str) else ""
    name = re.sub(r"\.\w{1,5}$", "", FORBIDDEN.sub("-", name))
    return name.strip(" .-")[:LONGEST] or "photo"


def photograph(data: object) -> bytes:
    """The bytes of a JPEG, from their base64. Raises Refused where they are none that can be decoded."""
    from PIL import Image

    if not isinstance(data, str) or len(data) > LARGEST * 4 / 3 + 4:
        raise Refused(f"it is larger than {LARGEST >> 20} MB, even after the page has shrunk it")
    try:
        content = base64.b64decode(data, validate=True)
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
            if min(image.size) < SMALLEST:
                raise Refused(f"it has {image.width} × {image.height} pixels, too few to show anything")
            image.load()
    except (OSError, ValueError, binascii.Error, Image.DecompressionBombError) as error:
        raise Refused(f"it cannot be decoded ({error})") from None
    return content


@lru_cache(maxsize=1)
def _known():
    return pretrained()


def seen(pixels: object) -> dict:
    """What the small trained network says of a picture: logits, and how much each place speaks for each class.

    Raises Refused where ``pixels`` are not the base64 of a byte for each color of each pixel.
    """
    known = _known()
    try:
        values = np.frombuffer(base64.b64decode(pixels, validate=True), np.uint8)
        picture = torch.tensor(values.reshape(known.size, known.size, 3)).permute(2, 0, 1) / 255
    except (TypeError, ValueError, binascii.Error):
        raise Refused("these are no pixels for the network") from None
    mean, std = (torch.tensor(each)[:, None, None] for each in (known.mean, known.std))
    last = known.net.head[-1]
    with torch.no_grad():
        maps = torch.einsum(
            "oc,chw->ohw", last.weight, known.net.stages(known.net.stem(((picture - mean) / std)[None]))[0]
        )
    logits = maps.mean((1, 2)) + last.bias.detach()
    return {"classes": [*known.classes], "logits": logits.tolist(), "maps": maps.flatten(1).tolist()}


def small(image) -> str:
    """An image as the data URL of a small JPEG."""
    from PIL import ImageOps

    image = colors(ImageOps.exif_transpose(image))
    image.thumbnail((SIDE, SIDE))
    image.save(file := io.BytesIO(), "jpeg", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


class PhotoUpload(Interactive):
    """Look at photographs with the small trained network of ``pretrained``, and keep them as ``FOLDER/CLASS/NAME.jpg``.

    Photographs are dropped on a class, chosen, or taken with the camera. Then ``d2l.load(FOLDER)`` loads them. The page
    decodes each file, turns it upright, shrinks it, and sends it as JPEG without what the camera wrote beside it, such
    as the place. A file that cannot be decoded is named, and nothing is saved of it. A photograph that is in the folder
    already is not saved again. The names of photographs that were taken without closing the camera begin alike, up to
    ``_``, so that ``group`` of ``d2l.load`` can keep them together.

    Args:
        folder: where the photographs go; it is made with the first one.
        classes: names of classes, each with a place to drop photographs on. Those that have a folder there are added,
            and the reader can add more.

    Raises:
        ValueError: ``folder`` is no path, is a file, or a name cannot be that of a class.
    """

    folder = traitlets.Unicode().tag(sync=True)
    classes = traitlets.List(help="names, in order").tag(sync=True)
    counts = traitlets.List(help="photographs of each class").tag(sync=True)
    edge = Choice(512, 256, 1024, help="pixels of the shorter edge, at most")
    scripts = ("asked_notebook",)
    lean = True
    alt = (
        "A folder with a folder for each class. Photographs are dropped on a class, chosen from the disk, or taken "
        "with the camera, and become files in its folder."
    )

    def __init__(self, folder: str | os.PathLike = "photos", classes=("cat", "dog"), **settings):
        self._folder = path_of(folder)
        if self._folder.exists() and not self._folder.is_dir():
            raise ValueError(f"{folder} is a file: give the path of a folder, which need not exist.")
        if isinstance(classes, str):
            raise ValueError(f"classes is the text {classes!r}: give a list of names, such as ['cat', 'dog'].")
        try:
            named = [class_name(name) for name in classes]
        except Refused as error:
            raise ValueError(f"{error}.") from None
        self._named: list[str] = []
        self._saved: list[Path] = []  # by this interactive, the last one last
        super().__init__(folder=str(folder), **settings)
        for name in named:
            self._place(name)
        self._count()
        self.on_msg(self._told)

    def picture(self) -> Figure:
        """The folder as it is, with the places for photographs."""
        figure = Figure(figsize=(6.4, 2.0), layout="constrained")
        axes = figure.subplots()
        shown = list(zip(self.classes, self.counts))[:4]
        axes.text(0.05, 1.32, f"{self.folder}/", fontsize=10, family="monospace")
        for at, (name, count) in enumerate(shown):
            frame = FancyBboxPatch(
                (at + 0.08, 0.1), 0.84, 0.95, boxstyle="round,pad=0,rounding_size=0.05", facecolor="0.96",
                edgecolor="0.5", linestyle="--",
            )  # fmt: skip
            axes.add_patch(frame)
            axes.text(at + 0.5, 0.75, f"{name}/", ha="center", fontsize=10, family="monospace")
            axes.text(at + 0.5, 0.5, "drop, choose or take\nphotographs", ha="center", va="center", fontsize=8)
            axes.text(at + 0.5, 0.22, f"{count:,} saved", ha="center", fontsize=8)
        axes.set(xlim=(0, max(2, len(shown))), ylim=(0, 1.5))
        axes.set_axis_off()
        return figure

    def _there(self) -> dict[str, int]:
        """The classes that have a folder, and how many photographs each has."""
        try:
            folders = folders_in(self._folder)
        except OSError:
            return {}
        return {name: sum(1 for _ in self._photographs(name)) for name in folders}

    def _photographs(self, name: str):
        with os.scandir(self._folder / name) as entries:
            yield from (entry for entry in entries if entry.name.lower().endswith(SUFFIXES) and entry.name[0] != ".")

    def _count(self) -> None:
        there = self._there()
        names = [*self._named, *(name for name in there if name not in self._named)]
        self.classes, self.counts = names, [there.get(name, 0) for name in names]

    def _place(self, given: object) -> tuple[str, str]:
        """The folder of a class that is called so, and what to tell where that is spelled otherwise."""
        name = class_name(given)
        known = [*self._named, *self._there()]
        like = next((other for other in known if spelled(other) == spelled(name)), None)
        if like is None:
            self._named.append(name)
            return name, ""
        return like, "" if like == name else f"“{name}” and “{like}” are one class here, spelled “{like}”"

    def _save(self, given: dict) -> dict:
        content, (name, note) = photograph(given.get("data")), self._place(given.get("class"))
        there = self._there()
        if sum(there.values()) >= MOST:
            raise Refused(
                f"{self.folder} holds {how_many(MOST, 'photograph')}, and takes no more here: copy them by hand"
            )
        for other in there:
            for entry in self._photographs(other):
                if entry.stat().st_size == len(content) and Path(entry.path).read_bytes() == content:
                    raise Refused(f"the same photograph is there already, as {other}/{entry.name}")
        stem, number = file_name(given.get("name")), 1
        path = self._folder / name / f"{stem}.jpg"
        while path.exists():
            number += 1
            path = path.with_name(f"{stem}-{number}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda file: file.write(content))
        self._saved.append(path)
        return {"saved": f"{name}/{path.name}", "note": note}

    def _lens(self) -> dict:
        """The script through which the page looks with the small network, and what it can look at."""
        from PIL import Image

        names = [(name, entry) for name in self._there() for entry in self._photographs(name)]
        names.sort(key=lambda found: -found[1].stat(follow_symlinks=False).st_mtime)
        shown = []
        for name, entry in names[:NEWEST]:
            try:
                with Image.open(entry.path) as image:
                    shown.append({"name": f"{name}/{entry.name}", "src": small(image)})
            except Exception:  # there is hardly one that altered bytes cannot provoke; d2l.load tells what it is
                continue
        for name in ("flower", "china"):
            picture = small(Image.fromarray(photo(name, SIDE, SIDE)))
            shown.append({"name": name, "src": picture, "credit": CREDITS[name]})
        script, style = ((HERE / f"photo_lens.{kind}").read_text("utf-8") for kind in ("js", "css"))
        return {"lens": script, "style": style, "photographs": shown}

    def _undo(self) -> dict:
        if not self._saved:
            raise Refused("nothing was saved here that could be removed")
        path = self._saved.pop()
        path.unlink(missing_ok=True)
        return {"removed": f"{path.parent.name}/{path.name}"}

    def _told(self, widget, content, buffers) -> None:
        """The page asks for something and gets an answer with the same number: what was done, or why not."""
        if not isinstance(content, dict):
            return
        try:
            if isinstance(content.get("photo"), dict):
                done = self._save(content["photo"])
            elif "add" in content:
                name, note = self._place(content["add"])
                done = {"added": name, "note": note}
            elif "undo" in content:
                done = self._undo()
            elif "see" in content:
                done = seen(content["see"])
            elif "lens" in content:
                done = self._lens()
            else:
                done = {"here": True}
        except Refused as error:
            done = {"problem": str(error)}
        except OSError as error:
            done = {"problem": (error.strerror or str(error)).rstrip(".")}
        if "see" not in content:  # a look changes no file, and a moved frame asks for many
            self._count()
        self.send({**done, "id": content.get("id")})
