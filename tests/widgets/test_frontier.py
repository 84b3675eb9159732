"""The frontier explorer: the frontier is the one by definition, and the page shows the same one."""

import itertools
import math
import random
import re

import pandas as pd
import pytest

from d2lite.nets.statistics import choose, frontier
from d2lite.widgets import FrontierExplorer
from d2lite.widgets.frontier import COSTS, budget_at, records

NETWORKS = [
    {
        "name": "LeNet",
        "year": 1998,
        "accuracy": 0.8057,
        "sd": 0.0062,
        "seeds": 2,
        "parameters": 505_226,
        "macs": 3.7e6,
        "epoch_s": 4,
    },
    {"name": "AlexNet", "accuracy": 0.8142, "sd": 0.01, "seeds": 2, "parameters": 21_598_922, "macs": 78.8e6},
    {"name": "VGG", "accuracy": 0.8279, "seeds": 1, "parameters": 19_500_362, "macs": 66.2e6, "epoch_s": 30},
    {"name": "DenseNet", "accuracy": 0.8484, "sd": 0.0024, "seeds": 2, "parameters": 758_226, "macs": 71.5e6},
    {"name": "ResNet", "accuracy": 0.8735, "sd": 0.0007, "seeds": 2, "parameters": 11_175_370, "macs": 222e6},
]


@pytest.mark.parametrize("seed", range(20))
def test_the_frontier_is_what_nothing_dominates(seed):
    rng = random.Random(seed)
    table = pd.DataFrame({"cost": [rng.choice([1, 2, 3, 4.5, math.nan]) for _ in range(9)]}, index=list("abcdefghi"))
    table["accuracy"] = [rng.choice([0.5, 0.6, 0.7, 0.8]) for _ in range(9)]
    front = frontier(table.cost, table.accuracy)
    assert front == frontier(table.cost.to_dict(), table.accuracy.to_dict())
    rows = [(name, row.cost, row.accuracy) for name, row in table.dropna().iterrows()]
    kept = [(cost, accuracy) for name, cost, accuracy in rows if name in front]
    for name, cost, accuracy in rows:  # by the definition: nobody on it is dominated, everybody off it is matched
        better = [(c, a) for _, c, a in rows if c <= cost and a >= accuracy and (c, a) != (cost, accuracy)]
        assert (not better) if name in front else any(c <= cost and a >= accuracy for c, a in kept)


def test_of_equals_within_the_budget_the_cheapest_is_chosen():
    rows = [
        {"accuracy": accuracy, "macs": macs} for accuracy, macs in ((0.8, 5), (0.9, 7), (0.9, 6), (0.95, 9), (1, None))
    ]
    assert [choose(rows, "macs", budget) for budget in (4, 5, 8, 9)] == [None, rows[0], rows[2], rows[3]]


def test_the_page_shows_the_same_numbers(mounted):
    explorer = FrontierExplorer(NETWORKS)
    page = mounted.open(explorer)
    for cost, budget in itertools.product(COSTS, (0.0, 20.0, 55.5, 100.0)):
        page.set("cost", cost)
        page.set("budget", budget)
        known = explorer.known(cost)
        if not known:
            assert page.result["frontier"] == [] and "known cost" in page.say
            continue
        columns = ({row["name"]: row[key] for row in known} for key in (cost, "accuracy"))
        assert page.result["frontier"] == frontier(*columns)
        most = budget_at(budget, [row[cost] for row in known])
        assert page.result["budget"] == pytest.approx(most)
        best = choose(known, cost, most)
        assert page.result["best"] == (best and best["name"])
        assert (best["name"] if best else "no network fits") in page.say
        assert page.page.locator(".d2l-point").count() == len(known)
    page.set("cost", "parameters")
    for seed in range(10):  # with ties in both
        rng = random.Random(seed)
        rows = [{"name": n, "accuracy": rng.choice([1, 2, 3]), "parameters": rng.choice([1, 2, 3])} for n in "abcdef"]
        page.set("networks", rows)
        columns = ({row["name"]: row[key] for row in rows} for key in ("parameters", "accuracy"))
        assert page.result["frontier"] == frontier(*columns)


