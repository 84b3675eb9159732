"""Block quotes that open with a bold label become boxes.

In Jupyter, Colab and on GitHub such a block quote reads as it is: `> **Predict first.** Will it …`.
"""

import re
import sys
import zlib
from pathlib import Path

from docutils import nodes

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools import project

LABEL = re.compile(rf"({project.BOX})\.")


def box(quote: nodes.block_quote) -> nodes.admonition | None:
    """The box for a block quote, or None where it opens with no label of ours."""
    first = quote.children[0] if quote.children else None
    if not isinstance(first, nodes.paragraph):
        return None
    start = next((child for child in first.children if child.astext()), None)  # the parser puts an empty text first
    if not isinstance(start, nodes.strong) or not LABEL.fullmatch(start.astext()):
        return None
    title = start.astext().rstrip(".")
    del first.children[: first.index(start) + 1]
    if first.children and isinstance(first.children[0], nodes.Text):
        first.replace(first.children[0], nodes.Text(first.children[0].astext().lstrip()))
    name = re.sub(r"[^a-z]+", "-", title.lower()).strip("-")
    made = nodes.admonition(classes=["d2l-callout", f"d2l-{name}"])
    if name == "exercise":
        made["ids"].append(title.lower().replace(" ", "-"))
    made += nodes.title("", title)
    made += [child for child in quote.children if child is not first or first.astext().strip()]
    return made


def callouts(app, doctree) -> None:
    """Turn the block quotes of a page into boxes."""
    for quote in list(doctree.findall(nodes.block_quote)):
        made = box(quote)
        if made is not None:
            made.source, made.line = quote.source, quote.line
            quote.replace_self(made)


def setup(app):
    """Sphinx's entry point."""
    app.connect("doctree-read", callouts)
    # Pages are read anew when this file changes, since it changes what is read.
    edition = zlib.crc32(Path(__file__).read_bytes())
    return {"version": "1", "env_version": edition, "parallel_read_safe": True, "parallel_write_safe": True}
