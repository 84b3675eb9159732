"""Tables that follow from other files, filled into pages while they are read: chapters, their covers, runs, timings.

A page holds `<!-- built: NAME -->`; tools/pages.py knows the names. So no run and no new chapter rewrites a page.
"""

import sys
from pathlib import Path

from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools import files, pages, project, reading  # noqa: E402 - the import needs the line above

LOGGER = logging.getLogger(__name__)


def fill(app, docname, source) -> None:
    """Fill in a page as it is read, and read it again when a file changes that the tables are made of."""
    if not pages.BUILT.search(source[0]):
        return
    for path in pages.sources():
        app.env.note_dependency(str(path))
    try:
        source[0] = pages.filled(source[0])
    except ValueError as error:
        LOGGER.warning("%s", error, location=docname)


def covers(app) -> None:
    """Put the covers where the gallery and shared links show them."""
    if app.builder.format != "html":
        return
    for name, (picture, _) in pages.covers().items():
        files.write(Path(app.outdir, "_static", "covers", f"{name}.png"), picture)


def with_interactive(app, pagename, templatename, context, doctree) -> None:
    """Give a page with an interactive of its own the script, and the room that a list of its sections would take."""
    if pagename not in (app.config.root_doc, "playground"):
        return
    app.add_js_file("widgets.js", defer="defer")
    context["meta"] = {**(context.get("meta") or {}), "html_theme.sidebar_secondary.remove": "true"}


def with_reading_time(app, pagename, templatename, context, doctree) -> None:
    """Say below the promise of a chapter, its first paragraph, how long it takes to read."""
    if doctree is not None and pagename in project.chapters():
        told = f'</p>\n<p class="d2l-reading">About {reading.sentence(pagename)}, exercises aside.</p>'
        context["body"] = context["body"].replace("</p>", told, 1)


def setup(app):
    """Sphinx's entry point."""
    app.connect("builder-inited", covers)
    app.connect("source-read", fill)
    app.connect("html-page-context", with_interactive)
    app.connect("html-page-context", with_reading_time)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
