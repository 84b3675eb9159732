"""The built site: links and images resolve, nothing comes from another host, boxes are boxes, buttons lead home."""

import functools
import importlib
import inspect
import itertools
import json
import logging
import re
from types import SimpleNamespace
from urllib.parse import unquote, urlparse

import prose
import pytest
from bs4 import BeautifulSoup

import d2lite as d2l
from tools import pages as pages_of_tools
from tools import project, served

pytestmark = pytest.mark.slow


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
    for node in page.find_all(["a", "link", "img", "script", "iframe", "source", "video"]):
        attribute = "href" if node.name in ("a", "link") else "src"
        if node.get(attribute) is not None:
            yield node.name, attribute, node[attribute]


def broken(site, pages) -> list[str]:
    """Local references without a target, and anchors without an element."""
    found, anchors = [], {}
    for name, page in pages.items():
        for tag, _, value in references(page):
            parts = urlparse(value)
            if parts.scheme or parts.netloc or value == "#":
                continue
            path = unquote(parts.path)
            if path.startswith(served.PREFIX):  # on the page for wrong addresses, which is shown at any depth
                target = site / path.removeprefix(served.PREFIX) / ("index.html" if path.endswith("/") else "")
            else:
                target = ((site / name).parent / path).resolve() if path else site / name
            if not target.is_file():
                found.append(f"{name}: {tag} {value}: no such file")
            elif parts.fragment and target.suffix == ".html":
                other = target.relative_to(site.resolve() if site.resolve() in target.parents else site).as_posix()
                if other not in anchors:
                    anchors[other] = {node["id"] for node in pages[other].find_all(id=True)}
                if unquote(parts.fragment) not in anchors[other]:
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
            if re.search(r"https?://[^\s\"']+\.(?:m?js|css)\b|import\((?!URL\.createObjectURL\()", script.text):
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
    assert {project.colab_url(chapter), project.kaggle_url(chapter)} <= links
    assert f"{project.repository_url()}/edit/{project.BRANCH}/book/{chapter}.md" in links
    assert f"_sources/{chapter}.ipynb" in links and (site / "_sources" / f"{chapter}.ipynb").is_file()


@pytest.mark.parametrize("chapter", project.chapters())
def test_solutions_and_setup_are_folded(chapter, pages):
    page = pages[f"{chapter}.html"]
    folded = page.select("div.tag_solution, div.tag_setup")
    assert folded and all(cell.find("details", class_="hide") for cell in folded)


@pytest.mark.parametrize("chapter", project.chapters())
def test_folds_are_named_by_what_they_show(chapter, pages):
    folds = pages[f"{chapter}.html"].select("details.hide")
    bars = [fold.summary.select_one(".collapsed").text for fold in folds]
    assert bars and all(bar.startswith("Show ") for bar in bars)
    assert not [fold for fold in folds if fold.summary.get("aria-label")], "it would hide what the bar says"
    solutions = [bar for bar in bars if "solution" in bar]
    assert len(solutions) == len(set(solutions)) > 0
    assert "the code" in {bar.removeprefix("Show ")[:8] for bar in bars}


@pytest.mark.parametrize("chapter", project.with_interactives())
def test_the_code_of_an_interactive_is_folded_below_it(chapter, pages):
    cells = [box.find_parent(class_="cell") for box in pages[f"{chapter}.html"].select(".cell .d2l-widget")]
    assert cells
    for cell in cells:
        assert [part.name for part in cell.find_all(recursive=False)] == ["div", "details"]
        assert cell.details.summary.select_one(".collapsed").text == "Show the code that starts this interactive"


@pytest.mark.parametrize("chapter", project.chapters())
def test_what_follows_a_solution_is_folded_like_it(chapter, pages):
    page = pages[f"{chapter}.html"]
    for cell in page.select(".cell.tag_solution"):
        after = cell.find_next_sibling()
        assert after is None or after.name in ("details", "section") or "d2l-exercise" in after["class"], after.text[
            :80
        ]


def test_code_is_shown_without_marks_for_tools(pages):
    code = [part.text for page in pages.values() for part in page.select("article .cell_input pre")]
    assert len(code) > 400
    assert not [text for text in code if "fmt: skip" in text or "``" in text]
    lines = pages["vgg.html"].select("article pre .d2l-line")
    assert "--in:4ch" in {line.get("style") for line in lines} and not [line for line in lines if "\n" in line.text]


