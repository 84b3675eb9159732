"""How long a chapter takes to read: its words, lines of code and questions, what is optional apart.

    python -m tools.reading

prints a row for each chapter. Exercises are work and not reading, so neither they nor the references count. It reads
the sources and needs no package.
"""

import re
from dataclasses import dataclass

from tools import cells, project

WORDS, LINES, QUESTIONS = 200, 20, 2  # a minute each: words of a text that one thinks about, lines of code, boxes
FENCE = re.compile(r"^(```+)([^\n]*)\n(.*?)^\1$", re.M | re.S)
HEADING = re.compile(r"^(#{1,4}) (.+)$", re.M)
QUESTION = re.compile(r"^> \*\*Predict first\.\*\*.*\n(?:>.*\n?)*", re.M)
FOLDED = ("setup", "check", "hide-input", "provenance")  # what a cell's tags say of code that nobody has to read
NO_READING = ("Exercises", "References")
#: what is no word: comments, formulas, addresses of links, marks
NOISE = [(r"<!--.*?-->", " "), (r"\$\$.*?\$\$", " x "), (r"\$[^$]+\$", " x "), (r"\]\([^)]*\)", " "), (r"<[^>]+>", " ")]


@dataclass
class Reading:
    """What a part of a chapter holds."""

    words: int = 0
    cells: int = 0
    lines: int = 0
    questions: int = 0

    @property
    def minutes(self) -> int:
        """Minutes that reading it and answering its questions takes, rounded."""
        return round(self.words / WORDS + self.lines / LINES + self.questions / QUESTIONS)


def measured(text: str) -> dict[str, Reading]:
    """The ``required`` part of a chapter's source, and the ``optional`` one: sections whose heading begins so."""
    parts = {"required": Reading(), "optional": Reading(), "": Reading()}
    for where, section in sections(re.sub(r"\A---\n.*?^---\n", "", text, flags=re.M | re.S)):
        for cell in FENCE.finditer(section):
            head = (cells.HEAD.match(cell[3]) or [""])[0]
            if cell[2].startswith("{code-cell}") and not any(tag in head for tag in FOLDED):
                parts[where].cells += 1
                parts[where].lines += sum(1 for line in cell[3][len(head) :].split("\n") if line.strip())
        prose, questions = QUESTION.subn("", FENCE.sub("", section))
        parts[where].questions += questions
        for pattern, instead in NOISE:
            prose = re.sub(pattern, instead, prose, flags=re.S)
        parts[where].words += len(re.findall(r"\w[\w'’.,-]*", prose))
    return {name: parts[name] for name in ("required", "optional")}


def sections(text: str) -> list[tuple[str, str]]:
    """The sections of a source with the part that each belongs to, which holds for the sections below it as well."""
    code = [match.span() for match in FENCE.finditer(text)]
    marks = [mark for mark in HEADING.finditer(text) if not any(low <= mark.start() < high for low, high in code)]
    found, part, depth = [("required", text[: marks[0].start()] if marks else text)], "required", 9
    for mark, after in zip(marks, [*(mark.start() for mark in marks[1:]), len(text)], strict=True):
        if len(mark[1]) <= depth:
            part, depth = "required", 9
        if part == "required" and (mark[2].startswith("Optional") or mark[2] in NO_READING):
            part, depth = "" if mark[2] in NO_READING else "optional", len(mark[1])
        found.append((part, text[mark.start() : after]))
    return found


def of(chapter: str) -> dict[str, Reading]:
    """What ``measured`` finds in a chapter."""
    return measured(project.source(chapter).read_text("utf-8"))


def sentence(chapter: str) -> str:
    """How long a chapter takes to read, in words."""
    required, optional = of(chapter).values()
    more = f", and {optional.minutes} more with what is optional" if optional.minutes else ""
    return f"{required.minutes} minutes to read{more}"


def main() -> int:
    """Print a row for each chapter."""
    print(f"{'chapter':20}{'words':>7}{'cells':>7}{'minutes':>9}{'optional: words':>18}{'cells':>7}{'minutes':>9}")
    for name in project.chapters():
        parts = of(name).values()
        columns = (
            f"{part.words:{wide}}{part.cells:7}{part.minutes:9}" for part, wide in zip(parts, (7, 18), strict=True)
        )
        print(f"{name:20}{''.join(columns)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
