"""Interactives on the site: the script finds each one's state in the page, and its picture stays where none runs.

An output that holds both an interactive and a picture of it becomes one box with both; `_static/widgets.js` puts the
interactive in the picture's place.
"""

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

VIEW = "application/vnd.jupyter.widget-view+json"


class WithPicture(SphinxPostTransform):
    """Keep the picture of an interactive; runs before MyST-NB chooses one of an output's forms (at 4)."""

    default_priority = 3
    formats = ("html",)

    def run(self, **kwargs):
        for bundle in list(self.document.findall(nodes.container)):
            if bundle.get("nb_element") != "mime_bundle":
                continue
            forms = {child["mime_type"]: child for child in bundle.children}
            if VIEW in forms and "image/png" in forms:
                both = nodes.container(classes=["d2l-widget"])
                for picture in forms["image/png"].findall(nodes.image):
                    picture["loading"] = "lazy"  # fetched only where no script puts the interactive in its place
                both += [*forms["image/png"].children, *forms[VIEW].children]
                bundle.replace_self(both)


def setup(app):
    """Sphinx's entry point."""
    app.add_post_transform(WithPicture)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
