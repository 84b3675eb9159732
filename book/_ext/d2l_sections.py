"""A small menu at the end of each heading: edit the section, report a mistake in it, discuss it. Plain links to GitHub.

They are put into the finished page, not the document, so that search does not find their words.
"""

import html
import re
import sys
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.project import BRANCH, repository_url, site_url, tag  # noqa: E402 - the import needs the line above

HEADING = re.compile(
    r'(<section id="([^"]+)"[^>]*>\s*(?:<span id="[^"]*"></span>)*\s*<h[23]>)(.*?)(<a class="headerlink".*?</h[23]>)',
    re.S,
)
MENU = """
<details class="d2l-about" name="d2l-about"><summary><span aria-hidden="true">⋯</span>\
<span class="visually-hidden">About the section {title}</span></summary><ul>{links}</ul></details>"""
LINK = '<li><a href="{url}">{words}<span class="visually-hidden">: {title}</span></a></li>'
BODY = "Page: {url}\nSection: {section}\nVersion of the book: {tag}\n\nWhat is wrong, and what would be right?\n"


def links(page: str, anchor: str, section: str) -> dict[str, str]:
    """What the menu of a section offers, and where that leads."""
    where, about = repository_url(), f"{page}: {section}"
    body = BODY.format(url=f"{site_url()}{page}.html#{anchor}", section=section, tag=tag())
    return {
        "Edit this section": f"{where}/edit/{BRANCH}/book/{page}.md",
        "Report a mistake": f"{where}/issues/new?title={quote(about, safe='')}&body={quote(body, safe='')}",
        "Discuss it": f"{where}/discussions?discussions_q={quote(about, safe='')}",
    }


def menus(app, pagename, templatename, context, doctree) -> None:
    """Put a menu after each heading of a page that people write, but for the first page, which has no text to mend."""
    if doctree is None or pagename == app.config.root_doc or not Path(app.srcdir, f"{pagename}.md").exists():
        return

    def with_menu(found: re.Match) -> str:
        bare = re.sub(r"<[^>]+>", "", found[3])
        section = " ".join(html.unescape(re.sub(r"\\\(|\\\)", "", bare)).split())
        title = html.escape(section)
        items = links(pagename, found[2], section).items()
        made = "".join(LINK.format(url=html.escape(url), words=words, title=title) for words, url in items)
        return found[0] + MENU.format(title=title, links=made)

    context["body"] = HEADING.sub(with_menu, context["body"])


def setup(app):
    """Sphinx's entry point."""
    app.connect("html-page-context", menus)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
