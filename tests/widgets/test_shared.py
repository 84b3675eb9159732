"""What all interactives share: several on a page do not meet, and one that is taken away leaves nothing behind."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from d2lite import widgets
from d2lite.widgets.base import HERE, array, clamped

IMAGES, LABELS = torch.zeros(3, 1, 12, 12, dtype=torch.uint8), torch.tensor([0, 1, 1])


class Plain:
    """Stands for the chapter's class of this name."""


RUNS = {(Plain, 8): [1.0] * 7}, {(Plain, 8): [2.0] * 40}
NETWORK = nn.Sequential(nn.Flatten(), nn.Linear(144, 2))
PART = SimpleNamespace(images=IMAGES, labels=LABELS, files=[Path("x", f"{number}.jpg") for number in range(3)])
FOLDER = SimpleNamespace(folder=Path("x"), classes=["a", "b"], val=PART)
MADE = {
    "FrontierExplorer": lambda: widgets.FrontierExplorer([{"accuracy": 0.9, "macs": 3}]),
    "LabelCleaner": lambda: widgets.LabelCleaner(FOLDER, torch.tensor([[0.0, 1], [1, 0], [0, 1]])),
    "LiveNetwork": lambda: widgets.LiveNetwork(NETWORK, IMAGES, ["a", "b"], 0.5, 0.5, LABELS),
    "PredictionBrowser": lambda: widgets.PredictionBrowser(IMAGES, LABELS, ["a", "b"], {"one": LABELS}),
    "SkipConnection": lambda: widgets.SkipConnection(*RUNS),
}
TRAITS = "(({ result, ...others }) => others)(document.querySelector('.d2l-widget').model.state)"
TAKEN = "addEventListener('keydown', event => { window.taken = event.defaultPrevented; }, { once: true })"
ANOTHER_VIEW = """async () => {
    const { model } = document.querySelector(".d2l-widget");
    const listeners = () => [...model.listeners.values()].reduce((sum, some) => sum + some.size, 0);
    const names = () => [...document.querySelectorAll("[id]")].map(node => node.id);
    const groups = () => new Set([...document.querySelectorAll("[type=radio]")].map(node => node.name));
    const url = URL.createObjectURL(new Blob([model.get("_esm")], { type: "text/javascript" }));
    const before = listeners(), sets = groups().size, el = document.body.appendChild(document.createElement("div"));
    const off = await (await import(url)).default.render({ model, el });
    const both = listeners(), all = names();
    const found = { grew: both > before, unique: new Set(all).size === all.length, groups: groups().size === 2 * sets };
    off();
    return { ...found, left: listeners() - before };
}"""


@pytest.mark.parametrize("name", widgets.__all__)
def test_a_second_view_has_its_own_names_and_can_be_taken_away(mounted, name):
    page = mounted.open(MADE.get(name, getattr(widgets, name))())
    assert page.page.evaluate(ANOTHER_VIEW) == {"grew": True, "unique": True, "groups": True, "left": 0}


@pytest.mark.parametrize("name", widgets.__all__)
def test_each_says_what_it_is_and_what_to_do_and_goes_back_to_its_start(mounted, name):
    page = mounted.open(MADE.get(name, getattr(widgets, name))())
    group, title = page.page.locator(".d2l-interactive"), page.page.locator(".d2l-title").inner_text()
    assert title and group.get_attribute("aria-label") == title, "the visible title is its name"
    hint = page.page.locator(f"#{group.get_attribute('aria-describedby')}")
    assert hint.is_visible() and 10 < len(hint.inner_text()) < 160, "one line of instruction"
    assert all(page.page.locator(".d2l-interactive th").all_text_contents()), "a header of a table heads something"
    first = page.page.evaluate(TRAITS)
    for trait in page.page.locator(".d2l-control:visible").evaluate_all("all => all.map(node => node.dataset.trait)"):
        page.press(trait, "ArrowRight", 2)
        page.press(trait, " ")
    assert page.page.evaluate(TRAITS) != first
    page.page.get_by_role("button", name="reset", exact=True).click()
    assert page.page.evaluate(TRAITS) == first


def test_a_button_reveals_the_answer_and_a_reset_hides_it_again(mounted):
    page = mounted.open(widgets.ConvolutionLab())
    answer, before = page.page.locator(".d2l-answer"), page.say
    assert answer.get_attribute("aria-pressed") == "false"
    answer.click()
    assert answer.get_attribute("aria-pressed") == "true" and page.say != before
    answer.click()
    assert answer.get_attribute("aria-pressed") == "false" and page.say == before
    answer.click()
    page.page.get_by_role("button", name="reset", exact=True).click()
    assert answer.get_attribute("aria-pressed") == "false" and page.say == before


@pytest.mark.parametrize("name", widgets.__all__)
def test_a_finger_finds_every_control_of_a_phone(mounted, name):
    page = mounted.open(MADE.get(name, getattr(widgets, name))(), width=390)
    page.page.wait_for_timeout(50)
    kinds = "input:not([type=checkbox], [type=radio]), select, button, summary"
    parts = page.page.locator(f".d2l-interactive :is({kinds}):visible")
    sizes = "all => all.map(node => [node.outerHTML.slice(0, 80), node.offsetWidth, node.offsetHeight])"
    boxes = parts.evaluate_all(sizes)
    assert [box for box in boxes if box[2] < 44 or ("range" in box[0] and box[1] < 200)] == []
    assert page.page.locator(".d2l-interactive > .d2l-controls > .d2l-control:visible").count() <= 4
    assert page.page.locator("html").evaluate("node => node.scrollWidth") <= 390


