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
        assert page.page.locator("svg title").count() == len(known)
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


def test_the_table_on_a_phone(mounted):
    page = mounted.open(FrontierExplorer(NETWORKS), width=390)
    box = page.page.evaluate(
        """() => { const table = document.querySelector(".d2l-sortable"), name = table.tBodies[0].rows[0].cells[0];
        const frame = table.parentNode; frame.scrollLeft = 1e4;
        return [frame.scrollLeft, frame.getBoundingClientRect().left, name.getBoundingClientRect().left]; }"""
    )
    assert box[0] > 20 and abs(box[1] - box[2]) < 2, "names stay where they are when the table is moved sideways"
    assert page.page.get_by_role("button", name="test accuracy", exact=True).count() == 1, "without its arrow"


def test_mouse_and_keyboard(mounted):
    page = mounted.open(FrontierExplorer(NETWORKS))
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
