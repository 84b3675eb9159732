"""Other forms of the book: made from the built site, whole, and with links that lead somewhere."""

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import types
import unicodedata

import pikepdf
import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from tools import pages, project, served
from tools.editions import articles, language, pdf, release, signs

pytestmark = [pytest.mark.slow(20), pytest.mark.browser]


@pytest.fixture(scope="module")
def found(site):
    """The pages of the book, as an edition in one file has them."""
    return pdf.gathered(site, articles.chosen())


@pytest.fixture(scope="module")
def whole(found, site):
    """The document that is printed, parsed."""
    return BeautifulSoup(pdf.document(found, site), "html.parser")


def test_all_that_people_read_is_in_it(found):
    assert [one.name for one in found] == [name for name in pages.names() if name not in articles.SITE_ONLY]
    for one in found:
        words = one.body.get_text()
        assert not one.body.select("script, noscript, summary, .headerlink, .d2l-about, .tag_setup")
        if one.name in project.chapters():
            source = project.source(one.name).read_text("utf-8")
            exercises = len(re.findall(r"^> \*\*Exercise \d", source, re.M))
            assert len(one.solutions) == exercises >= 4, f"{one.name}: an exercise without its solution"
            assert "@title Solution" not in words and "d2l.check(" not in words, "answers stand beside the questions"
            assert all(one.body.select(f"#{one.name}--{anchor}") for anchor in one.solutions)
            assert not any(part.name == "details" for part in one.parts()), "an answer stays folded on paper"
            assert len(one.sections()) >= 4


def test_every_link_within_leads_somewhere_and_once(whole):
    anchors = [node["id"] for node in whole.select("[id]")]
    assert len(anchors) == len(set(anchors))
    inner = {node["href"][1:] for node in whole.select("a[href^='#']")}
    assert inner <= set(anchors) and len(inner) > 100
    others = [node["href"] for node in whole.select("a[href]") if not node["href"].startswith("#")]
    assert all("://" in href for href in others), "a relative link leads nowhere on paper"
    assert pdf.links(["vgg"])("vgg", "the-block") == "#vgg--the-block"
    assert pdf.links(["vgg"])("nin", "the-block") == f"{project.site_url()}nin.html#the-block", "it is not printed"


def test_code_that_defines_stays_and_code_that_draws_goes(found):
    (vgg,) = (one for one in found if one.name == "vgg")
    code = "\n".join(block.get_text() for block in vgg.body.select(".cell_input pre"))
    assert "class VGG" in code and "def vgg_block" in code and "plt.show()" not in code
    assert len(vgg.body.select("img")) >= 10
    still = vgg.body.select_one(".d2l-widget")
    assert still.img["alt"] in still.get_text() and f"{project.site_url()}vgg.html#interactive-" in still.get_text()


def test_contents_tell_pages(found):
    list_of_pages = BeautifulSoup(pdf.contents(found, {"vgg": 12, "vgg--why-blocks": 345}), "html.parser")
    lines = {line.a["href"]: line.get_text() for line in list_of_pages.select(".contents li")}
    assert lines["#vgg"].endswith("12") and lines["#vgg--why-blocks"] == "Why blocks345"
    assert "#vgg--exercises" not in lines and "#solutions" in lines


def test_the_pdf_has_bookmarks_numbers_heads_and_whole_pictures(site, tmp_path, chromium):
    path = tmp_path / "book.pdf"  # in a process of its own, since this one has a browser already
    line = [sys.executable, "-m", "tools.editions.pdf", "vgg", "references", "--site", site, "--out", path]
    done = subprocess.run(line, cwd=project.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"book\.pdf: \d+ pages, \d+\.\d MB", done.stdout)
    assert [made.name for made in tmp_path.iterdir()] == ["book.pdf"]
    reader = PdfReader(path)
    texts = [" ".join(page.extract_text().split()) for page in reader.pages]
    numbers = pdf.begin(path)
    for anchor, title in (("vgg--the-block", "The block"), ("vgg--training", "Training"), ("solutions", "Solutions")):
        assert title in texts[numbers[anchor] - 1]
        assert re.search(rf"{title}\s*{numbers[anchor]}\b", texts[1]), "the contents tell another page"
    assert texts[numbers["vgg--training"] - 1].startswith("VGG: networks from blocks"), "no running head"
    marks = str([mark.title if not isinstance(mark, list) else [m.title for m in mark if not isinstance(m, list)]
                 for mark in reader.outline])  # fmt: skip
    assert "VGG: networks from blocks" in marks and "Why blocks" in marks
    assert reader.metadata.title == pages.opening(project.BOOK / "index.md")[0]
    width, height = (float(side) / 72 * 25.4 for side in reader.pages[3].mediabox[2:])
    assert width <= 210.5 and height <= 279.5, "it has to fit A4 and Letter"
    assert sum(len(page.images) for page in reader.pages) >= 10
    joined = " ".join(texts)
    assert "\\(" not in joined and "\\frac" not in joined, "a formula was not typeset"


