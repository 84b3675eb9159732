"""Interactives on the site: the script finds each one's state in the page, and its picture stays where none runs.

An output that holds both an interactive and a picture of it becomes one box with both; `_static/widgets.js` puts the
interactive in the picture's place. The box has a name to link to: `interactive-NAME`, that of d2lite/widgets/NAME.py.
"""

import json
import sys
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools import files, known_network, pages, project  # noqa: E402 - the import needs the line above


def named(chapter: str) -> dict[str, str]:
    """Name of a model in the notebook of a chapter → name of the module of its interactive."""
    stored = pages.notebook(project.notebook(chapter))["metadata"].get("widgets", {}).get(project.STATE, {"state": {}})
    ids = {name: model["state"].get("_anywidget_id", "") for name, model in stored["state"].items()}
    return {name: found.split(".")[-2] for name, found in ids.items() if "." in found}


class WithPicture(SphinxPostTransform):
    """Keep the picture of an interactive, with its point below it where no script runs.

    Runs before MyST-NB chooses one of an output's forms (at 4).
    """

    default_priority = 3
    formats = ("html",)

    def run(self, **kwargs):
        modules, given = named(self.env.docname), set()
        for bundle in list(self.document.findall(nodes.container)):
            if bundle.get("nb_element") != "mime_bundle":
                continue
            forms = {child["mime_type"]: child for child in bundle.children}
            if project.VIEW in forms and "image/png" in forms:
                both = nodes.container(classes=["d2l-widget"])
                view = json.loads(
                    next(forms[project.VIEW].findall(nodes.raw)).astext().split(">", 1)[1].rsplit("<", 1)[0]
                )
                name = modules.get(view["model_id"])
                if name and name not in given:  # the first of its kind on a page
                    both["ids"].append(f"interactive-{name}")
                given.add(name)
                alt = ""
                for picture in forms["image/png"].findall(nodes.image):
                    picture["loading"] = "lazy"  # fetched only where no script puts the interactive in its place
                    alt = picture.get("alt", "")
                both += [*forms["image/png"].children, nodes.raw("", pages.still(alt), format="html")]
                both += forms[project.VIEW].children
                bundle.replace_self(both)


def finish(app, error) -> None:
    """Write the small trained network where a page that needs it finds it."""
    if error is None and app.builder.format == "html":
        files.write(Path(app.outdir, "_static", "known_network.js"), known_network.script())


def setup(app):
    """Sphinx's entry point."""
    app.connect("build-finished", finish)
    app.add_post_transform(WithPicture)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
