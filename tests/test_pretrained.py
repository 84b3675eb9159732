"""The trained network that ships with the package: what it is, where it comes from, and how it is made."""

import numpy as np
import pytest
import torch

import d2lite as d2l
from d2lite import data
from d2lite.nets import weights
from tools import pretrain


def test_it_is_small_and_says_where_it_comes_from():
    found = d2l.pretrained()
    assert weights.FILE.stat().st_size <= 1.5e6
    assert len(found.classes) == 8 and found.left_out == weights.LEFT_OUT and not {*found.classes} & {*found.left_out}
    assert (found.size, len(found.mean), len(found.std)) == (32, 3, 3) and found.dataset.startswith("CIFAR-10")
    assert 35_000 < found.images < 37_000 and found.test_accuracy > 0.7
    told = repr(found)
    assert found.dataset in told and "never saw: dog, horse" in told and f"{found.test_accuracy:.4f}" in told


def test_each_call_gives_a_network_of_its_own_that_is_ready():
    one, other = d2l.pretrained().net, d2l.pretrained().net
    assert not one.training and next(one.parameters()).dtype == torch.float32
    X = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = other(X)
        next(one.parameters()).zero_()
        assert before.shape == (2, 8) and torch.equal(other(X), before) and not torch.equal(one(X), before)


@pytest.mark.slow(10)
@pytest.mark.skipif(
    not data.is_available("cifar10"), reason="tests of images (no CIFAR-10 here): run `d2lite data cifar10`"
)
def test_it_is_as_accurate_as_it_says(monkeypatch):
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    found = d2l.pretrained()
    own = pretrain.without(d2l.load("cifar10", batch_size=500, device="cpu"), found.left_out)
    assert (
        own.classes == found.classes and own.mean == pytest.approx(found.mean) and own.std == pytest.approx(found.std)
    )
    assert d2l.evaluate(found.net, own.test).accuracy == pytest.approx(found.test_accuracy, abs=2e-3)


def test_classes_are_left_out_and_the_others_numbered_anew():
    digits = d2l.load("digits", batch_size=16, device="cpu")
    fewer = pretrain.without(digits, ("3", "8"))
    assert fewer.classes == ("0", "1", "2", "4", "5", "6", "7", "9")
    for part in ("train", "val", "test"):
        old, new = getattr(digits, part), getattr(fewer, part)
        kept = [digits.classes[label] in fewer.classes for label in old.labels]
        assert torch.equal(new.images, old.images[torch.tensor(kept)])
        names = [digits.classes[label] for label, keep in zip(old.labels, kept) if keep]
        assert [fewer.classes[label] for label in new.labels] == names


def test_what_is_written_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FILE", tmp_path / "weights.npz")
    net = d2l.build(d2l.recipe("resnet8_narrow"), 3, 2, 32)
    facts = {
        "classes": ["a", "b"], "left_out": ("c",), "size": 32, "mean": [0.5] * 3, "std": [0.25] * 3, "images": 5,
        "network": "resnet8_narrow", "dataset": "x", "epochs": 1, "seed": 2, "test_accuracy": 0.5, "torch": "2",
    }  # fmt: skip
    state = {name: value.numpy().astype(np.float16) for name, value in net.state_dict().items()}
    pretrain.write(facts, state)
    found = d2l.pretrained()
    assert (found.classes, found.left_out, found.seed) == (("a", "b"), ("c",), 2)
    for name, value in found.net.state_dict().items():
        assert torch.equal(value.float(), torch.from_numpy(state[name]).float()), name
