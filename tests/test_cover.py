"""The first page: a network that one draws for, three doors, a card a chapter, a link to every interactive."""

import json
import re

import pytest
from bs4 import BeautifulSoup

import d2lite as d2l
from d2lite.widgets import LiveNetwork
from tools import cover_network, pages, project, reading, served

pytestmark = pytest.mark.slow
SCREENS = [(1280, 900), (1440, 900), (800, 900), (390, 844)]
#: px on a phone: a card a chapter, a link an interactive (two a row), and all that stands beside them
CARD, LINK, REST = 135, 32, 1950
LETTER = 0.46  # of its size is a letter wide in Arial, on average; where a wider font stands in, text has more lines
WIDTH = """() => {
    const pen = document.createElement("canvas").getContext("2d");
    const text = document.querySelector(".bd-article").innerText.replace(/\\s+/g, " ");
    pen.font = `100px ${getComputedStyle(document.body).fontFamily}`;
    return pen.measureText(text).width / 100 / text.length;
}"""
PAD, DOORS = "#interactive-digits .d2l-pad .d2l-pixels", ".d2l-doors a"
#: a digit, drawn in lines: points x,y on a sheet of 100 × 100; `/` ends a line
DRAWN = {
    "0": "50,10 25,25 20,50 30,80 50,90 70,80 80,50 72,20 50,10",
    "1": "50,10 50,90",
    "2": "25,30 35,13 60,10 74,28 65,50 40,72 24,88 78,88",
    "3": "25,18 50,10 72,25 62,42 42,48 66,55 75,72 55,90 25,84",
    "4": "55,10 22,60 80,60/62,35 62,92",
    "5": "72,12 32,12 28,45 55,42 74,60 66,84 42,90 24,82",
    "6": "65,10 40,30 28,60 36,86 60,88 72,70 58,54 34,62",
    "7": "22,14 78,14 55,50 42,90",
    "8": "68,20 45,10 30,27 50,47 72,70 52,90 28,74 45,50 70,30 68,20",
    "9": "70,30 50,12 30,28 42,50 68,42 70,30 68,60 60,90",
}


@pytest.fixture
def opened(blank, address):
    """``opened(width, height, …)``: the first page in a window of that size."""

    def show(width=1280, height=900, reduced_motion="no-preference", java_script_enabled=True, **options):
        page = blank(java_script_enabled=java_script_enabled, **options)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(reduced_motion=reduced_motion)
        page.goto(f"{address}index.html", wait_until="networkidle")
        if java_script_enabled:
            page.wait_for_function(served.STARTED)
        return page

    return show


@pytest.fixture(scope="module")
def first(site):
    """The first page, parsed."""
    return BeautifulSoup((site / "index.html").read_text("utf-8"), "html.parser")


def answer(page) -> str:
    """The class that the network on the page finds most probable."""
    return page.evaluate("document.querySelector('#interactive-digits').model.get('result').guess")


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: f"{screen[0]}x{screen[1]}")
def test_the_first_screen_shows_the_book(chromium, address, screen):
    """On a first visit: with nothing in the cache."""
    window = dict(zip(("width", "height"), screen))
    context = chromium.new_context(viewport=window, reduced_motion="reduce")
    page = served.Tab(context.new_page(), address).open("index.html").page
    for what in (
        "article h1",
        "article section > p",
        PAD,
        ".d2l-answers svg",
        *(f"{DOORS}:nth-child({at})" for at in (1, 2, 3)),
    ):
        box = page.locator(what).first.bounding_box()
        assert box, what
        assert box["y"] >= 0 and box["y"] + box["height"] <= screen[1] and box["x"] + box["width"] <= screen[0], what
    assert page.locator("#interactive-digits .d2l-control:visible").count() == 0, "nothing to set before one draws"
    assert page.locator("#interactive-digits").get_by_text("Draw a digit here").is_visible()
    assert answer(page) == "3", "a digit is there at once"
    assert page.evaluate(served.SHIFTS) < 0.05, "nothing moves when it starts"
    said, bars = page.locator(".d2l-say").bounding_box(), page.locator(".d2l-answers").bounding_box()
    assert said["y"] >= bars["y"] + bars["height"] - 1, "the sentence covers no bar"
    context.close()


