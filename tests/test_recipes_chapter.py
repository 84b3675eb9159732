"""The chapter on recipes: what it tells of rows of every kind, and its exercises."""

import functools
import math
import re

import matplotlib
import matplotlib.pyplot
import pytest
import torch
from storedruns import read_from, store

import d2lite as d2l
from d2lite.nets.catalog import TEN_MINUTES
from tools import pairs, project

matplotlib.use("Agg")
from d2lite.nets import catalog
from d2lite.nets.tables import table

SKIPPED = {"setup", "nbval-ignore-output", "data-output", "provenance", "solution"}


@functools.cache
def cells():
    """The code cells that neither train nor load data, without the check cells that follow those."""
    kept, before = [], set()
    for cell in (cell for cell in pairs.read_source("recipes").cells if cell.cell_type == "code"):
        tags = set(cell.metadata.get("tags", []))
        if not tags & SKIPPED and not ("check" in tags and "nbval-ignore-output" in before):
            kept.append(cell.source)
        before = tags
    return kept


@pytest.fixture
def page(tmp_path, monkeypatch, capsys):
    """Runs the chapter on stored runs of our own; returns its names and what it told."""

    def run(*runs):
        names = {}
        read_from(monkeypatch, store(tmp_path, runs))
        monkeypatch.setattr(matplotlib.pyplot, "show", lambda: None)
        for source in cells():
            exec(compile(source, "book/recipes.md", "exec"), names)  # the book's own text
        matplotlib.pyplot.close("all")
        return names, capsys.readouterr().out

    return run


def test_without_runs_nothing_is_promised(page):
    names, out = page()
    assert "0 of the 12 printed results have" not in out and "No run of this book stands beside" in out
    assert "soon" not in out and "nan" not in out.lower() and "further seeds" not in out
    assert names["other"] == {} and "went on after the long runs" not in out


def test_a_run_at_another_rate_than_the_best_is_told(page):
    rate = catalog.best_rate("nin")
    names, out = page({"network": "nin", "lr": rate}, {"network": "alexnet", "lr": 0.003})
    assert list(names["other"]) == ["alexnet"] and "AlexNet had the rate that was best at the time" in out


def test_what_is_met_is_told_and_what_is_not(page):
    runs = [
        {"network": "alexnet", "test_acc": 0.70}, {"network": "nin", "test_acc": 0.51},
        {"network": "resnet18", "test_acc": 0.80},
    ]  # fmt: skip
    names, out = page(*runs)
    assert "**3** of the 12" in out and "**1** of them reach" in out
    assert "AlexNet (-7.7 points at 72 px instead of 224)" in out and "ResNet-18 (-1.6 points" in out
    beside = names["beside"](names["printed"])
    assert beside.loc["NiN *", ("ours", "met")] == "yes" and "NVIDIA H200 (3)" in out
    assert beside.loc["NiN", ("ours", "met")] == "–", "on MNIST nothing is run, so nothing differs"
    assert "reach what was printed (1 of these with another network)" in out
    _, out = page({"network": "nin", "test_acc": 0.51}, {"network": "vgg11_quarter", "test_acc": 0.76})
    assert "none of those falls short" in out.lower() and "Quarter-width VGG-11 got 49.5% there and 76.0%" in out


def test_the_two_networks_of_the_slides_are_compared(page):
    names, out = page({"network": "alexnet", "test_acc": 0.74}, {"network": "vgg11", "test_acc": 0.83})
    assert list(names["slides"].network) == ["alexnet", "vgg11"]
    assert "VGG-11 is 23.8 points behind AlexNet. Here it is 9.0 points ahead." in out
    assert "Lower here than there: AlexNet." in out
    _, out = page({"network": "alexnet", "test_acc": 0.78}, {"network": "vgg11", "test_acc": 0.60})
    assert "Here it is 18.0 points behind." in out and "Lower here" not in out
    assert "points behind AlexNet" not in page({"network": "vgg11", "test_acc": 0.83})[1]


def test_a_printed_recipe_at_another_size_is_told(page):
    own = {"recipe": "published", "input_px": 131, "epochs": 10, "test_acc": 0.77}
    _, out = page({**own, "network": "alexnet"})
    assert "AlexNet (-0.7 points at 131 px instead of 224)" in out
    assert "AlexNet on CIFAR-10 gets 77.0%, at 131 px instead of 224. The printed run ended at 77.7%." in out
    own = {"recipe": "book", "dataset": "Fashion-MNIST", "input_px": 64, "epochs": 1, "test_acc": 0.80}
    names, out = page({**own, "network": "vgg11"})
    assert "VGG-11 on Fashion-MNIST (-3.0 points at 64 px instead of 96)" in out and not len(names["slides"])


