"""The dense block: channels and parameters are those of the book's modules, and the page shows the same."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from d2lite.models.densenet import (
    DenseBlock,
    bottleneck_block,
    conv_block,
    densenet,
    densenet121,
    transition_block,
)
from d2lite.widgets import DenseConnectivity
from d2lite.widgets.connectivity import chain, dense

CORNER = {"x": 4, "y": 4}  # of a layer's column, where no channels lie


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize("layers, growth, channels, keeps", [(4, 32, 64, 0.5), (1, 1, 1, 1.0), (7, 12, 31, 0.3)])
def test_each_layer_is_that_of_the_block(layers, growth, channels, keeps, bottleneck):
    with torch.device("meta"):
        layer, bias = (bottleneck_block, False) if bottleneck else (conv_block, True)
        block = DenseBlock(layers, channels, growth, layer, bias)
        *rows, (read, written, cost) = dense(layers, growth, channels, bottleneck, keeps)
        assert rows == [(layer[0].num_features, layer[-1].out_channels, parameters(layer)) for layer in block.layers]
        assert block(torch.empty(1, channels, 4, 4)).shape[1] == read
        assert cost == parameters(transition_block(read, written, bias)) and written == max(1, int(keeps * read + 1e-9))
        wide, each = chain(layers, growth, channels)
        assert wide == read and each == parameters(conv_block(wide, wide))


@pytest.mark.parametrize("build, arch", [(densenet, (4, 4, 4, 4)), (densenet121, (6, 12, 24, 16))])
def test_blocks_and_transitions_of_the_networks(build, arch):
    with torch.device("meta"):
        parts, channels = [*build(size=96).blocks], 64
    for number, layers in enumerate(arch):
        *rows, (_, written, after) = dense(layers, 32, channels, build is densenet121, 0.5)
        assert sum(cost for *_, cost in rows) == parameters(parts[2 * number])
        assert number == len(arch) - 1 or after == parameters(parts[2 * number + 1])
        channels = written


def test_the_page_shows_the_same_numbers(mounted):
    page = mounted.open(DenseConnectivity())
    names = ("layers", "growth", "channels", "bottleneck", "compression")
    changes = [
        ("layers", 6),
        ("bottleneck", True),
        ("channels", 256),
        ("compression", 0.7),
        ("growth", 7),
        ("layers", 24),
    ]
    for trait, value in [("layers", 4), *changes]:
        page.set(trait, value)
        layers, growth, channels, *_ = settings = [page.get(name) for name in names]
        rows = dense(*settings)
        assert [tuple(row) for row in page.result["rows"]] == rows
        assert tuple(page.result["chain"]) == chain(layers, growth, channels)
        assert page.result["parameters"] == sum(cost for *_, cost in rows[:-1])
        assert page.page.locator("path").count() == page.result["links"] == sum(range(1, layers + 2))
        assert f"{page.result['parameters']:,} parameters" in page.say


def test_mouse_and_keyboard(mounted):
    page = mounted.open(DenseConnectivity())
    marked = page.page.locator("path.d2l-marked")
    assert marked.count() == 3 and page.say.startswith("Layer 3 reads the input and layers 1 and 2, 128 channels")
    page.page.locator("[data-reader='2']").click(position=CORNER)
    assert page.get("reader") == 2 and marked.count() == 2 and "Layer 2" in page.say
    walk = page.page.locator("[role=application][tabindex='0']")
    walk.focus()
    for key, reader in (
        ("ArrowRight", 3),
        ("End", 5),
        ("ArrowRight", 5),
        ("ArrowLeft", 4),
        ("Home", 1),
        ("ArrowLeft", 1),
    ):
        page.page.keyboard.press(key)  # one after the other: the picture keeps the focus
        assert page.result["reader"] == reader == marked.count()
        assert walk.get_attribute("aria-label").startswith("The transition" if reader == 5 else f"Layer {reader} reads")
    page.press("layers", "ArrowRight", 2)
    assert page.get("layers") == 6 and "28 connections where a chain has 7" in page.say
    page.control("bottleneck").check()
    page.page.locator(".d2l-answer").click()
    assert "Without the bottleneck" in page.say and "costs" in page.say
    page.drag("channels", 0.99)
    assert "saves" in page.say
    page.set("reader", 7)
    assert page.say.startswith("The transition reads")


def test_bars_have_a_scale_of_their_own():
    picture = DenseConnectivity().picture().axes[2]
    assert max(bar.get_height() for bar in picture.patches) > 0.9 * picture.get_ylim()[1]


def test_the_first_frame_leaves_the_question_open(mounted):
    """Does a bottleneck always save? Nothing on the page tells until the reader asks."""
    page = mounted.open(DenseConnectivity(bottleneck=True))
    answer = page.page.locator(".d2l-answer")
    assert (
        "costs" not in page.say
        and "saves" not in page.say
        and "no bottleneck" not in page.page.inner_text(".d2l-stage")
    )
    answer.click()
    assert page.say.endswith("Without the bottleneck the layers would have 130,048: here it costs 76,672.")
    assert "no bottleneck" in page.page.locator(".d2l-stage svg").text_content()
    page.set("channels", 512)
    assert "here it saves" in page.say


def test_a_layer_that_adds_is_drawn_to_scale(mounted):
    page = mounted.open(DenseConnectivity(bottleneck=True))
    widths, heights = (f"all => all.map(bar => bar.{side}.baseVal.value)" for side in ("width", "height"))
    for layers in (4, 9):
        page.set("layers", layers)
        rows, (wide, each) = dense(layers, 32, 64, True, 0.5), chain(layers, 32, 64)
        parts, added = (page.page.locator(f"rect.d2l-cost[data-row='{row}']").evaluate_all(widths) for row in (0, 1))
        assert len(parts) == len(added) == layers
        whole = sum(cost for *_, cost in rows[:-1])
        assert (sum(parts) + 0.7 * layers) / (sum(added) + 0.7 * layers) == pytest.approx(
            whole / (layers * each), rel=0.05
        )
        read = page.page.locator("rect[data-source]").evaluate_all(heights)
        sums = page.page.locator("rect.d2l-sum").evaluate_all(heights)
        assert len(sums) == layers + 1 and len(set(sums)) == 1, "a layer that adds is as wide as all before it"
        counts = [64 if source == 0 else 32 for to in range(1, layers + 2) for source in range(to)]
        assert sorted(read) == pytest.approx([count / wide * sums[0] - 0.8 for count in sorted(counts)], abs=0.01)


def test_channels_are_followed_to_those_who_read_them(mounted):
    page = mounted.open(DenseConnectivity())
    page.page.emulate_media(reduced_motion="reduce")
    marked = page.page.locator("path.d2l-marked")
    band = page.page.locator("rect[data-source='1']").first
    band.hover()
    assert marked.count() == 4 and page.say.startswith("Layer 1 puts out 32 channels: layers 2 to 4 and the transition")
    page.page.mouse.move(5, 5)
    assert marked.count() == 3 and page.say.startswith("Layer 3 reads"), "it was not pinned"
    page.page.locator("rect[data-source='1']").first.click()
    page.page.locator("rect[data-source='2']").first.hover()
    page.page.locator("[data-reader='2']").hover(position=CORNER)
    assert page.say.startswith("Layer 1 puts out"), "a click pins"
    page.page.locator("[data-reader='2']").click(position=CORNER)
    assert page.say.startswith("Layer 2 reads"), "and a click elsewhere lets go"
    page.page.locator("[role=application][tabindex='0']").focus()
    for key, begin in (
        ("ArrowUp", "The input has 64 channels: layers 1 to 4"),
        ("ArrowUp", "Layer 1 puts out"),
        ("ArrowDown", "The input has"),
        ("ArrowDown", "Layer 2 reads"),
        ("ArrowUp", "The input has"),
        ("Escape", "Layer 2 reads"),
    ):
        page.page.keyboard.press(key)
        assert page.say.startswith(begin), key
    for _ in range(9):
        page.page.keyboard.press("ArrowUp")
    assert page.say.startswith("Layer 4 puts out 32 channels: the transition reads them")
    assert page.page.inner_text(".d2l-spoken") == page.say
    page.page.mouse.move(5, 5)
    page.set("layers", 2)
    assert page.say.startswith("Layer 2 reads"), "what is followed is gone"


def test_the_block_runs_layer_by_layer(mounted):
    page = mounted.open(DenseConnectivity())
    clock, run = page.page.clock, page.page.get_by_role("button", name="run the block")
    clock.install(time=0)
    clock.pause_at(1000)  # from here on it moves by these words alone
    flying = page.page.locator(".d2l-still > circle[stroke='currentColor']:not([stroke-width])")
    run.click()
    for reader in (1, 2, 3):
        clock.run_for(1000 if reader == 1 else 850)
        assert page.get("reader") == reader
        assert flying.count() == reader, "from each source one is on its way"
    clock.run_for(4000)
    assert page.get("reader") == 5 and flying.count() == 0 and run.inner_text() == "▶ run the block"
    page.page.emulate_media(reduced_motion="reduce")
    page.set("reader", 2)
    run.click()
    assert page.get("reader") == 5 and flying.count() == 0


def test_the_pointer_marks_a_layer(mounted):
    page = mounted.open(DenseConnectivity())
    for reader in (1, 4, 5):
        page.page.locator(f"[data-reader='{reader}']").hover(position=CORNER)
        assert page.get("reader") == reader == page.page.locator("path.d2l-marked").count()


def test_names_do_not_overlap(mounted):
    for width in (900, 390):
        page = mounted.open(DenseConnectivity(layers=24), width=width)
        for layers in (24, 13, 12, 4, 1):
            page.set("layers", layers)
            ends = page.page.locator(".d2l-place").evaluate_all(
                "all => all.map(node => node.getBoundingClientRect()).map(({ left, right }) => [left, right])"
            )
            assert len(ends) > 2 and all(a[1] < b[0] for a, b in pairwise(ends)), (width, layers)


@pytest.mark.parametrize("trait", ["layers", "growth", "channels", "bottleneck", "compression", "reader"])
def test_nonsense_is_brought_back(mounted, trait):
    page = mounted.open(DenseConnectivity())
    for value in ("NaN", "Infinity", -1e9, 1e9, 0, 2.6, None, "many"):
        page.set(trait, value)
        assert page.say.startswith(("Layer", "The transition")) and "NaN" not in page.say
        assert all(isinstance(count, int) and count > 0 for row in page.result["rows"] for count in row)


def test_python_brings_nonsense_back_too():
    block = DenseConnectivity(
        layers=0, growth=float("nan"), channels=1e9, bottleneck="yes", compression=-1, reader=None
    )
    assert repr(block) == (
        "DenseConnectivity(bottleneck=False, channels=512, compression=0.1, growth=32, layers=1, reader=3)"
    )
    assert len(block.picture().axes) == 3


def test_no_bar_is_drawn_over_its_name(mounted):
    page = mounted.open(DenseConnectivity(bottleneck=True))
    page.page.locator(".d2l-answer").click()
    over = """() => {
        const bars = [...document.querySelectorAll(".d2l-cost")].map(node => node.getBoundingClientRect());
        const meets = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
        const texts = [...document.querySelectorAll(".d2l-stage text")];
        return texts.filter(text => bars.some(bar => meets(bar, text.getBoundingClientRect()))).map(text => text.textContent);
    }"""  # noqa: E501
    for layers in (4, 24, 1):
        page.set("layers", layers)
        assert page.page.evaluate(over) == []
        assert page.page.get_by_text("parameters: no bottleneck").count() == 1