def test_what_is_not_known_is_not_said(mounted):
    page = mounted.open(FrontierExplorer(NETWORKS))
    for sd, seeds, said in (
        (0.01, 3, "0.9000 ± 0.0100 over 3 seeds, is"),
        (0.01, 1, "0.9000 ± 0.0100 over 1 seed, is"),
        (0.01, None, "0.9000 ± 0.0100, is"),
        (0.01, "many", "0.9000 ± 0.0100, is"),
        (None, 3, "0.9000, is"),
        ("NaN", 3, "0.9000, is"),
    ):
        page.set("networks", [{"name": "a", "accuracy": 0.9, "parameters": 7, "sd": sd, "seeds": seeds}])
        page.set("budget", 100.0)
        assert f"a, {said} the only one that fits." in page.say


def test_the_budget_that_is_said_is_the_one_that_is_meant(mounted):
    page, units = mounted.open(FrontierExplorer(NETWORKS)), {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
    page.page.locator(".d2l-answer").click()
    for cost, words in (("parameters", "parameters"), ("epoch_s", "seconds an epoch")):
        page.set("cost", cost)
        costs = [row[cost] for row in NETWORKS if row.get(cost)]
        for budget in [step / 2 for step in range(0, 201, 3)]:
            page.set("budget", budget)
            said, unit = re.fullmatch(rf"At most ([\d.,]+) ?([kMG]?) {words}: .*", page.say).groups()
            most = float(said.replace(",", "")) * units[unit]
            fits = sum(cost <= most for cost in costs)
            assert page.result["budget"] == pytest.approx(most) == pytest.approx(budget_at(budget, costs))
            told = {0: "no network fits", 1: "the only one that fits", 2: "the better of the 2"}
            assert told.get(fits, f"the best of the {fits} that fit") in page.say
    for cost, accuracy, said in (
        (100, 0.6, "nearly the same cost"),
        (200, 0.6, "twice the cost"),
        (330, 0.6, "3.3 times"),
    ):
        page.set("cost", "memory_mb")
        rows = [{"name": "a", "accuracy": 0.5, "memory_mb": 99}, {"name": "b", "accuracy": accuracy, "memory_mb": cost}]
        page.set("networks", rows)
        page.set("budget", next(share / 2 for share in range(200) if budget_at(share / 2, [99, cost]) >= 99))
        assert "MB in a training step: a, 0.5000, is the only one that fits. The next step" in page.say
        assert f"b: +0.1000 for {said}" in page.say


LONGEST = [
    {
        "name": f"{network['name']} of quarter width", "year": 2014, "accuracy": network["accuracy"], "sd": 0.01,
        "seeds": 2, "parameters": 21_622_154, "macs": 230e6, "epoch_s": 1463.9, "memory_mb": 1030,
    }
    for network in NETWORKS
]  # fmt: skip


@pytest.mark.parametrize("width", [390, 660, 900])
def test_the_whole_table_is_in_sight(mounted, width):
    """Long names and nine columns at once, as narrow as the text of the site at 1280 px; on a phone those that fit."""
    page = mounted.open(FrontierExplorer(LONGEST), width=width)
    stages = page.page.locator(".d2l-stage").evaluate_all(
        "all => all.map(node => [node.scrollWidth, node.clientWidth])"
    )
    assert len(stages) == 2 and all(needed <= there for needed, there in stages)
    ends = page.page.locator("tbody tr").evaluate_all(
        "all => all.map(({ cells: [one, year] }) => [one.firstChild.lastChild, year].map(n => n.getClientRects()[0]))"
    )
    assert ends and all(name["right"] <= year["left"] for name, year in ends), "a name ends before the year"
    page.set("cost", "memory_mb")
    columns = page.page.locator("thead th:visible").all_inner_texts()
    assert len(columns) == (4 if width < 640 else 9) and columns[-1].startswith("MB a")
    assert page.page.get_by_role("button", name="test accuracy", exact=True).count() == 1, "without its arrow"


def test_the_budget_never_crosses_a_name(mounted):
    page = mounted.open(FrontierExplorer(NETWORKS), width=390)
    crossed = """() => {
        const edge = document.querySelector(".d2l-edge"), [, ...parts] = edge.getAttribute("d").split("M");
        const names = [...document.querySelectorAll("text.d2l-halo")].map(node => node.getBBox());
        const lines = parts.map(part => part.match(/[\\d.]+/g).map(Number));
        const beside = (x, { x: left, width }) => x <= left || left + width <= x;
        const meets = ([x, from, to], name) => !beside(x, name) && from < name.y + name.height - 2 && name.y + 2 < to;
        return [lines.length, lines.flatMap(line => names.filter(name => meets(line, name))).length];
    }"""  # fmt: skip
    pieces = set()
    for step in range(101):
        page.set("budget", float(step))
        count, met = page.page.evaluate(crossed)
        pieces.add(count)
        assert not met, f"a name lies under the line at {step} %"
    assert pieces > {1}, "somewhere the line has a gap"


def test_a_cost_that_has_a_unit_gets_no_other(mounted):
    rows = [{"name": "a", "accuracy": 0.5, "memory_mb": 900, "epoch_s": 2000}]
    rows.append({"name": "b", "accuracy": 0.6, "memory_mb": 1184, "epoch_s": 9000})
    page = mounted.open(FrontierExplorer(rows, cost="memory_mb", budget=50.0))
    for cost, said in (("memory_mb", "1,030 MB in"), ("epoch_s", "4,240 seconds an epoch")):
        page.set("cost", cost)
        assert said in page.say and said.split()[0] in page.page.inner_text("[data-trait=budget] output")
        labels = page.page.locator(".d2l-frontier text").all_text_contents()
        assert len(labels) > 5 and not [label for label in labels if re.search(r"\d k", label)]


PLACE = """number => {
    const { left, top, width, height } = document.querySelectorAll(".d2l-point circle")[number].getBoundingClientRect();
    return [left + width / 2, top + height / 2];
}"""


def dragged(page, start: float, end: float) -> None:
    """Drag over the picture, from and to a share of its width."""
    box = page.page.locator(".d2l-frontier svg").bounding_box()
    x, y = (lambda share: box["x"] + share * box["width"]), box["y"] + 0.5 * box["height"]
    page.page.mouse.move(x(start), y)
    page.page.mouse.down()
    for step in range(1, 11):
        page.page.mouse.move(x(start + step * (end - start) / 10), y)
    page.page.mouse.up()


def test_the_first_frame_leaves_the_question_open(mounted):
    """How often does the choice change? Before the reader has moved the budget, one network is known to be a choice."""
    page = mounted.open(FrontierExplorer(NETWORKS))
    filled = page.page.locator(".d2l-point circle[fill='var(--d2l-1)']")
    trace = "document.querySelector('clipPath rect').getAttribute('width')"
    assert page.result["seen"] == ["DenseNet"] and filled.count() == 1 and float(page.page.evaluate(trace)) == 0
    assert "next step" not in page.say and "no better" not in page.say and "the choice does not change." in page.say
    assert page.page.locator("tbody svg [fill='var(--d2l-1)']").count() == 1
    dragged(page, 0.5, 0.99)
    assert page.result["seen"] == ["DenseNet", "ResNet"] and "you have tried, the choice changes once." in page.say
    assert float(page.page.evaluate(trace)) > 200, "as far as it was tried, the frontier is drawn"
    dragged(page, 0.99, 0.02)
    assert page.result["seen"] == page.result["frontier"] == ["LeNet", "DenseNet", "ResNet"]
    assert "the choice changes twice: LeNet, DenseNet, ResNet." in page.say
    page.control("cost").select_option("MACs for one image")
    assert page.result["seen"] == [] != page.result["frontier"], "another cost is another question"
    page.page.locator(".d2l-answer").click()
    assert page.result["seen"] == page.result["frontier"] and filled.count() == len(page.result["frontier"])


def test_the_line_follows_the_pointer_and_a_button_raises_it(mounted):
    page = mounted.open(FrontierExplorer(NETWORKS, budget=20.0))
    dragged(page, 0.3, 0.75)
    assert page.get("budget") == pytest.approx(100 * (0.75 * 620 - 44) / 570, abs=1)
    line = page.page.locator(".d2l-hold").bounding_box()
    frame = page.page.locator(".d2l-frontier svg").bounding_box()
    assert line["x"] + line["width"] / 2 == pytest.approx(frame["x"] + 0.75 * frame["width"], abs=4)
    page.page.locator(".d2l-frontier").dispatch_event("pointerdown", {"button": 0, "clientX": 100})
    page.page.locator(".d2l-frontier").dispatch_event("pointercancel")
    assert page.get("budget") > 60, "a finger that scrolls has moved nothing"
    page.page.emulate_media(reduced_motion="reduce")
    page.page.get_by_role("button", name="raise the budget").click()
    assert page.get("budget") == 100 and page.result["seen"] == page.result["frontier"]
    page.page.emulate_media(reduced_motion="no-preference")
    page.page.get_by_role("button", name="raise the budget").click()
    budget = "document.querySelector('.d2l-widget').model.get('budget')"
    page.page.wait_for_function(f"{budget} > 3 && {budget} < 60")  # it began at 100
    page.press("budget", "Home")
    assert page.page.get_by_role("button", name="raise the budget").count() == 1, "the reader's hand stops it"


def test_a_point_lights_its_row_and_a_row_its_point(mounted):
    page = mounted.open(FrontierExplorer(NETWORKS))
    lit, note = page.page.locator("tr.d2l-lit"), page.page.locator(".d2l-numbers")
    assert lit.count() == 0
    found = set()
    for number in range(len(NETWORKS)):
        page.page.mouse.move(*page.page.evaluate(PLACE, number))
        found.add(lit.locator("th").inner_text().strip())
        assert note.inner_text().startswith(lit.locator("th").inner_text().strip())
    assert found == {row["name"] for row in NETWORKS}
    page.page.mouse.move(5, 5)
    assert lit.count() == 0
    page.page.locator("tbody tr", has_text="AlexNet").hover()
    assert page.page.locator(".d2l-cross").count() == 1
    assert note.inner_text() == "AlexNet: 0.8142 ± 0.0100 over 2 seeds · 21,598,922 parameters · 78.8 M MACs"
    name = page.page.get_by_role("button", name="VGG")
    before = page.get("budget")
    name.focus()
    page.page.keyboard.press("Enter")
    page.page.mouse.move(5, 5)
    assert name.get_attribute("aria-pressed") == "true" and lit.inner_text().strip().startswith("VGG")
    page.page.mouse.click(*page.page.evaluate(PLACE, 0))
    assert lit.inner_text().strip().startswith("ResNet") and page.get("budget") == before, (
        "a click on a point moves no budget"
    )
    page.page.get_by_role("button", name="reset").click()
    page.page.mouse.move(5, 5)
    assert lit.count() == 0


def test_mouse_and_keyboard(mounted):
    page = mounted.open(FrontierExplorer(NETWORKS))
    page.page.locator(".d2l-answer").click()
    assert page.result["best"] == "DenseNet" and "ResNet: +0.0251" in page.say
    page.press("budget", "Home")
    assert page.result["best"] is None and "no network fits" in page.say
    page.drag("budget", 0.99)
    assert page.result["best"] == "ResNet" and "buys more" in page.say
    heading = page.page.get_by_role("button", name="parameters")
    assert page.page.locator("th[aria-sort]").inner_text() == "test accuracy ↓"
    heading.focus()
    for order, first in (("descending", "AlexNet"), ("ascending", "LeNet")):
        page.page.keyboard.press("Enter")
        assert page.page.locator("th[aria-sort]").get_attribute("aria-sort") == order
        assert page.page.locator("tbody th").first.inner_text().endswith(first) and page.result["table"][0] == first
    assert page.page.evaluate("document.activeElement.textContent") == "parameters ↑", "the heading keeps the focus"
    page.page.get_by_role("button", name="± sd").click()
    assert page.result["table"][0] == "AlexNet" and page.result["table"][-1] == "VGG", "unknown ones come last"
    page.page.get_by_role("button", name="year").click()
    assert page.result["table"][0] == "LeNet" and "1998" in page.page.inner_text("tbody tr")
    assert "MB a step" not in page.page.inner_text("thead"), "a column of which nothing is known is not shown"


def test_nonsense_is_brought_back(mounted):
    page = mounted.open(FrontierExplorer(NETWORKS))
    for trait in ("budget", "cost", "sort", "descending", "networks"):
        for value in ("NaN", -1e9, 1e9, None, "many"):
            page.set(trait, value)
            assert page.say.startswith("There are no networks" if trait == "networks" else "At most"), (trait, value)


def test_rows_of_nonsense_are_left_out(mounted):
    page = mounted.open(FrontierExplorer(NETWORKS))
    page.set(
        "networks",
        [None, 3, {"accuracy": "x"}, {"accuracy": 0.5, "parameters": -1}, {"accuracy": 0.6, "parameters": 10}],
    )
    assert page.result["best"] == "network 2" and page.result["frontier"] == ["network 2"]


def test_python_brings_nonsense_back_too():
    table = pd.DataFrame(NETWORKS).set_index("name")
    rows = FrontierExplorer(table).networks
    assert rows == FrontierExplorer(NETWORKS).networks and rows[1]["epoch_s"] is None
    for nothing in (None, 7, "many", [], [{"accuracy": math.nan}], pd.DataFrame(), table.accuracy, table.loc["VGG"]):
        assert FrontierExplorer(nothing).networks == [] and FrontierExplorer(nothing).picture()
    assert records([{"accuracy": 0.5, "macs": 0, "sd": 0}])[0] == {
        "name": "network 1", "accuracy": 0.5, "sd": 0, "seeds": None, "year": None, **dict.fromkeys(COSTS),
    }  # fmt: skip
    explorer = FrontierExplorer([{"name": "a", "accuracy": 1, "epoch_s": 3}], budget="all")
    assert explorer.cost == "epoch_s" and explorer.budget == 50 and explorer.picture()
    assert repr(explorer) == "FrontierExplorer(budget=50.0, cost='epoch_s', descending=True, sort='accuracy')"


def test_networks_may_be_given_later():
    explorer = FrontierExplorer(NETWORKS)
    explorer.networks = [{"name": "a", "accuracy": 0.5, "parameters": 3}, "b", {"accuracy": "c"}]
    assert explorer.networks == records([{"name": "a", "accuracy": 0.5, "parameters": 3}])
    assert [*explorer.networks[0]] == [*FrontierExplorer(NETWORKS).networks[0]] and explorer.picture()
    explorer.networks = pd.DataFrame(NETWORKS)
    assert explorer.networks == FrontierExplorer(NETWORKS).networks and explorer.picture()
    for nothing in (None, 7, pd.Series([1.0])):
        explorer.networks = nothing
        assert explorer.networks == [] and explorer.picture()


BOOK = [  # as in the chapter that compares all networks
    ("GoogLeNet + BatchNorm", 148856320, 5991082, 0.8587, 402, None), ("DenseNet", 79624112, 764498, 0.8411, 464, None),
    ("ResNet-18", 230367232, 11181642, 0.8335, 500, None), ("GoogLeNet", 148856320, 5983802, 0.7956, 479, None),
    ("NiN", 60819400, 2015398, 0.7751, 263, None), ("Quarter-width VGG-11", 67677184, 19500650, 0.76, 421, None),
    ("AlexNet", 84762624, 21622154, 0.7356, 385, None), ("LeNet", 5292840, 505526, 0.6625, 58, 0.0015),
    ("LeNet + BatchNorm", 5292840, 505978, 0.655, 113, 0.0135),
]  # fmt: skip
STRUCK = """() => {
    const boxes = [...document.querySelectorAll(".d2l-point circle")].map(node => node.getBBox());
    for (const part of document.querySelectorAll(".d2l-trace, .d2l-edge, .d2l-point path")) {
        for (let at = 0; at < part.getTotalLength(); at += 1) {
            const { x, y } = part.getPointAtLength(at);
            boxes.push({ x, y, width: 0, height: 0 });
        }
    }
    const meets = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y + 3 < b.y + b.height && b.y < a.y + a.height - 3;
    const names = [...document.querySelectorAll(".d2l-frontier text.d2l-halo")];
    return [names.length, names.filter(node => boxes.some(box => meets(node.getBBox(), box))).map(node => node.textContent)];
}"""  # noqa: E501
CUT = """() => {
    const svg = document.querySelector(".d2l-frontier svg"), edge = svg.viewBox.baseVal.width + 0.5;
    const ends = ({ x, width }) => x + width > edge;
    return [...svg.querySelectorAll("text")].filter(node => ends(node.getBBox())).map(node => node.textContent);
}"""


@pytest.mark.parametrize("width", [390, 900])
def test_no_line_and_no_point_lies_under_a_name(mounted, width):
    names = ("name", "macs", "parameters", "accuracy", "epoch_s", "sd")
    rows = [dict(zip(names, row, strict=True)) for row in BOOK]
    page = mounted.open(FrontierExplorer(rows), width=width)
    for revealed, cost in itertools.product((False, True), ("parameters", "macs", "epoch_s")):
        page.set("cost", cost)
        if revealed and page.page.locator(".d2l-answer").get_attribute("aria-pressed") == "false":
            page.page.locator(".d2l-answer").click()
        count, struck = page.page.evaluate(STRUCK)
        assert struck == [] and count >= 5, (revealed, cost)
        assert page.page.evaluate(CUT) == [], "nothing is cut at the edge"
