"""Device, profile, seeds, recipes and the command line."""

import dataclasses
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

import d2lite as d2l
from d2lite.__main__ import main
from d2lite.machine.seeds import last_seed
from d2lite.nets import catalog, measurements


def test_profile(monkeypatch):
    monkeypatch.delenv("D2LITE_PROFILE", raising=False)
    assert d2l.profile() == ("full" if torch.cuda.is_available() else "quick")
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    assert d2l.profile() == "full"
    monkeypatch.setenv("D2LITE_PROFILE", "fast")
    with pytest.raises(ValueError, match="'fast'.*'quick' or 'full'"):
        d2l.profile()


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_seeds_repeat_and_differ(monkeypatch):
    monkeypatch.delenv("D2LITE_SEED", raising=False)
    d2l.seed_everything(5)
    first = draw()
    d2l.seed_everything(5)
    assert draw() == first
    monkeypatch.setenv("D2LITE_SEED", "1")
    d2l.seed_everything(5)
    assert torch.initial_seed() == 6
    assert all(a != b for a, b in zip(draw(), first))
    monkeypatch.setenv("D2LITE_SEED", "")
    d2l.seed_everything(5)
    assert torch.initial_seed() == 5
    monkeypatch.setenv("D2LITE_SEED", "one")
    with pytest.raises(ValueError, match="whole number"):
        d2l.seed_everything(5)


