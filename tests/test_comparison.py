"""The chapter on choosing a network: its cells on stored runs of every kind, and its exercises."""

import subprocess
import sys
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot
import numpy as np
import pytest
import torch
from storedruns import read_from, store, store_answers

import d2lite as d2l
from d2lite.nets.catalog import MAINLINE, recipe
from tools import pairs, project

matplotlib.use("Agg")
IMAGES = 3000
ACCURACY = {
    "linear": 0.38, "edge_histograms": 0.47, "lenet": 0.66, "alexnet": 0.74, "vgg11_quarter": 0.76, "nin": 0.78,
    "lenet_batch_norm": 0.65, "resnet18": 0.83, "densenet": 0.84,
}  # fmt: skip
CHEAP = {"lenet": (5, 50), "alexnet": (216, 850), "nin": (20, 600), "resnet18": (112, 2300), "densenet": (7, 800)}


def cells(*tags):
    """The code cells of the chapter, without those tagged so."""
    code = [cell for cell in pairs.read_source("comparison").cells if cell.cell_type == "code"]
    return [cell.source for cell in code if not set(tags) & set(cell.metadata.get("tags", []))]


@pytest.fixture
def page(tmp_path, monkeypatch, capsys):
    """Runs the chapter on runs and costs of our own; returns its names and what it said."""
    monkeypatch.setattr(matplotlib.pyplot, "show", lambda: None)

    def run(accuracy=ACCURACY, seeds=3, costs=(), apart=0.002, **given):
        """``seeds`` of every network, or by name, are ``apart``, a number or by name (else 0.002). Networks find the
        same images hard. ``given`` is what all rows have in common."""
        rng, rows, names = np.random.default_rng(0), [], {}
        hard = rng.random(IMAGES)
        store(tmp_path)
        for network, its in accuracy.items():
            for seed in range(seeds if isinstance(seeds, int) else seeds.get(network, 1)):
                order = np.argsort(hard + rng.normal(0, 0.1, IMAGES))
                far = apart.get(network, 0.002) if isinstance(apart, dict) else apart
                right = np.isin(np.arange(IMAGES), order[: round((its + far * seed) * IMAGES)])
                store_answers(tmp_path, network, seed, right)
                own = {"lr": recipe(network, "mainline").lr, "val_acc": its + far * seed, "train_acc": its + 0.03}
                rows.append({"network": network, "seed": seed, "test_acc": right.mean(), **own, **given})
        read_from(monkeypatch, store(tmp_path, rows, costs))
        for source in cells("setup", "data-output", "provenance"):
            exec(compile(source, "book/comparison.md", "exec"), names)  # the book's own text
        matplotlib.pyplot.close("all")
        return names, capsys.readouterr().out

    return run


def cost(network, **given):
    parameters, macs = (10**5 * count for count in CHEAP[network])
    return {"network": network, "parameters": parameters, "macs": macs, "images_per_second": 1e10 / macs,
            "memory_mb": parameters / 1e4, **given}  # fmt: skip


def test_few_runs_without_costs(page):
    names, out = page(seeds={"lenet": 2, "lenet_batch_norm": 2})
    assert "From all 2 runs that repeat an earlier one" in out and "the cautious choice" in out
    assert names["s"] == pytest.approx(0.002 / 2**0.5), "of two pairs that are 0.2 points apart"
    assert "**Yes.** With the seeds counted, each of the 4 steps gains" in out and "VGG-11 has no row" in out
    assert "the story holds" in out and "The least certain is AlexNet → Quarter-width VGG-11, with 2.00 points" in out
    assert "4 networks have no row yet: VGG-11" in out and "may well become the best" in out
    assert set(names["COSTS"]) == {"parameters", "macs"} and "Time and memory are not measured yet" in out
    assert "vgg11" not in names["nets"].index, "a network without a row is left out"
    assert "The 2 runs of LeNet" in out and "0.20 points apart" in out
    step = names["steps"]["lenet", "alexnet"]
    assert step.from_seeds == pytest.approx(names["s"] * (1 / 2 + 1 / 1) ** 0.5)


