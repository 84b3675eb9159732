"""Code and printed text whose lines are never cut: each line is a box, in which what is too long goes on, indented.

Marks that are for tools, and backticks that are for other builders, are not shown.
"""

import re

from pygments.formatters import HtmlFormatter
from sphinx.highlighting import PygmentsBridge

INDENT = re.compile(r"(?:<[^>]*>)*( *)")
TOOLS = re.compile(r" *<span class=\"c1\"># (?:fmt: skip|noqa\b[^<]*|type: ignore[^<]*)</span>")
DOCUMENTED = re.compile(r'(<span class="(?:sd|c1)">)([^<]*)')  # a docstring, a comment


def line(text: str) -> str:
    """A line of highlighted text as a box that knows how far it is indented."""
    text = TOOLS.sub("", text.removesuffix("\n"))
    text = DOCUMENTED.sub(lambda found: found[1] + found[2].replace("``", "`"), text)
    depth = len(INDENT.match(text)[1])
    indent = f' style="--in:{depth}ch"' if depth else ""
    return f'<span class="d2l-line"{indent}>{text}</span>\n'


class Lines(HtmlFormatter):
    """Pygments' HTML, its lines in boxes."""

    def wrap(self, source):
        yield from super().wrap((kind, line(text) if kind else text) for kind, text in source)


def setup(app):
    """Sphinx's entry point."""
    PygmentsBridge.html_formatter = Lines
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
