"""Folded cells say what they hold, each in other words; the code of an interactive is folded below it."""

import re
import sys
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.transforms.post_transforms import SphinxPostTransform

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools import project

SOLUTION = re.compile(r"^# @title Solution (\d+)$", re.M)
DEFINED = re.compile(r"^(?:def|class) (\w+)", re.M)
MADE = {
    project.VIEW: "that starts this interactive",
    "image/png": "that draws this figure",
    "text/html": "that makes this table",
}


def cells(document: nodes.document) -> list[nodes.container]:
    """The code cells of a page."""
    return [node for node in document.findall(nodes.container) if node.get("nb_element") == "cell_code"]


def forms(cell: nodes.container) -> set[str]:
    """The kinds of what a cell has put out."""
    return {node["mime_type"] for node in cell.findall(nodes.container) if "mime_type" in node}


def defined(cell: nodes.container) -> list[str]:
    """What a folded cell defines, where that is what it is for: editions on paper show it."""
    shown = {"tag_setup", "tag_solution"} & set(cell["classes"]) or MADE.keys() & forms(cell)
    return [] if shown else DEFINED.findall(cell.children[0].astext())


def held(cell: nodes.container) -> str:
    """What a folded cell holds, in the words of the bar that opens it."""
    source, made = cell.children[0].astext(), forms(cell)
    if "tag_setup" in cell["classes"]:
        return "the setup for Colab"
    if "tag_solution" in cell["classes"]:
        title = SOLUTION.search(source)
        return f"Solution {title[1]}".lower() if title else "the solution"
    if known := [words for kind, words in MADE.items() if kind in made]:
        return f"the code {known[0]}"
    if names := defined(cell):
        return f"the code that defines {' and '.join(names)}"
    return "the code that prints this" if len(cell.children) > 1 else "the code"


class Named(SphinxPostTransform):
    """Give each fold its words; runs before MyST-NB chooses one of an output's forms (at 4)."""

    default_priority = 2
    formats = ("html",)

    def run(self, **kwargs):
        for cell in cells(self.document):
            if {"tag_solution", "tag_setup"} & set(cell["classes"]):
                cell["hide_mode"] = "all"
            elif project.VIEW in forms(cell):
                cell["hide_mode"] = "input"
            if cell.get("hide_mode"):
                cell["classes"] += ["d2l-defines"] if defined(cell) else []
                cell["prompt_show"], cell["prompt_hide"] = f"Show {held(cell)}", f"Hide {held(cell)}"


class Below(SphinxPostTransform):
    """Put the folded code of an interactive below it; runs after MyST-NB has folded (at 199)."""

    default_priority = 200
    formats = ("html",)

    def run(self, **kwargs):
        for cell in cells(self.document):
            if isinstance(cell.children[0], HideCodeCellNode) and any(
                "d2l-widget" in node["classes"] for node in cell.findall(nodes.container)
            ):
                cell.append(cell.pop(0))


def unnamed(self, node) -> None:
    """Open a fold as MyST-NB does, without its label "Toggle hidden content", which hides what the bar says."""
    self.body.append(f'<details class="admonition hide {" ".join(node["classes"])}">\n<summary>\n')
    for state in ("show", "hide"):
        kind = "collapsed" if state == "show" else "expanded"
        self.body.append(f'<p class="{kind} admonition-title">{self.encode(node[f"prompt_{state}"])}</p>\n')
    self.body.append("</summary>\n")


def close(self, node) -> None:
    """Close a fold."""
    self.body.append("</details>\n")


def setup(app):
    """Sphinx's entry point."""
    app.add_node(HideCodeCellNode, override=True, html=(unnamed, close))
    app.add_post_transform(Named)
    app.add_post_transform(Below)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
