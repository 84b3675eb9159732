"""The first chapter: LeNet, and what learners are told about their answers."""

import re

import pytest
import torch
from torch import nn

import d2lite as d2l
from d2lite.models.data_and_training import lenet


def parameters(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, 61_706), ({"in_channels": 3, "size": 32}, 83_126), ({"num_classes": 47}, 61_706 + 37 * 85)],
)
def test_lenet_has_the_parameters_of_the_text(options, expected):
    assert parameters(lenet(**options)) == expected


@pytest.mark.parametrize("size", [12, 13, 15, 28, 31, 32, 33, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_lenet_takes_every_size_from_12(size, channels):
    net = lenet(in_channels=channels, num_classes=7, size=size)
    assert net(torch.randn(2, channels, size, size)).shape == (2, 7)


@pytest.mark.parametrize("size", [0, 8, 11])
def test_lenet_names_the_smallest_size(size):
    with pytest.raises(ValueError, match=f"size is {size}.*smallest size is 12"):
        lenet(size=size)


def test_activation_is_used_four_times():
    assert sum(isinstance(layer, nn.ReLU) for layer in lenet()) == 4
    kinds = [type(layer).__name__ for layer in lenet(activation=nn.Sigmoid)]
    assert kinds == [
        "Conv2d", "Sigmoid", "AvgPool2d", "Conv2d", "Sigmoid", "AvgPool2d", "Flatten",
        "Linear", "Sigmoid", "Linear", "Sigmoid", "Linear",
    ]  # fmt: skip


def test_every_parameter_gets_a_gradient():
    net = lenet(activation=nn.Sigmoid).double()
    nn.functional.cross_entropy(net(torch.randn(4, 1, 28, 28).double()), torch.arange(4)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def right(param, grad, velocity, lr, momentum):
    velocity = momentum * velocity + grad
    return param - lr * velocity, velocity


RIGHT = {1: 83_126, 2: 14, 3: 0.893, 4: right}


@pytest.mark.parametrize(("number", "answer"), [*RIGHT.items(), (1, torch.tensor(83_126)), (2, 14.0)])
def test_right_answers_pass(number, answer):
    assert d2l.check(f"data_and_training-{number}", answer)


@pytest.mark.parametrize(
    ("number", "answer", "hint"),
    [
        (1, 61_706, "gray network"),
        (1, 62_006, "gets flattened"),
        (1, 82_826, "three channels"),
        (1, 82_890, "biases"),
        (1, 12, r"\(inputs \+ 1\)"),
        (1, "83,126", "give a number"),
        (2, 13, "covers 6 pixels"),
        (2, 9, "pooling lies between"),
        (2, 16, "second pooling"),
        (2, 28, "top down"),
        (3, 0.897, "by its test accuracy"),
        (3, 0.902, "too good"),
        (3, 0.899, "not the one"),
        (3, 89.3, "fraction"),
        (4, 3, "function momentum_step itself"),
        (4, lambda p, g, v, lr, m: None, "two tensors"),
        (4, lambda p, g, v, lr, m: (p + lr * (m * v + g), m * v + g), "uphill"),
        (4, lambda p, g, v, lr, m: (p - lr * g, g), "forget"),
        (4, lambda p, g, v, lr, m: (p - lr * v, m * v + g), "new velocity"),
        (4, lambda p, g, v, lr, m: (p - lr * (m * v + (1 - m) * g), m * v + (1 - m) * g), "without a factor"),
        (4, lambda p, g, v, lr, m: (p - lr * (m * v - g), m * v - g), "step 1 differs"),
        (4, lambda p, g, v, lr, m: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_typical_slips_get_a_hint_of_their_own(number, answer, hint):
    result = d2l.check(f"data_and_training-{number}", answer)
    assert result.status == "wrong"
    assert re.search(hint, result.message), result.message


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_none_is_not_answered_yet(number):
    assert d2l.check(f"data_and_training-{number}", None).status == "unanswered"


def test_the_tempting_slips_are_what_they_claim_to_be():
    assert 62_006 == 61_706 + 2 * 25 * 6  # three channels, but the image of 28 pixels
    assert parameters(lenet(size=32)) == 82_826
    biases = sum(p.numel() for name, p in lenet(in_channels=3, size=32).named_parameters() if name.endswith("bias"))
    assert 83_126 - biases == 82_890