def test_tables_have_no_empty_heads_and_their_cards_have_labels(pages):
    assert not [name for name, page in pages.items() if [th for th in page.select("article th") if not th.text.strip()]]
    tables = {name: page.select("table.d2l-cards-on-phone") for name, page in pages.items()}
    assert all(tables[f"{chapter}.html"] for chapter in ("vgg", "teaching", "nin"))
    for table in itertools.chain(*tables.values()):
        assert table["role"] == "table" and not table.find("td", attrs={"role": None})
        assert [cell["data-label"] for cell in table.select("tbody td")] and "" not in {
            cell["data-label"] for cell in table.select("tbody td[data-label] ~ td[data-label]") if cell.text.strip()
        }


@pytest.mark.parametrize("rows, labels", [
    ("<tr><td>1</td><td>2</td></tr>", ["a", "b c"]),
    ('<tr><th rowspan="2">x</th><td>1</td></tr><tr><td>2</td></tr>', ["b c", "b c"]),
    ('<tr><td colspan="1">1</td><td>2</td></tr><tr><th></th><td>3</td></tr>', ["a", "b c", "a", "b c"]),
])  # fmt: skip
def test_cells_find_the_head_of_their_column(rows, labels, monkeypatch):
    monkeypatch.syspath_prepend(project.BOOK / "_ext")
    tables = importlib.import_module("d2l_tables")
    monkeypatch.setattr(tables, "PHONE", 0)
    head = "<thead><tr><th>a</th><th>b</th></tr><tr><th></th><th>c</th></tr></thead>"
    made = tables.TABLE.sub(tables.mended, f"<p><table>{head}<tbody>{rows}</tbody></table></p>")
    cells = BeautifulSoup(made, "html.parser").select("tbody td")
    assert [cell["data-label"] for cell in cells] == labels
    assert made.count("<th") == 1 + 3 + rows.count("<th>x") + rows.count("<th rowspan")  # with thead
    monkeypatch.undo()
    assert "data-label" not in tables.TABLE.sub(tables.mended, f"<table>{head}<tbody>{rows}</tbody></table>")


def test_references_list_every_work(pages):
    from pybtex.database import parse_file

    entries = parse_file(str(project.BOOK / "references.bib")).entries
    assert len(pages["references.html"].select("div.citation")) == len(entries) > 0


def described(page) -> dict[str, str]:
    """What a page's head says of it."""
    return {tag.get("name") or tag.get("property"): tag["content"] for tag in page.select("head meta[content]")}


def test_every_page_is_described_and_has_a_picture(pages, site):
    for name in (f"{page}.html" for page in pages_of_tools.names()):
        told, page = described(pages[name]), pages[name]
        assert told["description"] == told["og:description"] and 60 < len(told["description"]) < 400, name
        assert told["og:title"] in page.title.text and told["twitter:card"] == "summary_large_image"
        assert told["og:url"] == page.find("link", rel="canonical")["href"] == project.site_url() + name
        picture = told["og:image"].removeprefix(project.site_url())
        assert (site / picture).is_file() and (name.removesuffix(".html") in project.chapters()) == (
            "covers" in picture
        )
    for chapter in project.chapters():
        told = described(pages[f"{chapter}.html"])["description"]
        assert pages_of_tools.facts(chapter)["promise"] == told.replace("’", "'")


def test_the_address_of_the_site_follows_from_that_of_the_repository(monkeypatch):
    for repository, address in {
        "https://github.com/Someone/a-book": "https://someone.github.io/a-book/",
        "https://github.com/someone/Someone.github.io": "https://someone.github.io/",
    }.items():
        monkeypatch.setattr(project, "repository_url", lambda url=repository: url)
        assert project.site_url() == address


def test_the_sitemap_names_every_page(site, pages):
    found = re.findall(r"<loc>(.*?)</loc>", (site / "sitemap.xml").read_text("utf-8"))
    ours = {project.site_url() + name for name in pages if name not in ("404.html", "search.html")}
    assert set(found) == ours and len(found) == len(ours) > len(project.chapters())


