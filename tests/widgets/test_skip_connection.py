"""The skip-connection explorer: it shows what was measured, and nothing when a number is missing."""

import math

import pytest

from d2lite.widgets import SkipConnection
from d2lite.widgets.skip_connection import smooth


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
    assert "10⁹" in page.page.locator("svg text").all_text_contents()


def test_mouse_and_keyboard(mounted):
    page = mounted.open(SkipConnection(*measured()[:2]))
    assert page.page.locator("[data-trait=when]").count() == 0, "no gradients after training, no choice"
    page.press("layer", "ArrowRight", 2)
    assert page.get("layer") == 3 and "before training: the gradient at convolution 3" in page.say
    page.control("shortcuts").select_option("with (residual)")
    assert "without" not in page.say and page.page.locator(".d2l-stage path").count() == 2
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
    for trait in ("depth", "shortcuts", "when", "layer"):
        for value in ("NaN", "Infinity", -1e9, 1e9, None, "many"):
            page.set(trait, value)
            assert "cannot be drawn" not in page.say and "the gradient at convolution" in page.say


def test_python_brings_nonsense_back_too():
    widget = SkipConnection(*measured(), depth="deep", shortcuts=3, when=None, layer=-1)
    assert repr(widget) == "SkipConnection(depth=44, layer=1, shortcuts='both', when='before training')"
    norms = measured()[0]
    with pytest.raises(ValueError, match="give norms and losses"):
        SkipConnection({}, {})
    with pytest.raises(ValueError, match="of the same runs"):
        SkipConnection(norms, {})
    with pytest.raises(ValueError, match="block 'dense'"):
        SkipConnection({("dense", 8): [1.0]}, {})
