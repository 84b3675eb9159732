"""Each page in a real browser, as it will be served: quiet, light, within its weight, and fit for everybody."""

import math

import pytest

from tests.browser import ONE_OF_EACH, Reused, settle, tasks, violations
from tools import pages, project, served

PAGES = [*pages.names(), "search"]
CHAPTER_KB, FIRST_PAGE_KB = 600, 150  # the first page without its pictures
SETTLED = 500  # milliseconds in which colors and sizes have changed
FIRST_PAINT, ANSWER = 2000, 100  # milliseconds, an answer's of the processor: other tests have theirs meanwhile
ROUNDS = 4  # a machine that others use is slow for a while; a page that is slow is so in each
BAR = ".bd-header-article"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


SIZES = {320: 700, 360: 780, 390: 844, 1280: 900, 1440: 900}  # of phones and of screens, in pixels
# Lines of code, of what it prints and of tables that end outside of their box; folded ones too, for they can be opened.
CUT = """() => {
    for (const fold of document.querySelectorAll("article details:not([open])")) fold.open = fold.dataset.cut = true;
    const boxes = document.querySelectorAll("article :is(pre, .text_html, .pst-scrollable-table-container)");
    return [...boxes].filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.innerText.slice(0, 60));
}"""
FOLDED = """() => {
    for (const fold of document.querySelectorAll("[data-cut]")) {
        fold.open = false;
        delete fold.dataset.cut;
    }
}"""


class Tab(served.Tab):
    """A tab whose page can be examined for people who do not see it, or not well."""

    def violations(self, **options) -> list[str]:
        """What axe finds, of any impact."""
        return [
            f"{rule['id']}: {node['html'][:150]} {node['failureSummary'][:250]}"
            for rule in violations(self.page, **options)
            for node in rule["nodes"]
        ]


WIDE = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def last():
    """The page that was opened last, by name; its tab."""
    kept: dict[str, Tab] = {}
    yield kept
    for shown in kept.values():
        shown.page.context.close()


@pytest.fixture
def visited(name, last, chromium, address):
    """The page ``name``, opened with nothing in its cache. All of its tests get it, in the order of this file.

    So a test may change only what no later one looks at. (`conftest.py` lets the tests of a page follow each other.)
    """
    if name not in last:
        for old in [*last]:
            last.pop(old).page.context.close()
        context = chromium.new_context(viewport=WIDE)
        context.set_default_timeout(15_000)
        last[name] = Tab(context.new_page(), address).open(f"{name}.html")
    yield last[name]
    page = last[name].page
    page.context.set_offline(False)
    page.emulate_media(media="null", color_scheme="null")
    page.set_viewport_size(WIDE)
    last[name].problems.clear()  # axe asks for styles where there are none


@pytest.fixture
def tab(blank, address):
    """A tab of a reader who was here before."""
    shown = Tab(blank(viewport=WIDE), address)
    yield shown
    shown.leave()


def first_paint(tab, name: str) -> float:
    """Milliseconds until an open page first showed something; where that was slow, the best of a few new tabs."""
    found = tab.page.evaluate(served.PAINT)
    for _ in range(ROUNDS - 1):
        if found < FIRST_PAINT:
            break
        context = tab.page.context.browser.new_context()  # with nothing in its cache
        found = min(found, Tab(context.new_page(), tab.address).open(f"{name}.html").page.evaluate(served.PAINT))
        context.close()
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_quiet_and_light(name, visited):
    page = visited.page
    assert page.evaluate(served.SHIFTS) < 0.05
    assert first_paint(visited, name) < FIRST_PAINT
    assert page.evaluate(WIDER) == 0
    assert visited.kilobytes(pictures=name != "index") <= (FIRST_PAGE_KB if name == "index" else CHAPTER_KB)
    assert visited.problems == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_at_any_width(name, visited):
    page = visited.page
    try:
        for width, height in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            settle(page)
            assert (width, page.evaluate(WIDER), page.evaluate(CUT)) == (width, 0, [])
    finally:
        page.evaluate(FOLDED)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_fit_for_everybody(name, visited):
    page = visited.page
    page.set_viewport_size({"width": 390, "height": 844})
    settle(page)
    assert page.evaluate(WIDER) == 0, "the page scrolls sideways on a phone"
    page.evaluate(ONE_OF_EACH)
    phone = visited.violations(rules={"color-contrast": {"enabled": False}})  # colors do not depend on the width
    assert {"phone": phone} == {"phone": []}
    page.set_viewport_size(WIDE)
    settle(page)
    assert {"light": visited.violations()} == {"light": []}
    page.emulate_media(color_scheme="dark")
    settle(page)
    assert page.get_attribute("html", "data-theme") == "dark"
    assert {"dark": visited.violations(runOnly=["color-contrast"])} == {"dark": []}


