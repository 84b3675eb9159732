"""The skip-connection explorer: it shows what was measured, and nothing when a number is missing."""

import math

import pytest
import torch

from d2lite.widgets import SkipConnection
from d2lite.widgets.skip_connection import EPS, gradients, small_network, smooth


class Plain:
    """Stands for the chapter's class of this name."""


class Residual:
    """Likewise."""


def measured(depths=(8, 20, 44)):
    """Runs as the chapter hands them over: gradients that grow to the front, losses that fall."""
    norms, losses, later = {}, {}, {}
    for depth in depths:
        for block, rate, floor in ((Plain, 1.1, depth / 40), (Residual, 1.03, 0.6)):
            norms[block, depth] = [0.3 * rate ** (depth - layer) for layer in range(1, depth)]
            later[block, depth] = [0.2 + 0.01 * layer for layer in range(1, depth)]
            losses[block, depth] = [floor + 2 / (1 + step / 9) + 0.1 * math.sin(step) for step in range(128)]
    return norms, losses, later


def test_the_page_shows_the_same_numbers(mounted):
    data = measured()
    page, twin = mounted.open(SkipConnection(*data)), SkipConnection(*data)
    assert page.say.startswith("44 layers, before training: the gradient at convolution 1 is ")
    assert "without shortcuts, 55 times the last" in page.say and "with shortcuts, 3.5 times" in page.say
    assert "The loss after 128 steps is 1." in page.say
    for trait, value in [("layer", 30), ("depth", 20), ("shortcuts", "with"), ("when", "after training"),
                         ("shortcuts", "without"), ("depth", 8), ("shortcuts", "both"), ("depth", 13)]:  # fmt: skip
        page.set(trait, value)
        setattr(twin, trait, value)
        depth, _ = twin.shown()
        assert (page.result["depth"], page.result["when"]) == (depth, twin.when)
        wanted = twin.numbers()
        assert list(page.result["blocks"]) == list(wanted)
        for block, numbers in wanted.items():
            assert page.result["blocks"][block] == pytest.approx(numbers, rel=1e-9)
    assert depth == 8 and page.get("depth") == 8, "the nearest that was measured"


def by_torch(shortcuts):
    """The gradients of the small network by PyTorch."""
    x, d, weights = map(torch.tensor, small_network(len(shortcuts)))
    layers = weights.unbind()
    for weight in layers:
        weight.requires_grad_()

    def layer(x, weight):
        return torch.nn.functional.batch_norm(x @ weight, None, None, training=True, eps=EPS)

    for shortcut, first, second in zip(shortcuts, layers[::2], layers[1::2], strict=True):
        out = layer(layer(x, first).relu(), second)
        x = (out + x if shortcut else out).relu()
    return [gradient.norm().item() for gradient in torch.autograd.grad((x * d).sum(), layers)]


TAKEN = [[], [11], [1], [*range(1, 22)], [3, 4, 5, 18]]  # blocks of 21


@pytest.mark.parametrize("taken", TAKEN)
def test_the_gradients_of_the_small_network_are_those_of_torch(taken):
    shortcuts = [block + 1 not in taken for block in range(21)]
    assert gradients(shortcuts) == pytest.approx(by_torch(shortcuts), rel=1e-9)


def test_the_page_computes_the_small_network_as_python_does(mounted):
    page = mounted.open(SkipConnection(*measured()))
    every, none = (norms[0] / norms[-1] for norms in (gradients([True] * 21), gradients([False] * 21)))
    assert none > 50 * every, "its point"
    for taken in TAKEN:
        page.set("removed", [taken] if taken else [])
        norms = gradients([block + 1 not in taken for block in range(21)])
        wanted = {"first": norms[0] / norms[-1], "taken": len(taken), "all": every, "none": none}
        assert page.result["small"] == pytest.approx(wanted, rel=1e-9)
    page.set("depth", 8)
    assert page.result["small"]["taken"] == 1, "of three blocks; those of deeper networks are not counted"


def test_blocks_are_clicked_and_typed(mounted):
    page = mounted.open(SkipConnection(*measured()))
    blocks, note = page.page.locator(".d2l-look"), page.page.locator(".d2l-note")
    box = blocks.bounding_box()
    page.page.mouse.click(box["x"] + 690 / 21 * 10.5, box["y"] + 40)
    assert page.get("removed") == [[11]] and "Without 1 of the 21 shortcuts" in note.inner_text()
    assert page.result["small"]["first"] > 1.5 * page.result["small"]["all"]
    page.page.mouse.click(box["x"] + 690 / 21 * 10.5, box["y"] + 40)
    assert page.get("removed") == [] and "With all shortcuts" in note.inner_text()
    blocks.focus()
    for key in ("ArrowLeft", " ", "ArrowLeft", "Enter"):
        page.page.keyboard.press(key)
    assert page.get("removed") == [[9, 10]] and "At block 9, without its shortcut" in blocks.get_attribute("aria-label")
    page.page.get_by_role("button", name="take all away").click()
    assert page.get("removed") == [[*range(1, 22)]] and "Without any of the 21 shortcuts" in note.inner_text()
    page.page.get_by_role("button", name="give all back").click()
    assert page.get("removed") == []


