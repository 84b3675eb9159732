"""Kinds of recipes, networks from recipes, and the tables of what was measured."""

import csv
import itertools
import sys
from fnmatch import fnmatch
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from storedruns import RUN, read_from, store, store_answers
from torch import nn

import d2lite as d2l
from d2lite.nets import measurements as results
from d2lite.nets import tables
from d2lite.nets.catalog import KINDS, LADDER, MAINLINE
from tools import project

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PUBLISHED = [
    (network, row)
    for network in ("vgg16_unpadded", "alexnet", "vgg11", "vgg11_quarter", "nin", "googlenet", "lenet_batch_norm",
                    "resnet18", "resnet26", "densenet")
    for row in d2l.published(network)
]  # fmt: skip
DATA = {"Fashion-MNIST": "fashion_mnist", "MNIST": "mnist", "CIFAR-10": "cifar10"}


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
    with tables.resources.files("d2lite.nets").joinpath("published.csv").open(encoding="utf-8") as file:
        assert {row["network"] for row in csv.DictReader(file)} == {network for network, _ in PUBLISHED}


def test_the_published_network_is_the_one_of_the_listing():
    recipe = d2l.recipe("nin", "published")
    net = d2l.build(recipe, 1, 10, 67)
    assert net(torch.randn(2, 1, 67, 67)).min() >= 0 and isinstance(net.features[-1][-1], nn.ReLU)
    assert not isinstance(d2l.build(d2l.recipe("nin"), 1, 10, 67).features[-1][-1], nn.ReLU)


def test_kinds_replace_what_they_name_and_nothing_else():
    book, mainline = d2l.recipe("resnet18"), d2l.recipe("resnet18", "mainline")
    assert mainline.factory == book.factory and mainline.name == "resnet18"
    shared = [vars(d2l.recipe(name, "mainline")) for name in MAINLINE]
    differing = {key for row in shared for key in row if row[key] != shared[0][key]}
    assert differing <= {"name", "factory", "lr"}, "the main line compares networks, each at its own rate"
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
    assert set(KINDS) == {"book", "published", "mainline", "ten_minutes", *LADDER}


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


@pytest.mark.parametrize("name", ["lenet", None, 3, nn.Linear])
def test_a_name_is_no_recipe(name):
    with pytest.raises(ValueError, match=r"recipe is .*: give one, such as d2l.recipe\('lenet'\)"):
        d2l.build(name, 1, 10, 28)


def test_results_put_published_measured_and_own_rows_together(tmp_path, monkeypatch):
    book = {"recipe": "book", "dataset": "MNIST", "images": 4096, "epochs": 3, "test_acc": 0.91}
    runs = [book, {**book, "seed": 1, "test_acc": 0.93}, {**book, "recipe": "modern"}, {**book, "network": "lenet"}]
    read_from(monkeypatch, store(tmp_path, runs))
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


def test_results_of_the_main_line_stand_between_published_and_book(tmp_path, monkeypatch):
    book = {"recipe": "book", "dataset": "Fashion-MNIST", "images": 55_000}
    runs = [book, {"test_acc": 0.7}, {"seed": 1, "test_acc": 0.8}, {"recipe": "modern"}, {"network": "lenet"}]
    read_from(monkeypatch, store(tmp_path, runs))
    frame = d2l.results("nin")
    assert list(frame.recipe) == ["published", "published", "mainline", "book"]
    assert list(frame.source) == ["modern CNN lecture slides"] * 2 + ["this book"] * 2
    assert list(frame.test_acc)[2:] == [0.75, 0.79] and frame.dataset[2] == "CIFAR-10 (JPEG q75 copy)"