@pytest.mark.parametrize("width", [1280, 1440])
def test_88_letters_of_code_fit_one_line(width, tab):
    page = tab.open("vgg.html").page
    page.set_viewport_size({"width": width, "height": 900})
    lines = page.locator("article .cell:not(:has(details)) .cell_input .d2l-line")
    lines.evaluate_all("""all => { all[0].textContent = "x ".repeat(44); all[1].textContent = "x ".repeat(100); }""")
    one, two = (lines.nth(place).bounding_box()["height"] for place in (0, 1))
    assert two > 1.5 * one > 10, "what is longer goes on below"


def test_a_phone_shows_a_wide_table_as_cards(tab):
    page = tab.open("vgg.html").page
    table = page.locator("table.d2l-cards-on-phone", has_text="output shape").first
    rows, cells = table.locator("tbody tr"), table.locator("tbody tr").first.locator("td[data-label='output shape']")
    beside = rows.nth(1).bounding_box()["y"] - rows.nth(0).bounding_box()["y"]
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(SETTLED)
    assert cells.evaluate("cell => getComputedStyle(cell, '::before').content").startswith('"output shape"')
    assert rows.nth(1).bounding_box()["y"] - rows.nth(0).bounding_box()["y"] > beside
    assert cells.bounding_box()["height"] < 45, "a shape is on one line"
    page.evaluate("scrollTo(0, 3000)")
    page.evaluate("scrollTo(0, 2000)")
    assert page.locator("#pst-back-to-top").is_hidden(), "it would cover text"


# What the margins leave of the narrower and of the lower of A4 and Letter, in pixels.
SHEET = {"width": 673, "height": 920}


@pytest.mark.parametrize("name", [*project.with_interactives(), "playground"])
def test_an_interactive_fits_a_sheet_of_paper(name, visited):
    visited.page.set_viewport_size(SHEET)
    settle(visited.page)  # it was so wide before it was printed
    visited.page.emulate_media(media="print")
    settle(visited.page)
    held = "all => all.forEach(stage => { stage.style.minHeight = '2000px'; })"  # as while a stage is drawn anew
    visited.page.locator(".d2l-stage").evaluate_all(held)
    tall = visited.page.locator(".d2l-widget").evaluate_all("all => all.map(box => box.offsetHeight)")
    assert tall and max(tall) <= SHEET["height"], "it would be split over two"


FOCUSABLE = ":is(input, select, button, [tabindex]:not(.d2l-stage, .d2l-side))"  # page.js gives it to what scrolls
NAMES = """[...document.querySelectorAll("[id]")].map(node => node.id)"""
STATE = "box => JSON.stringify([box.model.state.result, box.querySelector('.d2l-say').textContent])"


@pytest.mark.parametrize("name", project.with_interactives())
def test_interactives_answer_at_once_and_without_a_network(name, visited):
    page = visited.page
    names = page.evaluate(NAMES)
    assert len(names) == len(set(names)), "a label would lead to the wrong control"
    page.evaluate("Promise.all([...document.fonts].map(font => font.load().catch(() => {})))")
    boxes = page.locator(".d2l-widget").all()
    assert boxes
    for box in boxes:  # some fetch a part of their own when they come into sight
        box.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")  # what the page still fetches is not what is tested
    page.context.set_offline(True)
    best = math.inf
    for _ in range(ROUNDS):
        with tasks(page) as longest:
            play(visited, boxes)
        best = min(best, longest[0])
        if best < ANSWER:
            break
    assert best < ANSWER, "after a move the page answers nobody for longer"
    assert visited.problems == []


