"""The chapter on choosing a network: its functions on tables of every kind, and its exercises."""

import functools
import importlib
import math
import random
import subprocess
import sys

import matplotlib
import matplotlib.pyplot
import numpy as np
import pandas as pd
import pytest
import torch

import d2lite as d2l
from d2lite.recipes import LADDER
from tools import pairs, project

matplotlib.use("Agg")
RESULTS = importlib.import_module("d2lite.results")  # d2lite.results is a function of that name
SKIPPED = {"setup", "nbval-ignore-output", "data-output", "provenance"}
ACCURACY = {"lenet": 0.72, "alexnet": 0.79, "nin": 0.70, "resnet18": 0.85, "densenet": 0.86}
KEY = {"dataset": "Fashion-MNIST", "input_px": 72, "images": 4096, "batch_size": 64, "lr": 0.001, "epochs": 3}
WHERE = {"device": "CPU, 2 threads", "torch": "2.15.0", "date": "2026-01-02"}
FULL = {"images": 55_000, "input_px": 96, "epochs": 10, "device": "NVIDIA H200", "date": "2026-01-03"}


def run(network, seed=0, recipe="comparison", **given):
    accuracy = ACCURACY[network] + random.Random(f"{network}{seed}").gauss(0, 0.005)
    figures = {"train_acc": accuracy, "test_acc": accuracy, "train_loss": 0.5, "test_loss": 0.5, "train_seconds": 9.0}
    return {"network": network, "recipe": recipe, **KEY, "seed": seed, **figures, **WHERE, **given}


@functools.cache
def counts(network, size):
    with torch.device("meta"):
        counted = d2l.summary(d2l.build(d2l.recipe(network, "comparison"), 1, 10, size), (1, 1, size, size))
    return counted.parameters, counted.macs


def cost(network, size=72, **given):
    parameters, macs = counts(network, size)
    return {
        "network": network, "input_px": size, "batch_size": 64, "parameters": parameters, "macs": macs,
        "images_per_second": 1e10 / macs, "memory_mb": parameters / 1e5, **WHERE, **given,
    }  # fmt: skip


@functools.cache
def cells():
    """The code cells that neither train nor load data, without the check cells that follow those."""
    kept, before = [], set()
    for cell in (cell for cell in pairs.read_source("comparison").cells if cell.cell_type == "code"):
        tags = set(cell.metadata.get("tags", []))
        after_a_run = "check" in tags and "nbval-ignore-output" in before
        if not tags & SKIPPED and not after_a_run:
            kept.append(cell.source)
        before = tags
    return kept


def read(measured, costs=(), names=(), sources=None):
    """Run the chapter, or some of its cells after ``names``, on tables of our own; return its names."""
    names = dict(names)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RESULTS, "stored", lambda name="measured.csv": list(costs if "cost" in name else measured))
        patch.setattr(matplotlib.pyplot, "show", lambda: None)
        for source in sources or cells():
            exec(compile(source, "book/comparison.md", "exec"), names)  # the book's own text
    matplotlib.pyplot.close("all")
    return names


@pytest.fixture
def page(capsys):
    """Runs the chapter; returns its names and what it printed."""
    return lambda *tables: (read(*tables), capsys.readouterr().out)


@pytest.fixture(scope="module")
def names():
    """What the chapter defines, run once on five networks with all costs."""
    return read(seeds(1), [cost(network) for network in ACCURACY])


def seeds(count, networks=ACCURACY, **given):
    return [run(network, seed, **given) for network in networks for seed in range(count)]