def test_a_phone_does_not_scroll_for_ever(opened):
    page = opened(390, 844, has_touch=True, is_mobile=True)
    cards, links = page.locator(".d2l-card").count(), page.locator(".d2l-play-list a").count()
    assert cards > 9 and links > 9
    limit = (CARD * cards + LINK * links + REST) * max(1, page.evaluate(WIDTH) / LETTER)
    assert page.evaluate("document.documentElement.scrollHeight") <= limit
    targets = page.locator(".d2l-doors a, .d2l-card-foot a, .d2l-play-list a, .d2l-tools button")
    assert [box for box in targets.evaluate_all("all => all.map(node => node.offsetHeight)") if box < 44] == []


@pytest.mark.parametrize("share", [0.95, 0.5])
def test_digits_drawn_by_mouse_are_read(opened, share):
    page, read = opened(reduced_motion="reduce"), {}
    box = page.locator(PAD).bounding_box()

    def place(point):
        shares = [0.5 + share * (int(at) / 100 - 0.5) for at in point.split(",")]
        return box["x"] + box["width"] * shares[0], box["y"] + box["height"] * shares[1]

    for digit, lines in DRAWN.items():
        page.get_by_role("button", name="clear").click()
        for line in lines.split("/"):
            start, *points = line.split()
            page.mouse.move(*place(start))
            page.mouse.down()
            for point in points:
                page.mouse.move(*place(point), steps=3)
            page.mouse.up()
        read[digit] = answer(page)
    assert read == {digit: digit for digit in DRAWN}


def test_a_finger_and_the_keys_draw_too(opened):
    page = opened(390, 844, has_touch=True, is_mobile=True, reduced_motion="reduce")
    own = "document.querySelector('#interactive-digits').model.get('own')"
    box = page.locator(PAD).bounding_box()
    page.touchscreen.tap(box["x"] + 80, box["y"] + 40)
    dot = page.evaluate(own)
    assert dot, "a dot"
    page.locator(PAD).focus()
    for _ in range(16):
        page.keyboard.press("Shift+ArrowDown")
    assert page.evaluate(own) != dot and answer(page) == "1"
    page.get_by_role("button", name="undo").click()
    assert answer(page) == "1"


def test_without_scripts_the_page_tells_the_same(opened):
    page = opened(java_script_enabled=False)
    picture = page.locator("#interactive-digits img")
    assert picture.is_visible() and picture.bounding_box()["width"] > 600
    assert picture.evaluate("node => node.naturalWidth") > 300 and "the network says 3" in picture.get_attribute("alt")
    assert page.locator(".d2l-still").inner_text().startswith(picture.get_attribute("alt"))
    assert page.locator(".d2l-card").count() == len(project.chapters()) and page.locator(DOORS).count() == 3


def test_the_first_page_says_how_long_the_book_is():
    assert pages.length() in pages.filled((project.BOOK / "index.md").read_text("utf-8"))
    count, hours = map(int, re.findall(r"\d+", pages.length()))
    told = [reading.of(chapter)["required"].minutes for chapter in project.chapters()]
    assert count == len(told) and abs(60 * hours - sum(told)) <= 30


def test_the_first_page_says_what_the_book_found():
    assert pages.found() in pages.filled((project.BOOK / "index.md").read_text("utf-8"))
    assert pages.MEASURED in pages.sources(), "a new row builds the page anew"
    accuracy = {row.network.title: row.accuracy for row in d2l.story().rows}
    told = re.findall(r"([A-Z][^,:]*?) (\d+)%", pages.found().partition("right:")[2])
    assert len(told) == len(pages.TOLD) + 1
    assert [f"{accuracy[title]:.0%}" for title, _ in told] == [f"{percent}%" for _, percent in told]
    assert accuracy[told[-1][0]] == max(accuracy.values())


def test_a_short_run_says_so():
    assert pages.how_long({"profile": "full", "seconds": 20}) == "full run: under a minute"
    assert pages.how_long({"profile": "full", "seconds": 131}) == "full run: 2 min"
    assert pages.how_long({"profile": "quick", "seconds": 20}) == "short run: 1 min"
    assert pages.how_long({}) == "not run yet"


def test_the_picture_of_the_playground_shows_the_networks_that_its_text_names():
    assert "networks of 20 layers" in " ".join((project.BOOK / "playground.md").read_text("utf-8").split())
    assert 'alt="Runs of networks of 20 layers' in pages.lab(), "the lab's first frame, and no later experiment"


