"""The places of a kernel: as many as PyTorch's convolution has outputs, and the page shows the same ones."""

import pytest
import torch
from torch import nn

from d2lite.widgets import NewName
from d2lite.widgets.new_name import PIXELS, starts

SETTINGS = [(kernel, stride) for kernel in range(1, 8) for stride in range(1, 5)]


@pytest.mark.parametrize(("kernel", "stride"), SETTINGS)
def test_the_places_are_those_of_torch(kernel, stride):
    conv = nn.Conv1d(1, 1, kernel, stride, bias=False)
    nn.init.ones_(conv.weight)
    first = torch.tensor(starts(kernel, stride))
    row = torch.arange(PIXELS).float()[None]
    expected = kernel * first + kernel * (kernel - 1) / 2  # the sum of the pixel numbers below the kernel
    assert torch.equal(conv(row)[0].detach(), expected)


def test_the_page_shows_the_same_places(mounted):
    page = mounted.open(NewName())
    for kernel, stride in SETTINGS:
        page.set("kernel", kernel)
        page.set("stride", stride)
        places = starts(kernel, stride)
        assert page.result == {"places": places, "left": PIXELS - places[-1] - kernel}
        assert page.page.locator("rect").count() == PIXELS + len(places)
        assert f"fits at {len(places)} places" in page.say


def test_mouse_and_keyboard(mounted):
    page = mounted.open(NewName())
    assert "The last pixel is never covered." in page.say
    page.press("kernel", "ArrowRight")
    assert page.get("kernel") == 4 and "ends at the last pixel" in page.say
    page.press("stride", "End")
    assert page.get("stride") == 4
    page.drag("kernel", 0.95)
    assert page.get("kernel") == 7 and "The last pixel is never covered." in page.say


@pytest.mark.parametrize("trait", ["kernel", "stride"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", -1e9, 1e9, 0, 2.5, None, "many"])
def test_nonsense_is_brought_back(mounted, trait, value):
    page = mounted.open(NewName())
    page.set(trait, value)
    assert page.say.startswith("The kernel fits at ") and len(page.result["places"]) >= 1


def test_python_brings_nonsense_back_too():
    board = NewName(kernel=float("nan"), stride=100)
    assert (board.kernel, board.stride) == (3, 4)
    assert NewName().alt and NewName().picture().axes
