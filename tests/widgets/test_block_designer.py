"""The block designer: parameters, work and reach are those of the block in PyTorch, and the page shows the same."""

import itertools

import pytest
import torch
from torch import nn

import d2lite as d2l
from d2lite.models.modern_blocks import SqueezeExcite, conv_norm
from d2lite.widgets import BlockDesigner
from d2lite.widgets.block_designer import EXPANSIONS, GROUPS, KERNELS, apart, nearest, parts

NAMES = ("kernel", "groups", "expansion", "gate", "channels", "size")
CHOICES = (KERNELS, GROUPS, ("1/4", "1", "6"), (False, True), (16, 112), (7,))
SETTINGS = [dict(zip(NAMES, values)) for values in itertools.product(*CHOICES)]
TRAINED = [
    {"name": "a bottleneck", "kernel": 3, "groups": "all channels", "expansion": "1/4", "gate": False,
     "shortcut": True, "accuracy": 0.5},
    {"name": "a wide one", "kernel": 3, "groups": "each channel alone", "expansion": "4", "gate": True,
     "shortcut": True, "accuracy": 0.6125},
    {"name": "a large kernel", "kernel": 7, "groups": "each channel alone", "expansion": "1", "gate": False,
     "shortcut": True, "accuracy": 0.55},
]  # fmt: skip


