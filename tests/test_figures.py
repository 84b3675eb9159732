"""Figures: shapes that are accepted, what is refused, and the alt text that goes with each."""

import os
import subprocess
import sys
import textwrap

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

import d2lite as d2l
from d2lite.inspect import figures as drawing


@pytest.fixture
def shown(monkeypatch):
    figures = []

    def keep(figure, alt):
        figures.append((figure, alt))
        figure.canvas.draw()

    monkeypatch.setattr(drawing, "show", keep)
    yield figures
    plt.close("all")


@pytest.fixture(scope="module")
def digits():
    return d2l.load("digits", size=8, batch_size=50, device="cpu")


def titles(figure):
    return [ax.get_title() for ax in figure.axes if ax.get_title()]


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 1, 8, 8), (5, 3, 8, 8)])
def test_images_of_each_shape(shown, shape):
    d2l.show_images(torch.rand(shape), torch.arange(5), rows=2, columns=3, classes=list("abcde"))
    figure, alt = shown[0]
    assert titles(figure) == list("abcde") and "a, b, c, d, e" in alt
    assert sum(bool(ax.images) for ax in figure.axes) == 5


PIXELS = torch.tensor([[[[0, 1], [128, 255]]] * 3] * 2, dtype=torch.uint8)  # (2, 3, 2, 2)
SAME = {
    **{str(kind): PIXELS.to(kind) for kind in (torch.int64, torch.int32, torch.int16, torch.uint16)},
    **{str(kind): PIXELS.to(kind) / 255 for kind in (torch.float32, torch.float64)},
    "computed": PIXELS / 255 * 1.0001 - 1e-5,
    "with a gradient": (PIXELS / 255).requires_grad_(),
    "channels_last": PIXELS.contiguous(memory_format=torch.channels_last),
    "array": PIXELS.numpy(),
    "array backwards": PIXELS.numpy()[::-1],
    "array of int64": PIXELS.numpy().astype(np.int64),
    "array of float64": PIXELS.numpy() / 255,
    "lists": PIXELS.tolist(),
    "list of tensors": list(PIXELS),
}


@pytest.mark.parametrize("form", SAME)
def test_the_same_picture_from_each_form(shown, form):
    d2l.show_images(SAME[form])
    d2l.show_channels(SAME[form][0])
    expected = PIXELS[0].permute(1, 2, 0).numpy() / 255
    assert abs(shown[0][0].axes[0].images[0].get_array() - expected).max() < 2e-4
    assert [text.get_text() for text in shown[1][0].axes[1].texts] == ["0", "1", "128", "255"]


def test_masks_are_black_and_white(shown):
    d2l.show_images(torch.eye(2, dtype=torch.bool)[None])
    assert shown[0][0].axes[0].images[0].get_array().tolist() == [[1, 0], [0, 1]]


NUMBERS = {
    "normalized": (PIXELS / 255 - 0.5) / 0.3,
    "bytes as floats": PIXELS.float(),
    "NaN": torch.full((1, 3, 2, 2), torch.nan),
    "one infinite": torch.tensor([0.0, torch.inf, 0, 0]).expand(1, 3, 1, 4),
    "16 bit": PIXELS.numpy().astype(np.uint16) * 257,
    "negative": PIXELS.long() - 1,
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_that_are_no_picture(shown, kind):
    for draw, images in ((d2l.show_images, NUMBERS[kind]), (d2l.show_channels, NUMBERS[kind][0])):
        with pytest.raises(ValueError, match=r"from .* to .*: give whole numbers in 0…255 or floats in \[0, 1\]"):
            draw(images)
    assert not shown


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 4, 4, dtype=torch.complex64), r"images are torch.complex64: give real numbers"),
        (torch.zeros(2, 4, 4).to_sparse(), r"images are torch.sparse_coo: give dense ones"),
        (torch.zeros(2, 4, 4, device="meta"), "images are on the meta device, without numbers"),
    ],
)
def test_tensors_that_hold_no_plain_numbers(shown, images, message):
    with pytest.raises(ValueError, match=message):
        d2l.show_images(images)
    assert not shown


@pytest.mark.parametrize("name", ["$x^$", "$", "a_b", "\\frac", "%s", "{0}", "two\nlines", "\udcff"])
def test_a_class_of_any_name(shown, name):
    """As folders have them: between two dollars Matplotlib looks for mathematics."""
    d2l.show_images(torch.zeros(2, 4, 4), [0, 1], classes=[name, name])
    assert len(shown) == 1


