"""Links that say where they lead: the work behind a citation, the promise of a chapter.

They say it in the link's `title`, which browsers show without any script; `_static/page.js` shows it better.
"""

from d2l_site import promise
from docutils import nodes
from pybtex.database import parse_file
from pybtex.richtext import Text
from sphinx.transforms.post_transforms import SphinxPostTransform


def plain(latex: str) -> str:
    """A field of a .bib file without its braces and commands."""
    return Text.from_latex(latex).render_as("text")


def works(path: str) -> dict[str, str]:
    """Address → authors, title, year of each work in a .bib file."""
    found = {}
    for entry in parse_file(path).entries.values():
        names = [plain(" ".join([*person.prelast_names, *person.last_names])) for person in entry.persons["author"]]
        names = [*names[:3], "others"] if len(names) > 4 else names
        authors = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        address = entry.fields.get("url") or f"https://doi.org/{entry.fields.get('doi')}"
        found[address] = f"{authors}: {plain(entry.fields['title'])}, {entry.fields['year']}"
    return found


class Previews(SphinxPostTransform):
    """Give links a title; runs when all links are resolved."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs):
        if not hasattr(self.app, "d2l_works"):
            self.app.d2l_works = works(f"{self.app.srcdir}/references.bib")
        for link in self.document.findall(nodes.reference):
            address = link.get("refuri", "")
            chapter = address.removesuffix(".html")
            if address in self.app.d2l_works and link.astext() != address:
                link["reftitle"] = self.app.d2l_works[address]
            elif chapter in self.env.all_docs and address != chapter and self.env.docname != self.config.root_doc:
                link["reftitle"] = f"{self.env.titles[chapter].astext()}. {promise(self.env.get_doctree(chapter))}"


def setup(app):
    """Sphinx's entry point."""
    app.add_post_transform(Previews)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
