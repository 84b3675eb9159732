"""What search engines, shared links and lost readers need: descriptions, previews, sitemap.xml, a page for 404.

The site's address follows from that of the repository (`site_url` of tools/project.py). A page's description is its
first paragraph, which for a chapter is its promise; its picture is the chapter's cover. These are five lines each, less
than it takes to tell the extensions for them (opengraph, sitemap, notfound) the same, so none of those is used.
"""

import html
import re
import sys
from pathlib import Path
from urllib.parse import urlparse

from docutils import nodes

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.project import site_url  # noqa: E402 - the import needs the line above

LOST = "404"
LOST_TEXT = """\
<section id="page-not-found"><h1>There is no such page</h1>
<p>The address is wrong, or the page has moved. The list of chapters is beside this text, or behind the button above it;
<a href="index.html">the first page</a> shows what is in each, and <a href="search.html">search</a> looks into all.</p>
</section>"""


def promise(doctree: nodes.document) -> str:
    """The first paragraph of a page, in one line."""
    return " ".join(next((node.astext() for node in doctree.findall(nodes.paragraph)), "").split())


def configure(app, config) -> None:
    """Tell Sphinx the address: it then writes the canonical link of each page."""
    config.html_baseurl = site_url()


def head(app, pagename, templatename, context, doctree) -> None:
    """Describe a page in its head."""
    context.setdefault("metatags", "")
    if pagename == LOST:  # shown at any address: what is relative in it is so to the first page
        base = f'<base href="{urlparse(site_url()).path}" />'
        context["metatags"] += f'\n{base}\n<meta name="robots" content="noindex" />'
        context["pageurl"] = None
    if doctree is None:
        return
    covers = Path(app.srcdir, "_static", "covers")
    picture = f"covers/{pagename}.png" if (covers / f"{pagename}.png").is_file() else "chapter.png"
    title, text = app.env.titles[pagename].astext(), promise(doctree)
    tags = [("name", "description", text), ("name", "twitter:card", "summary_large_image")]
    tags += [("property", "og:title", title), ("property", "og:description", text), ("property", "og:type", "article")]
    tags += [("property", "og:url", context["pageurl"]), ("property", "og:site_name", app.config.html_title)]
    tags += [("property", "og:image", f"{site_url()}_static/{picture}"), ("property", "og:image:alt", title)]
    written = (f'<meta {kind}="{name}" content="{html.escape(value)}" />' for kind, name, value in tags)
    context["metatags"] += "\n" + "\n".join(written)


def lost(app):
    """The page that GitHub Pages shows for an address that leads nowhere."""
    if app.builder.name == "html":
        yield LOST, {"title": "No such page", "body": LOST_TEXT}, "page.html"


def finish(app, error) -> None:
    """Write the sitemap; keep the jumps within the 404 page there, which its base would turn into jumps elsewhere."""
    if error is not None or app.builder.name != "html":
        return
    out = Path(app.outdir)
    pages = "".join(f"<url><loc>{site_url()}{name}.html</loc></url>\n" for name in sorted(app.env.all_docs))
    opening = '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    (out / "sitemap.xml").write_text(f"{opening}{pages}</urlset>\n", "utf-8")
    page = out / f"{LOST}.html"
    page.write_text(re.sub(r'href="#(?=[^"])', f'href="{LOST}.html#', page.read_text("utf-8")), "utf-8")


def setup(app):
    """Sphinx's entry point."""
    app.connect("config-inited", configure)
    app.connect("html-page-context", head)
    app.connect("html-collect-pages", lost)
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
