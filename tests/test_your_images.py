"""The chapter on photographs of one's own: its functions, the page that it hands over, and its exercises."""

import copy
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageOps
from sklearn.linear_model import LogisticRegression
from test_exported_page import assert_agreement, opened, reader  # noqa: F401
from torch import nn
from torch.nn import functional as F

import d2lite as d2l
from tools import pairs

CODE = [cell.source for cell in pairs.read_source("your_images").cells if cell.cell_type == "code"]


def defined(*names, **given):
    """Functions and settings of the chapter, from the cells that define them, beside what these cells need."""
    space = {"torch": torch, "nn": nn, "F": F, "np": np, "pd": pd, "d2l": d2l, "copy": copy, **given}
    for name in names:
        (source,) = [source for source in CODE if f"def {name}(" in source]
        kept = [part for part in source.split("\n\n") if part.startswith(("def ", "@", "RATES", "COLORS"))]
        exec(compile("\n\n".join(kept), "book/your_images.md", "exec"), space)  # the book's own text
    return space


@pytest.fixture(scope="module")
def known():
    return d2l.pretrained()


@pytest.fixture
def net(known):
    """The network of the chapter with a new head for two classes."""
    torch.manual_seed(0)
    net = copy.deepcopy(known.net)
    net.head[-1] = nn.Linear(net.head[-1].in_features, 2)
    return net.eval()


@pytest.fixture
def X():
    return torch.randn(12, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_features_are_what_the_last_layer_reads(known, X):
    body, last = defined("body_of")["body_of"](known.net), known.net.head[-1]
    with torch.no_grad():
        features = body(X)
        assert features.shape == (12, 128)
        torch.testing.assert_close(F.linear(features, last.weight, last.bias), known.net(X))


def test_a_probe_learns_129_numbers():
    probe = LogisticRegression().fit(np.random.default_rng(0).normal(size=(20, 128)), np.arange(20) % 2)
    assert probe.coef_.size + probe.intercept_.size == 129


def test_the_last_layer_takes_over_what_a_probe_learned(net, known, X):
    with torch.no_grad():
        features = defined("body_of")["body_of"](known.net)(X)
        probe = LogisticRegression().fit(features, np.arange(12) % 2)
        defined("start_from_probe", RATES={})["start_from_probe"](net, probe)
        logits = net(X)
    assert (logits[:, 1] - logits[:, 0]).tolist() == pytest.approx(probe.decision_function(features), abs=1e-4)
    assert torch.allclose(logits.sum(1), torch.zeros(12), atol=1e-4)


def test_the_last_layer_takes_over_a_probe_of_three_classes(net, known, X):
    net.head[-1] = nn.Linear(net.head[-1].in_features, 3)
    with torch.no_grad():
        features = defined("body_of")["body_of"](known.net)(X)
        probe = LogisticRegression().fit(features, np.arange(12) % 3)
        defined("start_from_probe", RATES={})["start_from_probe"](net, probe)
        assert net(X).numpy() == pytest.approx(probe.decision_function(features), abs=1e-4)


def test_a_probe_chooses_its_constant_on_validation_images_and_the_smaller_of_equals():
    space = defined("best_probe", LogisticRegression=LogisticRegression)
    space["probe"] = lambda features, labels, C, **more: (features, labels, C, more)
    shares = {0.001: 0.5, 0.01: 0.8, 0.1: 0.9, 1: 0.9, 10: 0.6}
    space["right"] = lambda found, features, labels: {"val": shares[found[2]]}[features]
    found = space["best_probe"](("train", "labels"), ("val", "wanted"), class_weight="balanced")
    assert found == ("train", "labels", 0.1, {"class_weight": "balanced"})


def test_a_scene_is_what_the_camera_took_in_one_go():
    scene = defined("scene")["scene"]
    first, second, later = (f"camera-20260131-1200{name}.jpg" for name in ("00_001", "00_002", "30_001"))
    assert scene(Path("photos/dog", first)) == scene(Path("photos/dog", second)) != scene(Path("photos/dog", later))
    assert scene(Path("photos/dog", first)) != scene(Path("photos/cat", first))


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_batch_norm_keeps_what_it_knew(net, X, frozen):
    norms = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]
    before = [norm.running_mean.clone() for norm in norms]
    space = defined("train")
    trained = space["train"](net, X, torch.arange(12) % 2, steps=2, frozen=frozen)
    same = [torch.equal(norm.running_mean, old) for norm, old in zip(norms, before, strict=True)]
    assert len(norms) == 9 and same == [frozen] * 9 and not trained.training
    assert any(not torch.equal(norm.weight, torch.ones(())) for norm in norms), "scale and shift are trained"