def test_what_predictions_and_maps_cannot_show(digits):
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 10))
    for data in (None, digits.test, [(torch.zeros(2, 1, 8, 8), torch.zeros(2))]):
        with pytest.raises(ValueError, match="data is a .*give what d2l.load or d2l.wrap returns"):
            d2l.show_predictions(net, data)
    for image in (None, digits, "x.png", torch.zeros(8, 8), torch.zeros(2, 1, 8, 8), torch.zeros(1, 8, 8).byte()):
        with pytest.raises(ValueError, match="the image is .*give a normalized one"):
            d2l.show_feature_maps(net, image, "0")
    with pytest.raises(d2l.InputShapeError, match=r"an input of shape \(1, 1, 9, 9\) does not fit"):
        d2l.show_feature_maps(net, torch.zeros(1, 9, 9), "0")


def test_images_that_cannot_be_drawn(shown):
    last = torch.rand(2, 8, 8, 3)
    for bad in (torch.rand(4), torch.rand(2, 5, 8, 8), torch.rand(0, 1, 8, 8), torch.rand(2, 1, 0, 8), last, last[0]):
        with pytest.raises(ValueError, match="images have shape .*: give"):
            d2l.show_images(bad)
    with pytest.raises(ValueError, match=r"torch.as_tensor\(images\).permute\(0, 3, 1, 2\)"):
        d2l.show_images(last.numpy())
    with pytest.raises(ValueError, match=r"torch.as_tensor\(image\).permute\(2, 0, 1\)"):
        d2l.show_channels(last[0].numpy())
    for bad in (["a"], [[1, 2], [3]], None, PIXELS.numpy().astype(">u2"), [torch.rand(1, 2, 2), torch.rand(1, 3, 3)]):
        with pytest.raises(ValueError, match="give"):
            d2l.show_images(bad)
    for wrong in ({"rows": 0}, {"columns": -1}, {"rows": 1.5}, {"columns": True}):
        with pytest.raises(ValueError, match="give a whole number from 1"):
            d2l.show_images(torch.rand(2, 8, 8), **wrong)
    assert not shown


def test_labels_that_name_no_image(shown):
    images = torch.rand(3, 8, 8)
    with pytest.raises(ValueError, match="3 images, but 2 labels: give one label an image"):
        d2l.show_images(images, ["a", "b"])
    for bad in (torch.eye(3), torch.arange(3)[:, None], torch.tensor(3), 3):
        with pytest.raises(ValueError, match="3 images, but labels of shape .*: give one label an image"):
            d2l.show_images(images, bad)
    for bad in ([0, 1, -1], torch.tensor([0, 1, 2]), np.array([5, 0, 0])):
        with pytest.raises(ValueError, match=r"label (-1|2|5) has no name: give labels 0 to 1"):
            d2l.show_images(images, bad, classes=["cat", "dog"])
    assert not shown
    d2l.show_images(images, [1, 0, "?", -1], classes=["cat", "dog"])
    assert titles(shown[0][0]) == ["dog", "cat", "?"], "labels of images that are not there do not matter"


def test_denormalize_wants_what_was_normalized(digits):
    X, _ = digits.test.batch(range(2))
    assert torch.equal(digits.denormalize(X.numpy()), digits.denormalize(X))
    for bad in (digits.test.images[:2], X.expand(2, 3, 8, 8), X.permute(0, 2, 3, 1), X[0, 0]):
        with pytest.raises(ValueError, match=r"give normalized images, float \(N, 1, H, W\)"):
            digits.denormalize(bad)


def test_channels_carry_their_values(shown):
    image = torch.arange(48, dtype=torch.uint8).reshape(3, 4, 4)
    d2l.show_channels(image)
    figure, alt = shown[0]
    assert titles(figure) == ["all three channels", "red", "green", "blue"] and "red, green and blue" in alt
    assert [text.get_text() for text in figure.axes[1].texts] == [str(value) for value in range(16)]
    d2l.show_channels(torch.zeros(3, 32, 32, dtype=torch.uint8))
    assert not shown[1][0].axes[1].texts, "values of a large image would be unreadable"
    with pytest.raises(ValueError, match="one color image"):
        d2l.show_channels(torch.zeros(1, 4, 4))


