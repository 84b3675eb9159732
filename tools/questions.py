"""The questions of the boxes *Predict first*, with their choices and answers, read from the chapters' sources.

A box is a block quote that reads well everywhere. Each question in it ends in a comment, which no reader sees:

    > **Predict first.** Which of the two has more weights?
    >
    > * the convolutions
    > * the linear layers
    >
    > <!-- predict weights: 2 -->

The answer is the number of the right choice or, where there is no list, a number, how far a guess may be off, and its
unit: `<!-- predict width: 343 ± 35 channels -->`. A box may ask several questions, one after the other. Questions are
plain text, since they are asked again in later chapters and listed on a page of their own.
"""

import base64
import json
import re
from dataclasses import dataclass

from tools import pages, project

BOX = re.compile(r"^> \*\*Predict first\.\*\*.*\n(?:>.*\n)*", re.M)
MARK = re.compile(r"<!-- predict ([a-z0-9-]+): (.+?) -->")
NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)(?: ± (\d+(?:\.\d+)?))?(?: ([^\W\d_][\w ]*))?")


@dataclass(frozen=True)
class Question:
    """A question of a chapter; ``right`` is the place of the right choice from 1 on, or the number asked for."""

    chapter: str
    name: str
    text: str
    choices: tuple[str, ...]
    right: float
    within: float = 0
    unit: str = ""

    @property
    def id(self) -> str:
        """What answers are kept under in the reader's browser: it must not change when questions are added."""
        return f"{self.chapter}.{self.name}"

    @property
    def key(self) -> str:
        """The answer, so that a look at the page's source does not give it away."""
        return base64.b64encode(json.dumps([self.right, self.within, self.unit]).encode()).decode()


def parse(text: str, chapter: str) -> list[list[Question]]:
    """The boxes of a chapter's source. Raises ValueError, naming the question, for a mark that says nothing."""
    return [_box(found[0], chapter) for found in BOX.finditer(text)]


def of(chapter: str) -> list[list[Question]]:
    """The boxes of a chapter, in order."""
    return parse(project.source(chapter).read_text("utf-8"), chapter)


def _box(quote: str, chapter: str) -> list[Question]:
    lines = [line.removeprefix(">").strip() for line in quote.splitlines()]
    body = "\n".join(lines).removeprefix("**Predict first.**").strip()
    pieces = MARK.split(body)  # what is asked, name, answer, what is asked, …, what follows the last mark
    if len(pieces) == 1 or pieces[-1].strip():
        raise ValueError(f"{chapter}: a question ends with no <!-- predict NAME: ANSWER -->: {body[:60]!r}")
    lead, made = "", []
    for asked, name, answer in zip(pieces[::3], pieces[1::3], pieces[2::3]):
        paragraph, *choices = re.split(r"\n+\* ", asked.strip())
        text = _plain(paragraph)
        made.append(_question(chapter, name, f"{lead} {text}".strip(), tuple(map(_plain, choices)), answer))
        lead = lead or text
    return made


def _question(chapter: str, name: str, text: str, choices: tuple[str, ...], answer: str) -> Question:
    if choices:
        if not answer.isdigit() or not 1 <= int(answer) <= len(choices):
            raise ValueError(f"{chapter}: {name} has {len(choices)} choices, and the answer is {answer!r}")
        return Question(chapter, name, text, choices, int(answer))
    found = NUMBER.fullmatch(answer)
    if found is None:
        raise ValueError(f"{chapter}: {name} has no choices, so its answer is a number, not {answer!r}")
    right, within, unit = found.groups()
    return Question(chapter, name, text, (), float(right), float(within or 0), unit or "")


def _plain(markdown: str) -> str:
    """Text without line breaks, emphasis and code marks."""
    return re.sub(r"\*(?=\S)(.+?)(?<=\S)\*|`(.+?)`", lambda m: m[1] or m[2], " ".join(markdown.split()))


def script() -> str:
    """All questions as a script that sets a name: unlike JSON, it can be loaded from file:// too."""
    found = []
    for chapter in project.chapters():
        title, _ = pages.opening(project.source(chapter))
        asked = [
            {"id": question.id, "text": question.text, "choices": question.choices, "key": question.key}
            for box in of(chapter)
            for question in box
        ]
        found.append({"page": chapter, "title": title, "questions": asked})
    return f"window.d2lQuestions = {json.dumps(found, ensure_ascii=False, separators=(',', ':'))};\n"
