"""The pages of the built site as other editions need them: without what only a browser can do, solutions apart."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from tools import pages, project
from tools.editions import words
from tools.editions.language import ENGLISH, Language

SITE = project.ROOT / "_build" / "html"
#: pages that other editions leave out: what they show works in a browser alone, or is the site's own affair
SITE_ONLY = ("index", "playground", "predictions", "editions", "speed", "status")
#: sections that every chapter has; a list of contents is shorter without them
EVERYWHERE = ("summary", "exercises", "references", "the-story-so-far")
#: what a page offers to its reader that paper cannot: links of headings, forms, hints to screen readers, the setup
OFFERED = "script, noscript, style, .headerlink, .d2l-about, .d2l-reading, .d2l-try, .tag_setup, .visually-hidden"
Link = Callable[[str, str], str]  # see `articles`


class NotBuiltError(Exception):
    """The site that an edition is made from is not there, or not whole."""


@dataclass
class Article:
    """A page of the book: its name, title and text, and the solutions of its exercises, each under its anchor."""

    name: str
    title: str
    body: Tag
    solutions: dict[str, list[Tag]]

    def parts(self) -> list[Tag]:
        """The text and all solutions."""
        return [self.body, *(part for solution in self.solutions.values() for part in solution)]

    def sections(self) -> list[tuple[str, str]]:
        """Anchor and title of each section, but for those that every chapter has."""
        found = [(section.get("id"), section.find("h2", recursive=False)) for section in self.body.select("section")]
        return [
            (str(anchor), heading.get_text().strip()) for anchor, heading in found
            if heading is not None and not str(anchor).endswith(EVERYWHERE)
        ]  # fmt: skip


def articles(site: Path, link: Link, names: list[str] | None = None, language: Language = ENGLISH) -> list[Article]:
    """The pages of the book in their order.

    Args:
        site: the folder of the built site.
        link: given the name of a page of the site and an anchor on it, which may be empty, the address in the edition.
        names: of the pages; none means those of :func:`chosen`.
        language: whose pages.

    Raises:
        NotBuiltError: the site is not built.
    """
    return [article(site, name, link, language=language) for name in names or chosen()]


def chosen() -> list[str]:
    """The pages that an edition has."""
    return [name for name in pages.names() if name not in SITE_ONLY]


def article(site: Path, name: str, link: Link, live: bool = False, language: Language = ENGLISH) -> Article:
    """One page, see :func:`articles`. In a ``live`` one, for browsers, interactives run and what is folded stays so."""
    folder = site / language.folder
    path = folder / f"{name}.html"
    if not path.exists():
        raise NotBuiltError(f"{path} is not there: build the site first, with make book")
    body = BeautifulSoup(path.read_text("utf-8"), "html.parser").select_one("article.bd-article > section")
    if body is None:
        raise NotBuiltError(f"{path} has no article: build the site anew, with make book")
    for node in body.select(OFFERED):
        if not (live and node.name == "script" and node.find_parent(class_="d2l-widget")):
            node.decompose()
    for node in body.select(".d2l-widget") if not live else ():
        show_still(node, name, language)
    heading = body.find("h1")
    found = Article(name, heading.get_text().strip() if heading else name, body, take_solutions(body))
    for node in found.parts():
        if not live:
            unfold(node)
        for image in node.select("img[src]"):
            image["src"] = (folder / str(image["src"])).resolve().as_uri()
            image.attrs.pop("loading", None)
            if image.parent is not None and "image-reference" in (image.parent.get("class") or []):
                image.parent.unwrap()  # it led to the picture alone
        for anchor in node.select("a[href]"):
            anchor["href"] = address(str(anchor["href"]), name, link)
    return found


def address(href: str, name: str, link: Link) -> str:
    """Where a link of page ``name`` leads in the edition; to another host as it is."""
    if "://" in href or href.startswith(("mailto:", "data:")):
        return href
    if href.startswith("../"):  # to a page in the other language
        return project.site_url() + href.removeprefix("../")
    page, _, anchor = href.partition("#")
    page = page.removesuffix(".html") or name
    return link(page, anchor)


def show_still(node: Tag, name: str, language: Language = ENGLISH) -> None:
    """Leave of an interactive its picture, what that shows, and where it can be played with."""
    image, where = node.find("img"), f"{language.site_url()}{name}.html#{node.get('id', '')}"
    node.clear()
    if isinstance(image, Tag):
        node.append(image)
        at = language.say(words.INTERACTIVE).format(link=f'<a href="{where}">{where}</a>')
        says = f"{html.escape(str(image.get('alt', '')))} {at}"
        node.append(paragraph("d2l-where", says))


def unfold(node: Tag) -> None:
    """Open what the page folds. Code that only draws or prints what stands below it is left out; definitions stay."""
    for fold in [*([node] if node.name == "details" else []), *node.select("details")]:
        summary = fold.find("summary", recursive=False)
        title = summary.get_text(" ", strip=True) if summary is not None else ""
        is_code = "hide" in (fold.get("class") or [])
        if is_code and fold.find_parent(class_=("d2l-defines", "tag_solution")) is None:
            fold.decompose()
            continue
        if summary is not None:
            summary.decompose()
        fold.name, fold.attrs = "div", {} if is_code else {"class": "d2l-unfolded"}
        if not is_code and title:
            fold.insert(0, paragraph("d2l-fold", html.escape(title)))


def paragraph(kind: str, text: str) -> BeautifulSoup:
    """A paragraph of a class of the style sheet, of HTML."""
    return BeautifulSoup(f'<p class="{kind}">{text}</p>', "html.parser")


def take_solutions(body: Tag) -> dict[str, list[Tag]]:
    """Take out of the exercises, by their anchors, the solutions and what they show; the cells for answers go."""
    found: dict[str, list[Tag]] = {}
    exercises = body.select_one("section#exercises")
    anchor = ""
    for node in exercises.find_all(recursive=False) if exercises else []:
        classes = node.get("class") or []
        if "d2l-exercise" in classes:
            anchor = str(node.get("id"))
        elif anchor and ("tag_solution" in classes or node.name == "details"):
            found.setdefault(anchor, []).append(node.extract())
        elif anchor and "cell" in classes:
            node.decompose()
    return found


def answers(found: Article, link: Link, language: Language = ENGLISH) -> str:
    """The solutions of a page's exercises, each with a link back."""
    parts = []
    for anchor, nodes in found.solutions.items():
        title = language.say(words.EXERCISE).format(number=anchor.rpartition("-")[2])
        back = f'<p class="d2l-back"><a href="{link(found.name, anchor)}">{language.say(words.BACK)}</a></p>'
        parts.append(f"<h3>{title}</h3>{back}{''.join(map(str, nodes))}")
    return "".join(parts)


def prefix_anchors(found: Article) -> None:
    """Let the anchors of a page begin with its name, for an edition in one file."""
    for part in found.parts():
        for node in [part, *part.select("[id]")]:
            if node.get("id"):
                node["id"] = f"{found.name}--{node['id']}"