class Always(nn.Module):
    """Predicts one class, whatever it sees."""

    def __init__(self, label):
        super().__init__()
        self.label = label

    def forward(self, X):
        return nn.functional.one_hot(torch.full((len(X),), self.label), 10).float()


def test_predictions_without_a_name(shown, digits):
    class Many(Always):
        def forward(self, X):
            return nn.functional.one_hot(torch.full((len(X),), 17), 1000).float()

    with pytest.raises(ValueError, match="label 17 has no name: give labels 0 to 9"):
        d2l.show_predictions(Many(0), digits)
    with pytest.raises(ValueError, match="columns is 0"):
        d2l.show_predictions(Always(3), digits, columns=0)


def test_predictions_name_right_and_wrong(shown, digits):
    d2l.show_predictions(Always(3), digits, rows=2, columns=8)
    d2l.show_predictions(Always(3), digits, rows=1, columns=4, only_wrong=True)
    _, y = digits.test.batch(range(16))
    right = int((y == 3).sum())
    assert f"{right} are right, {16 - right} wrong" in shown[0][1]
    assert titles(shown[0][0])[0] == ("3" if y[0] == 3 else f"3\nnot {int(y[0])}")
    assert all("not" in title for title in titles(shown[1][0]))


def test_feature_maps_of_a_named_layer(shown, digits):
    net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 10)).train()
    X, _ = digits.test.batch(0)
    d2l.show_feature_maps(net, X[0], "1", channels=4, columns=2)
    figure, alt = shown[0]
    expected = net[:2](X)[0, 1].detach()
    assert torch.allclose(torch.tensor(figure.axes[1].images[0].get_array().data), expected, atol=1e-6)
    assert "4 feature maps of layer 1, each 6 by 6" in alt
    assert net.training and not net[1]._forward_hooks
    with pytest.raises(ValueError, match="no layer 'conv1': choose one of 0, 1"):
        d2l.show_feature_maps(net, X, "conv1")
    with pytest.raises(ValueError, match="choose one that puts out"):
        d2l.show_feature_maps(net, X, "3")
    for bad in (X[0, 0], X[0].byte(), torch.cat([X, X])):
        with pytest.raises(ValueError, match="give a normalized one"):
            d2l.show_feature_maps(net, bad, "0")
    with pytest.raises(ValueError, match="puts out NaN or infinity"):
        d2l.show_feature_maps(net, X * torch.nan, "0")
    with pytest.raises(ValueError, match="channels is 0: give a whole number from 1"):
        d2l.show_feature_maps(net, X, "0", channels=0)


class Leftovers(nn.Module):
    """A layer that puts out two tensors, and one that is never called."""

    def __init__(self):
        super().__init__()
        self.two, self.unused = nn.LSTM(8, 10, batch_first=True), nn.Conv2d(1, 1, 1)

    def forward(self, X):
        return self.two(X.flatten(1, 2))[0][:, -1]


def test_layers_without_maps(digits):
    X, _ = digits.test.batch(0)
    for layer in ("two", "unused"):
        with pytest.raises(ValueError, match=f"layer '{layer}' puts out .*: choose one that puts out"):
            d2l.show_feature_maps(Leftovers(), X, layer)


@pytest.mark.slow
def test_a_terminal_gets_a_window(tmp_path):
    """In IPython too, of which only a notebook can show pictures; where one types on, it stays."""
    code = """
        import matplotlib.pyplot as plt, torch, d2lite as d2l
        plt.show = lambda: print("a window with", plt.get_fignums())
        for interactive in (plt.ioff, plt.ion):
            interactive()
            d2l.show_images(torch.rand(2, 8, 8))
            print("left", plt.get_fignums())
        d2l.tell("**{a}** told", a=1)
    """
    env = os.environ | {"MPLBACKEND": "agg", "IPYTHONDIR": str(tmp_path), "PYTHONPATH": os.getcwd()}
    for program in (["-m", "IPython"], []):
        command = [sys.executable, *program, "-c", textwrap.dedent(code)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        assert done.stdout == "a window with [1]\nleft []\na window with [1]\nleft [1]\n**1** told\n"


def test_tests_draw_without_a_screen():
    assert matplotlib.get_backend().lower() == "agg"
