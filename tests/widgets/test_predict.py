"""A box *Predict first* where a notebook runs: it asks, judges, and keeps guesses as the site does."""

import json
import subprocess
import sys

import pytest

from d2lite.widgets import Predict
from d2lite.widgets.predict import stored
from tests import browser
from tests.browser import Mounted, html, violations

KEY = "d2l-reader-1"
KEPT = f"JSON.parse(localStorage.getItem('{KEY}'))"
HERE = "http://notebook.test/"  # nobody is asked for it
READY = ".d2l-widget[data-mounted]"


@pytest.fixture
def boxes(chromium):
    """``boxes(widget, …)``: a page that holds a box, at an address where a browser keeps things."""
    context, problems = chromium.new_context(viewport={"width": 900, "height": 900}, accept_downloads=True), []
    context.set_default_timeout(10_000)

    def opened(widget, before="", scheme="light", width=900):
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.route("**/*", lambda route: route.fulfill(body=html(widget), content_type="text/html"))
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        if before:
            page.add_init_script(before)
        page.goto(HERE)
        page.wait_for_selector(READY)
        return page

    yield opened
    context.close()
    assert problems == []


def commit(page, name: str, guess: int | str, sure: int = 75, within: str = "") -> None:
    """Choose or type, say how sure, and commit."""
    browser.commit(page.locator(f"{within} [data-question='{name}']"), guess, sure)


def said(page, name: str) -> str:
    """What stands where a question is asked."""
    return page.locator(f"[data-question='{name}']").first.inner_text().replace("\xa0", " ")


def test_a_guess_is_judged_and_kept_as_the_site_keeps_it(boxes):
    page = boxes(Predict("vgg.stack"))
    assert page.locator(".d2l-asked, .d2l-verdict, .d2l-mine:visible").count() == 0, (
        "the question stands above the form"
    )
    commit(page, "vgg.stack", 2, sure=95)
    told = said(page, "vgg.stack")
    assert "✗ Not this time. You said: certain, 95%." in told and "sees as far. (the answer)" in told
    assert "sees less far. (your guess)" in told
    assert page.evaluate("document.activeElement.className") == "d2l-verdict", "the verdict is read out"
    kept = page.evaluate(KEPT)
    assert kept["tries"]["vgg.stack"][0] | {"at": 0} == {
        "guess": "2", "sure": 95, "right": False, "at": 0, "page": "vgg",
    }  # fmt: skip
    assert kept == page.evaluate("window.d2lReader.clean(JSON.parse(JSON.stringify(window.d2lReader.get())))")
    other = boxes(Predict("vgg.stack"))
    assert said(other, "vgg.stack") == told, "the answer stays"
    commit(other := boxes(Predict("vgg.stride")), "vgg.stride", 3)
    assert "✓ Right." in said(other, "vgg.stride") and set(page.evaluate(KEPT)["tries"]) == {"vgg.stack", "vgg.stride"}
    page.wait_for_function("document.querySelector('.d2l-mine summary').textContent.endsWith('2, of which 1 right')")


def test_a_box_with_two_questions_asks_both(boxes):
    page = boxes(Predict("alexnet.edges", "alexnet.rows"))
    first, second = page.locator(".d2l-asked").all_inner_texts()
    assert first.endswith("Where is the output far from zero?") and second == (
        "With a stride of 3, how many of the 32 rows are never read?"
    )
    field = page.locator("[data-question='alexnet.rows']").get_by_label("Your guess")
    field.fill("some")
    assert field.evaluate("node => node.validity.customError")
    commit(page, "alexnet.rows", " 2 ", sure=50)
    assert "✓ Right. It is 2 rows. You said: a guess, 50%." in said(page, "alexnet.rows")
    assert page.locator("form").count() == 1, "the other one is still open"


def test_the_page_does_not_show_the_answer_before(mounted):
    for name in ("vgg.stack", "alexnet.values"):
        page = mounted.open(Predict(name)).page
        state = page.evaluate("JSON.stringify(document.querySelector('.d2l-widget').model.get('questions'))")
        text = page.locator(".d2l-predict").inner_text()
        assert "answer" not in text and "right" not in json.loads(state)[0] and "6400" not in state + text


def test_a_browser_that_keeps_nothing_judges_all_the_same(mounted):
    page = mounted.open(Predict("vgg.stack")).page  # such a page has no storage
    assert page.evaluate("() => { try { return String(localStorage); } catch (error) { return error.name; } }") == (
        "SecurityError"
    )
    commit(page, "vgg.stack", 1)
    assert "✓ Right." in said(page, "vgg.stack") and "This browser keeps nothing" in said(page, "vgg.stack")