def test_the_gradient_goes_from_the_last_layer_to_the_first(mounted):
    page = mounted.open(SkipConnection(*measured()))
    drawn = "[...document.querySelectorAll('.d2l-look rect[opacity]')].map(bar => bar.getAttribute('height'))"
    before = page.page.evaluate(drawn)
    page.page.emulate_media(reduced_motion="reduce")
    page.set("removed", [[*range(1, 22)]])
    after = page.page.evaluate(drawn)
    assert sum(map(float, after)) > 1.5 * sum(map(float, before)), "at once, where no motion is wanted"
    page.page.emulate_media(reduced_motion="no-preference")
    page.set("removed", [])
    early = page.page.evaluate(drawn)
    assert early[:10] == after[:10], "the first layers hear of it last"
    page.page.wait_for_function(f"wanted => JSON.stringify({drawn}) === JSON.stringify(wanted)", arg=before)


def test_the_shallow_network_is_shown_when_asked_for(mounted):
    page = mounted.open(SkipConnection(*measured()))
    assert "8 layers" not in page.say
    page.page.get_by_role("button", name="show 8 layers").click()
    assert page.get("depth") == 8 and page.say.startswith("8 layers")


@pytest.mark.parametrize("width", [720, 768, 900])
def test_the_charts_stand_beside_each_other(mounted, width):
    """Also where a scrollbar takes its part of the column."""
    page = mounted.open(SkipConnection(*measured()), width=width)
    charts = page.page.locator(".d2l-below svg")
    left, right = (charts.nth(place).bounding_box() for place in range(2))
    assert left["y"] == right["y"] and right["x"] > left["x"] + left["width"]
    page.page.mouse.click(left["x"] + left["width"] - 10, left["y"] + 100)
    assert page.get("layer") == 43, "a click looks at a convolution"


def test_the_numbers_are_those_that_were_measured():
    norms, losses, _ = measured()
    widget = SkipConnection(norms, losses, layer=1)
    plain = widget.numbers()["plain"]
    assert plain["norm"] == pytest.approx(norms[Plain, 44][0], rel=1e-3)
    assert plain["growth"] == pytest.approx(1.1**42, rel=1e-3)
    assert plain["loss"] == pytest.approx(sum(losses[Plain, 44][-32:]) / 32, rel=1e-3)
    assert smooth([1.0] * 11 + [13.0, 1.0, None]) == [None] * 11 + [2.0, 2.0, None]


def test_large_small_and_equal_numbers_are_in_words(mounted):
    norms = {(Plain, 8): [3e8, 2e-7, 1.01, 1.0]}
    page = mounted.open(SkipConnection(norms, {(Plain, 8): [1.0] * 64}))
    for layer, text in enumerate(
        ("about 10⁸ without shortcuts, about 10⁸ times the last", "about 10⁻⁷ without shortcuts, about 10⁻⁷ times",
         "1 without shortcuts, about as large as the last convolution's.", "1 without shortcuts. The loss")
    ):  # fmt: skip
        page.set("layer", layer + 1)
        assert f"is {text}" in page.say, page.say
    assert "10⁹" in page.page.locator(".d2l-below text").all_text_contents()


def test_mouse_and_keyboard(mounted):
    page = mounted.open(SkipConnection(*measured()[:2]))
    assert page.page.locator("[data-trait=when]").count() == 0, "no gradients after training, no choice"
    page.press("layer", "ArrowRight", 2)
    assert page.get("layer") == 3 and "before training: the gradient at convolution 3" in page.say
    page.control("shortcuts").select_option("with (residual)")
    assert "without" not in page.say and page.page.locator(".d2l-below path").count() == 2
    page.press("depth", "Home")
    assert page.get("depth") == 8 and page.say.startswith("8 layers")