def play(tab, boxes):
    """Move every control of the interactives; each must change something."""
    for box in boxes:
        box.scroll_into_view_if_needed()
        assert box.locator(f"{FOCUSABLE}:not([data-lm-suppress-shortcuts])").count() == 0, "JupyterLab takes its keys"
        controls = tab.controls(box)
        assert controls
        for control in controls:
            before = box.evaluate(STATE)
            seen = {before, *(box.evaluate(STATE) for _ in tab.moves(control))}
            if len(seen) == 1:  # a worker may be at it: the next round of moves waits for it
                seen |= {later(box, before) for _ in tab.moves(control)}
            assert len(seen) > 1, f"nothing changes: {control.evaluate('node => node.outerHTML')}"


def later(box, before: str) -> str:
    """The state of an interactive when it has changed, or after so long that nobody would wait."""
    for _ in range(40):
        if (now := box.evaluate(STATE)) != before:
            break
        box.page.wait_for_timeout(50)
    return now


@pytest.mark.parametrize("name", project.with_interactives())
def test_without_scripts_a_picture_tells_the_point(name, blank, address):
    page = blank(java_script_enabled=False)
    page.goto(f"{address}{name}.html", wait_until="networkidle")
    boxes = page.locator(".d2l-widget").all()
    assert boxes
    for box in boxes:
        picture = box.locator("img")
        assert picture.is_visible() and picture.bounding_box()["width"] > 300
        assert len(alt := picture.get_attribute("alt")) > 60
        assert box.locator(".d2l-still").inner_text().startswith(alt), "who sees it is told, too"
    colors = [page.locator(part).evaluate("node => getComputedStyle(node).backgroundColor") for part in ("body", BAR)]
    assert colors == ["rgb(255, 255, 255)"] * 2, "the bar at the top would lie over the text"


def test_a_page_that_another_test_had_is_empty(chromium, address):
    pages = Reused(chromium)
    page = pages.page()
    page.route("**/pygments.css", lambda route: route.fulfill(body="", content_type="text/plain"))
    page.goto(f"{address}_static/basic.css")
    page.evaluate("localStorage.kept = window.kept = 'yes'")
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.set_viewport_size({"width": 390, "height": 844})
    page.context.new_page()
    page.context.set_offline(True)
    pages.back()
    assert pages.page() is page and page.context.pages == [page] and page.url == "about:blank"
    page.goto(f"{address}_static/pygments.css")
    assert page.evaluate("document.body.innerText.length") > 100, "nothing stands between"
    dark, still = "matchMedia('(prefers-color-scheme: dark)')", "matchMedia('(prefers-reduced-motion: reduce)')"
    found = page.evaluate(f"[localStorage.kept, window.kept, {dark}.matches, {still}.matches, innerWidth]")
    assert found == [None, None, False, False, 1280]
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    pages.back()
    assert pages.page() is not page
    pages.page().evaluate("new Promise(resolve => setTimeout(resolve, 10))")
    pages.page().context.close()


FRAMES = """new Promise(resolve => {
    const began = performance.now();
    const next = left => requestAnimationFrame(now => (left ? next(left - 1) : resolve(now - began)));
    next(5);
})"""


def test_a_page_beside_another_is_drawn_as_often(chromium, address):
    pages = Reused(chromium)
    first, second = pages.page(), pages.page()
    for page in (first, second, first):  # a tab behind another one is slow from where it goes next
        page.goto(f"{address}nin.html")
    assert max(page.evaluate(FRAMES) for page in (first, second)) < 2500, "once in a second, so every click takes two"
    assert first.context is second.context
    first.context.close()