def test_tensors_of_every_kind_become_arrays():
    given = torch.ones(2, 2, dtype=torch.bfloat16, requires_grad=True)
    assert array(given).tolist() == array([[1, 1], [1, 1]]).tolist() == [[1, 1], [1, 1]]
    assert array(torch.tensor([3], dtype=torch.uint8)).dtype == "uint8", "whole numbers stay what they are"


def test_numbers_of_every_kind_are_brought_into_range():
    validate = clamped(0, 10, 3)
    values = (array(5)[()], array(0.5)[()], 10**400, -(10**400), float("inf"))
    assert [validate(value) for value in values] == [5, 0.5, 10, 0, 10]
    assert [validate(value) for value in (float("nan"), True, None, "x")] == [3] * 4


def test_a_finger_that_scrolls_moves_nothing(mounted):
    page = mounted.open(widgets.GradientDescent(lr=0.1))
    page.control("lr").dispatch_event("pointerdown")
    page.press("lr", "End")
    assert page.get("lr") == 0.4
    page.control("lr").dispatch_event("pointercancel")
    assert page.get("lr") == 0.1 and page.control("lr").input_value() == "0.1"


#: waits until the page has scrolled from ``top`` and has had time to do something else as well, or will do neither
SCROLLED = """top => new Promise(resolve => {
    const until = performance.now() + 1500;
    const over = () => scrollY > top + 50 || performance.now() > until;
    const look = () => (over() ? setTimeout(resolve, 80) : requestAnimationFrame(look));
    look();
})"""


def swipe_up(page, box):
    """A finger comes down left in ``box``, and moves up."""
    top = page.page.evaluate("scrollY")
    finger = page.page.context.new_cdp_session(page.page)
    x, y = box["x"] + 0.2 * box["width"], box["y"] + box["height"] / 2
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 9):
        moved = {"x": x, "y": y - 25 * step}
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [moved]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.page.evaluate(SCROLLED, top)


@pytest.mark.parametrize("name", widgets.__all__)
def test_a_swipe_scrolls_the_page_and_changes_nothing(touched, name):
    page = touched.open(MADE.get(name, getattr(widgets, name))(), width=390)
    page.page.set_viewport_size({"width": 390, "height": 700})
    page.page.evaluate("document.body.style.paddingBottom = '2000px'")
    before = page.page.evaluate(TRAITS)
    parts = page.page.locator(".d2l-interactive :is(input[type=range], .d2l-stage svg, .d2l-stage canvas):visible")
    for number in range(min(parts.count(), 12)):
        if parts.nth(number).evaluate("node => getComputedStyle(node.parentNode).touchAction === 'none'"):
            continue  # one draws on it
        parts.nth(number).evaluate("node => node.scrollIntoView({ block: 'center', behavior: 'instant' })")
        top = page.page.evaluate("scrollY")
        swipe_up(page, parts.nth(number).bounding_box())
        what = parts.nth(number).evaluate("node => node.outerHTML.slice(0, 90)")
        assert page.page.evaluate("scrollY") > top + 50, f"the page scrolls from {what}"
        assert page.page.evaluate(TRAITS) == before, f"nothing moves from {what}"


def test_what_is_spoken_is_spoken_once_the_reader_rests(mounted):
    page = mounted.open(widgets.BatchNormLab())
    spoken = page.page.locator(".d2l-spoken")
    assert spoken.inner_text() == "", "nothing is read out when the page opens"
    page.page.locator("details.d2l-more").evaluate("node => { node.open = true; }")
    page.press("gamma", "ArrowRight", 5)
    assert spoken.inner_text() == ""
    page.page.wait_for_timeout(800)
    assert spoken.text_content() == page.page.locator(".d2l-say").text_content()
    assert page.page.locator("[aria-live=polite]").count() == 1, "and by nothing else"


def test_what_is_below_stays_where_it_is_while_a_slider_moves(mounted):
    page = mounted.open(widgets.ConvolutionLab())
    height = "document.querySelector('.d2l-stage').offsetHeight"
    page.press("size", "End")
    tall = page.page.evaluate(height)
    page.press("size", "Home")
    assert page.page.evaluate(height) == tall
    page.press("kernel", "ArrowDown")
    assert page.page.evaluate(height) < tall, "another choice is another picture"
    page.press("size", "End")
    page.press("size", "Home")
    page.page.wait_for_timeout(800)
    assert page.page.evaluate(height) < tall - 50, "at rest no hole is left"


@pytest.mark.parametrize("name", widgets.__all__)
def test_keys_that_scroll_a_page_move_on_the_drawing_that_has_the_focus(mounted, name):
    page = mounted.open(MADE.get(name, getattr(widgets, name))())
    drawings = page.page.locator(".d2l-interactive :not(button, input, select, summary, a)[tabindex='0']:visible")
    for number in range(drawings.count()):
        for key in ("Home", "End", "PageUp", "PageDown", "ArrowUp", "ArrowDown"):
            one = drawings.nth(number)
            one.focus()
            page.page.evaluate(TAKEN)
            page.page.keyboard.press(key)
            assert page.page.evaluate("taken"), f"{key} scrolls the page from {one.get_attribute('class')}"


def test_a_lean_script_is_the_same_without_its_comments():
    whole = "\n".join(
        (HERE / f"{name}.js").read_text("utf-8") for name in ("shared", "asked_notebook", "label_cleaner")
    )
    lines = [line for line in widgets.LabelCleaner._esm.splitlines() if line.strip()]
    assert not [line for line in lines if line.lstrip().startswith(("//", "/*", "* "))]
    left = [line for line in whole.splitlines() if line.strip() and not re.match(r"\s*(//|/\*|\*)", line)]
    assert lines == left and len(lines) > 300
    assert "/*" in widgets.PixelMixer._esm, "where there is room, whoever reads a script reads why"
