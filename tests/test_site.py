"""The built site: links and images resolve, nothing comes from another host, boxes are boxes, buttons lead home."""

import re
from urllib.parse import unquote, urlparse

import prose
import pytest
from bs4 import BeautifulSoup

from tools import project


@pytest.fixture(scope="session")
def pages(site):
    """Page name → parsed page."""
    return {
        path.relative_to(site).as_posix(): BeautifulSoup(path.read_text("utf-8"), "html.parser")
        for path in site.rglob("*.html")
        if "_static" not in path.parts
    }


def references(page):
    """(tag, attribute, value) of everything on a page that leads somewhere."""
    for tag, attribute in (
        ("a", "href"),
        ("link", "href"),
        ("img", "src"),
        ("script", "src"),
        ("iframe", "src"),
        ("source", "src"),
        ("video", "src"),
    ):
        for node in page.find_all(tag):
            if node.get(attribute) is not None:
                yield tag, attribute, node[attribute]


def broken(site, pages) -> list[str]:
    """Local references without a target, and anchors without an element."""
    found = []
    for name, page in pages.items():
        for tag, _, value in references(page):
            parts = urlparse(value)
            if parts.scheme or parts.netloc or value == "#":
                continue
            target = ((site / name).parent / unquote(parts.path)).resolve() if parts.path else site / name
            if not target.is_file():
                found.append(f"{name}: {tag} {value}: no such file")
            elif parts.fragment and target.suffix == ".html":
                other = pages[
                    target.relative_to(site.resolve() if site.resolve() in target.parents else site).as_posix()
                ]
                if not other.find(id=unquote(parts.fragment)):
                    found.append(f"{name}: {value}: no such anchor")
    return found


def third_party(pages) -> list[str]:
    """What a browser would fetch from another host when it shows a page."""
    found = []
    for name, page in pages.items():
        for tag, _, value in references(page):
            rel = page.find("link", href=value).get("rel", []) if tag == "link" else []
            if tag != "a" and urlparse(value).netloc and "canonical" not in rel:
                found.append(f"{name}: {tag} {value}")
        for script in page.find_all("script", src=False):
            if re.search(r"https?://[^\s\"']+\.(?:m?js|css)\b|import\(", script.text):
                found.append(f"{name}: inline script: {script.text.strip()[:100]}")
        for node in page.find_all(style=re.compile(r"url\(['\"]?(?:https?:)?//")):
            found.append(f"{name}: style {node['style'][:100]}")
    return found


def without_alt(pages) -> list[str]:
    """Pictures in the text of a page that say nothing to who cannot see them."""
    return [
        f"{name}: {image.get('src')}"
        for name, page in pages.items()
        for image in page.select("article img")
        if len(image.get("alt", "").strip()) < 15 or image["alt"].endswith((".png", ".svg"))
    ]


def test_links_images_and_anchors_resolve(site, pages):
    assert len(pages) > len(project.chapters())
    assert broken(site, pages) == []


def test_nothing_comes_from_another_host(site, pages):
    assert third_party(pages) == []
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"url\(['\"]?(?:https?:)?//[^)]*\)|@import[^;]*https?:", sheet.read_text("utf-8")), (
            sheet.name
        )


def test_pictures_have_alt_text(pages):
    assert without_alt(pages) == []


def test_faults_of_a_page_are_seen(tmp_path):
    (tmp_path / "a.html").write_text("x", "utf-8")
    page = BeautifulSoup(
        '<article><a href="b.html"></a><a href="#c"></a><a href="https://example.org"></a>'
        '<img src="https://x.org/i.png" alt="i.png">'
        '<script src="//cdn.example.org/a.js"></script><script>load("https://cdn.example.org/b.js")</script></article>',
        "html.parser",
    )
    assert len(broken(tmp_path, {"a.html": page})) == 2
    assert len(third_party({"a.html": page})) == 3
    assert len(without_alt({"a.html": page})) == 1


@pytest.mark.parametrize("chapter", project.chapters())
def test_callouts_became_boxes(chapter, pages):
    page = pages[f"{chapter}.html"]
    labels = prose.CALLOUT.findall(project.source(chapter).read_text("utf-8"))
    titles = [box.find(class_="admonition-title").text for box in page.select("div.d2l-callout")]
    assert labels and titles == labels
    assert not [quote for quote in page.find_all("blockquote") if quote.find("strong")]


@pytest.mark.parametrize("chapter", project.chapters())
def test_buttons_lead_to_the_right_files(chapter, pages, site):
    links = {link["href"] for link in pages[f"{chapter}.html"].find_all("a", href=True)}
    assert project.colab_url(chapter) in links
    assert f"{project.repository_url()}/edit/{project.BRANCH}/book/{chapter}.md" in links
    assert f"_sources/{chapter}.ipynb" in links and (site / "_sources" / f"{chapter}.ipynb").is_file()


@pytest.mark.parametrize("chapter", project.chapters())
def test_solutions_and_setup_are_folded(chapter, pages):
    page = pages[f"{chapter}.html"]
    folded = page.select("div.tag_solution, div.tag_setup")
    assert folded and all(cell.find("details", class_="hide") for cell in folded)


def test_references_list_every_work(pages):
    from pybtex.database import parse_file

    entries = parse_file(str(project.BOOK / "references.bib")).entries
    assert len(pages["references.html"].select("div.citation")) == len(entries) > 0