def test_the_page_for_wrong_addresses_works_at_any_depth(pages):
    page = pages["404.html"]
    local = [value for _, _, value in references(page) if not urlparse(value).netloc]
    assert len(local) > 2 * len(project.chapters())
    assert [value for value in local if not value.startswith((served.PREFIX, "#"))] == []
    assert not page.find("link", rel="canonical") and page.find("meta", content="noindex")


def test_links_tell_where_they_lead(pages):
    told = {link["href"]: link.get("title", "") for link in pages["vgg.html"].select("article a.reference")}
    assert told["alexnet.html"].startswith("AlexNet: depth that learns. AlexNet is the network")
    assert told["https://arxiv.org/abs/1502.01852"] == (
        "He, Zhang, Ren and Sun: Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet "
        "Classification, 2015"
    )
    cited = {
        link["href"] for chapter in project.chapters() for link in pages[f"{chapter}.html"].select("article a[title]")
    }
    assert len([address for address in cited if "://" in address]) > 20
    assert not pages["index.html"].select("article a.reference.internal[title]"), "there the promise stands beside it"


def test_pages_hold_only_what_they_use(site, pages):
    for name, page in pages.items():
        scripts = " ".join(script.get("src", "") for script in page.find_all("script"))
        formulas = bool(page.select("article .math"))
        assert ("katex" in scripts) == formulas, name
        assert ("copybutton" in scripts) == bool(page.select("div.highlight")), name
        sheets = " ".join(sheet["href"] for sheet in page.find_all("link", rel="stylesheet"))
        assert ("pygments" in sheets) == ("copybutton" in sheets) == bool(page.select("div.highlight")), name
        assert len(re.findall(r"/widgets\.js", scripts)) == bool(page.select(".d2l-widget")), name
        assert "toggle" not in scripts and "design-tabs" not in scripts
    fonts = list(site.glob("_static/vendor/fontawesome/*/webfonts/*"))
    assert fonts and all(path.suffix == ".woff2" and path.stat().st_size < 10_000 for path in fonts)


def test_every_icon_has_its_sign(site, pages):
    from fontTools.ttLib import TTFont

    (sheet,) = site.glob("_static/vendor/fontawesome/*/css/all.min.css")
    rules = re.findall(r'([^{}]*):before\{content:"\\([0-9a-f]+)"', sheet.read_text("utf-8"))
    signs = {name: sign for names, sign in rules for name in re.findall(r"fa-[a-z0-9-]+", names)}
    fonts = {path.stem: TTFont(path).getBestCmap() for path in site.glob("_static/vendor/fontawesome/*/webfonts/*")}
    icons = (icon for page in pages.values() for icon in page.select("i[class*='fa-'], span[class*='fa-']"))
    own = (icon["class"] for icon in icons if not {"fa-brands", "fab"} & set(icon["class"]))
    shown = {name for names in own for name in names if name[:3] == "fa-"} - {"fa-solid", "fa-lg", "fa-github"}
    assert len(shown) > 10 and shown <= set(signs)
    assert all(int(signs[name], 16) in fonts["fa-solid-900"] for name in shown)
    assert {0xF09B, 0xF5FA} <= set(fonts["fa-brands-400"]), "the marks of GitHub and Kaggle"
    assert 0xF010 in fonts["fa-solid-900"], "that of hiding what was found, which a style sheet writes as it is"


def test_chapters_lead_to_their_neighbors(pages):
    names = [f"{chapter}.html" for chapter in project.chapters()]
    for before, after in itertools.pairwise(names):
        assert pages[before].select_one("a.right-next")["href"] == after
        assert pages[after].select_one("a.left-prev")["href"] == before
    assert len(pages["vgg.html"].select("link[rel=icon]")) == 1


def test_tables_are_filled_in_while_the_site_is_built(pages, site):
    assert not [name for name, page in pages.items() if "<!-- built" in str(page)]
    rows = pages["status.html"].select_one("article table").select("tbody tr")
    assert [row.td.a["href"] for row in rows] == [f"{chapter}.html" for chapter in project.chapters()]
    for chapter, (picture, _) in pages_of_tools.covers().items():
        assert (site / f"_static/covers/{chapter}.png").read_bytes() == picture
    sets = {path.stem for path in pages_of_tools.SETS.glob("*/*.md")}
    assert len(pages["teaching.html"].select("a[href*='assignments/release']")) == 2 * len(sets) > 0