def test_a_card_says_of_a_stored_run_whether_it_was_short():
    assert pages.how_long({"profile": "full", "seconds": 870}) == "full run: 14 min"
    assert pages.how_long({"profile": "quick", "seconds": 20}) == "short run: 1 min"
    assert pages.how_long({}) == "not run yet"


def test_a_card_tells_a_chapter_and_opens_it(first):
    cards, names = first.select(".d2l-card"), []
    for chapter, card in zip(project.chapters(), cards, strict=True):
        facts = pages.facts(chapter)
        assert {link["href"] for link in card.select("h3 a, a.d2l-card-picture")} == {f"{chapter}.html"}
        assert card.select_one("a.d2l-card-picture img")["src"] == f"_static/covers/{chapter}.png"
        assert card.h3.text == facts["title"] and card.p.text == facts["promise"]
        assert pages.how_long(facts["run"]) in card.select_one(".d2l-card-foot").text
        links = {link["href"]: link.text for link in card.select(".d2l-card-foot a")}
        assert set(links) == {project.colab_url(chapter), project.kaggle_url(chapter)}
        names += links.values()
    assert "Open AlexNet in Colab" in names and "Open AlexNet in Kaggle" in names
    assert len(set(names)) == len(names) == 2 * len(cards), "each link says which chapter it opens"
    assert not first.select("article table"), "the cards say it"


def test_covers_are_those_of_the_chapters(site):
    for chapter, (picture, _) in pages.covers().items():
        assert (site / f"_static/covers/{chapter}.png").read_bytes() == picture
    width, height = pages.png_size((site / "_static" / "covers" / "vgg.png").read_bytes())
    assert 1000 < width < 2000 > height > 300


def test_three_doors_lead_into_the_book(first):
    doors = {door.strong.text: door["href"] for door in first.select(DOORS)}
    assert doors == {"Read": f"{project.chapters()[0]}.html", "Run": "#run-it", "Teach": "teaching.html"}
    assert first.find(id="run-it")


def test_every_interactive_is_linked_to_its_own_place(site, first):
    linked = [link["href"] for link in first.select(".d2l-play-list a")]
    there = {"interactive-training_lab": "playground.html#interactive-training_lab"}
    for chapter in project.chapters():
        page = BeautifulSoup((site / f"{chapter}.html").read_text("utf-8"), "html.parser")
        boxes = page.select(".d2l-widget")
        named = [box["id"] for box in boxes if box.get("id")]
        assert len(boxes) >= len(named) == len(pages.interactives(chapter)) and len(set(named)) == len(named)
        for name in named:
            there.setdefault(name, f"{chapter}.html#{name}")
    assert linked == [*there.values()] and "alexnet.html#interactive-convolution" in linked
    titles = [link.text for link in first.select(".d2l-play-list a")]
    assert len(set(titles)) == len(titles) and all(len(title) > 10 for title in titles)


def test_a_link_leads_to_the_interactive_itself(opened, address):
    page = opened()
    page.click(".d2l-play-list >> text=A trained network, layer by layer")
    page.wait_for_url("**/data_and_training.html#interactive-live_network")
    page.wait_for_function(served.STARTED)
    page.wait_for_timeout(500)
    assert 0 <= page.locator("#interactive-live_network").bounding_box()["y"] < 150, "what is above it has grown"


def test_the_network_is_what_was_stored(first):
    stored = json.loads(pages.COVER.read_text("utf-8"))
    assert pages.COVER.stat().st_size <= 20_000 and 0.98 < stored["accuracy"] < 1 and stored["images"] == 10_000
    script = first.find("script", type=project.STATE)
    state = json.loads(script.string)["state"]["digits"]["state"]
    assert (state["_esm"], state["_css"]) == (LiveNetwork._esm, LiveNetwork._css)
    traits = {*LiveNetwork.class_trait_names(sync=True)}
    assert {*stored["state"]} <= traits and {"network", "data", "compact", "centered", "width"} <= {*stored["state"]}
    told = first.select_one(".d2l-told").text
    assert f"{100 * stored['accuracy']:.1f}%" in told and stored["date"] in told and f"{stored['numbers']:,}" in told
    assert re.search(r"PyTorch [\d.]+\)", told)
    drawn = pages.PICTURE.read_text("utf-8")
    assert "metadata" not in drawn and pages.PICTURE.stat().st_size < 16_000, "the first page loads it"
    maps = [found[0] for found in cover_network.PNG.finditer(drawn)]
    assert len(maps) == 3 and all(cover_network.gray(one) == one.strip() for one in maps)