def test_all_networks_with_three_seeds_and_costs(page):
    accuracy = {name: ACCURACY.get(name, 0.8) for name in MAINLINE}
    names, out = page(accuracy, 3, [cost(name) for name in CHEAP], apart=0.02)
    assert len(names["nets"]) == 11 and "26 runs that repeat" in out and "no row yet" not in out
    assert "s = 2.00 points" in out and names["s_rest"] == pytest.approx(names["s"])
    assert "VGG-11 → ResNet-18 then brings" in out
    found = names["steps"]["lenet", "alexnet"]
    assert found.error > 1.5 * found.from_images, "the seeds count"
    assert set(names["COSTS"]) == {"parameters", "macs", "epoch_s", "memory_mb"} and "not measured yet" not in out
    assert names["fronts"]["memory_mb"] == ["lenet", "densenet"], "those whose memory is known"
    assert names["nets"].epoch_s["lenet"] == pytest.approx(45_000 / 2000) and "seeds of each" in out


def test_costs_of_another_size_or_device_are_left_out(page):
    others = [cost("nin", input_px=32), cost("nin", channels=1), cost("alexnet", device="NVIDIA H200")]
    names, _ = page(costs=[*others, cost("lenet"), cost("densenet")])
    assert sorted(names["nets"].memory_mb.dropna().index) == ["densenet", "lenet"]


def test_a_step_that_fails_is_told(page):
    _, out = page({**ACCURACY, "vgg11_quarter": 0.73})
    told = "On the images alone, 3 of the 4 gain more than two."
    assert "**Not all of it.** 3 of the 4 steps" in out and told in out and "The weakest step gains -1.00 points" in out
    assert "the story holds" not in out and "**Yes.**" not in out
    assert told in page({**ACCURACY, "vgg11_quarter": 0.745})[1]


@pytest.mark.parametrize(
    ("worse", "match"), [({"lenet": 0.48}, "above the baselines"), ({"resnet18": 0.78}, "fewer steps are large")]
)
def test_a_story_that_does_not_hold_is_seen(page, worse, match):
    with pytest.raises(AssertionError, match=match):
        page({**ACCURACY, **worse})


def test_the_order_of_years_is_told_either_way(page):
    names, out = page()
    assert "**(b)** Yes, nearly. Over 6 networks" in out and "With LeNet + BatchNorm it is" in out
    assert "lenet_batch_norm" in names["nets"].index and "lenet_batch_norm" not in names["own"].index
    _, out = page({**ACCURACY, "alexnet": 0.76, "vgg11_quarter": 0.70, "nin": 0.86, "resnet18": 0.80, "densenet": 0.77})
    assert "**(b)** No. Over 6" in out and "this could be chance" in out


def test_a_rate_that_is_no_longer_the_best_is_told(page):
    assert "better ones since" not in page()[1]
    assert "has found better ones since for: DenseNet" in page(lr=0.5)[1]


def test_a_step_that_is_sure_of_images_alone_is_not_certain(page):
    _, out = page({**ACCURACY, "vgg11_quarter": 0.765}, {"lenet": 3, "nin": 3}, apart=0.02)
    assert "**Not all of it.**" in out and "Not certain: AlexNet → Quarter-width VGG-11. " in out
    assert "On the images alone, all 4 gain more than two" in out


def test_what_the_four_steps_hang_on_is_told(page):
    """Networks of which one scatters widely: what s would be without it, and what that would change, is told."""
    accuracy = {**ACCURACY, "vgg11_quarter": 0.751}
    names, _ = page(accuracy, {"nin": 2}, apart=0.03)
    assert names["s_rest"] == names["s"], "one network tells all"
    seeds = {"lenet": 3, "alexnet": 3, "vgg11_quarter": 3, "resnet18": 3, "lenet_batch_norm": 2}
    names, out = page(seeds=seeds, apart={"lenet_batch_norm": 0.03})
    assert "9 runs that repeat" in out and "**Yes.** With the seeds" in out and "speak against equal scatter" in out
    assert names["s_rest"] < 0.003 < names["s"] and names["chance"] < 0.01
    assert "all steps gain" in out and "With the other s, 4 of the 4 would" not in out
    names, out = page(accuracy, seeds, apart={"lenet_batch_norm": 0.03})
    assert "Not certain: AlexNet → Quarter-width VGG-11." in out and "With the other s, 4 of the 4 would." in out
    names, out = page(seeds=seeds, apart=dict.fromkeys(seeds, 0.01))
    assert "do not decide whether all scatter equally" in out and names["chance"] > 0.05


def test_the_full_vgg_in_the_place_of_the_narrow_one(page):
    assert "ResNet-18 cannot be told from the full VGG-11." in page({**ACCURACY, "vgg11": 0.8305})[1]
    assert "It costs less, too: " in page({**ACCURACY, "vgg11": 0.79})[1]
    assert "VGG-11 is ahead of ResNet-18, at a higher cost" in page({**ACCURACY, "vgg11": 0.86})[1]


