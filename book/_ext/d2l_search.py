"""The search page's own index: a line a section, of what people read, without code, outputs and what needs TeX.

Sphinx's index knows pages, not sections, and fetches each page for an excerpt, which a browser refuses where pages are
opened as files. This one is a script that holds the texts: `search.js` beside this file, behind its data.
"""

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes

SCRIPT = Path(__file__).with_name("search.js")
SILENT = (nodes.literal_block, nodes.math_block, nodes.raw, nodes.title, nodes.comment, addnodes.toctree)
WIDGET = re.compile(r"\bd2l\.widgets\.(\w+)\(")
CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
POWERS = {"^2": "²", "^3": "³"}
REPLACED = ("searchindex.js", "_static/searchtools.js", "_static/language_data.js")  # what Sphinx's own search has


def formula(text: str) -> str:
    """A formula within a sentence as people would type it; where it needs TeX, three dots, so that no hole is left."""
    for power, sign in POWERS.items():
        text = text.replace(power, sign)
    return "…" if re.search(r"[\\{}_^&]", text) else text


def spoken(node: nodes.Node) -> str:
    """What a part of a page says in words; of a picture its alternative text, of an interactive its name."""
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, nodes.literal_block) and (called := WIDGET.search(node.astext())):
        return f" Interactive: {CAPITAL.sub(' ', called[1]).lower()}. "
    if isinstance(node, nodes.image):
        return f" {node.get('alt', '')} "
    if isinstance(node, nodes.math):
        return formula(node.astext())
    if isinstance(node, (*SILENT, nodes.section, addnodes.desc)):
        return ""
    text = "".join(map(spoken, node.children))
    return text if isinstance(node, nodes.TextElement) and not isinstance(node, nodes.paragraph) else f" {text} "


def line(page: str, top: str, title: str, anchor: str, node: nodes.Node) -> list[str]:
    """A section as the script knows it; the first of a page needs no anchor."""
    return [page, top, title, anchor, " ".join("".join(map(spoken, node.children)).split())]


def sections(name: str, doctree: nodes.document) -> list[list[str]]:
    """The sections and the documented names of a page."""
    parts = list(doctree.findall(nodes.section))
    top = parts[0].next_node(nodes.title).astext()
    found = [line(f"{name}.html", top, part.next_node(nodes.title).astext(), part["ids"][0], part) for part in parts]
    found[0][3] = ""
    for entry in doctree.findall(addnodes.desc):
        signature, text = entry.children[0], entry.children[-1]
        if signature.get("ids"):
            shown = signature["ids"][0].replace("d2lite.", "d2l.", 1)
            found.append(line(f"{name}.html", top, shown, signature["ids"][0], text))
    return found


def page(app, pagename, templatename, context, doctree) -> None:
    """Give the search page its script."""
    if pagename == "search":
        app.add_js_file("search.js", defer="defer")


def finish(app, error) -> None:
    """Write the script with its data, and drop Sphinx's own."""
    if error is not None or app.builder.format != "html":
        return
    found = [part for name in sorted(app.env.all_docs) for part in sections(name, app.env.get_doctree(name))]
    data = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    out = Path(app.outdir)
    Path(out, "_static", "search.js").write_text(f"const SECTIONS = {data};\n{SCRIPT.read_text('utf-8')}", "utf-8")
    for name in REPLACED:
        Path(out, name).unlink(missing_ok=True)
    search = Path(out, "search.html")
    if search.is_file():
        lines = search.read_text("utf-8").splitlines(keepends=True)
        search.write_text(
            "".join(text for text in lines if not any(f'src="{name}' in text for name in REPLACED)), "utf-8"
        )


def setup(app):
    """Sphinx's entry point."""
    app.connect("html-page-context", page)
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