def test_a_frame_that_forbids_all_but_scripts_is_enough(boxes):
    page = boxes(Predict("alexnet.values"))
    frame = "<iframe sandbox='allow-scripts' style='width: 800px; height: 500px' src='/box'></iframe>"
    page.route("**/frame", lambda route: route.fulfill(body=frame, content_type="text/html"))
    page.goto(f"{HERE}frame")
    inside = page.frame_locator("iframe")
    field = inside.get_by_label("Your guess")
    field.fill("6400")
    inside.get_by_role("button", name="Commit my guess").click()
    assert inside.locator("form").count() == 1, "how sure is not said"
    inside.locator("[name$=sure][value='75']").check()
    field.press("Enter")
    assert "✓ Right. It is 6,400 values." in inside.locator(".d2l-verdict").inner_text()


@pytest.mark.parametrize(
    "before",
    [
        f"localStorage['{KEY}'] = '{{'",
        f"""localStorage['{KEY}'] = '{{"tries": {{"vgg.stack": [{{"guess": 3}}]}}}}'""",
        "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }",
        "Object.defineProperty(window, 'localStorage', { value: null })",
    ],
)
def test_whatever_lies_in_the_storage_the_box_works(boxes, before):
    page = boxes(Predict("vgg.stack"), before)
    commit(page, "vgg.stack", 1)
    assert "✓ Right." in said(page, "vgg.stack")


def test_what_is_kept_can_be_saved_and_forgotten(boxes, tmp_path):
    page = boxes(Predict("vgg.stack"))
    commit(page, "vgg.stack", 1)
    page.locator(".d2l-mine summary").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save in a file").click()
    waiting.value.save_as(tmp_path / "saved.json")
    assert json.loads((tmp_path / "saved.json").read_text("utf-8")) == page.evaluate(KEPT)
    forget = page.locator(".d2l-mine button").last
    forget.click()
    assert "Really" in forget.inner_text() and len(page.evaluate(KEPT)["tries"]) == 1
    page.locator(".d2l-mine summary").focus()
    assert forget.inner_text() == "Forget it all", "one may think twice"
    forget.click()
    forget.click()
    assert page.evaluate(f"localStorage.getItem('{KEY}')") is None and page.locator("form").count() == 1
    assert page.locator(".d2l-mine:visible").count() == 0


def tried(guess: str, right: bool, page: str) -> dict:
    """A try, as it is kept."""
    return {"guess": guess, "sure": 75, "right": right, "at": 1, "page": page}


def test_what_was_missed_comes_back_in_a_later_chapter(boxes):
    tries = {
        "vgg.stack": [tried("2", False, "vgg")],
        "vgg.stride": [tried("1", False, "vgg"), tried("3", True, "nin")],  # right in the meantime
        "nin.cure": [tried("1", False, "nin")],
        "alexnet.reach": [tried("1", False, "alexnet"), tried("1", False, "googlenet")],  # missed again in this chapter
        "resnet.row": [tried("1", False, "resnet")],  # a later chapter
        "vgg.smaller": [tried("1", False, "vgg"), tried("1", False, "resnet")],  # missed again in a later one
    }
    here = [[question["id"] for question in box] for box in stored()["chapters"]["googlenet"]["boxes"]]
    state = f"localStorage['{KEY}'] ??= {json.dumps(json.dumps({'tries': tries}))}"
    widget = Predict(*here[0])
    page = boxes(widget, state)
    sent = page.evaluate(
        """async () => {
            const { model } = document.querySelector(".d2l-widget"), sent = [];
            model.send = (message) => sent.push(message);
            const url = URL.createObjectURL(new Blob([model.get("_esm")], { type: "text/javascript" }));
            (await (await import(url)).default.render({ model, el: document.createElement("div") }))();
            return sent;
        }"""
    )
    missed = {"vgg.stack": "vgg", "nin.cure": "nin", "alexnet.reach": "alexnet", "resnet.row": "resnet"}
    missed["vgg.smaller"] = "resnet"
    assert sent == [{"missed": missed}]
    due = []
    for names in here:
        asks = Predict(*names)
        asks._told(asks, sent[0], [])
        due += [question["id"] for question in asks.again]
    assert due == ["alexnet.reach", "vgg.stack", "nin.cure"], "one a box, in the order of the book"
    for nonsense in (None, [], {"missed": 3}, {"missed": {"vgg.stack": {}}}, {"missed": {"x": "vgg"}}):
        widget._told(widget, nonsense, [])
    widget._told(widget, sent[0], [])
    page.evaluate("again => document.querySelector('.d2l-widget').model.set('again', again)", widget.again)
    box = page.locator(".d2l-again")
    assert "You missed this earlier, in “AlexNet: depth that learns”." in box.inner_text()
    assert "✗ Not this time." in box.inner_text(), "it was missed here, too"
    widget._told(widget, {"missed": {"vgg.stack": "vgg"}}, [])
    page.evaluate("again => document.querySelector('.d2l-widget').model.set('again', again)", widget.again)
    commit(page, "vgg.stack", 1, within=".d2l-again")
    assert "✓ Right." in box.inner_text()
    assert [made["page"] for made in page.evaluate(KEPT)["tries"]["vgg.stack"]] == ["vgg", "googlenet"]


