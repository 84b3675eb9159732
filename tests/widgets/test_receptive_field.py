"""The receptive field: the walk of the AlexNet chapter, the networks of the book, and gradients that agree."""

import random
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from d2lite.models.alexnet import WINDOWS, alexnet
from d2lite.models.vgg import vgg11
from d2lite.widgets import ReceptiveField
from d2lite.widgets.receptive_field import OWN, STACKS, first_pixel, paths, reaches, seen, weights, windows
from tools import project

DRAWN = random.Random(0)
RANDOM = [[[DRAWN.randint(1, 11), DRAWN.randint(1, 4), DRAWN.randint(0, 1)] for _ in range(n)] for n in range(1, 5)]
EXAMPLES = [*STACKS.values(), *RANDOM]


def given(layers) -> list[tuple]:
    """Layers as one gives them to the interactive."""
    return [(kernel, stride, "pool") if pooling else (kernel, stride) for kernel, stride, pooling in layers]


@pytest.fixture(scope="module")
def reach():
    """The function of that name, as the AlexNet chapter has it."""
    cell = re.search(r"^def reach\(.*?^    return side$", project.source("alexnet").read_text("utf-8"), re.M | re.S)
    names = {}
    exec(cell[0], names)
    return names["reach"]


@pytest.mark.parametrize("layers", EXAMPLES)
def test_the_walk_is_that_of_the_chapter(layers, reach):
    pairs = [layer[:2] for layer in layers]
    assert reaches(layers) == [reach(pairs[: number + 1]) for number in range(len(pairs))]
    assert seen(layers) == [reach(pairs[number:]) for number in range(len(pairs) + 1)]


@pytest.mark.parametrize("layers", EXAMPLES)
def test_a_gradient_reaches_these_pixels_and_no_others(layers):
    side = seen(layers)[0]
    if side > 1500:  # the walk of the chapter has checked these
        layers = layers[:3]
        side = seen(layers)[0]
    row = torch.zeros(1, 1, side + 6, dtype=torch.float64, requires_grad=True)
    out = row
    for kernel, stride, _ in layers:
        out = F.conv1d(out, torch.ones(1, 1, kernel, dtype=torch.float64), stride=stride)
    out[0, 0, 0].backward()
    assert row.grad[0, 0, :side].tolist() == paths(layers) and row.grad[0, 0, side:].abs().sum() == 0


def test_the_networks_are_those_of_the_book():
    def found(net):
        kinds = (nn.Conv2d, nn.MaxPool2d)
        return [m for m in net.features.modules() if isinstance(m, kinds)]

    def side(value):
        return value if isinstance(value, int) else value[0]

    with torch.device("meta"):
        nets = {"AlexNet": alexnet(), "VGG-11": vgg11()}
    for name, net in nets.items():
        of_net = [[side(m.kernel_size), side(m.stride), int(isinstance(m, nn.MaxPool2d))] for m in found(net)]
        assert of_net == STACKS[name]
    assert [list(window[:2]) for window in WINDOWS] == [layer[:2] for layer in STACKS["AlexNet"]]


def test_small_kernels_against_a_large_one(mounted):
    page = mounted.open(ReceptiveField())
    for stack, side, small, large in (("two 3×3", 5, 18, 25), ("three 3×3", 7, 27, 49), ("one 7×7", 7, 49, 49)):
        page.set("stack", stack)
        result = page.result
        assert (result["reach"][-1], result["weights"], result["one"]) == (side, small, large)
        assert f"sees {side}×{side}" in page.say and f"{small} c² weights" in page.say and f"{large} c²" in page.say
        layers = [nn.Conv2d(8, 8, kernel, bias=False) for kernel, *_ in STACKS[stack]]
        assert sum(layer.weight.numel() for layer in layers) == small * 8**2


@pytest.mark.parametrize("layers", EXAMPLES)
def test_the_page_shows_the_same_numbers(mounted, layers):
    widget = ReceptiveField(given(layers))
    assert widget.used() == layers and widget.picture()
    page = mounted.open(widget)
    for layer in range(len(layers) + 1):
        page.set("layer", layer)
        below = layers[: layer or None]
        result = page.result
        assert result["layer"] == len(below) and result["reach"] == reaches(layers)
        assert result["seen"] == seen(below) and result["weights"] == weights(below)
        assert result["one"] == seen(below)[0] ** 2 and result["relus"] == sum(not pool for *_, pool in below)
        assert result["paths"] == (paths(below) if seen(below)[0] <= 400 else [])


