"""The first chapter: LeNet, and what learners are told about their answers."""

import re

import pytest
import torch
from torch import nn

import d2lite as d2l
from d2lite.models.data_and_training import lenet
from tools import pairs


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


def loop(
    net, X, y, lr, num_epochs, momentum=0.9, batch_size=64, *,
    clear="before", criterion=nn.functional.cross_entropy, labels="own", order="each epoch", last=True, train=True,
    kept=torch.Tensor.detach,
):  # fmt: skip
    """The training loop of the chapter; the options are the mistakes that readers make, and ways to write it well."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum)
    losses, once = [], torch.randperm(len(X))
    if train:
        net.train()
    for _ in range(num_epochs):
        drawn = {"each epoch": torch.randperm(len(X)), "once": once, "none": torch.arange(len(X))}.get(order)
        drawn = torch.randint(len(X), (len(X),)) if drawn is None and batch_size < len(X) else drawn
        drawn = torch.arange(len(X)) if drawn is None else drawn
        images, truth = X[drawn], y[drawn] if labels == "own" else y
        for start in range(0, len(X) if last or batch_size >= len(X) else len(X) - batch_size + 1, batch_size):
            loss = criterion(net(images[start : start + batch_size]), truth[start : start + batch_size])
            if clear == "before":
                optimizer.zero_grad()
            loss.backward()
            if clear == "between":
                optimizer.zero_grad()
            optimizer.step()
            if clear == "after":
                optimizer.zero_grad()
            losses.append(kept(loss))
    return losses


def slip(**options):
    """``loop`` with a mistake in it."""
    return lambda *args, **named: loop(*args, **named, **options)


def quiet(*args, **named):
    """A loop that returns nothing."""
    loop(*args, **named)


RIGHT = {1: 83_126, 2: 14, 3: (0.893, 0.4), 4: right} | dict.fromkeys((5, 6, 7, 8), loop)


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        *RIGHT.items(),
        (1, torch.tensor(83_126)),
        (2, 14.0),
        (3, [0.893, 100 * (0.897 - 0.893)]),
        (5, slip(clear="after")),
        (5, slip(kept=torch.Tensor.item)),
        (5, lambda *args, **named: torch.stack(loop(*args, **named))),
    ],
)
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
        (3, (0.897, 0.4), "by its test accuracy"),
        (3, (0.902, 0.5), "too good"),
        (3, (0.899, 0.2), "not the one"),
        (3, (89.3, 0.4), "fraction"),
        (3, (0.893, 0.004), "hundredths"),
        (3, (0.893, 100 * (0.902 - 0.893)), "leave out the 0.902"),
        (3, (0.893, -0.4), "without the sign"),
        (3, (0.893, 1.0), "two \\*test\\* accuracies"),
        (3, 0.893, "2 numbers"),
        (4, 3, "function momentum_step itself"),
        (4, lambda p, g, v, lr, m: None, "two tensors"),
        (4, lambda p, g, v, lr, m: (p + lr * (m * v + g), m * v + g), "uphill"),
        (4, lambda p, g, v, lr, m: (p - lr * g, g), "forget"),
        (4, lambda p, g, v, lr, m: (p - lr * v, m * v + g), "new velocity"),
        (4, lambda p, g, v, lr, m: (p - lr * (m * v + (1 - m) * g), m * v + (1 - m) * g), "without a factor"),
        (4, lambda p, g, v, lr, m: (p - lr * (m * v - g), m * v - g), "step 1 differs"),
        (4, lambda p, g, v, lr, m: 1 / 0, "ZeroDivisionError"),
        (5, nn.Linear(2, 2), "function train itself"),
        (5, lambda *args, **named: None, "weights never change"),
        (5, slip(clear="never"), "they add up"),
        (5, lambda *args, momentum, **named: loop(*args, momentum=0.0, **named), "momentum is not used"),
        (5, lambda net, X, y, lr, *args, **named: loop(net, X, y, 0.01, *args, **named), "learning rate"),
        (5, slip(last=False), "left out"),
        (5, lambda *args, batch_size, **named: loop(*args, batch_size=min(batch_size, 7), **named), "differ from"),
        (5, lambda *args, batch_size, **named: loop(*args, batch_size=max(batch_size, 11), **named), "in batches of 8"),
        (5, slip(order="with repeats"), "exactly once"),
        (5, slip(order="none"), "stored order"),
        (5, slip(order="once"), "repeats the same order"),
        (5, slip(train=False), "evaluation mode"),
        (5, quiet, "return the loss"),
        (5, slip(kept=lambda loss: loss), "loss.detach"),
        (5, lambda *args, **named: loop(*args, **named)[::3], "one for each batch"),
        (5, slip(kept=lambda loss: loss.detach() + 1), "not those of the batches"),
        (6, slip(clear="between"), "not cleared since"),
        (7, slip(criterion=lambda z, y: nn.functional.cross_entropy(z.softmax(1), y)), "applied twice"),
        (8, slip(labels="stored"), "own label"),
    ],
)
def test_typical_slips_get_a_hint_of_their_own(number, answer, hint):
    result = d2l.check(f"data_and_training-{number}", answer)
    assert result.status == "wrong"
    assert re.search(hint, result.message), result.message


def broken_loops():
    """The loops that the chapter gives to repair, by the number of their exercise."""
    found = {}
    for cell in pairs.read_source("data_and_training").cells:
        if cell.cell_type == "code" and re.search(r"^def (train_\d)\(", cell.source, re.M):
            names = {"torch": torch, "nn": nn, "F": nn.functional, "d2l": d2l}
            exec(cell.source, names)
            found |= {int(name[-1]): names[name] for name in names if re.fullmatch(r"train_\d", name)}
    return found


def test_the_loops_to_repair_are_broken_each_in_its_own_way():
    loops = broken_loops()
    assert sorted(loops) == [6, 7, 8]
    hints = {number: d2l.check(f"data_and_training-{number}", broken) for number, broken in loops.items()}
    assert [hint.status for hint in hints.values()] == ["wrong"] * 3
    for number, words in ((6, "not cleared since"), (7, "applied twice"), (8, "own label")):
        assert words in hints[number].message


@pytest.mark.parametrize("number", RIGHT)
def test_none_is_not_answered_yet(number):
    assert d2l.check(f"data_and_training-{number}", None).status == "unanswered"


def test_the_tempting_slips_are_what_they_claim_to_be():
    assert 62_006 == 61_706 + 2 * 25 * 6  # three channels, but the image of 28 pixels
    assert parameters(lenet(size=32)) == 82_826
    biases = sum(p.numel() for name, p in lenet(in_channels=3, size=32).named_parameters() if name.endswith("bias"))
    assert 83_126 - biases == 82_890
