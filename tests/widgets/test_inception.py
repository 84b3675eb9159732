"""The branch budget: parameters, work and channels are those of the book's inception block."""

from itertools import pairwise

import pytest
import torch

import d2lite as d2l
from d2lite.models.googlenet import BLOCKS, Inception, conv_unit, googlenet
from d2lite.widgets import BranchBudget
from d2lite.widgets.inception import OWN, branches, published

WIDTHS = ("c1", "r2", "c2", "r3", "c3", "c4")
SETTINGS = [*published().values(), dict(zip(("in_channels", *WIDTHS, "size"), (100, 32, 48, 64, 8, 16, 24, 13)))]


@pytest.mark.parametrize("setting", SETTINGS)
def test_costs_are_those_of_the_block(setting):
    channels, (c1, r2, c2, r3, c3, c4), size = setting["in_channels"], map(setting.get, WIDTHS), setting["size"]
    with torch.device("meta"):
        block = Inception(channels, c1, (r2, c2), (r3, c3), c4)
        direct = Inception(channels, c1, (r2, c2), (r3, c3), c4)
        direct.branch2, direct.branch3 = conv_unit(channels, c2, 3), conv_unit(channels, c3, 5)
    shape = (1, channels, size, size)
    with_reduction, without = (d2l.summary(net, shape, depth=1).rows for net in (block, direct))
    expected = [
        (a.output_shape[1], a.parameters, a.macs, b.parameters, b.macs) for a, b in zip(with_reduction, without)
    ]
    assert branches(**setting) == expected


def test_published_settings_are_those_of_the_network():
    with torch.device("meta"):
        summary = d2l.summary(googlenet(size=96), (1, 1, 96, 96), depth=2)
    rows = {row.name.removeprefix("body."): row for row in summary.rows}
    for name, setting in published().items():
        totals = [sum(column) for column in zip(*branches(**setting))]
        assert totals[:3] == [rows[name].output_shape[1], rows[name].parameters, rows[name].macs]
        assert setting["size"] == rows[name].output_shape[2]


def test_the_page_shows_the_same_numbers(mounted):
    page = mounted.open(BranchBudget())
    for name in (*BLOCKS, "4a"):
        page.set("block", name)
        assert {trait: page.get(trait) for trait in published()[name]} == published()[name]
        assert [tuple(row) for row in page.result["rows"]] == branches(**published()[name])
        assert page.result["block"] == name and page.say.startswith(f"Block {name} as published")
    for trait, value in (("in_channels", 112), ("r3", 200), ("size", 19), ("c4", 72)):
        page.set(trait, value)
        setting = {trait: page.get(trait) for trait in published()["4a"]}
        assert [tuple(row) for row in page.result["rows"]] == branches(**setting)
        assert page.get("block") == OWN == page.result["block"]


def test_mouse_and_keyboard(mounted):
    page = mounted.open(BranchBudget())
    assert "without" in page.say.lower() and "21 times as many" in page.say
    page.page.locator("summary").click()
    page.press("size", "ArrowRight")
    assert page.get("size") == 7 and page.get("block") == "4a"  # the map is no part of the setting
    page.press("r3", "ArrowRight", 2)
    assert page.get("r3") == 32 and page.say.startswith("A setting of your own")
    assert page.page.locator("[data-trait=block] option", has_text=OWN).is_enabled()
    page.press("r3", "ArrowLeft", 2)
    assert page.get("block") == "4a" == page.control("block").input_value()  # found again, it is marked again
    assert page.get("size") == 7 and "on a map of 7×7" in page.say  # and the reader's map stays
    own = page.page.locator("[data-trait=block] option", has_text=OWN)
    assert own.is_disabled(), "no name makes channels one's own: of 4a it would be said that it is published"
    listen = "model.on('change:block', (_, name) => (window.named ??= []).push(name))"
    page.page.evaluate(f"() => {{ const {{ model }} = document.querySelector('.d2l-widget'); {listen}; }}")
    page.control("block").select_option("3b")
    assert page.get("r2") == 128 and page.get("size") == 12
    assert page.page.evaluate("window.named") == ["3b"]  # at once, with no other name on the way
    page.drag("r3", 0.99)
    assert "before the 5×5 kernel the 1×1 convolution to" in page.say and "saves nothing" in page.say


