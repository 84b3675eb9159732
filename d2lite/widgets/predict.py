"""The questions of a box *Predict first*, to be answered where the notebook runs; the site asks them in its own way."""

from __future__ import annotations

import functools
import json
import sys

import traitlets

from .base import HERE, AnyWidget

SCRIPTS = ("reader", "asking", "predict")  # the first two are the site's as well
COLAB = "In Colab they may be gone when the session ends: save them in a file."


@functools.cache
def stored() -> dict:
    """The questions of all chapters, as ``make sync`` writes them from the chapters' sources."""
    return json.loads((HERE / "questions.json").read_text("utf-8"))


class Predict(AnyWidget):
    """Asks what a box *Predict first* asks, and how sure the reader is; a guess is judged once it is committed.

    Args:
        names: of the questions, ``"vgg.stack"`` for the question ``stack`` of the chapter ``vgg``; those of one box.

    Guesses are kept in the reader's browser, as the site keeps its own. Below, one question is asked again that was
    missed in an earlier chapter: the first box of a chapter asks the first of them, the second box the second.

    Raises:
        ValueError: no box asks this.
    """

    _esm = "\n".join((HERE / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    _css = (HERE / "predict.css").read_text("utf-8")

    chapter = traitlets.Unicode(help="the chapter that asks").tag(sync=True)
    questions = traitlets.List(help="what the box asks: name, text, choices, and the answer, encoded").tag(sync=True)
    again = traitlets.List(help="likewise what is asked again, with the title of its chapter").tag(sync=True)
    lasts = traitlets.Unicode(help="how long guesses are kept here, where that is not for good").tag(sync=True)

    def __init__(self, *names: str):
        self._place = next(
            (
                (chapter, number)
                for chapter, page in stored()["chapters"].items()
                for number, box in enumerate(page["boxes"])
                if names and [question["id"] for question in box] == list(names)
            ),
            None,
        )
        if self._place is None:
            raise ValueError(f"no box asks {', '.join(names) or 'nothing'}: the names are those of book/NAME.md")
        chapter, number = self._place
        super().__init__(
            chapter=chapter,
            questions=stored()["chapters"][chapter]["boxes"][number],
            lasts=COLAB if "google.colab" in sys.modules else "",
        )
        self.on_msg(self._told)

    def __repr__(self) -> str:
        return stored()["line"]

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), "text/plain": repr(self)}, metadata

    def _told(self, widget, content, buffers) -> None:
        """The page says which questions its reader missed before this chapter: the last chapter that asked, by name."""
        missed = content.get("missed") if isinstance(content, dict) else None
        self.again = self._due(missed if isinstance(missed, dict) else {})

    def _due(self, missed: dict) -> list[dict]:
        """Of the questions missed, in the order of the book, the one that this box asks again; or none."""
        pages, (here, number) = stored()["chapters"], self._place
        order = list(pages)
        at = order.index(here)
        found = [
            {**question, "title": pages[chapter]["title"]}
            for chapter in order[:at]
            for box in pages[chapter]["boxes"]
            for question in box
            if question["id"] in missed and missed[question["id"]] not in order[at:]
        ]
        return found[number : number + 1]
