"""What only the Chinese site needs; tools/translate/site.py names it in that site's configuration.

Its sections have the anchors of the English ones, so that a link to a section is the same in both languages, and the
boxes, which the build knows by their English labels, get Chinese titles.
"""

import json
from pathlib import Path

from docutils import nodes

ROOT = Path(__file__).resolve().parents[2]

PARTLY = '<p class="d2l-reading">本页已译 {percent} %，其余仍为英文。</p>'


def same_anchors(app, doctree) -> None:
    """Give the sections of a page the anchors that they have in the English one."""
    known = json.loads((ROOT / "anchors.json").read_text("utf-8")).get(app.env.docname)
    sections = list(doctree.findall(nodes.section))
    if known is None:
        return
    if len(known) != len(sections):
        raise ValueError(f"{app.env.docname}: {len(sections)} sections, and {len(known)} in English")
    for section, anchor in zip(sections, known, strict=True):
        section["ids"] = [anchor]


def titles(app, doctree) -> None:
    """Put the Chinese titles above the boxes."""
    boxes = app.config.d2l_boxes
    for box in doctree.findall(nodes.admonition):
        title = box.next_node(nodes.title)
        if "d2l-callout" in box["classes"] and title is not None:
            name, _, number = title.astext().partition(" ") if title.astext() not in boxes else (title.astext(), "", "")
            title.children = [nodes.Text(f"{boxes.get(name, name)} {number}".strip())]


def page(app, pagename, templatename, context, doctree) -> None:
    """Say how much of a page is translated."""
    percent = app.config.d2l_percents.get(pagename, 100)
    if percent < 100 and context.get("body"):
        context["body"] = context["body"].replace("</p>", "</p>\n" + PARTLY.format(percent=percent), 1)


def setup(app):
    """Sphinx's entry point."""
    for name in ("boxes", "percents"):
        app.add_config_value(f"d2l_{name}", {}, "env")
    app.connect("doctree-read", same_anchors, priority=100)
    app.connect("doctree-read", titles, priority=700)
    app.connect("html-page-context", page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