def edit(page):
    """Open the table of layers."""
    page.page.get_by_text("edit the layers").click()
    return page


def test_mouse_and_keyboard(mounted):
    page = edit(mounted.open(ReceptiveField()))
    name = {"position": {"x": 20, "y": 10}}
    page.page.locator("[data-row='1']").hover(**name)
    assert page.get("layer") == 0, "a mouse that passes changes nothing"
    page.page.locator("[data-row='1']").click(**name)
    assert page.get("layer") == 1 and "layer 1 sees 3×3" in page.say
    page.page.get_by_label("look from layer 1").focus()
    page.page.keyboard.press("ArrowDown")
    assert page.get("layer") == 2 and "layer 2 sees 5×5" in page.say
    cell = page.page.locator("[data-cell=kernel-1]")
    cell.focus()
    page.page.keyboard.press("ArrowUp")
    page.page.keyboard.press("ArrowUp")
    assert page.get("stack") == OWN and page.get("layers") == [[5, 1, 0], [3, 1, 0], [3, 1, 0]]
    assert page.result["reach"] == [5, 7, 9] and cell.evaluate("node => node === document.activeElement")
    page.page.locator("[data-cell=stride-2]").fill("2")
    page.page.get_by_label("layer 3 is a pooling").check()
    page.page.get_by_role("button", name="add a layer").click()
    assert page.get("layers") == [[5, 1, 0], [3, 2, 0], [3, 1, 1], [3, 1, 1]]
    assert page.result["reach"] == reaches(page.get("layers")) and page.result["weights"] == 34
    for _ in range(4):
        page.page.get_by_role("button", name="remove the last").press("Enter")
    assert page.result["reach"] == [] and page.say.startswith("Without a layer")
    remove, add = (page.page.get_by_role("button", name=name) for name in ("remove the last", "add a layer"))
    focused = "node => node === document.activeElement"
    assert remove.get_attribute("aria-disabled") == "true" and remove.evaluate(focused)  # not lost to the page
    page.page.keyboard.press("Enter")
    assert page.get("layers") == [] and add.get_attribute("aria-disabled") == "false"
    for _ in range(13):
        add.press("Enter")
    assert add.get_attribute("aria-disabled") == "true" and add.evaluate(focused) and len(page.result["reach"]) == 13
    page.page.keyboard.press("Enter")
    assert len(page.get("layers")) == 13


@pytest.mark.parametrize("layers", [STACKS["three 3×3"], STACKS["AlexNet"], RANDOM[2]])
def test_a_unit_sees_where_it_lies(mounted, layers):
    page = mounted.open(ReceptiveField(given(layers), size=160))
    for layer in range(1, len(layers) + 1):
        page.set("layer", layer)
        starts = []
        for right in (-1, 0, 1):
            page.set("right", right)
            assert page.result["start"] == [first_pixel(layers, layer, 160), first_pixel(layers, layer, 160, right)]
            starts.append(page.result["start"][1])
        step = page.result["steps"][layer - 1]
        assert starts[1] - starts[0] == starts[2] - starts[1] == step
        assert abs(starts[1] + page.result["reach"][layer - 1] / 2 - 80) <= step / 2 + 0.5, "nearest to the middle"


def test_a_unit_is_chosen_in_the_pyramid(mounted):
    page = mounted.open(ReceptiveField())
    units = page.page.locator(".d2l-unit[data-level='2'][fill='var(--d2l-faint)']")
    units.first.click()
    left = page.result["start"][1]
    assert page.get("layer") == 2 and page.get("right") < 0
    page.page.locator(".d2l-unit[data-level='2'][fill='var(--d2l-faint)']").last.click()
    assert page.result["start"][1] > left and page.get("right") > 0 and page.get("down") == 0
    pyramid = page.page.locator(".d2l-pyramid")
    before = page.result["start"]
    pyramid.press("ArrowLeft")
    assert page.result["start"] == [before[0], before[1] - 1]
    pyramid.press("ArrowDown")
    assert page.get("layer") == 1 and pyramid.evaluate("node => node === document.activeElement")
    assert abs(page.result["start"][1] + 1.5 - (before[1] - 1 + 2.5)) <= 1, "from the unit that sees the same place"


