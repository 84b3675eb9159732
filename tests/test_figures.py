"""Figures: shapes that are accepted, what is refused, and the alt text that goes with each."""

import matplotlib
import matplotlib.pyplot as plt
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


def test_bytes_and_fractions_look_the_same(shown):
    pixels = torch.randint(0, 256, (1, 3, 4, 4), dtype=torch.uint8)
    d2l.show_images(pixels)
    d2l.show_images(pixels / 255)
    first, second = (figure.axes[0].images[0].get_array() for figure, _ in shown)
    assert abs(first - second).max() < 1e-6


def test_images_that_cannot_be_drawn(shown):
    for bad in (torch.rand(4), torch.rand(2, 5, 8, 8), torch.rand(0, 1, 8, 8)):
        with pytest.raises(ValueError, match="give"):
            d2l.show_images(bad)
    with pytest.raises(ValueError, match="5 images, but 2 labels"):
        d2l.show_images(torch.rand(5, 8, 8), ["a", "b"])
    assert not shown


def test_channels_carry_their_values(shown):
    image = torch.arange(48, dtype=torch.uint8).reshape(3, 4, 4)
    d2l.show_channels(image)
    figure, alt = shown[0]
    assert titles(figure) == ["all three channels", "red", "green", "blue"] and "red, green and blue" in alt
    assert [text.get_text() for text in figure.axes[1].texts] == [str(value) for value in range(16)]
    d2l.show_channels(torch.zeros(3, 32, 32, dtype=torch.uint8))
    assert not shown[1][0].axes[1].texts, "values of a large image would be unreadable"
    with pytest.raises(ValueError, match="one colour image"):
        d2l.show_channels(torch.zeros(1, 4, 4))


class Always(nn.Module):
    """Predicts one class, whatever it sees."""

    def __init__(self, label):
        super().__init__()
        self.label = label

    def forward(self, X):
        return nn.functional.one_hot(torch.full((len(X),), self.label), 10).float()


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
    assert torch.allclose(torch.tensor(figure.axes[1].images[0].get_array().data), expected)
    assert "4 feature maps of layer 1, each 6 by 6" in alt
    assert net.training and not net[1]._forward_hooks
    with pytest.raises(ValueError, match="no layer 'conv1': choose one of 0, 1"):
        d2l.show_feature_maps(net, X, "conv1")
    with pytest.raises(ValueError, match="choose one that puts out"):
        d2l.show_feature_maps(net, X, "3")


def test_tests_draw_without_a_screen():
    assert matplotlib.get_backend().lower() == "agg"
