"""What all interactives share: several on a page do not meet, and one that is taken away leaves nothing behind."""

import pytest
import torch
from torch import nn

from d2lite import widgets
from d2lite.widgets.base import array, clamped

IMAGES, LABELS = torch.zeros(3, 1, 12, 12, dtype=torch.uint8), torch.tensor([0, 1, 1])


class Plain:
    """Stands for the chapter's class of this name."""


RUNS = {(Plain, 8): [1.0] * 7}, {(Plain, 8): [2.0] * 40}
NETWORK = nn.Sequential(nn.Flatten(), nn.Linear(144, 2))
MADE = {
    "FrontierExplorer": lambda: widgets.FrontierExplorer([{"accuracy": 0.9, "macs": 3}]),
    "LiveNetwork": lambda: widgets.LiveNetwork(NETWORK, IMAGES, ["a", "b"], 0.5, 0.5, LABELS),
    "PredictionBrowser": lambda: widgets.PredictionBrowser(IMAGES, LABELS, ["a", "b"], {"one": LABELS}),
    "SkipConnection": lambda: widgets.SkipConnection(*RUNS),
}
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


def test_what_is_spoken_is_spoken_once_the_reader_rests(mounted):
    page = mounted.open(widgets.BatchNormLab())
    spoken = page.page.locator(".d2l-spoken")
    assert spoken.inner_text() == "", "nothing is read out when the page opens"
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