@pytest.mark.parametrize(
    ("count", "costed"), [(1, ()), (3, ("lenet", "resnet18")), (2, tuple(ACCURACY))], ids=["none", "some", "all"]
)
def test_any_number_of_seeds_with_and_without_costs(page, count, costed):
    names, out = page(seeds(count), [cost(network) for network in costed])
    table = names["table"]
    assert list(table.seeds) == [count] * 5 and table.sd.isna().all() == (count == 1)
    assert set(names["COSTS"]) == {"parameters", "macs", *(("epoch_s", "memory_mb") if costed else ())}
    assert ("too few runs" in set(pd.DataFrame(names["lines"])[4])) == (count == 1)
    assert "4,096 training images (quick), 3 epochs" in out and "CPU, 2 threads" in out and "2026-01-02" in out
    assert ("not measured at this size yet" in out) == (not costed) and "not measured yet" in out


def test_long_runs_on_a_gpu_are_not_called_quick(page):
    names, out = page(seeds(2, **FULL), [cost(network, 96, device="NVIDIA H200") for network in ACCURACY])
    assert "55,000 training images, 10 epochs" in out and "quick:" not in out and "(quick)" not in out
    assert "on NVIDIA H200" in out and "10,000 test images" in out and names["PX"] == 96


def test_of_two_races_the_one_with_more_networks_then_the_longer(names):
    short, long = seeds(1), seeds(1, **FULL)
    assert set(names["one_race"](pd.DataFrame(short + long[:3])).images) == {4096}
    assert set(names["one_race"](pd.DataFrame(short + long)).images) == {55_000}


def test_costs_of_another_size_or_device_are_left_out(page):
    others = [cost("nin", 96), cost("nin", device="NVIDIA H200"), cost("lenet", batch_size=128)]
    names, out = page(seeds(1), [*others, cost("lenet"), cost("densenet")])
    assert sorted(names["costs"].index) == ["densenet", "lenet"] and "on CPU, 2 threads" in out


def test_a_stored_count_that_is_wrong_is_seen(page):
    with pytest.raises(AssertionError):
        page(seeds(1), [{**cost("nin"), "parameters": 1}])


def test_one_network_alone_and_none(page):
    assert page(seeds(2, ["lenet"]))[0]["choose"]() == "lenet"
    with pytest.raises(AssertionError, match="make measure"):
        page([])


def climbed(network="resnet18", seeds=3, kinds=LADDER, **given):
    """Rows of the ladder: from step to step two points more, and a second less; seeds are 0.001 apart."""
    place = {"dataset": "CIFAR-10", "input_px": 32, "batch_size": 128, "lr": 0.1}
    return [{**run("resnet18", seed, kind), **place, "network": network, "train_seconds": 20.0 - step,
             "test_acc": 0.5 + step / 50 + seed / 1000, "train_acc": 0.7, **given}
            for step, kind in enumerate(LADDER) if kind in kinds for seed in range(seeds)]  # fmt: skip


@pytest.fixture
def climb(names, capsys):
    """Runs the cells on the ladder; returns their names and what they printed."""
    first, last = (
        next(n for n, source in enumerate(cells()) if mark in source) for mark in ("import LADDER", "JORDAN =")
    )
    return lambda rows: (read(rows, (), names, cells()[first : last + 1]), capsys.readouterr().out)


def test_the_ladder_is_measured(climb):
    names, out = climb(climbed() + climbed("resnet8", seeds=1))
    ladder, error = names["ladders"]["resnet18"], 0.001 * math.sqrt(2 / 3)
    assert list(ladder.index) == list(LADDER) and list(ladder.train_seconds) == [20, 19, 18, 17, 16, 15]
    assert list(ladder.test_acc) == pytest.approx([0.501, 0.521, 0.541, 0.561, 0.581, 0.601])
    assert list(ladder.sd) == pytest.approx([0.001] * 6) and list(ladder.by)[1:] == pytest.approx([0.02] * 5)
    assert list(ladder.verdict)[1:] == ["more than luck"] * 5
    assert set(names["ladders"]["resnet8"].verdict[1:]) == {"too few runs"}
    assert f"the whole ladder +0.1000, standard error {error:.4f}, more than luck" in out
    assert "+precision is 1.05 times as fast" in out and "2015 +0.199" in out and "quick: few images" in out
    assert "ResNet-18, modern, 4,096 images of CIFAR-10, 3 epochs: 60.1 % after 15.0 s" in out
    assert "33.9 points short" in out
    work = 6 * 37_016_576 * 4096 * 3  # ResNet-18 on 32 px
    assert f"with {work / 0.36e15:.3f} times" in out and f"would take {15 * 0.36e15 / work:,.0f} s" in out