def test_a_place_is_chosen_on_the_photograph(mounted):
    page = mounted.open(ReceptiveField())
    assert page.page.locator(".d2l-photo image").get_attribute("href").startswith("data:image/jpeg;base64,")
    box = page.page.locator(".d2l-photo svg").bounding_box()
    page.page.mouse.click(box["x"] + box["width"] * 8.5 / 28, box["y"] + box["height"] * 20.5 / 28)
    assert page.result["start"] == [20 - 3, 8 - 3], "7×7 pixels around the one that was clicked"
    page.page.mouse.move(box["x"] + box["width"] * 20.5 / 28, box["y"] + box["height"] * 20.5 / 28)
    assert page.result["start"] == [17, 5], "the button is up"
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] * 10.5 / 28, box["y"] + box["height"] * 9.5 / 28, steps=3)
    page.page.mouse.up()
    assert page.result["start"] == [6, 7]
    page.page.locator(".d2l-photo").press("ArrowRight")
    page.page.locator(".d2l-photo").press("ArrowUp")
    assert page.result["start"] == [5, 8]
    alone = page.page.locator("svg[aria-label='Those 7×7 pixels alone.']")
    assert alone.get_attribute("viewBox") == "8 5 7 7"
    page.set("photograph", "none")
    assert page.page.locator("image").count() == 0 and page.say.startswith("One unit")


def test_a_button_climbs_from_layer_to_layer(mounted):
    page = mounted.open(ReceptiveField())
    play = page.page.locator(".d2l-play")
    play.click()
    page.page.wait_for_function("document.querySelector('.d2l-widget').model.get('layer') === 1")
    assert "pause" in play.inner_text() and page.result["reach"][page.result["layer"] - 1] == 3
    play.click()
    page.page.wait_for_timeout(900)
    assert page.get("layer") == 1, "paused"
    page.page.emulate_media(reduced_motion="reduce")
    play.click()
    assert page.get("layer") == 3 and "layer 3 sees 7×7" in page.say
    page.set("layers", [])
    page.set("stack", OWN)
    play.click()
    assert page.say.startswith("Without a layer") and page.page.get_by_role("button", name="add a layer").is_visible()


def test_the_answer_has_a_button(mounted):
    page = mounted.open(ReceptiveField())
    page.control("stack").select_option("ten 3×3")
    assert page.result["reach"][-1] == 21
    page.page.click(".d2l-answer")
    assert page.get("stack") == OWN and page.result["reach"][-1] == reaches([[3, 2, 0], *[[3, 1, 0]] * 9])[-1] == 39


def test_what_cannot_be_a_window_is_marked_while_it_is_typed(mounted):
    page = edit(mounted.open(ReceptiveField([(5, 2), (3, 1)])))
    cell = page.page.locator("[data-cell=kernel-2]")
    for text, valid in (("12", False), ("7", True), ("0", False), ("2.5", False), ("", False), ("11", True)):
        before = page.get("layers")
        cell.fill(text)
        assert cell.get_attribute("aria-invalid") == str(not valid).lower(), text
        assert page.get("layers") == ([[5, 2, 0], [int(text), 1, 0]] if valid else before), text
    assert not page.page.locator(".d2l-note").is_visible()
    cell.fill("99")
    assert page.page.inner_text(".d2l-note") == "A kernel is a whole number from 1 to 11: “99” is not taken."
    cell.press("Tab")
    assert page.page.locator(".d2l-note").is_visible(), "it says why 11 is there again"
    assert cell.input_value() == "11" and cell.get_attribute("aria-invalid") == "false"


def test_own_layers_start_from_those_shown(mounted):
    page = mounted.open(ReceptiveField("VGG-11"))
    page.control("stack").select_option(OWN)
    assert page.get("layers") == STACKS["VGG-11"] and page.result["reach"] == reaches(STACKS["VGG-11"])
    page.set("layers", [[5, 1, 0]])  # a program's own are kept
    page.set("stack", "LeNet")
    page.set("stack", OWN)
    assert page.get("layers") == [[5, 1, 0]]


def test_what_is_nearly_the_same_is_told_so(mounted):
    page = mounted.open(ReceptiveField([(7, 1), (1, 1)]))
    assert "has 49 c², nearly the same." in page.say  # 50 c²
    page.set("layer", 1)
    assert "has 49 c², the same." in page.say


def test_the_share_is_that_of_the_width(mounted):
    page = mounted.open(ReceptiveField("VGG-11", size=224, layer=12))
    assert "sees 134×134 pixels (60% of the image's width)" in page.say
    page.set("layer", 11)
    assert "(46% of" in page.say
    page.set("layer", 1)
    assert "(1.3% of" in page.say
    assert page.page.get_by_role("table").evaluate_all("all => all.every(node => node.ariaLabel)")


