"""The book in other forms, each made by one command from the built site, so that none has a text of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tools import project

#: what each edition of the latest release weighs, in bytes; `make release` writes it
SIZES = project.ROOT / "tools" / "editions" / "sizes.json"


@dataclass(frozen=True)
class Edition:
    """A file that a release has: its name, what it is, for whom, and the command that makes it."""

    file: str
    title: str
    use: str
    command: str


EDITIONS = (
    Edition("d2lite-book.pdf", "PDF", "to print or to read on a tablet, with contents, links and all solutions",
            "make pdf"),
    Edition("d2lite-book.epub", "EPUB", "for e-readers and phones, with mathematics that scales and can be read aloud",
            "make epub"),
    Edition("d2lite-book-zh.pdf", "Chinese PDF", "the Chinese edition on paper", "make pdf ZH=1"),
    Edition("d2lite-book-zh.epub", "Chinese EPUB", "the Chinese edition for e-readers", "make epub ZH=1"),
    Edition("d2lite-book-offline.zip", "Offline",
            "site, notebooks and d2lite for machines without network: unzip it and open start.html", "make offline"),
    Edition("d2lite-book-offline-data.zip", "Offline, with data", "the same with the images of Fashion-MNIST",
            "make offline DATA=1"),
    Edition("d2lite-book-slides.zip", "Slides",
            "a deck for each chapter, with its figures, questions and interactives, and notes for the presenter",
            "make slides"),
)  # fmt: skip


def sizes() -> dict[str, int]:
    """Bytes of each edition in the latest release, by its file."""
    return json.loads(SIZES.read_text("utf-8")) if SIZES.exists() else {}


def address(file: str) -> str:
    """Where the latest release has a file."""
    return f"{project.repository_url()}/releases/latest/download/{file}"