@pytest.mark.parametrize("seed", [np.int64(5), np.array(5), torch.tensor(5), 5])
def test_a_seed_is_a_whole_number(seed, monkeypatch):
    monkeypatch.delenv("D2LITE_SEED", raising=False)
    d2l.seed_everything(seed)
    assert torch.initial_seed() == last_seed() == 5
    for wrong in (True, np.bool_(True), 0.5, np.float64(1), "1", None):
        with pytest.raises(ValueError, match="the seed is .*: give a whole number"):
            d2l.seed_everything(wrong)
    for wrong in (2**64, -(2**63) - 1, 10**400):
        with pytest.raises(ValueError, match="up to 64 bits"):
            d2l.seed_everything(wrong)
    assert last_seed() == 5
    for extreme in (2**64 - 1, -(2**63), np.uint64(2**64 - 1)):
        d2l.seed_everything(extreme)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu"), (True, False, "cuda")],
)
def test_device_order(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert d2l.device().type == expected


def test_provenance_names_what_matters():
    facts = d2l.provenance()
    assert torch.__version__ in str(facts) and facts.profile in ("quick", "full")
    assert "<th" in facts._repr_html_()


def test_numbers_for_a_network_are_whole():
    recipe = d2l.recipe("lenet")
    assert d2l.build(recipe, np.int64(3), np.int64(10), np.int64(28))[0].in_channels == 3
    for wrong in ({"in_channels": True}, {"num_classes": 2.5}, {"size": 0}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is .*: give a whole number from 1"):
            d2l.build(recipe, **{"in_channels": 1, "num_classes": 10, "size": 28, **wrong})


def test_a_long_run_is_announced(monkeypatch, capsys):
    rows = [{"network": "lenet", "device": "CPU, 2 threads", "images_per_second": 10.0, "macs": 416_520}]
    monkeypatch.setattr(measurements, "table", lambda name: rows)
    monkeypatch.setattr(measurements, "device_name", lambda: "CPU, 1 thread")
    monkeypatch.setattr(d2l, "fit", lambda *arguments, **options: d2l.History())
    assert main(["train", "lenet", "--data", "digits", "--profile", "full", "--epochs", "10"]) == 0
    assert "about 21 minutes at 28 px (0.417 M MACs an image)" in capsys.readouterr().out  # 12,570 images
    monkeypatch.setattr(measurements, "device_name", lambda: "NVIDIA H200")
    assert main(["train", "lenet", "--data", "digits", "--profile", "full", "--epochs", "10"]) == 0
    assert "about" not in capsys.readouterr().out


def test_public_names_exist_and_are_documented():
    for name in d2l.__all__:
        assert (getattr(d2l, name).__doc__ or "").strip(), f"{name} has no docstring"


def test_unknown_network_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'vgg11'.*Known: .*lenet"):
        d2l.recipe("vg11")


@pytest.mark.parametrize("row", d2l.recipes(), ids=lambda row: row.name)
def test_every_recipe_builds_a_network_for_its_data(row):
    with torch.device("meta"):
        net = d2l.build(row, 1, 10, row.size)
    assert d2l.summary(net, (2, 1, row.size, row.size)).rows[-1].output_shape == (2, 10)


def test_published_rows():
    rows = d2l.published("lenet_batch_norm")
    assert rows[0]["test_acc"] == 0.861 and rows[0]["epochs"] == 5
    with pytest.raises(ValueError, match="nothing published.*Known"):
        d2l.published("resnext")


def test_train_command(tmp_path, capsys):
    weights, history = tmp_path / "net.pt", tmp_path / "history.json"
    where = ["--save", str(weights), "--history", str(history), "--profile", "quick"]
    code = main(["train", "lenet", "--data", "digits", "--epochs", "2", "--batch-size", "64", *where])
    out = capsys.readouterr().out
    assert code == 0, out
    assert "epoch 2/2" in out and "test accuracy" in out and "on 360 images of" in out
    net = d2l.restore(d2l.build(d2l.recipe("lenet"), 1, 10, 28), weights)
    assert sum(p.numel() for p in net.parameters()) == 61_706
    assert len(d2l.History.load(history)) == 2


@pytest.mark.parametrize("row", d2l.recipes(), ids=lambda row: row.name)
@pytest.mark.slow
def test_every_network_trains_from_the_command_line(row, monkeypatch, capsys):
    few = dataclasses.replace(row, quick_images=4, quick_epochs=1)
    monkeypatch.setitem(catalog._RECIPES, row.name, few)
    size = 212 if row.name == "vgg16_unpadded" else 72
    given = ["--data", "digits", "--size", str(size), "--epochs", "1", "--batch-size", "4", "--profile", "quick"]
    code = main(["train", row.name, *given])
    out = capsys.readouterr().out
    assert code == 0 and " 4 of 1,257 train" in out and "on 2 images of digits" in out


def test_train_command_says_what_is_wrong(capsys, tmp_path):
    assert main(["train"]) == 2
    assert main(["train", "alexnett"]) == 2
    assert main(["train", "lenet", "--data", "fashon_mnist"]) == 2
    assert main(["train", "lenet", "--data", "digits", "--size", "4"]) == 2
    assert main(["train", "lenet", "--data", "digits", "--epochs", "0"]) == 2
    assert main(["train", "lenet", "--save", str(tmp_path / "nowhere" / "net.pt")]) == 2
    errors = capsys.readouterr().err
    assert "--list" in errors and "unknown network 'alexnett'" in errors and "fashion_mnist" in errors
    assert "smallest" in errors and "epochs is 0" in errors and "Make it, or give another path" in errors
    assert "Traceback" not in errors


def test_train_command_with_another_kind_of_recipe(capsys, monkeypatch):
    seen = {}

    def fit(net, data, **options):
        seen.update(options, net=net, augmented=data.train.augment)
        return d2l.History()

    monkeypatch.setattr(d2l, "fit", fit)
    small = ["--data", "digits", "--size", "32", "--profile", "quick"]
    assert main(["train", "resnet18", "--recipe", "modern", *small]) == 0
    assert seen["label_smoothing"] == 0.1 and seen["augmented"]
    assert seen["net"](torch.zeros(2, 1, 32, 32)).shape == (2, 10)
    assert main(["train", "nin", "--recipe", "published", "--data", "digits"]) == 2
    assert "nothing published for 'nin' on 'digits', only on cifar10, mnist" in capsys.readouterr().err
    assert main(["train", "nin", "--recipe", "publishd"]) == 2
    assert "published" in capsys.readouterr().err


def test_train_list(capsys):
    assert main(["train", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(row.name in out for row in d2l.recipes())


@pytest.mark.slow
def test_module_runs_as_a_command():
    result = subprocess.run([sys.executable, "-m", "d2lite", "--help"], capture_output=True, text=True)
    assert result.returncode == 0 and "doctor" in result.stdout


@pytest.mark.slow
def test_numbers_next_to_nothing_do_not_slow_a_cpu_down():
    code = "import torch, d2lite; print((torch.full((64,), 1e-38) * 0.01).sum().item())"
    result = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert float(result.stdout) == 0 or not torch.set_flush_denormal(True)
    assert "subnormal" not in result.stderr, "NumPy before 2 must ask for the smallest number before there is none"