def test_faults_of_a_page_are_seen(tab):
    tab.page.route("**/vgg.html", lambda route: route.fulfill(body=BROKEN, content_type="text/html"))
    tab.page.route("**/other.example/**", lambda route: route.fulfill(body="", content_type="text/css"))
    tab.open("vgg.html")
    assert [problem.split(":")[0] for problem in sorted(tab.problems)] == ["another host", "error", "warning"]
    assert tab.page.evaluate(WIDER) > 0
    assert sorted({found.split(":")[0] for found in tab.violations()}) == ["color-contrast", "image-alt", "link-name"]
    assert tab.kilobytes() > 1 > tab.kilobytes(pictures=False)


TOO_PALE = {
    "light": ["#pale", "#pale-too", "#on-black", "#over", "#by-margin", "#by-offset"],
    "dark": ["#good", "#good-too"],
}


def test_each_text_that_is_too_pale_is_found(blank):
    page = blank()
    page.set_content(PALE)
    for scheme in ("light", "dark", "light"):
        page.emulate_media(color_scheme=scheme)
        (rule,) = violations(page, runOnly=["color-contrast"])
        assert [node["target"][0] for node in rule["nodes"]] == TOO_PALE[scheme]


PALE = """<!doctype html><html lang="en"><title>t</title><style>
p { color: #222 } .pale { color: #ccc } div { background: #000; height: 60px }
@media (prefers-color-scheme: dark) { body { background: #444 } div { background: #ccc } }
</style><main><p id="good">good</p><p id="good-too">good</p><p class="pale" id="pale">pale</p>
<p class="pale" id="pale-too">pale</p><div><p class="pale">good</p><p id="on-black">pale</p></div>
<div></div><p id="over" style="position: absolute; top: 220px">a box that it is not in</p>
<div></div><p id="by-margin" style="margin-top: -40px">and another</p>
<div></div><p id="by-offset" style="position: relative; top: -40px">and another</p></main>"""

BROKEN = """<!doctype html><html lang="en"><title>t</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="https://other.example/a.css">
<main style="width: 5000px"><h1>t</h1><p style="color: #bbb">pale</p><a href="vgg.html"></a>
<img src="_static/covers/vgg.png"></main><script>console.error("e"); console.warn("w");</script>"""


@pytest.mark.parametrize("lost", ["nothing.html", "deep/in/nowhere.html", "deep/er/in/nowhere/"])
def test_a_wrong_address_leads_to_a_page_that_helps(lost, tab):
    tab.open(lost)
    assert tab.page.inner_text("article h1").startswith("There is no such page")
    assert [answer.url for answer in tab.answers if not answer.ok] == [tab.address + lost]
    assert tab.page.locator(".bd-sidebar-primary a", has_text="AlexNet").count() == 1
    assert tab.violations() == []
    tab.page.click("text=the first page")
    tab.page.wait_for_url(tab.address + "index.html")


@pytest.mark.parametrize("prefix", ["/", "/else/where/"])
def test_the_page_for_wrong_addresses_is_styled_wherever_the_site_is_served(prefix, site, blank):
    page = blank()
    with served.served(site, prefix) as address:
        for lost in ("nothing.html", "deep/er/nowhere/"):
            page.goto(address + lost)
            page.wait_for_selector(f"#page-not-found[data-root='{prefix}']")
            page.wait_for_load_state("networkidle")
            assert page.evaluate("[...document.styleSheets].length") > 3
            assert page.locator(".bd-sidebar-primary").evaluate("bar => getComputedStyle(bar).position") == "sticky"
        page.click("text=the first page")
        page.wait_for_url(address + "index.html")


FOUND = {
    "batch norm": ["batch_norm.html"],
    "batchnorm": ["batch_norm.html"],
    "receptive field": ["vgg.html"],
    "1x1": ["nin.html"],
    "residual zebra": ["resnet.html"],
    "d2l.fit": ["api.html#d2lite.fit"],
}


def hits(page) -> list[str]:
    """Where the hits on the search page lead, the first ones first."""
    return [link.get_attribute("href") for link in page.locator("#search-results li a").all()]