def test_a_step_as_small_as_the_spread_may_be_luck(climb):
    rows = climbed()
    for row in rows:
        row["test_acc"] += {"modern": -0.019}.get(row["recipe"], 0)
    assert climb(rows)[0]["ladders"]["resnet18"].verdict["modern"] == "may be luck"


@pytest.mark.parametrize("kinds", [(), LADDER[:1], ("2015", "modern"), LADDER[1:]])
def test_a_ladder_with_missing_steps_says_how_to_measure_them(climb, kinds):
    names, out = climb(climbed(kinds=kinds))
    left_out = ", ".join(kind for kind in LADDER if kind not in kinds)
    assert f"ResNet-18, not measured yet: {left_out}. `python -m tools.measure resnet18 --recipe ladder`" in out
    assert "ResNet-8, not measured yet: 2015, " in out
    assert list(names["ladders"]["resnet18"].test_acc.notna()) == [kind in kinds for kind in LADDER]


def test_of_two_ladders_the_one_with_more_steps_then_seeds_then_training(climb):
    long = {"images": 45_000, "epochs": 20, "device": "NVIDIA H200", "test_acc": 0.95}
    names, out = climb(climbed() + climbed(**long))
    assert set(names["climbs"]["resnet18"].images) == {45_000} and "  94 % reached, with" in out
    assert "on NVIDIA H200" in out and "quick: few images, few epochs; on a GPU" not in out
    for fewer in ({"seeds": 1}, {"kinds": LADDER[:5]}):
        assert set(climb(seeds(1) + climbed() + climbed(**long, **fewer))[0]["climbs"]["resnet18"].images) == {4096}


def test_the_nearest_to_94_may_be_a_longer_run_of_one_step(climb):
    alone = climbed(seeds=1, kinds=["modern"], images=45_000, epochs=5, test_acc=0.85, train_seconds=900.0)
    names, out = climb(climbed() + alone)
    assert set(names["climbs"]["resnet18"].images) == {4096}, "the ladder stays whole"
    assert "ResNet-18, modern, 45,000 images of CIFAR-10, 5 epochs: 85.0 % after 900.0 s" in out
    assert " 9.0 points short" in out


def test_a_ladder_whose_steps_do_not_fit_together_is_seen(climb, monkeypatch):
    kinds = importlib.import_module("d2lite.recipes")._KINDS
    with monkeypatch.context() as patch:
        patch.setitem(kinds, "+augment", {**kinds["+augment"], "lr": 0.2})
        with pytest.raises(AssertionError, match="one change a step"):
            climb([])
    with monkeypatch.context() as patch:
        there, back, further = {"lr": 0.2}, {}, {"augment": True}
        for kind, change in zip(LADDER[2:], (there, back, further, {**further, "momentum": 0.8})):
            patch.setitem(kinds, kind, {**kinds["+precision"], **change})
        with pytest.raises(AssertionError, match="changed twice"):
            climb([])
    with pytest.raises(AssertionError):
        climb(climbed() + climbed(seeds=1))  # one run twice


def test_the_frontier_is_what_nothing_dominates(names):
    frontier, draw = names["frontier"], random.Random(0)
    for _ in range(300):
        count = draw.randint(1, 8)
        cost = pd.Series([float(draw.randint(1, 5)) for _ in range(count)])
        accuracy = pd.Series([draw.randint(1, 5) / 5 for _ in range(count)])
        kept = {(cost[i], accuracy[i]) for i in frontier(cost, accuracy)}
        points = set(zip(cost, accuracy))
        assert kept == {(c, a) for c, a in points if not any(o != (c, a) and o[0] <= c and o[1] >= a for o in points)}