def test_an_edge_of_the_bar_gives_channels_to_the_next_branch(mounted):
    page = mounted.open(BranchBudget("5b"))
    bar, edge = page.page.locator(".d2l-strip").bounding_box(), page.page.locator("[data-edge='0']").bounding_box()
    x, y = edge["x"] + edge["width"] / 2, edge["y"] + 5
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    for step in range(1, 9):
        page.page.mouse.move(x - step * bar["width"] / 80, y)
    assert page.get("c1") + page.get("c2") == 384 * 2, "what one loses the other gets"
    assert page.get("c1") == pytest.approx(384 - 102, abs=9) and page.get("c1") % 8 == 0
    assert page.say.startswith("A setting of your own") and page.control("block").input_value() == OWN
    page.page.mouse.move(0, y)
    assert (page.get("c1"), page.get("c2")) == (256, 512), "neither leaves its range"
    page.page.mouse.up()
    page.page.mouse.move(x, y)
    assert page.get("c1") == 256
    page.page.get_by_role("button", name="reset").click()
    assert page.get("block") == "5b" and page.say.startswith("Block 5b as published")
    page.page.locator(".d2l-answer").click()
    assert page.get("r3") == 64


@pytest.mark.parametrize("width", [900, 390])
def test_a_waist_is_dragged_to_scale(mounted, width):
    page = mounted.open(BranchBudget(), width=width)
    bars = page.page.locator(".d2l-block rect[height='6']")
    for trait, direction, before in (("r3", 1, 16), ("r2", -1, 96)):
        waist = page.page.locator(f".d2l-waist[data-trait={trait}]")
        waist.scroll_into_view_if_needed()
        box = waist.bounding_box()
        x, y = box["x"] + box["width"] / 2 + direction, box["y"] + box["height"] / 2
        page.page.mouse.move(x, y)
        page.page.mouse.down()
        page.page.mouse.move(x + direction * 20, y)
        scale = page.page.locator(".d2l-block").bounding_box()["width"] / 4
        assert page.get(trait) == pytest.approx(before + 2 * 20 / (scale - 14) * 512, rel=0.15), width
        page.page.mouse.move(x + direction * 100, y)
        assert page.get(trait) == 512
        page.page.mouse.up()
        page.page.mouse.move(x, y)
        assert page.get(trait) == 512, "let go"
    widths = bars.evaluate_all("all => all.map(bar => bar.width.baseVal.value)")
    outs = [widths[0], widths[2], widths[4], widths[6]]  # of each branch; before three of them stands a waist
    assert outs == pytest.approx([channels * outs[0] / 192 for channels in (192, 208, 48, 64)])
    assert widths[1] == widths[3] == pytest.approx(512 * outs[0] / 192)


def test_an_image_is_waited_for_where_the_work_is(mounted):
    page = mounted.open(BranchBudget())
    told, clock = page.page.locator(".d2l-race"), page.page.clock
    assert told.inner_text().startswith("Run side by side, the 3×3 branch would be last: 8.13 M MACs.")
    clock.install(time=0)
    clock.pause_at(1000)  # from here on it moves by these words alone
    page.page.get_by_role("button", name="send an image").click()
    clock.run_for(1200)
    assert told.inner_text() == "Ready: 1×1, 5×5, pool."
    page.page.get_by_role("button", name="without the reductions").click()
    clock.run_for(1200)
    assert told.inner_text() == "Ready without the 1×1 convolutions before: 1×1, pool."
    assert page.page.locator(".d2l-waist").count() == 0
    clock.run_for(5000)
    assert told.inner_text() == "Ready without the 1×1 convolutions before: 1×1, 5×5, pool."
    clock.run_for(3000)
    assert told.inner_text().startswith("Run side by side without the 1×1 convolutions before, the 3×3 branch")
    page.page.emulate_media(reduced_motion="reduce")
    page.page.get_by_role("button", name="send an image").click()
    assert told.inner_text().startswith("Run side by side, the 3×3") and page.page.locator(".d2l-waist").count() == 2
    page.set("r3", 256)
    assert told.inner_text().startswith("Run side by side, the 5×5")


def test_a_branch_that_is_pointed_at_is_marked_in_the_table(mounted):
    page = mounted.open(BranchBudget())
    for branch in (2, 0):
        page.page.locator(f".d2l-block rect[data-branch='{branch}']").first.hover()
        lit = page.page.locator(".d2l-table tr.d2l-lit th")
        assert lit.all_inner_texts() == [("1×1", "3×3", "5×5", "pool")[branch]]