def test_the_search_finds_titles_first_and_leads_to_sections(tab):
    for query, wanted in FOUND.items():
        page = tab.open(f"search.html?q={query}").page
        first = hits(page)[:3]
        assert all(any(found.startswith(start) for found in first) for start in wanted), (query, first)
    assert hits(tab.open("search.html?q=batch norm").page)[0] == "batch_norm.html"
    tab.page.locator(".bd-search-container input").fill("xyzzy")
    assert tab.page.inner_text(".search-summary") == "No section has these words."
    tab.page.locator(".bd-search-container input").fill("halvings")
    shown = tab.page.inner_text("#search-results")
    assert "\\" not in shown and tab.page.locator("#search-results mark").count() > 0
    anchor = next(href for href in hits(tab.page) if "#" in href)
    tab.page.click(f"#search-results a[href='{anchor}']")
    tab.page.wait_for_url(f"**/{anchor}")
    tab.page.wait_for_function(served.STARTED)
    tab.page.wait_for_timeout(SETTLED)
    top = tab.page.locator(f"[id='{anchor.split('#')[1]}']").evaluate("node => node.getBoundingClientRect().top")
    assert 0 <= top < 150, "interactives above it have moved it"
    assert tab.problems == []


def test_the_search_works_without_a_server(blank, site):
    tab = Tab(blank(), site.as_uri())
    tab.open("/search.html?q=momentum")
    tab.page.wait_for_selector("#search-results li .context mark", timeout=10_000)
    assert tab.problems == []
    tab.leave()


def test_the_sign_of_the_search_stands_before_its_words(tab):
    page = tab.open("search.html?q=norm").page
    sign, field = (page.locator(f".bd-search-container {part}") for part in ("i", "input"))
    words = field.bounding_box()["x"] + field.evaluate("input => parseFloat(getComputedStyle(input).paddingLeft)")
    assert sign.bounding_box()["x"] + sign.bounding_box()["width"] < words


def test_previews_of_links_by_mouse_and_keyboard(tab):
    tab.open("vgg.html")
    page, tip = tab.page, tab.page.locator("#d2l-preview")
    chapter = page.locator("article p a.reference.internal[href='alexnet.html']").first
    chapter.hover()
    tip.wait_for(state="visible")
    assert tip.inner_text().startswith("AlexNet: depth that learns. AlexNet is the network")
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    work = page.locator("article p a[href='https://arxiv.org/abs/1409.1556']").first
    page.keyboard.press("Tab")
    work.focus()
    assert (
        tip.inner_text()
        == "Simonyan and Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, 2015"
    )
    assert work.get_attribute("aria-describedby") == "d2l-preview"
    box = tip.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 1280 and box["y"] >= 0
    page.keyboard.press("Tab")
    assert tip.is_hidden() or not tip.inner_text().startswith("Simonyan")


def test_code_can_be_copied(tab, chromium):
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.open("vgg.html")
    cell = tab.page.locator("div.highlight:visible", has_text="import").first
    cell.hover()
    cell.locator("xpath=..").locator("button.copybtn").click()
    assert tab.page.evaluate("navigator.clipboard.readText()").strip() == cell.inner_text().strip()


def test_on_paper_there_is_the_chapter_and_nothing_else(tab):
    tab.open("vgg.html")
    page = tab.page
    page.emulate_media(media="print", color_scheme="dark")
    for gone in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", ".prev-next-footer", "button"):
        assert not [node for node in page.locator(gone).all() if node.is_visible()], gone
    assert page.locator("article h1").is_visible() and page.locator(".cell_output img").first.is_visible()
    assert not [node for node in page.locator("article summary").all() if node.is_visible()], "folded cells"
    page.emulate_media(media="screen", color_scheme="dark")
    page.locator("details.hide > summary").first.click()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("details.hide[open] pre").first.is_visible(), "an opened cell is printed"
    assert page.locator("details.hide[open] > summary").first.is_hidden(), "without its button"
    for event, theme in (("beforeprint", "light"), ("afterprint", "dark")):
        page.evaluate("name => window.dispatchEvent(new Event(name))", event)
        assert page.get_attribute("html", "data-theme") == theme
    assert page.locator(".d2l-widget").first.evaluate("box => getComputedStyle(box).breakInside") == "avoid"
    assert page.pdf(format="A4").count(b"/Type /Page\n") > 3
