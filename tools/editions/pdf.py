"""`make pdf`: the whole book on paper, typeset by Chromium from the built site.

All pages become one document, so that links, bookmarks and the numbers in the contents are the document's own. It is
printed twice: the first print tells on which page each section begins.
"""

from __future__ import annotations

import html
from collections.abc import Collection
from pathlib import Path

import pikepdf
from pypdf import PdfReader

from tools import files, project, served
from tools.editions import articles, command, signs, words
from tools.editions.language import ENGLISH, Language

STYLE = Path(__file__).with_name("print.css")
SHORT = 28  # lines of code that stay together on a page
MATH = """() => renderMathInElement(document.body, {
    delimiters: [{ left: "\\\\(", right: "\\\\)", display: false }, { left: "\\\\[", right: "\\\\]", display: true }],
    throwOnError: true,
})"""
DRAWN = "() => document.fonts.ready.then(() => Promise.all([...document.images].map((image) => image.decode())))"
NUMBERED = "contents => { document.querySelector('.contents').outerHTML = contents; }"


def links(names: Collection[str], language: Language = ENGLISH) -> articles.Link:
    """Where a link leads within the one document of these pages; to the site where the page is not in it."""

    def link(page: str, anchor: str) -> str:
        if page == "index":
            return "#contents"
        if page not in names:
            return f"{language.site_url()}{page}.html" + (f"#{anchor}" if anchor else "")
        return f"#{page}--{anchor}" if anchor else f"#{page}"

    return link


def gathered(site: Path, names: list[str], language: Language = ENGLISH) -> list[articles.Article]:
    """The pages of one document; short blocks of code are marked, which stay on one sheet."""
    found = articles.articles(site, links(names, language), names, language)
    for one in found:
        articles.prefix_anchors(one)
        for part in one.parts():
            for block in part.select(".cell_input pre"):
                if block.get_text().count("\n") < SHORT:
                    block["class"] = "d2l-short"
    return found


def solutions_of(found: list[articles.Article], language: Language) -> str:
    """The last chapter: the solutions of all exercises."""
    link = links([one.name for one in found], language)
    parts = []
    for one in found:
        if one.solutions:
            title, solved = html.escape(one.title), articles.answers(one, link, language)
            parts.append(f'<section id="solutions--{one.name}"><h2>{title}</h2>{solved}</section>')
    title = language.say(words.SOLUTIONS)
    return f'<section class="chapter" id="solutions"><h1>{title}</h1>{"".join(parts)}</section>'


def contents(found: list[articles.Article], numbers: dict[str, int], language: Language = ENGLISH) -> str:
    """The list of chapters and sections, with the pages on which they begin where these are known."""
    lines, chapters = [], project.chapters()
    for one in found:
        lines.append(("page", one.name, one.title))
        if one.name in chapters:
            lines += [("section", anchor, title) for anchor, title in one.sections()]
    lines.append(("page", "solutions", language.say(words.SOLUTIONS)))
    entries = (
        f'<li class="{kind}"><a href="#{anchor}">{html.escape(title)}</a><i></i>{numbers.get(anchor, "")}</li>'
        for kind, anchor, title in lines
    )
    title = language.say(words.CONTENTS)
    return f'<nav class="contents" id="contents"><h1>{title}</h1><ol>{"".join(entries)}</ol></nav>'


def running_heads(found: list[articles.Article], language: Language) -> str:
    """Style: each chapter has its title at the head of its pages."""
    names = [*((one.name, one.title) for one in found), ("solutions", language.say(words.SOLUTIONS))]
    rules = []
    for name, title in names:
        text = title.replace("\\", "\\\\").replace('"', '\\"')
        area = "p-" + name.replace("_", "-")
        head = f'@top-center {{ content: "{text}"; font: 8.5pt sans-serif; color: #59636e; }}'
        rules.append(f"@page {area} {{ {head} }} #{name} {{ page: {area}; }}")
    return "\n".join(rules)


def document(found: list[articles.Article], site: Path, language: Language = ENGLISH) -> str:
    """The whole book as one page of HTML; the contents tell no pages yet."""
    title, promise = language.opening()
    katex = (site / "_static" / "katex").as_uri()
    static, edition = (site / "_static").as_uri(), language.say(words.EDITION)
    edition = edition.format(version=project.distribution()["version"])
    chapters = "".join(f'<section class="chapter" id="{one.name}">{one.body}</section>' for one in found)
    return f"""<!doctype html><html lang="{language.code}"><head><meta charset="utf-8">
<title>{html.escape(title)}</title>
<link rel="stylesheet" href="{static}/pygments.css"><link rel="stylesheet" href="{katex}/katex.min.css">
<style>{STYLE.read_text("utf-8")}{running_heads(found, language)}</style>
<script src="{static}/katex.min.js"></script><script src="{static}/auto-render.min.js"></script></head>
<body><section class="cover"><h1>{html.escape(title)}</h1><p>{html.escape(promise)}</p>
<img alt="" src="{language.drawing(site).as_uri()}"><p><small>{edition}<br>{language.site_url()}</small></p></section>
{contents(found, {}, language)}{chapters}{solutions_of(found, language)}</body></html>"""


def begin(path: Path) -> dict[str, int]:
    """On which page of a PDF each anchor that a link leads to lies, from 1."""
    reader = PdfReader(path)
    found = {}
    for name, destination in reader.named_destinations.items():
        number = reader.get_destination_page_number(destination)
        if number is not None:
            found[name.lstrip("/")] = number + 1
    return found


def pack(path: Path, language: Language) -> None:
    """Pack a PDF to half its size, and mend the signs of a Chinese one.

    Chromium writes the many small objects that tell a screen reader what is what one by one, and none of them packed.
    """
    with pikepdf.open(path, allow_overwriting_input=True) as book:
        if language is not ENGLISH:
            signs.mend(book)
        book.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def make(site: Path, path: Path, names: list[str] | None = None, language: Language = ENGLISH) -> Path:
    """Write the PDF of the pages ``names`` in a language; none means all of the book.

    Raises:
        NotBuiltError: the site is not built.
        NoBrowserError: no browser starts.
        NoFontError: no font has the language's signs.
    """
    found = gathered(site, names or articles.chosen(), language)
    source = path.with_suffix(".html")
    options = {"prefer_css_page_size": True, "print_background": True, "outline": True, "tagged": True}
    try:
        files.write(source, document(found, site, language))
        with files.draft(path) as draft, served.browser() as browser:
            page = browser.new_page()
            language.drawn(page)
            page.goto(source.as_uri(), wait_until="load")
            page.evaluate(MATH)
            page.evaluate(DRAWN)
            page.pdf(path=draft, **options)
            page.evaluate(NUMBERED, contents(found, begin(draft), language))
            page.pdf(path=draft, **options)
            pack(draft, language)
    finally:
        source.unlink(missing_ok=True)
    return path


def main() -> int:
    """Command line."""
    options = command.parsed(__doc__, "d2lite-book.pdf", languages=True)
    with command.told("PDF"):
        path = make(options.site, options.out, options.names, options.language)
    print(f"{path}: {len(PdfReader(path).pages)} pages, {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
