"""Block quotes that open with a bold label become boxes; folded solutions say what they hide.

In Jupyter, Colab and on GitHub such a block quote reads as it is: `> **Predict first.** Will it …`.
"""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

LABEL = re.compile(r"(Predict first|Exercise \d+|Deviation|Note|Warning|Evidence)\.")


def box(quote: nodes.block_quote) -> nodes.admonition | None:
    """The box for a block quote, or None where it opens with no label of ours."""
    first = quote.children[0] if quote.children else None
    if not isinstance(first, nodes.paragraph) or not isinstance(first.children[0], nodes.strong):
        return None
    label = first.children[0].astext()
    if not LABEL.fullmatch(label):
        return None
    title = label.rstrip(".")
    first.pop(0)
    if first.children and isinstance(first.children[0], nodes.Text):
        first.replace(first.children[0], nodes.Text(first.children[0].astext().lstrip()))
    name = re.sub(r"[^a-z]+", "-", title.lower()).strip("-")
    made = nodes.admonition(classes=["d2l-callout", f"d2l-{name}"])
    if name == "exercise":
        made["ids"].append(title.lower().replace(" ", "-"))
    made += nodes.title("", title)
    made += [child for child in quote.children if child is not first or first.astext() or len(first.children) > 1]
    return made


def callouts(app, doctree) -> None:
    """Turn the block quotes of a page into boxes."""
    for quote in list(doctree.findall(nodes.block_quote)):
        made = box(quote)
        if made is not None:
            made.source, made.line = quote.source, quote.line
            quote.replace_self(made)


class Solutions(SphinxPostTransform):
    """A folded solution says so, instead of "Show the code"; runs before MyST-NB folds (priority 199)."""

    default_priority = 190
    formats = ("html",)

    def run(self, **kwargs):
        for cell in self.document.findall(nodes.container):
            if cell.get("nb_element") == "cell_code" and "tag_solution" in cell["classes"]:
                cell["hide_mode"] = "all"
                cell["prompt_show"], cell["prompt_hide"] = "Show the solution", "Hide the solution"


def setup(app):
    """Sphinx's entry point."""
    app.connect("doctree-read", callouts)
    app.add_post_transform(Solutions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