def test_what_went_wrong_in_training_is_shown_as_missing(mounted):
    norms, losses, _ = measured((8,))
    losses[Plain, 8][60:] = [math.nan] * 68
    norms[Plain, 8][0] = math.inf
    widget = SkipConnection(norms, losses)
    assert widget.numbers()["plain"] == {"layer": 1, "norm": None, "growth": None, "loss": None}
    assert widget.picture().axes
    page = mounted.open(widget)
    assert page.result["blocks"]["plain"] == widget.numbers()["plain"]
    assert "no number without shortcuts" in page.say and "NaN" not in page.page.inner_html(".d2l-interactive")


def test_nonsense_is_brought_back(mounted):
    page = mounted.open(SkipConnection(*measured()))
    for trait in ("depth", "shortcuts", "when", "layer", "removed"):
        for value in ("NaN", "Infinity", -1e9, 1e9, None, "many"):
            page.set(trait, value)
            assert "cannot be drawn" not in page.say and "the gradient at convolution" in page.say


def test_python_brings_nonsense_back_too():
    widget = SkipConnection(*measured(), depth="deep", shortcuts=3, when=None, layer=-1, removed="all")
    assert widget.removed == []
    assert repr(widget) == "SkipConnection(depth=44, layer=1, shortcuts='both', when='before training')"
    norms = measured()[0]
    with pytest.raises(ValueError, match="give norms and losses"):
        SkipConnection({}, {})
    with pytest.raises(ValueError, match="of the same runs"):
        SkipConnection(norms, {})
    with pytest.raises(ValueError, match="block 'dense'"):
        SkipConnection({("dense", 8): [1.0]}, {})


def test_what_concerns_the_charts_stands_beside_them_and_says_so(mounted):
    page = mounted.open(SkipConnection(*measured()))
    chart = page.page.locator(".d2l-row.d2l-below").bounding_box()
    for trait in ("shortcuts", "layer"):
        box, drawing = page.control(trait).bounding_box(), page.page.locator(".d2l-look").bounding_box()
        assert drawing["y"] + drawing["height"] < box["y"] < chart["y"]
    assert page.page.locator("[data-trait=shortcuts] label").inner_text() == "curves"


def test_another_number_of_layers_has_all_its_shortcuts(mounted):
    page = mounted.open(SkipConnection(*measured()))
    page.set("removed", [[1, 2, 3]])
    page.control("depth").select_option("20")
    assert page.get("removed") == [] and "With all shortcuts" in page.page.inner_text(".d2l-note")
    page.set("removed", [[1]])
    page.page.locator(".d2l-answer").click()
    assert page.get("depth") == 8 and page.get("removed") == []


def test_a_mouse_wipes_over_many_shortcuts(mounted):
    page = mounted.open(SkipConnection(*measured()))
    box = page.page.locator(".d2l-look").bounding_box()
    x, y = (lambda block: box["x"] + 690 / 21 * (block - 0.5)), box["y"] + 40
    for start, end, removed in ((3, 7, [[3, 4, 5, 6, 7]]), (6, 5, [[3, 4, 7]])):
        page.page.mouse.move(x(start), y)
        page.page.mouse.down()
        page.page.mouse.move(x(end), y, steps=3)
        page.page.mouse.up()
        assert page.get("removed") == removed
    page.page.mouse.click(x(3), y)
    assert page.get("removed") == [[4, 7]], "a click is a click again"


def test_there_is_a_goal_to_be_reached_with_few_shortcuts_gone(mounted):
    page = mounted.open(SkipConnection(*measured()))
    note, goal = page.page.locator(".d2l-note"), page.page.locator(".d2l-goal")
    assert "300 times the last's. How few shortcuts must go?" in goal.inner_text()
    assert f"{2**21:,} paths lead back" in note.inner_text() and "goal: 300 ×" in page.page.inner_html(".d2l-look svg")
    for taken, reached, fewest in (
        ([*range(1, 22)], True, "are 21 shortcuts"),
        ([10], False, "are 21 shortcuts"),
        ([6, 8, 10, 12, 14], True, "are 5 shortcuts"),
        ([*range(6, 16)], True, "are 5 shortcuts"),
    ):
        page.set("removed", [taken])
        norms = gradients([block + 1 not in taken for block in range(21)])
        assert (norms[0] / norms[-1] >= 300) is reached is (goal.get_attribute("data-reached") == "true")
        assert fewest in goal.inner_text() and goal.inner_text().startswith("✓") is reached
        paths = "One path leads" if len(taken) == 21 else f"{2 ** (21 - len(taken)):,} paths lead"
        assert paths in note.inner_text()
    page.page.get_by_role("button", name="reset", exact=True).click()
    assert "How few shortcuts must go?" in goal.inner_text()
    page.control("depth").select_option("8")
    page.set("removed", [[1]])
    assert "✓ 3 times the last's: your fewest is 1 shortcut." in goal.inner_text()
