"""What search engines, shared links and lost readers need: descriptions, previews, sitemap.xml, a page for 404.

The site's address follows from that of the repository (`site_url` of tools/project.py). A page's description is its
first paragraph, which for a chapter is its promise; its picture is the chapter's cover. sphinxext-opengraph cuts texts
at a number of letters instead; sphinx-sitemap needs as many settings as the sitemap here has lines. The page for 404 is
sphinx-notfound-page's.
"""

import html
import sys
from pathlib import Path
from urllib.parse import urlparse

from docutils import nodes

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.project import site_url  # noqa: E402 - the import needs the line above

LOST_TEXT = """\
<section id="page-not-found" data-root="{home}"><h1>There is no such page</h1>
<p>The address is wrong, or the page has moved. The list of chapters is beside this text, or behind the button above it;
<a href="{home}index.html">the first page</a> shows what is in each, and <a href="{home}search.html">search</a> looks
into all.</p>
{script}
</section>"""
#: the page is written for one address; where it is served below another, it finds the site's folder, and goes on
LOST_SCRIPT = """\
<script>
(async () => {
  const { root } = document.getElementById("page-not-found").dataset, file = location.protocol === "file:";
  if (file ? root === "./" : location.pathname.startsWith(root)) return;
  const slashes = [...location.pathname.matchAll(/[/]/g)].map(({ index }) => index + 1);
  const folders = file ? ["./"] : slashes.map((end) => location.pathname.slice(0, end));
  for (const folder of folders) {
    if (!file && !(await fetch(`${folder}404.html`, { method: "HEAD" })).ok) continue;
    const page = document.documentElement.outerHTML.replaceAll(`="${root}`, `="${folder}`);
    document.open();
    document.write(`<!doctype html>${page}`);
    document.close();
    return;
  }
})();
</script>"""


def promise(doctree: nodes.document) -> str:
    """The first paragraph of a page, in one line."""
    return " ".join(next((node.astext() for node in doctree.findall(nodes.paragraph)), "").split())


def configure(app, config) -> None:
    """Tell Sphinx the address, for the canonical link of each page, and sphinx-notfound-page its page's text."""
    config.html_baseurl = site_url()
    home = config.notfound_urls_prefix = urlparse(site_url()).path  # the page is shown at any address
    config.notfound_context = {
        "title": "No such page",
        "body": LOST_TEXT.format(home=home, script=LOST_SCRIPT),
        "metatags": '<meta name="robots" content="noindex" />',
        "pageurl": None,  # it has no address of its own
    }


def head(app, pagename, templatename, context, doctree) -> None:
    """Describe a page in its head."""
    if doctree is None:
        return
    covers = Path(app.outdir, "_static", "covers")
    picture = f"covers/{pagename}.png" if (covers / f"{pagename}.png").is_file() else "first_page.png"
    title, text = app.env.titles[pagename].astext(), promise(doctree)
    tags = [("name", "description", text), ("name", "twitter:card", "summary_large_image")]
    tags += [("property", "og:title", title), ("property", "og:description", text), ("property", "og:type", "article")]
    tags += [("property", "og:url", context["pageurl"]), ("property", "og:site_name", app.config.html_title)]
    tags += [("property", "og:image", f"{site_url()}_static/{picture}"), ("property", "og:image:alt", title)]
    written = (f'<meta {kind}="{name}" content="{html.escape(value)}" />' for kind, name, value in tags)
    context["metatags"] += "\n" + "\n".join(written)


def finish(app, error) -> None:
    """Write the sitemap."""
    if error is not None or app.builder.name != "html":
        return
    pages = "".join(f"<url><loc>{site_url()}{name}.html</loc></url>\n" for name in sorted(app.env.all_docs))
    opening = '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    Path(app.outdir, "sitemap.xml").write_text(f"{opening}{pages}</urlset>\n", "utf-8")


def setup(app):
    """Sphinx's entry point."""
    app.connect("config-inited", configure)
    app.connect("html-page-context", head)
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