def test_the_same_network_on_both_kinds_of_device(page):
    names, out = page()  # LeNet + BatchNorm has two more runs on a CPU, in ties.csv
    assert list(names["either"].index) == ["lenet_batch_norm"] and "could not show one of less" in out
    assert "ran only on a CPU" not in out
    assert "ran only on a CPU: DenseNet" in page(device="CPU, 1 thread")[1]


def test_a_clock_that_contradicts_itself_is_told(page):
    own = [
        {"network": name, "images_per_second": rate}
        for name, rate in (("googlenet", 94), ("googlenet_batch_norm", 112))
    ]
    assert "its time is 16% shorter" in page(costs=own)[1]
    own[1]["images_per_second"] = 80
    assert "The clock is not exact" not in page(costs=own)[1]


def test_equals_are_not_told_apart(page):
    assert "DenseNet cannot be told from ResNet-18." in page({**ACCURACY, "densenet": 0.8305})[1]
    out = page({**ACCURACY, "densenet": 0.9})[1]
    assert (
        "DenseNet is ahead of all by more than three, and even by more than" in out and "cannot be told from" not in out
    )


def test_winners_of_equals_are_those_of_the_studentized_range(page):
    names, _ = page()
    assert (names["span"] > 3).mean() == pytest.approx(0.04, abs=0.01)  # seven means: P(q > 3 √2)
    assert (names["span"] > 2).mean() == pytest.approx(0.41, abs=0.02)


def test_mistakes_are_shared_and_voted_away(page):
    names, out = page()
    wrong, shared = names["wrong"], names["shared"]
    assert shared["densenet"]["lenet"] == pytest.approx((wrong.lenet & wrong.densenet).sum() / wrong.lenet.sum())
    assert "The vote of DenseNet, ResNet-18, NiN" in out and "LeNet most often takes a" in out


def test_the_browser_shows_the_stored_runs_on_their_own_images_alone(page, monkeypatch):
    names, _ = page()
    source = next(source for source in cells() if "PredictionBrowser" in source)
    for stands_in in (False, True):
        test = SimpleNamespace(images=torch.full((150, 3, 32, 32), 7, dtype=torch.uint8))
        data = SimpleNamespace(test=test, is_stand_in=stands_in)
        monkeypatch.setattr(d2l, "load", lambda name, data=data: data)
        exec(compile(source, "book/comparison.md", "exec"), names)
        assert len(names["images"]) == len(names["labels"]) == 120
        assert (names["images"] == 0).all() == stands_in, "digits are not what the networks answered"
        assert (names["labels"] == d2l.test_labels()[:120]).all()
    assert list(names["four"]) == ["LeNet", "AlexNet", "ResNet-18", "DenseNet"]


def test_without_pandas_extras():
    """The page's tables need neither Jinja nor SciPy, which nobody promises."""
    code = (
        "import sys; sys.modules['jinja2'] = sys.modules['scipy'] = None\nimport pandas as pd\n"
        "print(pd.DataFrame({'a': [1]}).map('{:.2f}'.format)._repr_html_() is not None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=project.ROOT, check=False)
    assert done.stdout == "True\n", done.stderr


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


ON_OTHERS = (2.0, 1.1402)  # standard errors: on the same images, on different ones
RIGHT = {1: pareto, 2: frugal, 3: ON_OTHERS}


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        *RIGHT.items(),
        (1, lambda points: np.array(pareto(points)).tolist()),
        (3, np.array(ON_OTHERS)),
        (3, (2, 1.14)),  # rounded
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
        (3, 2.0, "list or tuple of 2"),
        (3, ON_OTHERS[::-1], "other order"),
        (3, (2.0, 1.58), "both accuracies scatter"),
        (3, (2.0, 1.646), "both accuracies scatter"),
        (3, (2.0, 0.807), "squares of the two errors"),
        (3, (2.0, 2.0), "of each network"),
        (3, (0.0633, 1.14), "scatter of one image"),
        (3, (9, 7), "d is 1 on 60 images"),
    ],
)  # fmt: skip
def test_wrong_answers_get_a_hint_of_their_own(number, answer, hint):
    result = d2l.check(f"comparison-{number}", answer)
    assert result.status == "wrong" and hint in result.message, result


@pytest.mark.parametrize("number", RIGHT)
def test_no_answer_yet(number):
    assert d2l.check(f"comparison-{number}", None).status == "unanswered"
