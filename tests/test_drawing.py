"""Whole networks as rows of slabs: what is drawn, to which scale, and what the alt text says."""

import itertools

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from torch import nn

import d2lite as d2l
from d2lite.inspect import drawing
from d2lite.inspect.trace import InputShapeError
from d2lite.models.alexnet import AlexNet
from d2lite.models.batch_norm import BatchNorm, lenet_batch_norm
from d2lite.models.data_and_training import lenet
from d2lite.models.nin import NiN
from d2lite.models.resnet import Residual, resnet18


@pytest.fixture
def shown(monkeypatch):
    figures = []
    monkeypatch.setattr(drawing, "show", lambda figure, alt: figures.append((figure, alt)))
    yield figures
    plt.close("all")


def slabs(ax):
    """Of each slab its color, left edge, width and height."""
    rectangles = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    return [(to_hex(r.get_facecolor()).upper(), r.get_x(), r.get_width(), r.get_height()) for r in rectangles]


def test_lenet_and_alexnet_to_one_scale(shown):
    d2l.show_networks({"LeNet": (lenet(size=28), (1, 1, 28, 28)), "AlexNet": (AlexNet(3, 10, 224), (1, 3, 224, 224))})
    [(figure, alt)] = shown
    small, large = figure.axes
    colors = [[color for color, *_ in slabs(ax)] for ax in (small, large)]
    blue, gray, green = (drawing.COLORS[kind] for kind in (drawing.CONVOLUTION, drawing.POOLING, drawing.LINEAR))
    assert colors[0] == [blue, gray, blue, gray, green, green, green]
    assert colors[1] == [blue, gray, blue, gray, blue, blue, blue, gray, green, green, green]
    heights = [[round(height**2) for color, *_, height in slabs(ax) if color != green] for ax in (small, large)]
    assert heights == [[28, 14, 10, 5], [54, 26, 26, 12, 12, 12, 12, 5]]
    assert small.get_xlim() == large.get_xlim() and small.get_ylim() == large.get_ylim(), "one scale"
    words = "11×11 with 96 channels at 54 px, pooled to 26 px, then 5×5 with 256 channels at 26 px, pooled to 12 px"
    assert words in alt and "3 × 3×3 with 384, 384 and 256 channels at 12 px" in alt
    assert "3 × 3×3\n384, 384, 256 ch." in [text.get_text() for text in large.texts]
    assert "linear layers of 120, 84, 10 units" in alt


def test_normalization_is_thinner_than_the_layer_before(shown):
    d2l.show_networks({"LeNet + BatchNorm": (lenet_batch_norm(), (1, 1, 28, 28))}, blocks=(BatchNorm,))
    [(figure, alt)] = shown
    drawn = slabs(figure.axes[0])
    norms = [at for at, (color, *_) in enumerate(drawn) if color == drawing.COLORS[drawing.NORM]]
    assert len(norms) == 4 and all(
        drawn[at][2] < drawn[at - 1][2] / 2 and drawn[at][3] == drawn[at - 1][3] for at in norms
    )
    assert drawing.NORM in [text.get_text() for text in figure.legends[0].texts]
    assert "linear layers of 120, BatchNorm, 84, BatchNorm, 10 units" in alt


def test_nothing_overlaps_and_everything_is_inside(shown):
    networks = {"NiN": (NiN(3, 10, 224), (1, 3, 224, 224)), "ResNet-18": (resnet18(3), (1, 3, 224, 224))}
    d2l.show_networks(networks, blocks=(Residual,))
    [(figure, alt)] = shown
    figure.canvas.draw()
    for ax in figure.axes:
        edges = [(left, left + width) for _, left, width, _ in slabs(ax)]
        assert all(end < start for (_, end), (start, _) in itertools.pairwise(edges))
        boxes = [text.get_window_extent() for text in ax.texts]
        assert not [1 for i, one in enumerate(boxes) for other in boxes[:i] if one.overlaps(other)], "labels overlap"
        assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert "2 × Residual with 64 channels at 56 px" in alt and "11×11, 2 × 1×1 with 96 channels" in alt
    names = [text.get_text() for text in figure.legends[0].texts]
    assert names == [drawing.CONVOLUTION, drawing.POINTWISE, drawing.BLOCK, drawing.POOLING, drawing.LINEAR]


@pytest.mark.parametrize(("networks", "message"), [
    ({}, "no network to draw"),
    ({"Empty": (nn.Flatten(), (1, 3, 8, 8))}, "Empty has no convolution, pooling or linear layer"),
])  # fmt: skip
def test_nothing_to_draw_is_said(networks, message):
    with pytest.raises(ValueError, match=message):
        d2l.show_networks(networks)


def test_an_image_that_does_not_fit_is_named():
    with pytest.raises(InputShapeError, match="3 channels"):
        d2l.show_networks({"LeNet": (lenet(size=28), (1, 3, 28, 28))})
