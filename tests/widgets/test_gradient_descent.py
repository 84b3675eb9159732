"""The gradient-descent board: the walk is PyTorch's, and the page shows the same one."""

import pytest
import torch

from d2lite.widgets import GradientDescent
from d2lite.widgets.gradient_descent import START, STEPS, descend, loss


@pytest.mark.parametrize("lr, momentum, curvature", [(0.18, 0.0, 10.0), (0.05, 0.9, 20.0), (0.3, 0.5, 3.0)])
def test_the_walk_is_that_of_torch(lr, momentum, curvature):
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=lr, momentum=momentum)
    for point in descend(lr, momentum, curvature):
        assert point == pytest.approx(w.tolist(), abs=1e-9)
        optimizer.zero_grad()
        ((w[0] ** 2 + curvature * w[1] ** 2) / 2).backward()
        optimizer.step()


def test_the_page_shows_the_same_numbers(mounted):
    page = mounted.open(GradientDescent())
    for settings in ({"lr": 0.1}, {"momentum": 0.9}, {"curvature": 25.0}):
        for trait, value in settings.items():
            page.set(trait, value)
        lr, momentum, curvature = (page.get(name) for name in ("lr", "momentum", "curvature"))
        end = descend(lr, momentum, curvature)[-1]
        assert page.result["end"] == pytest.approx(end, rel=1e-9, abs=1e-12)
        assert page.result["loss"] == pytest.approx(loss(end, curvature), rel=1e-9)
        assert page.result["limit"] == pytest.approx(2 * (1 + momentum) / curvature)


def test_mouse_and_keyboard(mounted):
    page = mounted.open(GradientDescent())
    page.press("lr", "ArrowRight", 10)
    assert page.get("lr") == pytest.approx(0.2) and "limit, 0.2" in page.say
    page.drag("momentum", 0.9)
    assert 0.8 < page.get("momentum") < 0.99
    page.press("lr", "End")
    assert page.get("lr") == 0.4 and "above" in page.say
    assert page.page.locator("circle").count() == STEPS + 1


@pytest.mark.parametrize(
    "lr, momentum, curvature, told",
    [
        (0.1, 0.5, 30, "The rate is at its limit, 0.1: in the steep direction the walk never settles."),
        (0.102, 0.5, 30, "The rate is above 0.1: each step overshoots"),
        (0.098, 0.5, 30, "Below a rate of 0.1 it converges."),
        (0.06, 0.0, 30, "The rate is close to its limit, 0.067"),
        (0.056, 0.0, 30, "Below a rate of 0.067 it converges."),
        (0.2, 0.0, 10, "The rate is at its limit, 0.2:"),
        (0, 0.0, 30, "At a rate of 0 nothing moves."),
    ],
)
def test_the_limit_is_told(mounted, lr, momentum, curvature, told):
    page = mounted.open(GradientDescent(lr=lr, momentum=momentum, curvature=curvature))
    assert told in page.say


def test_numbers_are_written_for_readers(mounted):
    page = mounted.open(GradientDescent(curvature=30))
    assert "the loss is about 10⁵³" in page.say and "(it began at 134)" in page.say
    page.set("lr", 0.4)
    assert "the loss is about 10⁸⁵" in page.say
    page.set("lr", 0.07)
    assert "the loss is 190,000" in page.say
    page.set("curvature", 1)
    page.set("lr", 0.3)
    assert "the loss is about 10⁻¹¹" in page.say
    assert [page.page.locator("text").nth(place).inner_html() for place in range(4)] == ["10⁻⁶", "0.001", "1", "1,000"]


@pytest.mark.parametrize("trait", ["lr", "momentum", "curvature"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", -1e9, 1e9, 0, None, "many"])
def test_nonsense_is_brought_back(mounted, trait, value):
    page = mounted.open(GradientDescent())
    page.set(trait, value)
    assert "cannot be drawn" not in page.say and page.say.startswith("After")


def test_python_brings_nonsense_back_too():
    board = GradientDescent(lr=float("nan"), momentum=7, curvature="steep")
    assert (board.lr, board.momentum, board.curvature) == (0.18, 0.99, 10.0)
    assert repr(GradientDescent()) == "GradientDescent(curvature=10.0, lr=0.18, momentum=0.0)"