def test_the_presets_of_the_page_are_those_of_python(mounted):
    page = mounted.open(ReceptiveField())
    for name, layers in STACKS.items():
        page.set("stack", name)
        assert page.result["reach"] == reaches(layers) and page.result["weights"] == weights(layers), name
        assert page.result["relus"] == sum(not pooling for *_, pooling in layers), name


def test_a_patch_larger_than_the_image_is_told(mounted):
    page = mounted.open(ReceptiveField("AlexNet"))
    assert "sees 195×195 pixels (more than the image of 28×28: the rest is padding)" in page.say
    page.press("size", "End")
    assert "(76% of the image's width)" in page.say


@pytest.mark.parametrize("trait", ["stack", "layers", "layer", "size", "down", "right", "photograph", "credit"])
def test_nonsense_is_brought_back(mounted, trait):
    page = mounted.open(ReceptiveField([(5, 2)]))
    for value in ("NaN", "Infinity", -1e9, 1e9, 2.5, None, "many", [], [[None, "x"], 3], [[1e9, -4, 7]] * 50):
        page.set(trait, value)
        assert page.say.startswith(("One unit", "Without a layer")), value
    page.set("layers", [[11, 4, 0]] * 13)
    page.set("stack", OWN)
    assert page.result["reach"][-1] == reaches([[11, 4, 0]] * 13)[-1]


def test_python_brings_nonsense_back_too():
    for stack in ("four", [], 7, None, [3], [(3,)], object()):
        assert ReceptiveField(stack).stack == "three 3×3" and ReceptiveField(stack).picture()
    assert windows([(99, 0), (float("nan"), "far", "pool")]) == [[11, 1, 0], [3, 1, 1]]
    assert len(ReceptiveField([(11, 4)] * 99).used()) == 13 and ReceptiveField([(11, 4)] * 99).picture()
    assert ReceptiveField([(10**400, 1)]).used() == [[11, 1, 0]]
    assert ReceptiveField(OWN).used() == [] and ReceptiveField(OWN).picture()
    assert ReceptiveField(OWN, layers=[[3]], layer=7, size=-5).used() == [[3, 1, 0]]
    assert repr(ReceptiveField()) == "ReceptiveField(down=0, layer=0, right=0, size=28, stack='three 3×3')"


def test_what_the_class_stores_it_takes():
    layers = [[5, 1, 0], [2, 2, 1]]
    for given in (
        layers,
        np.array(layers),
        torch.tensor(layers),
        torch.tensor(layers).float(),
        ReceptiveField(layers).layers,
    ):
        assert ReceptiveField(given).used() == layers
    for name, stack in STACKS.items():
        assert ReceptiveField(stack).used() == ReceptiveField(name).used() == stack
    assert ReceptiveField([(5, 1), (2, 2, "pool"), (2, 2, True)]).used() == [[5, 1, 0], [2, 2, 1], [2, 2, 1]]


@pytest.mark.parametrize("third", [(2,), ("max",), (None,), (float("nan"),), ([1],), (1, 0)])
def test_what_says_nothing_of_a_pooling_is_told(third):
    with pytest.raises(ValueError, match="^layer 2: .* give 'pool' or 1"):
        ReceptiveField([(3, 1), (3, 1, *third)])
    with pytest.raises(ValueError, match="^layer 3: .*stands 2: .* Padding has no place"):
        ReceptiveField(WINDOWS)


def test_a_network_comes_with_the_size_of_its_images(mounted):
    page = mounted.open(ReceptiveField())
    for stack, size in (("AlexNet", 224), ("VGG-11", 224), ("LeNet", 28), ("AlexNet", 224), ("two 3×3", 28)):
        page.control("stack").select_option(stack)
        assert page.get("size") == size
        assert "more than the image" not in page.say
    page.set("size", 56)
    page.control("stack").select_option("one 7×7")
    assert page.get("size") == 56, "what was chosen stays"


def test_a_photograph_that_is_not_shown_is_not_credited(mounted):
    page = mounted.open(ReceptiveField(stack="own layers", layers=[[3, 1, 0]]))
    page.set("credit", "Photograph by somebody")
    assert page.page.locator(".d2l-credit").is_visible()
    page.set("layers", [])
    assert page.page.locator(".d2l-credit").is_hidden()
