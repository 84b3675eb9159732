"""The pieces of a Markdown text that people read: headings, paragraphs, items, cells of tables, titles of folds.

A piece is a place in the text. What stands around it (marks of quotes and lists, comments, code, displayed formulas) is
not touched, so that the two languages have the same cells, boxes and tables. markdown-it-py, which reads the pages of
the site too, says where they are.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from tools import project

PARSER = MarkdownIt("commonmark").enable("table").use(front_matter_plugin).use(dollarmath_plugin)
SUMMARY = re.compile(r"(?<=<summary>).*?(?=</summary>)", re.S)
LABEL = re.compile(rf"\*\*({project.BOX})\.\*\*\s+")
CELL = re.compile(r"(?:[^|\\\n]|\\.)+")
#: what is no word: formulas, code, addresses, tags
SILENT = re.compile(r"\$\$.*?\$\$|\$[^$]+\$|(`+).+?\1|\]\([^)\s]*\)|<[^>]+>|https?://\S+", re.S)
KINDS = {"heading_open": "heading", "blockquote_open": "box", "list_item_open": "item"}


@dataclass(frozen=True)
class Piece:
    """A place in a text, and what stands there: in one line, whatever the width of the source."""

    first: int
    last: int
    text: str
    kind: str
    before: str = ""  # what each further line begins with
    box: str = ""  # the label of the box that it stands in


def wordy(text: str) -> bool:
    """Whether there is a word in it that somebody could translate."""
    return re.search(r"[^\W\d_]{2,}", SILENT.sub(" ", text)) is not None


def pieces(text: str) -> list[Piece]:
    """The pieces of a text, in order."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    found, open_, box = [], [], ""
    for token in PARSER.parse(text):
        if token.nesting == 1:
            open_.append(token)
        elif token.nesting == -1:
            closed = open_.pop()
            box = "" if closed.type == "blockquote_open" else box
            if closed.type == "table_open":
                found += _cells(text, starts, closed.map)
        if token.type == "html_block":
            first, last = (starts[line] if line < len(starts) else len(text) for line in token.map)
            for match in SUMMARY.finditer(text, first, last):
                found.append(Piece(*match.span(), match[0], "title of a fold"))
        elif token.type == "inline" and not any(one.type == "table_open" for one in open_):
            kind = next((KINDS[one.type] for one in reversed(open_) if one.type in KINDS), "paragraph")
            if (label := LABEL.match(token.content)) and kind == "box":
                box = label[1]
            found.append(_inline(text, starts, token, kind, box))
    return [piece for piece in found if wordy(piece.text)]


def _inline(text: str, starts: list[int], token, kind: str, box: str) -> Piece:
    lines = token.content.split("\n")
    first = text.index(lines[0], starts[token.map[0]])
    last, before = first, ""
    for number, line in enumerate(lines):
        start = starts[token.map[0] + number]
        at = text.index(line, start if number else first)
        before = text[start:at] if number else ""
        last = at + len(line)
    if label := LABEL.match(token.content):
        first, lines[0] = first + len(label[0]), lines[0][len(label[0]) :]
    return Piece(first, last, "\n".join(lines).replace("\n", " ").strip(), kind, before, box)


def _cells(text: str, starts: list[int], lines: list[int]) -> list[Piece]:
    found = []
    for number in range(*lines):
        if number == lines[0] + 1:  # the rule below the head
            continue
        end = starts[number + 1] if number + 1 < len(starts) else len(text)
        for match in CELL.finditer(text, starts[number], end):
            inside = match[0].strip()
            if inside:
                first = match.start() + match[0].index(inside)
                found.append(Piece(first, first + len(inside), inside, "cell of a table"))
    return found


def replaced(text: str, new: Callable[[Piece], str]) -> str:
    """The text with ``new(piece)`` in place of each piece."""
    parts, end = [], 0
    for piece in sorted(pieces(text), key=lambda one: one.first):
        parts += [text[end : piece.first], new(piece).replace("\n", f"\n{piece.before}")]
        end = piece.last
    return "".join([*parts, text[end:]])