def built(kernel, groups, expansion, gate, channels, size):
    """The block as PyTorch's layers."""
    inner = round(channels * EXPANSIONS[expansion])
    number = {"all channels": 1, "groups of 4": inner // 4, "each channel alone": inner}[groups]
    layers = {"1×1 in": conv_norm(channels, inner, 1), "k": conv_norm(inner, inner, kernel, 1, number)}
    if gate:
        layers["gate"] = SqueezeExcite(inner, channels // 4)
    return nn.ModuleDict({**layers, "1×1 out": conv_norm(inner, channels, 1)}), inner


@pytest.mark.parametrize("setting", SETTINGS[::5])
def test_costs_are_those_of_the_layers(setting):
    with torch.device("meta"):
        layers, inner = built(**setting)
    size, expected = setting["size"], []
    for name, layer in layers.items():
        counted = d2l.summary(layer, (1, setting["channels"] if name == "1×1 in" else inner, size, size))
        expected.append(
            (f"{setting['kernel']}×{setting['kernel']}" if name == "k" else name, counted.parameters, counted.macs)
        )
    assert parts(**setting) == expected


def test_four_blocks_see_as_far_as_the_sentence_says():
    for kernel in KERNELS:
        stack = nn.Sequential(*(built(kernel, GROUPS[2], "1", False, 16, 9)[0]["k"] for _ in range(4))).eval()
        X = torch.randn(1, 16, 31, 31, requires_grad=True)
        stack(X)[0, :, 15, 15].sum().backward()
        rows = (X.grad.abs().sum(dim=(0, 1, 3)) > 0).sum()
        assert rows == 4 * (kernel - 1) + 1


def test_the_nearest_is_the_nearest():
    setting = {**TRAINED[2], "kernel": 5}
    assert [apart(setting, block) for block in TRAINED] == [2 + 2 + 1, 2 + 1 + 1, 1]
    assert nearest(setting, TRAINED)["name"] == "a large kernel" and nearest(setting, []) is None


@pytest.mark.slow
def test_the_page_shows_the_same_numbers(mounted):
    page = mounted.open(BlockDesigner(trained=TRAINED))
    for setting in SETTINGS[::7]:
        for trait, value in setting.items():
            page.set(trait, value)
        rows = parts(**setting)
        assert [tuple(row) for row in page.result["rows"]] == rows
        assert page.result["totals"] == [sum(row[column] for row in rows) for column in (1, 2)]
        assert page.result["sees"] == setting["kernel"]
        assert page.result["nearest"] == nearest({**setting, "shortcut": True}, TRAINED)["name"]
        assert f"{page.result['totals'][0]:,} parameters" in page.say


def test_mouse_and_keyboard(mounted):
    page = mounted.open(BlockDesigner(trained=TRAINED))
    note = page.page.locator(".d2l-stage .d2l-note")
    assert page.say.startswith("A block of 64 channels:") and "the 3×3 kernel does 6.6%" in page.say
    page.control("kernel").select_option("7")
    assert (
        page.get("kernel") == 7 and note.inner_text().endswith("It is this very block.") and "55%" in note.inner_text()
    )
    assert "after four such blocks, 25×25" in page.say
    page.control("gate").focus()
    page.page.keyboard.press("Space")
    assert page.get("gate") is True and "It differs in: gate." in note.inner_text()
    page.page.locator(".d2l-more summary").click()
    page.control("shortcut").click()
    assert page.get("shortcut") is False and "gate, shortcut" in note.inner_text()
    assert page.result["adds"] is False and page.say.endswith("There is no shortcut.")
    page.press("channels", "ArrowRight")
    assert page.get("channels") == 80
    page.drag("channels", 0.99)
    assert page.get("channels") == 512 and page.say.startswith("A block of 512 channels")
    page.page.locator(".d2l-answer").click()
    assert (page.get("kernel"), page.get("expansion"), page.get("groups")) == (7, "4", GROUPS[2])
    page.page.get_by_role("button", name="reset").click()
    assert (page.get("kernel"), page.get("gate"), page.get("channels")) == (3, False, 64)


def test_the_drawing_names_its_widths_and_the_shortcut(mounted):
    page = mounted.open(BlockDesigner(kernel=7, expansion="4", gate=True))

    def drawn():
        return page.page.locator(".d2l-stage svg text").all_text_contents()

    told = ["7×7 on 256 channels", "a gate", "plus the input", "64 channels", "1×1 in", "1×1 out", "64 channels"]
    assert drawn() == told
    page.set("shortcut", False)
    page.set("gate", False)
    page.set("expansion", "1/4")
    assert drawn() == ["7×7 on 16 channels", "no gate", "no shortcut", *told[3:]]


@pytest.mark.parametrize("width", [900, 390])
def test_the_drawing_itself_is_dragged_and_tapped(mounted, width):
    page = mounted.open(BlockDesigner(trained=TRAINED), width=width)

    def center(part, number=0):
        box = page.page.locator(f".d2l-block [data-part={part}] > rect:last-child").nth(number).bounding_box()
        assert min(box["width"], box["height"]) >= 15, part
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    middle, y = center("kernel")
    right = center("width", 1)[0]
    page.page.mouse.move(right, y)
    page.page.mouse.down()
    page.page.mouse.move(middle + (right - middle) * 0.26, y, steps=6)
    assert page.get("expansion") == "1/4"
    page.page.mouse.move(middle + (right - middle) * 0.5, y, steps=3)
    page.page.mouse.up()
    assert page.get("expansion") == "1/2" and page.get("groups") == GROUPS[2], "a drag is no tap"
    for wanted in (*GROUPS, GROUPS[0]):
        page.page.mouse.click(*center("kernel"))
        assert page.get("groups") == wanted
    for part in ("gate", "shortcut"):
        before = page.get(part)
        for value in (not before, before):
            page.page.mouse.click(*center(part))
            assert page.get(part) is value, part
    assert page.page.locator(".d2l-block svg").evaluate("node => node.scrollWidth <= node.parentNode.clientWidth")
    assert page.page.locator(".d2l-block text").first.evaluate("n => n.getBoundingClientRect().height") > 11


def test_a_kernel_does_half_of_the_work_in_more_than_one_way(mounted):
    page = mounted.open(BlockDesigner())
    goal = page.page.locator(".d2l-goal")
    assert goal.inner_text().startswith("A challenge: make the kernel do at least half")
    page.set("groups", GROUPS[1])
    page.set("kernel", 7)
    assert goal.inner_text().startswith("✓ Half of the work. Can a kernel") and page.result["near"] == 196 / (196 + 128)
    page.set("groups", GROUPS[2])
    assert goal.inner_text().startswith("The second half") and goal.get_attribute("data-reached") == "false"
    page.set("channels", 16)
    assert "the kernel multiplies 49 times, the 1×1 layers 32 times" in goal.inner_text()
    assert goal.get_attribute("data-reached") == "true"
    page.page.get_by_role("button", name="reset").click()
    assert goal.inner_text().startswith("A challenge:")


@pytest.mark.parametrize("trait", ["kernel", "groups", "expansion", "gate", "shortcut", "channels", "size", "trained"])
@pytest.mark.parametrize("value", ["NaN", -1e9, 1e9, 0, 2.5, None, "many", [1, {"name": "x"}, None]])
def test_nonsense_is_brought_back(mounted, trait, value):
    page = mounted.open(BlockDesigner())
    page.set(trait, value)
    assert page.say.startswith("A block of ") and len(page.result["rows"]) >= 3
    assert all(count > 0 for row in page.result["rows"] for count in row[1:])


def test_python_brings_nonsense_back_too():
    bad = [{**TRAINED[0], "accuracy": 2.0}, {**TRAINED[0], "groups": "many"}, {**TRAINED[0], "gate": 1}, 7, None]
    board = BlockDesigner(channels=float("nan"), kernel=4, expansion="3", gate="yes", trained=[*TRAINED, *bad])
    assert (board.channels, board.kernel, board.expansion, board.gate) == (64, 3, "1", False)
    assert board.trained == TRAINED and BlockDesigner(trained=5).trained == []
    assert BlockDesigner().alt and BlockDesigner(gate=True).picture().axes