def test_every_published_result_has_a_row_and_our_run_beside_it(tmp_path, monkeypatch):
    cifar, theirs = {"test_acc": 0.7}, {"recipe": "published", "input_px": 224, "test_acc": 0.51}
    runs = [
        {**cifar, "network": "alexnet"}, {**cifar, "network": "alexnet", "seed": 1, "test_acc": 0.75},
        cifar, theirs,  # of NiN: with their recipe there is a run
        {"recipe": "book", "dataset": "MNIST", "images": 4096, "test_acc": 0.9},
        {"recipe": "book", "dataset": "MNIST", "images": 55_000, "epochs": 2, "test_acc": 0.99},
        {"network": "vgg11", "recipe": "modern"}, {"network": "resnet26", "recipe": "book", "dataset": "MNIST"},
    ]  # fmt: skip
    read_from(monkeypatch, store(tmp_path, runs))
    frame = results.published_table()
    assert len(frame) == len(PUBLISHED)
    rows = frame.set_index(["network", "dataset"])
    alexnet, nin, mnist = (rows.loc[key] for key in (("alexnet", "CIFAR-10"), ("nin", "CIFAR-10"), ("nin", "MNIST")))
    assert (alexnet.recipe, alexnet.our_px, alexnet.our_images, alexnet.seeds) == ("mainline", 72, 45_000, 2)
    assert (alexnet.test_acc, alexnet.our_acc) == pytest.approx((0.7768, 0.725))
    assert alexnet.difference == pytest.approx(0.725 - 0.7768) and alexnet.device == "NVIDIA H200"
    assert (nin.recipe, nin.our_px, nin.our_acc, nin.same_network) == ("published", 224, 0.51, True)
    assert (mnist.recipe, mnist.our_epochs, mnist.our_acc, mnist.same_network) == ("book", 2, 0.99, False)
    without = frame[frame.recipe == ""]
    assert {"vgg11", "resnet26"} <= set(without.network) and without.difference.isna().all() and not without.seeds.any()


def test_what_was_not_measured_is_nan(tmp_path, monkeypatch):
    read_from(monkeypatch, store(tmp_path, [{"images": "", "val_acc": ""}], [{"macs": "", "memory_mb": ""}]))
    (run,), (cost,) = d2l.measured(), tables.table("costs.csv")
    missing = [key for row in (run, cost) for key, value in row.items() if value != value]
    assert missing == ["images", "val_acc", "train_seconds", "macs", "memory_mb"]
    assert (run["epochs"], run["test_acc"], cost["channels"], cost["parameters"]) == (10, 0.79, 3, 2_000_000)
    assert len(d2l.results("nin")) == 3, "a row without a number is still a row"


def test_predictions_come_back_as_they_were_stored(tmp_path, monkeypatch):
    store(tmp_path)
    right = np.array([True, False, True, True])
    for seed, answers in ((10, right), (2, ~right)):
        store_answers(tmp_path, "vgg11_quarter", seed, answers)
    read_from(monkeypatch, tmp_path)
    found = d2l.predictions("vgg11_quarter", 10)
    assert found.predicted.tolist() == [0, 2, 2, 3] and found.predicted.dtype == np.int64
    assert found.probability == pytest.approx([0.8] * 4) and (found.network, found.seed) == ("vgg11_quarter", 10)
    assert found.right.tolist() == right.tolist() and d2l.test_labels().tolist() == [0, 1, 2, 3]
    assert results.stored_seeds() == {"vgg11_quarter": [2, 10]}


def test_predictions_that_are_not_stored_are_told_from_those_that_are(tmp_path, monkeypatch):
    read_from(monkeypatch, tmp_path)
    with pytest.raises(ValueError, match="'nin' are stored. Stored: none"):
        d2l.predictions("nin", 0)
    store(tmp_path)
    for network, seed in (("nin", 0), ("nin", 1), ("lenet", 0)):
        store_answers(tmp_path, network, seed, np.ones(2, bool))
    with pytest.raises(ValueError, match="'nin' with seed 2 are stored, only with seeds 0, 1"):
        d2l.predictions("nin", 2)
    with pytest.raises(ValueError, match="did you mean 'lenet'.*Stored: lenet, nin"):
        d2l.predictions("lennet", 0)


def test_every_file_of_the_package_is_in_the_wheel():
    with (project.ROOT / "pyproject.toml").open("rb") as file:
        packing = tomllib.load(file)["tool"]["setuptools"]
    assert packing["packages"]["find"] == {"include": ["d2lite*"]}, "each folder whose name Python can import"
    files = [path for path in (project.ROOT / "d2lite").rglob("*.*") if path.is_file() and ".pyc" not in path.suffix]
    assert len(files) > 100
    for path in files:
        assert all(map(str.isidentifier, path.parent.relative_to(project.ROOT).parts)), f"{path} is in no package"
        assert path.suffix == ".py" or any(fnmatch(path.name, each) for each in packing["package-data"]["*"]), path


def test_the_stored_tables_are_whole():
    header = tables.resources.files("d2lite.nets").joinpath("measured.csv").read_text("utf-8").splitlines()[0]
    assert header.split(",") == list(RUN), "the tests above read what `make measure` writes"
    for row in tables.table():
        assert row["network"] in {r.name for r in d2l.recipes()} and row["recipe"] in KINDS
        assert 0 <= row["test_acc"] <= 1 and row["epochs"] > 0 and row["device"] and row["date"]
    for row in tables.table("costs.csv"):
        assert row["parameters"] > 0 and row["macs"] > 0 and row["images_per_second"] > 0