def test_a_phone_cuts_no_number_off(mounted):
    for setting in (
        {"block": "4e"},
        {"in_channels": 1024, "c1": 512, "r2": 512, "c2": 512, "r3": 512, "c3": 512, "size": 56},
    ):
        page = mounted.open(BranchBudget(**setting), width=390)
        wider = "node => node.scrollWidth - node.clientWidth"
        assert page.page.locator(".d2l-stage").evaluate(wider) == 0, setting


def test_what_is_nearly_the_same_is_told_so(mounted):
    page = mounted.open(BranchBudget(r3=328))
    assert "its 5×5 branch alone hardly more." in page.say and "1 times" not in page.say


def test_the_key_has_room_for_a_narrow_branch(mounted):
    for width in (900, 390):
        page = mounted.open(BranchBudget(c1=8, c2=512, c3=8, c4=8), width=width)
        names = page.page.locator(".d2l-key small")
        assert [name.strip() for name in names.all_inner_texts()] == ["1×1: 8", "3×3: 512", "5×5: 8", "pool: 8"]
        boxes = [name.bounding_box() for name in names.all()]
        assert all(a["x"] + a["width"] < b["x"] or a["y"] < b["y"] for a, b in pairwise(boxes)), width


@pytest.mark.parametrize("trait", ["block", "in_channels", "size", *WIDTHS])
def test_nonsense_is_brought_back(mounted, trait):
    page = mounted.open(BranchBudget("3a"))
    for value in ("NaN", "Infinity", -1e9, 1e9, 0, 99.5, None, "many"):
        page.set(trait, value)
        assert page.say.startswith(("Block", "A setting of your own")) and "NaN" not in page.say
        assert all(isinstance(count, int) and count > 0 for row in page.result["rows"] for count in row)


def test_a_name_sets_the_channels_and_channels_the_name():
    def values(budget):
        return {trait: getattr(budget, trait) for trait in published()["4a"]}

    budget, named = BranchBudget(), []
    budget.observe(lambda change: named.append(change["new"]), "block")
    for name, setting in published().items():
        budget.block = name
        assert values(budget) == setting
    assert named == [*published()]  # at once, with no other name on the way
    title = budget.picture().axes[0].get_title()
    assert title == "channels out: 1024"
    budget.size, budget.c1 = 20, 200
    assert budget.block == OWN
    budget.c1 = published()["5b"]["c1"]
    assert (budget.block, budget.size) == ("5b", 20)  # the map is no part of the setting
    budget.set_state({"block": "3a", **published()["3a"], "size": 33})  # as a page sends them
    assert (budget.block, budget.size) == ("3a", 33)


def test_a_block_from_python_stays(mounted):
    budget = BranchBudget()
    budget.block = "3a"
    page = mounted.open(budget)
    assert page.get("block") == page.result["block"] == "3a" and page.say.startswith("Block 3a as published: 192 ch")


def test_python_brings_nonsense_back_too():
    budget = BranchBudget("6c", c1=float("nan"), size=None, c3=1e9)
    assert (budget.block, budget.c1, budget.size, budget.c3) == (OWN, 192, 6, 512) and budget.picture()
    assert BranchBudget("5b").in_channels == 832 and BranchBudget("5b", c4=120).block == OWN
    assert BranchBudget(c3=64, block="4b").block == BranchBudget("4b", size=14).block == "4b"
    for block in ([1], {}, None, 4, "many"):
        budget = BranchBudget("3a")
        budget.block = block
        assert BranchBudget(block).block == budget.block == "4a" and budget.in_channels == 480
    assert repr(BranchBudget()).startswith("BranchBudget(block='4a', c1=192, c2=208,")


def test_a_race_ends_where_its_block_is_changed(mounted):
    """Half of a race over other widths would be told as if it had begun with them."""
    page = mounted.open(BranchBudget())
    funnels = "document.querySelector('.d2l-stage svg').getAttribute('aria-label')"
    answer, without = page.page.locator(".d2l-answer"), page.page.get_by_role("button", name="without the reductions")
    for change in (answer.click, answer.click, lambda: page.press("r3", "ArrowRight")):
        without.click()
        page.page.wait_for_function(f"{funnels}.includes('5×5 to {page.get('c3')};')")
        change()
        assert f"5×5 to {page.get('r3')}, then" in page.page.evaluate(funnels)
        assert "side by side, the" in page.page.inner_text(".d2l-race") and page.page.get_by_text("pause").count() == 0
