"""The network of the chapter on new name against functions of torch alone; the chapter's exercises."""

import pytest
import torch
from networks import count, on_meta
from torch.nn import functional as F

import d2lite as d2l
from d2lite.models.new_name import new_name


def test_values_and_gradients_are_those_of_the_definition():
    torch.manual_seed(0)
    net = new_name(3).double()
    X, y = torch.randn(2, 3, 8, 8, dtype=torch.float64), torch.tensor([3, 8])
    first, first_bias, second, second_bias, last, last_bias = net.parameters()
    maps = F.max_pool2d(F.conv2d(X, first, first_bias, padding=1).relu(), 2)
    expected = F.conv2d(maps, second, second_bias, padding=1).relu().mean(dim=(2, 3)) @ last.T + last_bias
    found = []
    for logits in (net(X), expected):
        found.append([logits, *torch.autograd.grad(F.cross_entropy(logits, y), list(net.parameters()))])
    for a, b in zip(*found):
        torch.testing.assert_close(a, b)
        assert a.abs().max() > 0


def test_parameters_do_not_depend_on_the_size():
    assert count(on_meta(new_name)) == 1418
    for size in (2, 8, 31):
        assert on_meta(new_name)(torch.empty(2, 1, size, size, device="meta")).shape == (2, 10)


RIGHT = {1: 1562}


@pytest.mark.parametrize("number", RIGHT)
def test_right_answers(number):
    result = d2l.check(f"new_name-{number}", RIGHT[number])
    assert result, result


@pytest.mark.parametrize(
    ("number", "answer", "hint"), [(1, 1418, "for one channel"), (1, 1528, "a bias"), (1, 10, "add up three layers")]
)
def test_wrong_answers_get_their_hint(number, answer, hint):
    result = d2l.check(f"new_name-{number}", answer)
    assert not result and hint in result.message