def test_a_gain_is_looked_for_among_the_rows_that_are_shown(page):
    _, out = page({"network": "nin", "test_acc": 0.9}, {"network": "densenet", "test_acc": 0.75})
    assert "DenseNet got 74.6% there and 75.0% here, at 72 px instead of 224." in out, "NiN is another network"
    assert "there and" not in page({"network": "nin", "test_acc": 0.9})[1]


def test_the_best_epoch_of_a_printed_run_is_told(page):
    own = {"recipe": "published", "dataset": "Fashion-MNIST", "input_px": 28, "epochs": 5, "test_acc": 0.87}
    _, out = page({**own, "network": "lenet_batch_norm"})
    assert "gets 87.0%. The printed run ended at 86.1% and had 87.2% after its best epoch." in out
    _, out = page({**own, "network": "resnet26", "epochs": 2})
    assert "gets 87.0%. The printed run ended at 86.3%." in out, "none is noted"


@pytest.mark.slow
def test_runs_of_ten_minutes_are_told(page):
    best = max(TEN_MINUTES, key=lambda name: float(best_row(name)["val_acc"]))
    own = {"network": best, "recipe": "ten_minutes", "device": "CPU, 2 threads", "input_px": 32, "epochs": 16}
    runs = [{**own, "seed": seed, "test_acc": 0.83 + 0.01 * seed, "train_seconds": 540 + 60 * seed} for seed in (0, 1)]
    _, out = page(*runs)
    assert "9.0 to 10.0 minutes" in out and "83.50%" in out and "2 further seeds" in out
    for silent in ({"train_seconds": ""}, {"train_seconds": 20, "device": "NVIDIA H200"}):
        _, out = page({**own, **silent})
        assert "further seeds" not in out, "without a clock, or on another machine, it says nothing about ten minutes"


def best_row(network, kind="ten_minutes"):
    rows = [row for row in table("rates.csv") if (row["network"], row["recipe"]) == (network, kind)]
    return max(rows, key=lambda row: float(row["val_acc"]))


def test_the_search_is_told_as_it_was(page):
    names, out = page()
    best = names["best"]
    assert names["used"] == {name: catalog.best_rate(name) for name in best.index}
    for name, rate in best.lr.items():
        accuracies = catalog.tried(name, "mainline")
        assert accuracies[rate] == max(accuracies.values())
    rows = [row for row in table("rates.csv") if (row["network"], row["recipe"]) == ("nin", "mainline")]
    of = {row["lr"]: row["val_acc"] for row in rows}
    assert f"NiN loses **{100 * (max(of.values()) - of[0.01]):.1f} points**" in out and "decides more than" in out
    assert set(names["with_norm"]) == {"lenet_batch_norm", "googlenet_batch_norm", "resnet18", "resnet26", "densenet"}
    assert not set(names["plain"]) & {"linear", "edge_histograms", *names["with_norm"]}


def test_two_rates_that_were_tried_again_decide(page, tmp_path):
    accuracies = {
        "nin": {0.003: (0.70, 0.72), 0.001: (0.80, 0.81)},
        "alexnet": {0.001: (0.5, 0.53), 0.0003: (0.4, 0.4)},
    }
    best = {name: max(catalog.tried(name, "mainline").items(), key=lambda pair: pair[1])[0] for name in accuracies}
    assert best == {"nin": 0.003, "alexnet": 0.001}, "the one is to be reversed, the other kept"
    rows = [
        f"{name},mainline,{lr},{seed},{accuracy}"
        for name, its in accuracies.items() for lr, both in its.items() for seed, accuracy in enumerate(both)
    ]  # fmt: skip
    (tmp_path / "ties.csv").write_text("\n".join(["network,recipe,lr,seed,val_acc", *rows]), "utf-8")
    names, out = page()
    assert {name: names["used"][name] for name in best} == {"nin": 0.001, "alexnet": 0.001}
    told = {name: out.split(f"For {name} the two best")[1].split("three epochs")[0] for name in ("NiN", "AlexNet")}
    assert "with 2 seeds each: at `0.001` the mean" in told["NiN"]
    assert "is **80.5%**, at `0.003` it is 71.0%" in told["NiN"] and "up to 2.0 points, less than" in told["NiN"]
    assert "which is at another rate than after" in told["NiN"]
    assert "which is at the same rate as after" in told["AlexNet"] and "up to 3.0 points, less" in told["AlexNet"]
    assert "The main line's own runs" not in out
    long = {"network": "alexnet", "lr": 0.001, "input_px": 72, "epochs": 10}
    _, out = page({**long, "seed": 0, "val_acc": 0.56}, {**long, "seed": 1, "val_acc": 0.55})
    told["AlexNet"] = out.split("For AlexNet the two best")[1].split("Also at most")[0]
    assert "own runs at `0.001`" in told["AlexNet"] and "got 56.0% and 55.0%; we do not know why" in told["AlexNet"]
    assert "up to 3.0 points, less than" in told["AlexNet"], "those of the main line are another machine's"
    waiting = re.search(r"without a longer trial: (.*?)\. Their", out)[1]
    assert "ResNet-18" in waiting and "NiN" not in waiting and "LeNet" in waiting