def test_each_part_has_its_own_rate(net, X):
    before = copy.deepcopy(net.state_dict())
    space = defined("train")
    assert list(space["RATES"].values()) == sorted(space["RATES"].values()), "early layers get lower rates"
    space["train"](net, X, torch.arange(12) % 2, steps=3, rates={"stem": 0, "stages": 0, "head": 0.1})
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"head.2.weight", "head.2.bias"}


def test_the_activation_map_is_the_logit_spread_out(net, X):
    with torch.no_grad():
        found, logits, bias = defined("activation_map")["activation_map"](net, X), net(X), net.head[-1].bias
    assert found.shape == (12, 8, 8) and found.flatten(1).std(1).min() > 0
    torch.testing.assert_close(
        found.mean((1, 2)) + bias[1] - bias[0], logits[:, 1] - logits[:, 0], rtol=1e-4, atol=1e-4
    )


def test_a_border_says_the_class_and_leaves_the_rest(X):
    framed = defined("bordered", X=X)["bordered"](X, torch.arange(12) % 2)
    assert torch.equal(framed[..., 2:-2, 2:-2], X[..., 2:-2, 2:-2])
    for edge in (framed[:, :, :2], framed[:, :, -2:], framed[..., :2], framed[..., -2:]):
        assert torch.equal(edge.amax((2, 3)), edge.amin((2, 3))), "of one color"
        red, _, blue = edge[:, :, 0, 0].T
        assert (red > blue).tolist() == [True, False] * 6


def test_one_photograph_is_prepared_as_those_of_its_folder(net, known, tmp_path):
    """A camera's JPEG, which is decoded at a smaller size and turned, and a transparent PNG, which lies on white."""
    noise = np.random.default_rng(0)
    for name in ("dog", "horse"):
        (tmp_path / name).mkdir()
        for i in range(3):
            small = Image.fromarray(noise.integers(0, 256, (30, 40, 3), np.uint8))
            exif = Image.Exif()
            exif[0x112] = 6  # the camera was held on its side
            small.resize((1600, 1200)).save(tmp_path / name / f"{i}.jpg", exif=exif)
            small.putalpha(Image.fromarray(noise.integers(0, 2, (30, 40), np.uint8) * 255))
            small.save(tmp_path / name / f"{i}.png")
    data = d2l.load(tmp_path, size=known.size, batch_size=4, normalize=(known.mean, known.std), device="cpu")
    mean, std = (torch.tensor(each)[:, None, None] for each in (known.mean, known.std))
    given = {"Image": Image, "ImageOps": ImageOps, "data": data, "again": net, "X": torch.zeros(1)}
    classify = defined("classify", mean=mean, std=std, **given)["classify"]
    for split in (data.train, data.val, data.test):
        with torch.no_grad():
            shares, found = net(split.batch(range(split.num_images))[0]).softmax(1).max(1)
        for path, share, label in zip(split.files, shares.tolist(), found.tolist()):
            assert classify(path) == (data.classes[label], pytest.approx(share, abs=1e-5)), path.name


