"""Each page in a real browser, as it will be served: quiet, light, within its weight, and fit for everybody.

The site is served here under the path that GitHub Pages will give it, and what is not there is answered with 404.html.
"""

import functools
import gzip
import http.server
import threading
from pathlib import Path
from urllib.parse import urlparse

import pytest
from axe_playwright_python.sync_playwright import Axe

from tools import project

PAGES = ["index", *project.chapters(), "status", "references", "search"]
PREFIX = urlparse(project.site_url()).path
CHAPTER_KB, FIRST_PAGE_KB = 600, 150  # the first page without its pictures
SETTLED = 500  # milliseconds in which colours and sizes have changed
FIRST_PAINT, ANSWER = 1000, 100  # milliseconds
SHIFTS = """new Promise(resolve => new PerformanceObserver(list => resolve(
    list.getEntries().reduce((sum, entry) => sum + (entry.hadRecentInput ? 0 : entry.value), 0)
)).observe({type: "layout-shift", buffered: true}) ?? setTimeout(() => resolve(0), 100))"""
# Of the thousands of coloured words in code one of each kind is enough, and takes a tenth of the time.
ONE_OF_EACH = """() => {
    const seen = new Set();
    for (const word of document.querySelectorAll(".highlight pre span[class]")) {
        if (seen.has(word.className)) word.replaceWith(...word.childNodes);
        seen.add(word.className);
    }
}"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site below ``PREFIX``."""

    def translate_path(self, path):
        return super().translate_path("/" + path.removeprefix(PREFIX)) if path.startswith(PREFIX) else "/nowhere"

    def send_error(self, code, message=None, explain=None):
        body = Path(self.directory, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address(site):
    """Where the site is served, with a slash at the end."""
    handler = functools.partial(Handler, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    server.shutdown()


class Shown:
    """A tab that notes what goes wrong in it and what it transfers."""

    def __init__(self, page, address):
        self.page, self.address, self.problems, self.answers = page, address, [], []
        page.on("console", self.note)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("response", self.answer)

    def note(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text}")

    def answer(self, response):
        if response.url.startswith(self.address):
            self.answers.append(response)
        elif not response.url.startswith(("data:", "blob:")):
            self.problems.append(f"another host: {response.url}")

    def open(self, name: str):
        self.page.goto(self.address + name, wait_until="networkidle")
        return self

    def kilobytes(self, pictures: bool = True) -> float:
        """What was transferred, each file packed with gzip, in thousands of bytes."""
        chosen = [answer for answer in self.answers if pictures or answer.request.resource_type != "image"]
        return sum(len(gzip.compress(answer.body(), 6)) for answer in chosen) / 1000

    def violations(self, **options) -> list[str]:
        """Serious and critical findings of axe."""
        found = Axe().run(self.page, options={"resultTypes": ["violations"], **options}).response["violations"]
        return [
            f"{rule['id']}: {node['html'][:150]} {node['failureSummary'][:250]}"
            for rule in found
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]


@pytest.fixture
def tab(chromium, address):
    """A tab with nothing in its cache."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    yield Shown(context.new_page(), address)
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_quiet_light_and_fit_for_everybody(name, tab):
    tab.open(f"{name}.html")
    page = tab.page
    widgets = page.locator(".d2l-widget")
    assert page.locator(".d2l-widget[data-mounted]").count() == widgets.count(), "an interactive did not start"
    assert page.evaluate(SHIFTS) < 0.05
    assert page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") < FIRST_PAINT
    assert page.evaluate(WIDER) == 0
    assert tab.kilobytes(pictures=name != "index") <= (FIRST_PAGE_KB if name == "index" else CHAPTER_KB)
    assert tab.problems == []
    page.evaluate(ONE_OF_EACH)
    assert {"light": tab.violations()} == {"light": []}
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(SETTLED)
    assert page.get_attribute("html", "data-theme") == "dark"
    assert {"dark": tab.violations(runOnly=["color-contrast"])} == {"dark": []}
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(SETTLED)
    assert page.evaluate(WIDER) == 0, "the page scrolls sideways on a phone"
    phone = tab.violations(rules={"color-contrast": {"enabled": False}})  # colours do not depend on the width
    assert {"phone": phone} == {"phone": []}


# Moves a control by the keyboard or the mouse; from the first event to the second frame after it, all is drawn.
ANSWERED = """() => {
    window.answered = [];
    for (const kind of ["input", "change", "keydown", "pointerdown"]) addEventListener(kind, event => {
        if (!event.target.closest(".d2l-widget")) return;
        const began = performance.now();
        requestAnimationFrame(() => requestAnimationFrame(() => window.answered.push(performance.now() - began)));
    }, {capture: true});
}"""
STATE = "box => JSON.stringify([box.model.state.result, box.querySelector('.d2l-say').textContent])"


def moves(page, control):
    """Move a control to both of its ends by the keyboard, and a range by the mouse as well; a pause after each move."""
    kind = control.evaluate("node => node.type")
    for key in ("Space",) if kind == "checkbox" else ("End", "Home"):
        control.press(key)
        yield
    if kind == "range":
        box = control.bounding_box()
        page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + box["height"] / 2)
        yield


@pytest.mark.parametrize("name", project.chapters())
def test_interactives_answer_at_once_and_without_a_network(name, tab):
    page = tab.open(f"{name}.html").page
    page.context.set_offline(True)
    page.evaluate(ANSWERED)
    boxes = page.locator(".d2l-widget").all()
    assert boxes
    for box in boxes:
        box.scroll_into_view_if_needed()
        controls = box.locator("[data-trait] :is(input, select):visible").all()
        assert controls
        for control in controls:
            seen = {box.evaluate(STATE), *(box.evaluate(STATE) for _ in moves(page, control))}
            assert len(seen) > 1, f"nothing changes: {control.evaluate('node => node.outerHTML')}"
    page.wait_for_timeout(100)
    times = sorted(page.evaluate("window.answered"))
    slow = times[len(times) * 9 // 10]  # the machine may have been busy with something else once
    assert slow < ANSWER, f"one of ten moves takes {slow:.0f} ms or more to be drawn"
    assert tab.problems == []


@pytest.mark.parametrize("name", project.chapters())
def test_without_scripts_a_picture_tells_the_point(name, chromium, address):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}{name}.html", wait_until="networkidle")
    boxes = page.locator(".d2l-widget").all()
    assert boxes
    for box in boxes:
        picture = box.locator("img")
        assert picture.is_visible() and picture.bounding_box()["width"] > 300
        assert len(picture.get_attribute("alt")) > 60
    context.close()


def test_faults_of_a_page_are_seen(tab, chromium):
    tab.page.route("**/vgg.html", lambda route: route.fulfill(body=BROKEN, content_type="text/html"))
    tab.page.route("**/other.example/**", lambda route: route.fulfill(body="", content_type="text/css"))
    tab.open("vgg.html")
    assert [problem.split(":")[0] for problem in sorted(tab.problems)] == ["another host", "error", "warning"]
    assert tab.page.evaluate(WIDER) > 0
    assert sorted({found.split(":")[0] for found in tab.violations()}) == ["color-contrast", "image-alt", "link-name"]
    assert tab.kilobytes() > 1 > tab.kilobytes(pictures=False)


BROKEN = """<!doctype html><html lang="en"><title>t</title><link rel="stylesheet" href="https://other.example/a.css">
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


def test_the_search_works_without_a_server(tab):
    tab.open("search.html?q=momentum")
    tab.page.wait_for_selector("#search-results li a", timeout=10_000)
    assert tab.problems == []


def test_previews_of_links_by_mouse_and_keyboard(tab):
    tab.open("vgg.html")
    page, tip = tab.page, tab.page.locator("#d2l-preview")
    chapter = page.locator("article p a.reference.internal[href='alexnet.html']").first
    chapter.hover()
    tip.wait_for(state="visible")
    assert tip.inner_text().startswith("AlexNet: depth that learns. The network with which")
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
    assert tip.is_hidden() or tip.inner_text() != "Simonyan"


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
    assert page.pdf(format="A4").count(b"/Type /Page\n") > 3