def test_the_chinese_pdf_is_chinese_where_it_is_not_code(both, tmp_path, chinese_font):
    path = tmp_path / "book.pdf"
    relative = os.path.relpath(both, project.ROOT)
    line = [sys.executable, "-m", "tools.editions.pdf", "nin", "--chinese", "--site", relative, "--out", path]
    done = subprocess.run(line, cwd=project.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    reader, numbers = PdfReader(path), pdf.begin(path)
    texts = [" ".join(page.extract_text().split()) for page in reader.pages]
    title, _ = language.CHINESE.opening()
    (chapter,) = pdf.gathered(both, ["nin"], language.CHINESE)
    assert re.search("[一-鿿]", chapter.title + title) and reader.metadata.title == title
    assert texts[numbers["nin--the-block"] - 1].startswith(chapter.title), "the running head"
    for anchor, section in chapter.sections():
        assert re.search(rf"{re.escape(section)}\s*{numbers[anchor]}\b", texts[1]), "the contents tell another page"
    assert texts[1].startswith("2 目录") and re.search(rf"习题解答 ?{numbers['solutions']}$", texts[1])
    marks = str([mark.title for mark in reader.outline if not isinstance(mark, list)])
    assert chapter.title in marks and "习题解答" in marks and reader.trailer["/Root"]["/Lang"] == "zh-CN"
    joined = " ".join(texts)
    assert "def nin_block" in joined and "plt.show()" not in joined, "code that defines stays, code that draws goes"
    assert f"{project.site_url()}zh/nin.html#interactive-" in joined.replace(" ", "")
    assert not re.search("[\u2e80-\u2fdf]", joined) and "网络中的网络" in joined, "radicals, which nobody searches for"
    assert not {"Solutions", "Contents", "Interactive", "Edition"} & set(joined.split())
    with pikepdf.open(path) as book:
        elements = [one for one in book.objects if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/P"]
    assert len(elements) > 100, "a screen reader finds no paragraphs"
    share = release.LIMITS["d2lite-book-zh.pdf"] / (len(project.chapters()) + 1)  # one for what is around them
    assert path.stat().st_size < share, "chapters of this size do not fit into the limit of the book"


def test_glyphs_are_signs_of_a_text_and_no_radicals():
    table = (
        "1 beginbfchar\n<6D> <2F79>\n<01> <7F51>\n<2F08> <7559>\n<2F09> <2F79>\nendbfchar\n"
        "1 beginbfrange\n<02> <04> <2F00>\n<05> <06> <0041>\n<2F10> <2F11> <7591>\n"
    )
    assert signs.of_text(table) == table.replace("2F79", "7F51").replace("<2F00>", "[<4E00> <4E28> <4E36>]")
    kept = {chr(number) for number in range(signs.FIRST, signs.LAST) if unicodedata.name(chr(number), "")[:4] == "KANG"}
    assert len(kept) == 214 and all(signs.mended(ord(sign)) != f"<{ord(sign):04X}>" for sign in kept)
    assert all(unicodedata.name(sign).startswith("CJK RADICAL") for sign in signs.RADICALS)


def test_signs_that_no_font_has_are_told_before_anything_is_printed(site, tmp_path, monkeypatch, blank):
    none = dataclasses.replace(language.CHINESE, signs="\U0005fff0\U0005fff1")  # nothing stands there in Unicode
    with pytest.raises(language.NoFontError, match="fonts-noto-cjk"):
        none.drawn(blank())
    language.ENGLISH.drawn(blank())

    def drawn(self, page):
        raise language.NoFontError("no font here has them")

    monkeypatch.setattr(language.Language, "drawn", drawn)
    monkeypatch.setattr(served, "browser", lambda: contextlib.nullcontext(types.SimpleNamespace(new_page=blank)))
    monkeypatch.setattr(sys, "argv", ["pdf", "references", "--site", str(site), "--out", str(tmp_path / "book.pdf")])
    with pytest.raises(SystemExit, match="no PDF: no font here has them"):
        pdf.main()
    assert list(tmp_path.iterdir()) == []


def test_a_site_that_is_not_built_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pdf", "--site", str(tmp_path), "--out", str(tmp_path / "out" / "book.pdf")])
    with pytest.raises(SystemExit, match="build the site first, with make book"):
        pdf.main()
    (tmp_path / "data_and_training.html").write_text("<p>no article</p>")
    with pytest.raises(SystemExit, match="build the site anew"):
        pdf.main()
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(sys, "argv", ["pdf", "wgg"])
    with pytest.raises(SystemExit, match="2"):
        pdf.main()


def test_without_a_browser_nothing_is_left(site, tmp_path, monkeypatch):
    def none():
        raise served.NoBrowserError("no browser that starts")

    monkeypatch.setattr(served, "browser", none)
    monkeypatch.setattr(sys, "argv", ["pdf", "references", "--site", str(site), "--out", str(tmp_path / "book.pdf")])
    with pytest.raises(SystemExit, match="no PDF: no browser that starts"):
        pdf.main()
    assert list(tmp_path.iterdir()) == []