def test_the_test_of_luck_is_the_textbook_one(names):
    a, b = [0.9, 0.91, 0.95, 0.92], [0.88, 0.86]
    difference, error, needed = names["compare"](a, b)
    pooled = math.sqrt((3 * np.var(a, ddof=1) + np.var(b, ddof=1)) / 4)
    assert difference == pytest.approx(0.05) and error == pytest.approx(pooled * math.sqrt(1 / 4 + 1 / 2))
    assert needed == math.ceil(2 * (3 * pooled / difference) ** 2)
    assert difference >= 3 * pooled * math.sqrt(2 / needed), "so many seeds make it three standard errors"
    assert math.isnan(names["compare"](a, a)[2]) and names["compare"]([0.9] * 3, [0.8] * 3)[2] == 2
    assert names["compare"](a, b, 0.01)[1] == pytest.approx(0.01 * math.sqrt(1 / 4 + 1 / 2)), "a spread from elsewhere"


def test_shuffles_tell_chance(names):
    by_chance, order = names["by_chance"], [1, 2, 3, 4, 5]
    assert by_chance(order, order) == pytest.approx(2 / 120, abs=0.01), "the same order, and the opposite one"
    assert by_chance(order, [1, 3, 2, 5, 4]) > 0.1 and by_chance(range(12), range(12)) == 0


def test_false_alarms_are_those_of_the_textbook(names):
    alarms = names["false_alarms"]
    for seeds, tail in ((2, 0.0955), (3, 0.0399), (10, 0.0077)):  # P(|t| > 3), 2 (seeds - 1) degrees of freedom
        assert alarms(2, seeds, 3) == pytest.approx([tail, tail], abs=0.01)
    of_two, of_all = alarms(11, 3, 3)
    assert of_all < of_two, "a spread from more runs is a better one"


def test_the_table_is_readable(names):
    frame = names["shown"](names["table"].assign(sd=[math.nan] * 5))
    assert list(frame["± sd"]) == ["–"] * 5
    assert frame.loc["DenseNet", "parameters"] == "758,226" and frame.loc["LeNet", "year"] == "1998"
    assert frame.index.get_loc("ResNet-18") < frame.index.get_loc("LeNet"), "as it came: here by accuracy"


def test_who_takes_no_part_is_told(page):
    out = page(seeds(1))[1]
    assert "vgg16_unpadded takes no part" in out and "212 px" in out
    assert "vgg11 is not measured yet" in out and "\nlenet is not" not in out


def test_every_network_has_a_name(names):
    assert set(names["NAMES"]) == {recipe.name for recipe in d2l.recipes()}


def test_choosing_keeps_the_budget(names):
    table, choose = names["table"], names["choose"]
    assert choose() == table.accuracy.idxmax()
    assert choose(max_parameters=1e6, max_macs=1e7) == "lenet" and choose(max_macs=10) is None
    assert choose(max_memory_mb=table.memory_mb["lenet"]) == "lenet"