def test_a_rate_that_was_not_the_best_is_seen(page, monkeypatch):
    monkeypatch.setattr(catalog, "best_rate", lambda network, kind="mainline": 1e-3)
    with pytest.raises(AssertionError, match="another rate"):
        page()


def test_every_source_is_named():
    text = project.source("recipes").read_text("utf-8")
    for name in ("The Straight Dope", "Gluon course", "batch normalization", "modern CNN"):
        assert re.search(rf"\*\*.*{name}", text), name
    sources = {row["source"] for row in table("published.csv")}
    assert sources == {
        "The Straight Dope (VGG)", "Gluon course (VGG)", "batch normalization lecture notes",
        "modern CNN lecture slides",
    }, "a new source needs a name and an address in the chapter"  # fmt: skip


# The exercises: what is right, and what each likely mistake is told.


def one_cycle(step, steps, peak, first=0.3, start=25, end=25e4, early=(1, 1), shape=None):
    shape = shape or (lambda x: (1 - math.cos(math.pi * x)) / 2)
    top, last = first * steps - early[0], steps - early[1]
    if step <= top:
        return peak / start + (peak - peak / start) * shape(step / top)
    return peak + (peak / end - peak) * shape((step - top) / (last - top))


def slip(**options):
    return lambda step, steps, peak: one_cycle(step, steps, peak, **options)


RIGHT = {1: 0.003 * 3 ** (-1 / 6), 2: "cd", 3: one_cycle}


def test_the_schedule_is_that_of_pytorch():
    for steps, peak in ((20, 1.0), (37, 0.003), (100, 0.1)):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=steps, cycle_momentum=False)
        for step in range(steps):
            assert schedule.get_last_lr()[0] == pytest.approx(one_cycle(step, steps, peak), rel=1e-9)
            optimizer.step()
            if step < steps - 1:
                schedule.step()


@pytest.mark.parametrize(
    ("number", "answer"),
    [*RIGHT.items(), (1, 0.0025), (1, torch.tensor(0.0025)), (2, "C, D"),
     (3, lambda step, steps, peak: torch.tensor(one_cycle(step, steps, peak), dtype=torch.float64))],
)  # fmt: skip
def test_right_answers(number, answer):
    result = d2l.check(f"recipes-{number}", answer)
    assert result, result


@pytest.mark.parametrize(
    ("number", "answer", "hint"),
    [
        (1, 0.003, "on which side"),
        (1, 0.0036, "wrong side"),
        (1, 0.00208, "twice as far"),
        (1, 0.0044, "over the rate itself"),
        (1, -1 / 6, "that is x"),
        (1, 0.01, "2a is the sum"),
        (1, "0.0025", "without quotation marks"),
        (2, 3, "as text"),
        (2, "c", "two of the letters"),
        (2, "xy", "two of the letters"),
        (2, "dc", "other order"),
        (2, "ad", "at once"),
        (2, "bd", "does not suit"),
        (2, "da", "keeps the network"),
        (2, "cb", "first is right"),
        (3, 0.1, "function itself"),
        (3, lambda step, steps, peak: None, "returns nothing"),
        (3, slip(shape=lambda x: x), "straight line"),
        (3, slip(start=math.inf), "not at zero"),
        (3, slip(end=math.inf), "250,000, not at zero"),
        (3, slip(end=1e4), "ten-thousandth"),
        (3, slip(early=(0, 1)), "one earlier"),
        (3, slip(early=(1, 0)), "ends one step later"),
        (3, slip(early=(0, 0)), "the end at steps - 1"),
        (3, lambda step, steps, peak: peak, "at step 0 of 20, with a peak of 1.0, the rate is 0.04; yours is 1."),
        (3, lambda step, steps, peak: math.nan, "yours is nan"),
        (3, lambda step: 0.1, "raised TypeError"),
    ],
)
def test_wrong_answers_get_a_hint_of_their_own(number, answer, hint):
    result = d2l.check(f"recipes-{number}", answer)
    assert result.status == "wrong" and hint in result.message, result


@pytest.mark.parametrize("number", RIGHT)
def test_no_answer_yet(number):
    assert d2l.check(f"recipes-{number}", None).status == "unanswered"
