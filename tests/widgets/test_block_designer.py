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

    assert drawn()[0] == "the input is added"
    assert drawn()[1:] == ["64 channels", "1×1 in", "7×7 on 256 channels", "gate", "1×1 out", "64 channels"]
    page.set("shortcut", False)
    page.set("gate", False)
    page.set("expansion", "1/4")
    assert drawn() == ["64 channels", "1×1 in", "7×7 on 16 channels", "1×1 out", "64 channels"]


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