def test_without_pandas_extras():
    """The page's tables need neither Jinja nor SciPy, which nobody promises."""
    code = (
        "import sys; sys.modules['jinja2'] = sys.modules['scipy'] = None\nimport pandas as pd\n"
        "print(pd.DataFrame({'a': [1]})._repr_html_() is not None, pd.Series([1, 2]).rank().corr(pd.Series([2, 3])))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=project.ROOT, check=False)
    assert done.stdout.split() == ["True", "1.0"] or done.stdout.startswith("True 0.99"), done.stderr


# The exercises: what is right, and what each likely mistake is told.


def dominates(p, q):
    return p != q and p[0] <= q[0] and p[1] <= q[1] and p[2] >= q[2]


def pareto(points, dominates=dominates):
    return [q for q in points if not any(dominates(p, q) for p in points)]


def frugal(points, max_parameters, tolerance):
    fits = [p for p in points if p[0] <= max_parameters]
    best = max((p[2] for p in fits), default=None)
    return min((p for p in fits if p[2] >= best - tolerance), key=lambda p: p[1], default=None)


def most_accurate(points, max_parameters, tolerance):
    return max((p for p in points if p[0] <= max_parameters), key=lambda p: p[2])


def best_of_all(points, most, tolerance):
    close = [p for p in points if p[0] <= most and p[2] >= max(q[2] for q in points) - tolerance]
    return min(close, key=lambda p: p[1], default=None)


def over_budget(points, most, tolerance):
    best = max(p[2] for p in points if p[0] <= most)
    return min((p for p in points if p[2] >= best - tolerance), key=lambda p: p[1])


def smallest(points, most, tolerance):
    fits = [p for p in points if p[0] <= most]
    return min((p for p in fits if p[2] >= max(q[2] for q in fits) - tolerance), default=None)


ERROR = 0.0044721
RIGHT = {1: pareto, 2: frugal, 3: (ERROR, 7)}


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        *RIGHT.items(),
        (1, lambda points: np.array(pareto(points)).tolist()),
        (3, np.array([ERROR, 7])),
        (3, (0.0045, 7)),  # rounded
    ],
)
def test_right_answers(number, answer):
    result = d2l.check(f"comparison-{number}", answer)
    assert result, result


@pytest.mark.parametrize(
    ("number", "answer", "hint"),
    [
        (1, [(1, 2, 3)], "function itself"),
        (1, lambda points: None, "returns nothing"),
        (1, lambda points: pareto(points)[::-1], "another order"),
        (1, lambda points: pareto(points, lambda p, q: p[0] < q[0] and p[1] < q[1] and p[2] > q[2]), "only ties"),
        (1, lambda points: list(dict.fromkeys(pareto(points))), "you keep one"),
        (1, lambda points: [q for i, q in enumerate(points) if not any(
            p[0] <= q[0] and p[1] <= q[1] and p[2] >= q[2] for j, p in enumerate(points) if j != i)], "drop all"),
        (1, lambda points: pareto(points, lambda p, q: dominates(q, p)), "accuracy alone"),
        (1, lambda points: pareto(points, lambda p, q: dominates((p[0], 0, p[2]), (q[0], 0, q[2]))), "fewer MACs"),
        (1, lambda points: pareto(points, lambda p, q: dominates((0, *p[1:]), (0, *q[1:]))), "fewer parameters"),
        (1, lambda points: points[:1], "dominated by none"),
        (1, lambda points: points[40], "raised IndexError"),
        (2, 3, "function itself"),
        (2, lambda *args: None, "returns nothing"),
        (2, most_accurate, "goes first"),
        (2, best_of_all, "best of all"),
        (2, over_budget, "over the budget"),
        (2, smallest, "not with the fewest parameters"),
        (2, lambda points, most, tolerance: points[0], "should give"),
        (2, lambda p, m, t: frugal(p, m, t) or p[0], "return None"),
        (2, lambda p, m, t: frugal(p, m, t) or max([]), "return None; yours raises"),
        (1, lambda points: [point[2] for point in points], "list of triples"),
        (3, 0.0045, "list or tuple of 2"),
        (3, (ERROR, 14), "each network"),
        (3, (ERROR, 6), "round up"),
        (3, (ERROR, 3), "standard error is right"),
        (3, (0.0036515, 5), "n - 1"),
        (3, (0.0054772, 7), "deviation of one run"),
        (3, (0.0031623, 4), "one mean"),
        (3, (0.00002, 7), "take the root"),
        (3, (0.009, 7), "start with"),
    ],
)  # fmt: skip
def test_wrong_answers_get_a_hint_of_their_own(number, answer, hint):
    result = d2l.check(f"comparison-{number}", answer)
    assert result.status == "wrong" and hint in result.message, result


@pytest.mark.parametrize("number", RIGHT)
def test_no_answer_yet(number):
    assert d2l.check(f"comparison-{number}", None).status == "unanswered"