def test_calibration_of_a_network_that_is_too_sure():
    space = defined("reliability")
    sure = torch.tensor([0.6] * 10 + [0.9] * 10)
    logits = torch.stack([sure.log(), (1 - sure).log()], dim=1)
    labels = torch.tensor([0, 1] * 5 + [0] * 9 + [1])
    rows = space["reliability"](logits, labels, bins=2)
    assert rows["images"].tolist() == [10, 10]
    assert rows.sure.tolist() == pytest.approx([0.6, 0.9]) and rows.right.tolist() == pytest.approx([0.5, 0.9])
    assert space["calibration_error"](rows) == pytest.approx(0.05, abs=1e-6)  # float32


def test_the_page_of_a_fine_tuned_network_computes_what_pytorch_does_offline(net, known, reader, tmp_path):  # noqa: F811
    images = torch.randint(256, (12, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    colors = {"mean": known.mean, "std": known.std}
    path = d2l.export_page(net, ("dog", "horse"), tmp_path / "animals.html", size=32, **colors, images=images)
    page = opened(reader, path)
    assert_agreement(page, net, images, **colors)
    assert page.locator("#samples button").count() == 12


# The exercises: what is right, and what each likely mistake is told.


def fold(conv, mean, std, sign=-1, power=-1, bias=True, twin=copy.deepcopy):
    """The function of Exercise 3, or one with a mistake in it."""
    mean, std = (torch.tensor(each)[:, None, None] for each in (mean, std))
    folded = twin(conv)
    with torch.no_grad():
        folded.weight *= std**power
        folded.bias += bias * sign * (folded.weight * mean).sum((1, 2, 3))
    return folded


RIGHT = {1: 645, 2: 1 - 99 / 998 * 98 / 997, 3: fold, 4: 3 / math.log(4)}


@pytest.mark.parametrize(
    ("number", "answer"), [*RIGHT.items(), (1, 645.0), (2, 0.99), (2, 0.9902), (4, 2.16), (4, 2.164)]
)
def test_right_answers(number, answer):
    result = d2l.check(f"your_images-{number}", answer)
    assert result, result


@pytest.mark.parametrize(
    ("number", "answer", "hint"),
    [
        (1, 640, "a bias as well"),
        (1, 1032, "eight classes"),
        (1, 516, "four outputs would do"),
        (1, 133, "each of the 128 features"),
        (1, 100, "each of the five outputs"),
        (2, 0.00975, "the opposite"),
        (2, 0.9008, "two of them"),
        (2, 0.9, "two of them"),
        (2, 0.8114, "one is enough"),
        (2, 0.5, "both sisters have to be"),
        (3, nn.Conv2d(3, 4, 3), "function itself"),
        (3, lambda conv, mean, std: conv.weight, "nn.Conv2d"),
        (3, lambda *given: fold(*given, twin=lambda conv: conv), "work on a copy"),
        (3, lambda *given: fold(*given, sign=1), "wrong sign"),
        (3, lambda *given: fold(*given, power=1), "multiplied by std"),
        (3, lambda *given: fold(*given, bias=False), "the bias is not"),
        (3, lambda conv, mean, std: copy.deepcopy(conv), "other values"),
        (3, lambda conv, mean, std: nn.Conv2d(3, 4, 1), "puts out (2, 4, 6, 5)"),
        (4, math.log(4) / 3, "the temperature divides"),
        (4, math.log(4), "logit of 80%"),
        (4, 1.5, "natural logarithm"),
        (4, 4.98, "natural logarithm"),
        (4, 1.19, "not the probabilities"),
        (4, 7, "divide 3 by T"),
    ],
)  # fmt: skip
def test_wrong_answers_get_a_hint_of_their_own(number, answer, hint):
    result = d2l.check(f"your_images-{number}", answer)
    assert result.status == "wrong" and hint.lower() in result.message.lower(), result


@pytest.mark.parametrize("number", RIGHT)
def test_no_answer_yet(number):
    assert d2l.check(f"your_images-{number}", None).status == "unanswered"