def test_a_box_is_taken_away_without_a_trace(mounted):
    page = mounted.open(Predict("vgg.stack")).page
    left = page.evaluate(
        """async () => {
            const { model } = document.querySelector(".d2l-widget"), listen = window.d2lReader.listen;
            const count = () => [...model.listeners.values()].reduce((sum, some) => sum + some.size, 0);
            const before = count();
            const url = URL.createObjectURL(new Blob([model.get("_esm")], { type: "text/javascript" }));
            const el = document.createElement("div"), off = await (await import(url)).default.render({ model, el });
            const both = count();
            off();
            window.d2lReader.change((state) => {
                state.tries["vgg.stack"] = [{ guess: "1", sure: 50, right: true, at: 1, page: "vgg" }];
            });
            const told = [...document.querySelectorAll(".d2l-verdict"), ...el.querySelectorAll(".d2l-verdict")].length;
            return [both > before, count() - before, told, window.d2lReader.listen === listen];
        }"""
    )
    assert left == [True, 0, 1, True], "all boxes of a page share one memory"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_box_is_fit_for_everybody(boxes, scheme):
    page = boxes(Predict("alexnet.edges", "alexnet.rows"), scheme=scheme, width=390)
    if scheme == "dark":
        page.add_style_tag(content="body { background: #111; color: #e6e6e6; }")
    page.locator("[data-question='alexnet.edges'] [type=radio]").first.focus()
    for key in ("ArrowDown", "ArrowDown", "Tab", "ArrowDown", "Tab", "Enter"):
        page.keyboard.press(key)
    assert page.locator("form").count() == 1, "by keyboard alone"
    page.locator(".d2l-mine summary").click()
    found = violations(page, ".d2l-predict", preload=False)
    assert [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    parts = page.locator(".d2l-predict :is(button, label, summary, [type=text]):visible")
    heights = parts.evaluate_all("all => all.map(node => [node.textContent, node.getBoundingClientRect().height])")
    assert [height for height in heights if height[1] < 44] == []
    without = page.locator(".d2l-predict :is(input, button, summary):not([data-lm-suppress-shortcuts])")
    assert without.count() == 0, "JupyterLab takes their keys"


@pytest.mark.parametrize("names", [(), ("vgg.stacks",), ("vgg.stack", "vgg.stride"), ("alexnet.edges",), ("vgg",)])
def test_what_no_box_asks_is_refused(names):
    with pytest.raises(ValueError, match="no box asks"):
        Predict(*names)


def test_colab_is_told_how_long_guesses_last(boxes, monkeypatch):
    assert Predict("vgg.stack").lasts == ""
    monkeypatch.setitem(sys.modules, "google.colab", object())
    page = boxes(Predict("vgg.stack"))
    commit(page, "vgg.stack", 1)
    page.locator(".d2l-mine summary").click()
    assert "they may be gone when the session ends" in page.locator(".d2l-mine").inner_text()


BARE = """
import sys
sys.modules["anywidget"] = None
import d2lite as d2l
print(d2l.widgets.Predict("vgg.stack")._repr_mimebundle_()[0])
data, metadata = d2l.widgets.GradientDescent()._repr_mimebundle_()
print(data["text/plain"])
assert data["image/png"] and metadata["image/png"]["alt"]
"""


@pytest.mark.slow
def test_without_anywidget_a_line_and_a_picture_remain():
    done = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True, check=True)
    first, second, third = done.stdout.splitlines()
    assert first == str({"text/plain": stored()["line"]})
    assert second.startswith("GradientDescent(") and "pip install anywidget" in third


def test_a_box_is_light(mounted):
    page = Mounted(mounted.page).open(Predict("vgg.stack"))
    assert len(page.get("_esm")) + len(page.get("_css")) < 25_000, "each box brings its script along"
