"""Kinds of recipes, networks from recipes, and the tables of what was measured."""

import csv
import importlib
import io
import itertools
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import d2lite as d2l
from d2lite.recipes import KINDS, LADDER
from tools import measure

results = importlib.import_module("d2lite.results")  # d2l.results is the function
PUBLISHED = [
    (network, row)
    for network in ("vgg16_unpadded", "alexnet", "vgg11", "vgg11_quarter", "nin", "googlenet", "lenet_batch_norm",
                    "resnet18", "resnet26", "densenet")
    for row in d2l.published(network)
]  # fmt: skip
DATA = {"Fashion-MNIST": "fashion_mnist", "MNIST": "mnist", "CIFAR-10": "cifar10"}


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A measured.csv of our own, with the header of the real one."""
    path = tmp_path / results.MEASURED
    header = results.resources.files("d2lite").joinpath(results.MEASURED).read_text("utf-8").splitlines()[0]
    path.write_text(header + "\n", "utf-8")
    monkeypatch.setattr(results, "resources", SimpleNamespace(files=lambda package: tmp_path))
    return path


def run(**given):
    row = {
        "network": "nin", "recipe": "book", "dataset": "MNIST", "input_px": 72, "images": 4096, "batch_size": 128,
        "lr": 0.001, "epochs": 3, "seed": 0, "train_acc": "0.9000", "test_acc": "0.9100", "train_loss": "0.3000",
        "test_loss": "0.2900", "train_seconds": "12.0000", "device": "CPU, 2 threads", "torch": "2.15", "date": "now",
    }  # fmt: skip
    return {**row, **given}


@pytest.mark.parametrize("network, row", PUBLISHED, ids=[f"{n}-{r['dataset']}-{r['input_px']}" for n, r in PUBLISHED])
def test_every_published_network_has_its_recipe_here(network, row):
    recipe = d2l.recipe(network, "published", DATA[row["dataset"]])
    assert (recipe.size, recipe.batch_size, recipe.epochs, recipe.lr) == (
        row["input_px"], row["batch_size"], row["epochs"], row["lr"],
    )  # fmt: skip
    assert (recipe.optimizer, recipe.momentum, recipe.weight_decay, recipe.schedule) == ("sgd", 0.0, 0.0, "constant")
    channels = 3 if recipe.dataset == "cifar10" else 1
    with torch.device("meta"):
        net = d2l.build(recipe, channels, 10, recipe.size)
    shape = (2, channels, recipe.size, recipe.size)
    assert d2l.summary(net, shape).rows[-1].output_shape == (2, 10)


def test_every_published_row_is_tried_above():
    with results.resources.files("d2lite").joinpath("published.csv").open(encoding="utf-8") as file:
        assert {row["network"] for row in csv.DictReader(file)} == {network for network, _ in PUBLISHED}


def test_the_published_network_is_the_one_of_the_listing():
    recipe = d2l.recipe("nin", "published")
    net = d2l.build(recipe, 1, 10, 67)
    assert net(torch.randn(2, 1, 67, 67)).min() >= 0 and isinstance(net.features[-1][-1], nn.ReLU)
    assert not isinstance(d2l.build(d2l.recipe("nin"), 1, 10, 67).features[-1][-1], nn.ReLU)


def test_kinds_replace_what_they_name_and_nothing_else():
    book, comparison = d2l.recipe("resnet18"), d2l.recipe("resnet18", "comparison")
    assert comparison.factory == book.factory and comparison.name == "resnet18"
    settings = {tuple(sorted(d2l.recipe(row.name, "comparison").fit_options.items())) for row in d2l.recipes()}
    assert len(settings) == 1, "the comparison is of networks, not of recipes"
    old, new = d2l.recipe("resnet18", "2015"), d2l.recipe("resnet18", "modern")
    assert (old.schedule, old.augment, old.label_smoothing, old.precision) == ("step", False, 0.0, "float32")
    assert (new.schedule, new.augment, new.label_smoothing, new.precision) == ("one_cycle", True, 0.1, "auto")
    assert (old.dataset, old.size, old.epochs, old.batch_size) == (new.dataset, new.size, new.epochs, new.batch_size)
    assert (old.size, d2l.recipe("resnet8", "2015").size) == (book.size, 32), "each at its own size"
    assert d2l.recipe("nin", dataset="mnist").dataset == "mnist"
    assert new.load_options["augment"] is True and new.fit_options["label_smoothing"] == 0.1


def test_unknown_kinds_and_data_are_named():
    with pytest.raises(ValueError, match="did you mean 'modern'.*published"):
        d2l.recipe("resnet18", "moderne")
    with pytest.raises(ValueError, match="nothing published for 'nin' on 'digits', only on cifar10, mnist"):
        d2l.recipe("nin", "published", "digits")
    assert set(KINDS) == {"book", "published", "comparison", *LADDER}


@pytest.mark.parametrize("network", ["resnet8", "resnet18", "lenet"])
def test_every_step_of_the_ladder_changes_one_setting_for_good(network):
    steps = [vars(d2l.recipe(network, kind)) for kind in LADDER]
    changed = [[name for name in after if after[name] != before[name]] for before, after in itertools.pairwise(steps)]
    assert changed == [["precision"], ["schedule"], ["augment"], ["weight_decay"], ["label_smoothing"]]
    assert list(LADDER) == ["2015", *(f"+{names[0]}" for names in changed[:-1]), "modern"], "named by their changes"
    assert all(steps[-1][names[0]] == steps[step][names[0]] for step, names in enumerate(changed, start=1))


def test_the_small_network_is_trained_by_the_modern_recipe():
    assert d2l.recipe("resnet8") == d2l.recipe("resnet8", "modern")


def test_the_start_is_what_the_recipe_says():
    published, own = d2l.recipe("vgg11_quarter", "published"), d2l.recipe("vgg11_quarter")
    for recipe, variance in ((published, 2 / (144 + 288)), (own, 2 / 144)):  # Xavier; He, over a fan-in of 16 · 9
        d2l.seed_everything(0)
        layer = [m for m in d2l.build(recipe, 1, 10, 64).modules() if isinstance(m, nn.Conv2d)][1]
        assert layer.weight.var().item() == pytest.approx(variance, rel=0.1)


def test_results_put_published_measured_and_own_rows_together(table):
    for row in (run(), run(seed=1, test_acc="0.9300"), run(recipe="comparison"), run(network="lenet")):
        measure.add(table, row, measure.RUN)
    data = SimpleNamespace(label="MNIST", size=72, train=SimpleNamespace(num_images=7, labels=torch.zeros(7)))
    history = d2l.History([d2l.EpochRecord(1, 0.5, 0.8, None, None, 0.1, 1.0, 7.0)])
    frame = d2l.results("nin", data, history, d2l.Metrics(0.4, 0.85, 100))
    assert list(frame.source) == ["modern CNN lecture slides"] * 2 + ["this book", "this page"]
    assert list(frame.test_acc) == [0.5, 0.9866, 0.92, 0.85], "of two seeds the mean; other recipes and networks not"
    assert list(frame.images) == [50_000, 60_000, 4096, 7] and list(frame.epochs) == [10, 10, 3, 1]
    assert len(d2l.results("nin")) == 3
    assert list(d2l.results("googlenet_batch_norm", data, history, d2l.Metrics(0.4, 0.85, 100)).source) == ["this page"]
    with pytest.raises(ValueError, match="did you mean 'googlenet'"):
        d2l.results("gogglenet")
    assert [row["seed"] for row in d2l.measured("nin", "book")] == [0, 1]


def test_a_measured_row_takes_the_place_of_the_same_run(table):
    measure.add(table, run(), measure.RUN)
    measure.add(table, run(seed=1), measure.RUN)
    measure.add(table, run(test_acc="0.5000"), measure.RUN)
    assert [(row["seed"], row["test_acc"]) for row in d2l.measured()] == [(1, 0.91), (0, 0.5)]


def test_measuring_stores_a_run_once(table, monkeypatch, capsys):
    calls = []

    def alone(function, name, options, seed):
        calls.append((function.__name__, name, seed, options.recipe))
        return None if len(calls) == 2 else run(network=name, seed=seed)

    monkeypatch.setattr(measure, "alone", alone)
    monkeypatch.setattr(measure.project, "ROOT", table.parent)
    (table.parent / "d2lite").mkdir()
    table.rename(table.parent / "d2lite" / results.MEASURED)
    monkeypatch.setattr("sys.argv", ["measure", "lenet", "--seeds", "3", "4"])
    assert measure.main() == 0
    assert calls == [("train", "lenet", 3, "comparison"), ("train", "lenet", 4, "comparison")]
    stored = list(csv.DictReader(io.StringIO((table.parent / "d2lite" / results.MEASURED).read_text("utf-8"))))
    said = capsys.readouterr().out
    assert [row["seed"] for row in stored] == ["3"] and "lenet, comparison, seed 4: stored already" in said


def test_one_command_measures_the_whole_ladder_step_by_step(table, monkeypatch, capsys):
    calls = []

    def alone(function, name, options, seed):
        if len(calls) == 7:
            raise KeyboardInterrupt
        calls.append((function.__name__, name, options.recipe, seed))
        return run(network=name, seed=seed, recipe=options.recipe)

    monkeypatch.setattr(measure, "alone", alone)
    monkeypatch.setattr(measure.project, "ROOT", table.parent)
    (table.parent / "d2lite").mkdir()
    path = table.rename(table.parent / "d2lite" / results.MEASURED)
    monkeypatch.setattr("sys.argv", ["measure", "resnet8", "--recipe", "ladder", "--seeds", "0", "5"])
    with pytest.raises(KeyboardInterrupt):
        measure.main()
    assert calls == [("train", "resnet8", kind, seed) for seed in (0, 5) for kind in LADDER][:7]
    stored = [(row["recipe"], row["seed"]) for row in csv.DictReader(io.StringIO(path.read_text("utf-8")))]
    assert stored == [(kind, str(seed)) for _, _, kind, seed in calls], "each row is stored as soon as it is known"
    monkeypatch.setattr("sys.argv", ["measure", "resnet8", "--recipe", "ladder", "--costs"])
    with pytest.raises(SystemExit, match="2"):
        measure.main()
    assert "--costs takes one recipe" in capsys.readouterr().err


def test_a_network_that_cannot_take_the_images_is_left_out(table, monkeypatch, capsys):
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    monkeypatch.setattr(measure, "alone", lambda function, *arguments: function(*arguments))
    monkeypatch.setattr(measure.project, "ROOT", table.parent)
    (table.parent / "d2lite").mkdir()
    path = table.rename(table.parent / "d2lite" / results.MEASURED)
    small = ["--data", "digits", "--size", "28", "--images", "256", "--epochs", "1", "--profile", "quick"]
    monkeypatch.setattr("sys.argv", ["measure", "alexnet", "lenet", "--seeds", "0", "1", *small])
    assert measure.main() == 0
    out = capsys.readouterr().out
    assert out.count("alexnet: left out. ") == 1 and "smallest size that works is 67 px" in out
    stored = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    assert [(row["network"], row["seed"]) for row in stored] == [("lenet", "0"), ("lenet", "1")]
    monkeypatch.setattr("sys.argv", ["measure", "lenett"])
    with pytest.raises(SystemExit, match="2"):
        measure.main()
    assert "unknown network lenett. Known: lenet, " in capsys.readouterr().err


def test_a_run_is_trained_once_and_described_fully(table, monkeypatch):
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    monkeypatch.setattr(measure.project, "ROOT", table.parent)
    (table.parent / "d2lite").mkdir()
    path = table.rename(table.parent / "d2lite" / results.MEASURED)
    given = {"size": 28, "epochs": 1, "images": 256, "batch_size": None, "lr": None}
    options = SimpleNamespace(recipe="comparison", data="digits", again=False, **given)
    row = measure.train("lenet", options, seed=0)
    assert row.keys() == set(path.read_text("utf-8").strip().split(","))
    assert (row["input_px"], row["images"], row["epochs"], row["recipe"]) == (28, 256, 1, "comparison")
    measure.add(path, row, measure.RUN)
    assert measure.train("lenet", options, seed=0) is None
    assert measure.train("lenet", options, seed=1) is not None
    again = measure.train("lenet", SimpleNamespace(**{**vars(options), "again": True}), seed=0)
    assert again["test_loss"] == row["test_loss"], "the same run, the same numbers"


def test_a_cost_is_measured(monkeypatch):
    monkeypatch.setattr(measure, "ROUNDS", 2)
    options = SimpleNamespace(recipe="comparison", data=None, size=28, epochs=None, images=None, batch_size=8, lr=None)
    row = measure.cost("lenet", options)
    header = results.resources.files("d2lite").joinpath(results.COSTS).read_text("utf-8").splitlines()[0]
    assert row.keys() == set(header.split(",")) and row["parameters"] == 61_706
    assert int(row["images_per_second"]) > 0 and int(row["memory_mb"]) >= 0


def test_the_stored_tables_are_whole():
    for row in results.stored():
        assert row["network"] in {r.name for r in d2l.recipes()} and row["recipe"] in KINDS
        assert 0 <= row["test_acc"] <= 1 and row["epochs"] > 0 and row["device"] and row["date"]
    for row in results.stored(results.COSTS):
        assert row["parameters"] > 0 and row["macs"] > 0 and row["images_per_second"] > 0
