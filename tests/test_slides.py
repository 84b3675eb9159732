"""Decks: made of the chapter's own parts, of a size that one can show, running without network."""

import io
import re
import zipfile

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from tools import project, served
from tools.editions import articles, slides

pytestmark = [pytest.mark.slow(15), pytest.mark.browser]
#: in a deck: the slides that do not fit, however small their text was made
TOO_LARGE = """[...document.querySelectorAll(".slides > section")].filter((section) => {
    const before = section.style.display;
    section.style.display = "block";
    const content = section.querySelector(".content");
    const interactive = section.classList.contains("interactive");  // it may scroll
    const high = (interactive ? section.offsetHeight : section.scrollHeight) > 722;
    const large = high || content.scrollWidth > content.clientWidth + 1;
    section.style.display = before;
    return large;
}).map((section) => section.querySelector("h1, h2").textContent)"""


@pytest.fixture(scope="module")
def decks(site):
    """Chapter → its page and its slides."""
    return {name: slides.deck(site, name) for name in project.chapters()}


@pytest.fixture(scope="module")
def folder(site, tmp_path_factory):
    """The folder of two decks."""
    return slides.make(site, tmp_path_factory.mktemp("my slides") / "slides", ["vgg", "recipes"])


def test_a_deck_has_a_size_to_show_and_lasts_a_lesson(decks):
    for name, (_, found) in decks.items():
        assert 25 <= len(found) <= 40, f"{name}: {len(found)} slides"
        assert 20 <= sum(slide.seconds() for slide in found) / 60 <= 60, name
        assert found[0].kind == "title" and all(slide.body for slide in found), name
        assert all(slide.seconds() >= 20 for slide in found)


def test_questions_interactives_and_what_is_said_are_the_chapters(decks):
    for name, (one, found) in decks.items():
        optional = [
            part for part in one.body.select("section")
            if (heading := part.find(re.compile("h[23]"), recursive=False)) and "Optional" in heading.get_text()
        ]  # fmt: skip
        boxes, labs = (
            [node for node in one.body.select(kind) if not any(part in node.parents for part in optional)]
            for kind in (".d2l-predict-first", ".d2l-widget")
        )
        kinds = [slide.kind for slide in found]
        assert kinds.count("predict") == len(boxes) > 0, name
        assert kinds.count("interactive") == len(labs), name
        assert kinds.count("figure") >= 3 or name == "scaling_out", name
        words = " ".join(part for slide in found for part in slide.notes)
        assert len(words.split()) >= 1200, f"{name}: what is between the slides is lost"
        shown = " ".join(part for slide in found for part in slide.body)
        assert "data-key" not in shown, "it would hold the answers"
        assert "Solution" not in shown


def made(source: str) -> list[slides.Slide]:
    """The slides of a page of this HTML, none left out."""
    body = BeautifulSoup(f"<section><h1>A</h1><p>Promise.</p>{source}</section>", "html.parser").section
    return slides.joined(slides.Deck(articles.Article("a", "A", body, {})).slides)


CELL = '<div class="cell {}"><div class="cell_output"><div class="output"><img alt="a" src="file:///a.png"></div></div></div>'


def test_tags_decide():
    plain = (
        '<section id="s"><h2>One</h2><p>First, by Li et al. of 2013. More.</p>{}<p>So it is. And more.</p></section>'
    )
    _, shown = made(plain.format(CELL.format("")))
    assert shown.kind == "figure" and "First, by Li et al. of 2013.</p>" in shown.body[0] and "<img" in shown.body[1]
    assert "First, by Li et al. of 2013. More." in shown.notes[0] and "So it is. And more." in shown.notes[1]
    (_, left), (_, said) = (made(plain.format(CELL.format(f"tag_slide-{kind}"))) for kind in ("skip", "notes"))
    assert "<img" not in "".join(left.body + said.body)
    _, _, forced = made(plain.format(CELL.format("") + CELL.format("tag_slide")))
    assert forced.level == slides.ALWAYS and "So it is." in forced.body[-1]
    assert len(made('<section id="s"><h2>Optional: more</h2><p>Text.</p></section>')) == 1


def test_a_deck_that_is_too_long_is_thinned_and_loses_no_word():
    many = [slides.Slide("A", ["a"], kind="title")]
    many += [slides.Slide("A", ["a"], slides.FIGURE, "figure", notes=[f"<p>{number}</p>"]) for number in range(60)]
    kept = slides.chosen(many)
    assert len(kept) == slides.MOST and kept[-1].notes == ["<p>59</p>"]
    assert [note for slide in kept for note in slide.notes] == [f"<p>{number}</p>" for number in range(60)]


def test_a_deck_runs_from_a_folder_without_network(folder, blank):
    page = blank(offline=True, viewport={"width": 1280, "height": 720})
    tab = served.Tab(page, folder.as_uri() + "/")
    page.goto(tab.address + "index.html")
    counts = {name: int(count) for name, count in re.findall(r'"(\w+)\.html">[^<]+</a>: (\d+) slides', page.content())}
    for name, count in counts.items():
        page.goto(tab.address + f"{name}.html")
        page.wait_for_function("document.body.dataset.ready")
        assert page.evaluate("Reveal.getTotalSlides()") == count == page.evaluate("Reveal.getHorizontalSlides().length")
        assert page.evaluate(TOO_LARGE) == []
        assert page.evaluate("[...document.images].filter((image) => !image.naturalWidth).length") == 0
    assert set(counts) == {"vgg", "recipes"}
    page.goto(tab.address + "vgg.html")
    page.wait_for_function("document.body.dataset.ready")
    assert page.locator(".slides .content .katex").count() >= 1 and page.locator("aside .katex").count() == 0
    place = "[...document.querySelectorAll('.slides > section')].findIndex(slide => slide.matches('.interactive'))"
    page.evaluate(f"Reveal.slide({place})")
    box = page.locator("section.present .d2l-widget")
    before, control = box.inner_text(), tab.controls(box)[0]
    control.press("End")
    page.wait_for_function("([box, before]) => box.innerText !== before", arg=[box.element_handle(), before])
    control.press("ArrowLeft")
    assert page.evaluate(f"Reveal.getIndices().h === {place}"), "the keys of an interactive are its own"
    control.press("PageDown")
    assert page.evaluate(f"Reveal.getIndices().h === {place} + 1"), "and a presenter's remote goes on"
    assert tab.problems == []
    tab.leave()


def test_a_deck_prints_a_slide_a_page(folder, blank):
    page = blank(offline=True, viewport={"width": 1280, "height": 720})
    page.goto((folder / "recipes.html").as_uri() + "?print-pdf")
    page.wait_for_function("document.body.dataset.ready")
    page.wait_for_function("document.querySelectorAll('.pdf-page').length > 0")
    count = page.locator(".pdf-page").count()
    printed = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True, print_background=True)))
    assert len(printed.pages) == count >= 25
    assert "What is a recipe worth?" in printed.pages[0].extract_text()


def test_decks_make_one_zip(site, tmp_path):
    with zipfile.ZipFile(slides.packed(site, tmp_path / "d2lite-book-slides.zip", ["recipes"])) as package:
        names = package.namelist()
    wanted = {f"d2lite-book-slides/{name}.html" for name in ("index", "recipes")}
    assert wanted <= {*names} and "d2lite-book-slides/assets/reveal.js" in names
    assert [path.name for path in tmp_path.iterdir()] == ["d2lite-book-slides.zip"]