def test_a_table_that_nobody_makes_is_named():
    known = "there are: digits, doors, measured, found, length, cards, playground, lab, sets"
    with pytest.raises(ValueError, match=f"nothing is built for verses; {known}"):
        pages_of_tools.filled("<!-- built: verses -->\n<!-- built: cards -->")


def test_a_table_follows_its_files(tmp_path, monkeypatch):
    """The status page is read again when a notebook changes, and shows the new run."""
    every = {path for name in project.chapters() for path in (project.source(name), project.notebook(name))}
    assert every < set(pages_of_tools.sources())
    (tmp_path / "new.md").write_text("# New\n\nA promise.\n\nText.\n", "utf-8")
    monkeypatch.setattr(project, "BOOK", tmp_path)
    monkeypatch.setattr(project, "chapters", lambda: ["new"])
    assert "| [New](new.ipynb) | – | – | not run yet | – |" in pages_of_tools.filled("<!-- built: status -->")
    run = {"profile": "full", "device": "CPU, 2 threads", "seconds": 90}
    (tmp_path / "new.ipynb").write_text(json.dumps({"metadata": {"d2lite": {"run": run}}, "cells": []}), "utf-8")
    assert "| [New](new.ipynb) | full | CPU, 2 threads | 1.5 | – |" in pages_of_tools.filled("<!-- built: status -->")


def entries(pages) -> dict:
    """Name → entry of the API reference."""
    found = pages["api.html"].select("dl.py > dt[id]")
    return {entry["id"].removeprefix("d2lite."): entry.parent for entry in found}


def words(text: str) -> str:
    """A text without punctuation and markup."""
    return " ".join(re.findall(r"\w+", text))


def test_the_reference_has_every_public_name(pages):
    shown = [name for name in entries(pages) if "." not in name]
    assert sorted(shown) == sorted(d2l.__all__), "name it in a group of book/api.md"


def test_the_reference_says_what_the_code_says(pages):
    for name, entry in entries(pages).items():
        if "attribute" in entry["class"]:  # a field, which the docstring of its class describes
            continue
        thing = functools.reduce(inspect.getattr_static, name.split(".")[1:], getattr(d2l, name.split(".")[0]))
        thing = getattr(thing, "__func__", thing)  # of a class method
        first = re.sub(r":\w+:", "", inspect.getdoc(thing).split("\n\n")[0])
        assert words(first) in words(entry.find("dd", recursive=False).text), name
        if inspect.isclass(thing) and (issubclass(thing, Exception) or "__init__" not in vars(thing)):
            continue
        if not isinstance(thing, property):
            known = [parameter for parameter in inspect.signature(thing).parameters if parameter not in ("self", "cls")]
            written = [part.select_one(".n").text for part in entry.dt.select(".sig-param") if part.select_one(".n")]
            assert [parameter for parameter in written if parameter != "*"] == known, name


def test_a_build_does_not_tell_each_step_of_cutting_fonts(monkeypatch):
    monkeypatch.syspath_prepend(project.BOOK / "_ext")
    monkeypatch.setattr(logging.getLogger("fontTools"), "level", logging.NOTSET)
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)  # as the theme's accessible-pygments leaves it
    importlib.import_module("d2l_icons").setup(SimpleNamespace(connect=lambda *args, **options: None))
    assert logging.getLogger("fontTools.subset").getEffectiveLevel() == logging.WARNING


def test_a_sentence_that_is_found_keeps_its_short_formulas(monkeypatch):
    monkeypatch.syspath_prepend(project.BOOK / "_ext")
    from d2l_search import spoken
    from docutils import nodes

    parts = (nodes.Text("It has "), nodes.math("", "18c^2"), nodes.Text(" weights instead of "))
    assert spoken(nodes.paragraph("", "", *parts, nodes.math("", "25"))).split()[2:4] == ["18c²", "weights"]
    long = nodes.paragraph("", "", *(part.deepcopy() for part in parts[2:]), nodes.math("", r"\frac{a}{b}"))
    assert spoken(long).strip() == "weights instead of …", "no TeX, and no hole"
