"""Batch normalization from scratch against PyTorch's, its network, and the chapter's exercises."""

import copy
import random
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import d2lite as d2l
from d2lite.models.batch_norm import BatchNorm, batch_norm, lenet_batch_norm

TOLERANCE = 1e-10
STATE = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]


def random_shapes(seed, count=8):
    """Shapes (N, C), (N, C, L) and (N, C, H, W) with at least two values a channel."""
    draw = random.Random(seed)
    shapes = []
    for number in range(count):
        places = [draw.randint(1, 9) for _ in range(number % 3)]
        shapes.append((draw.randint(2, 12), draw.randint(1, 9), *places))
    return shapes


def reference_for(shape, **options):
    layer = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
    return layer(shape[1], **options).double()


def step(layer, X, upstream):
    """Output, gradients to input and parameters, and the buffers after one call; then a step of the parameters."""
    X = X.clone().requires_grad_()
    Y = layer(X)
    grads = torch.autograd.grad((upstream * Y).sum(), [X, *layer.parameters()])
    with torch.no_grad():
        for parameter, gradient in zip(layer.parameters(), grads[1:]):
            parameter -= 0.01 * gradient
    return {
        "output": Y.detach(), "input's gradient": grads[0], "gamma's gradient": grads[1], "beta's gradient": grads[2],
        **{name: buffer.clone() for name, buffer in layer.named_buffers()},
    }  # fmt: skip


def assert_equal(ours, theirs, shape, scale=4.0, shift=3.0):
    X, upstream = scale * torch.randn(shape, dtype=torch.float64) + shift, torch.randn(shape, dtype=torch.float64)
    found, expected = step(ours, X, upstream), step(theirs, X, upstream)
    for name, value in expected.items():
        assert (found[name] - value).abs().max() <= TOLERANCE, f"{name} for shape {shape}"


@pytest.mark.parametrize("shape", random_shapes(0) + random_shapes(1))
@pytest.mark.parametrize("options", [{}, {"eps": 0.1, "momentum": 0.3}, {"momentum": None}, {"momentum": 1.0}], ids=str)
def test_three_training_steps_and_a_prediction_equal_torch(shape, options):
    torch.manual_seed(len(shape))
    ours, theirs = BatchNorm(shape[1], **options).double(), reference_for(shape, **options)
    for _ in range(3):
        assert_equal(ours, theirs, shape)
    ours.eval(), theirs.eval()
    assert_equal(ours, theirs, shape)
    assert_equal(ours, theirs, (1, *shape[1:]))  # a single image is enough to predict
    ours.train(), theirs.train()
    assert_equal(ours, theirs, shape)


def test_a_far_mean_does_not_cancel():
    """In float32, E[x²] - E[x]² would lose the variance altogether here."""
    torch.manual_seed(0)
    X = torch.randn(64, 3) + 1000
    exact = F.batch_norm(X.double(), None, None, training=True)
    assert (BatchNorm(3)(X) - exact).abs().max() < 1e-3


def test_comparison_can_fail():
    torch.manual_seed(0)
    with pytest.raises(AssertionError, match="running_mean"):
        assert_equal(BatchNorm(3, momentum=0.1).double(), reference_for((4, 3), momentum=0.11), (4, 3))
    with pytest.raises(AssertionError, match="output"):
        assert_equal(BatchNorm(3, eps=1e-5).double(), reference_for((4, 3), eps=2e-5), (4, 3))


def test_the_function_equals_torch_and_updates_in_place():
    torch.manual_seed(0)
    X = torch.randn(5, 4, 3, 3, dtype=torch.float64)
    gamma, beta = torch.randn(2, 4, dtype=torch.float64)
    for training in (True, False):
        ours, theirs = [[torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)] for _ in range(2)]
        Y = batch_norm(X, gamma, beta, *ours, 1e-5, 0.2, training)
        expected = F.batch_norm(X, *theirs, gamma, beta, training, 0.2, 1e-5)
        assert torch.allclose(Y, expected, rtol=0, atol=TOLERANCE)
        assert all(torch.allclose(a, b, rtol=0, atol=TOLERANCE) for a, b in zip(ours, theirs))
        assert training == bool(ours[0].any())


@pytest.mark.parametrize("reference", [nn.BatchNorm1d, nn.BatchNorm2d])
def test_state_dict_goes_both_ways(reference):
    torch.manual_seed(0)
    shape = (6, 5) if reference is nn.BatchNorm1d else (6, 5, 4, 4)
    ours, theirs = BatchNorm(5), reference(5)
    for layer in (ours, theirs):
        nn.init.uniform_(layer.weight), nn.init.normal_(layer.bias)
        layer(torch.randn(shape) + 2)
    assert list(ours.state_dict()) == list(theirs.state_dict()) == STATE
    assert [name for name, _ in ours.named_parameters()] == ["weight", "bias"]
    for source, target in ((ours, reference(5)), (theirs, BatchNorm(5))):
        target.load_state_dict(source.state_dict())  # strict: neither missing nor unexpected keys
        for name in STATE:
            assert torch.equal(target.state_dict()[name], source.state_dict()[name])
            assert target.state_dict()[name].dtype == source.state_dict()[name].dtype
        X = torch.randn(shape)
        assert torch.allclose(source.eval()(X), target.eval()(X), atol=1e-6)


def test_buffers_keep_no_graph():
    layer = BatchNorm(4)
    X = torch.randn(8, 4, requires_grad=True)
    kept = [id(buffer) for buffer in layer.buffers()]
    for _ in range(3):
        layer(X)
        assert all(buffer.grad_fn is None and not buffer.requires_grad for buffer in layer.buffers())
    assert [id(buffer) for buffer in layer.buffers()] == kept, "updated in place"


def test_mode_is_self_training_and_not_grad_mode():
    torch.manual_seed(0)
    layer, X = BatchNorm(3), torch.randn(10, 3) + 5
    with torch.no_grad():
        Y = layer(X)
    assert Y.mean(0).abs().max() < 1e-5 and layer.running_mean.abs().min() > 0.1
    before = copy.deepcopy(layer.eval().state_dict())
    assert (layer(X) - Y).abs().max() > 1, "with gradients on, evaluation mode still uses the running statistics"
    assert all(torch.equal(before[name], value) for name, value in layer.state_dict().items())


@pytest.mark.parametrize("shape", [(1, 4), (1, 4, 1), (1, 4, 1, 1)])
def test_one_value_a_channel_is_refused_in_training_only(shape):
    for layer in (BatchNorm(4), reference_for(shape).float()):
        with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
            layer(torch.randn(shape))
        assert layer.eval()(torch.randn(shape)).shape == shape
    with pytest.raises(ValueError, match=r"larger batch, or net.eval\(\)"):
        BatchNorm(4)(torch.randn(shape))


@pytest.mark.parametrize("shape", [(8, 3), (8, 1), (8, 5, 2, 2), (4,)])
def test_other_channels_are_refused(shape):
    with pytest.raises(ValueError, match=r"takes \(N, 4, ...\), not"):
        BatchNorm(4)(torch.randn(shape))


def test_half_precision_input_is_averaged_in_single_precision():
    """As under autocast: bfloat16 in and out, float32 statistics."""
    torch.manual_seed(0)
    X = (torch.randn(64, 4, 8, 8) + 10).bfloat16()
    ours, theirs = BatchNorm(4), nn.BatchNorm2d(4)
    Y, expected = ours(X), theirs(X)
    assert Y.dtype == expected.dtype == torch.bfloat16 and ours.running_mean.dtype == torch.float32
    assert torch.allclose(ours.running_mean, theirs.running_mean, atol=1e-5)
    assert torch.allclose(ours.running_var, theirs.running_var, atol=1e-4)
    assert (Y.float() - expected.float()).abs().max() < 0.05


def test_memory_format_is_kept():
    X = torch.randn(4, 3, 8, 8).to(memory_format=torch.channels_last)
    assert BatchNorm(3)(X).is_contiguous(memory_format=torch.channels_last)


def test_lenet_equals_one_of_torch_layers():
    torch.manual_seed(0)
    concise = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6), nn.Sigmoid(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.BatchNorm1d(120), nn.Sigmoid(),
        nn.Linear(120, 84), nn.BatchNorm1d(84), nn.Sigmoid(), nn.Linear(84, 10),
    ).double()  # fmt: skip
    net = lenet_batch_norm().double()
    concise.load_state_dict(net.state_dict())
    X = torch.randn(8, 1, 28, 28, dtype=torch.float64)
    assert torch.allclose(net(X), concise(X), rtol=0, atol=TOLERANCE)
    assert torch.allclose(net.eval()(X), concise.eval()(X), rtol=0, atol=TOLERANCE)
    plain = lenet_batch_norm(norm=nn.Identity)
    assert sum(p.numel() for p in net.parameters()) - sum(p.numel() for p in plain.parameters()) == 2 * 226


@pytest.mark.parametrize(("channels", "classes", "size"), [(1, 10, 28), (3, 7, 32), (1, 10, 12), (2, 2, 13)])
def test_lenet_sizes(channels, classes, size):
    net = lenet_batch_norm(channels, classes, size)
    assert net(torch.randn(2, channels, size, size)).shape == (2, classes)
    assert d2l.summary(net, (1, channels, size, size)).parameters == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("size", [11, 5, 1, 0])
def test_lenet_refuses_images_that_are_too_small(size):
    with pytest.raises(ValueError, match=f"size {size} is too small.*at least 12 px"):
        lenet_batch_norm(size=size)


def test_the_recipe_builds_this_network():
    recipe = d2l.recipe("lenet_batch_norm")
    assert recipe.factory == "batch_norm:lenet_batch_norm" and (recipe.lr, recipe.epochs) == (1.0, 5)
    assert [row["test_acc"] for row in d2l.published(recipe.name)] == [0.861]


# The exercises: what the chapter's solutions do passes, typical mistakes get the hint that fits them.


@torch.no_grad()
def fold(conv, norm, *, eps=True, root=True, mean=True, axis=0, stride=True):
    variance = norm.running_var + (norm.eps if eps is True else eps)
    scale = norm.weight / (variance.sqrt() if root else variance)
    made = nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride if stride else 1, conv.padding
    ).double()
    made.weight.copy_(conv.weight * (scale.reshape(-1, 1, 1, 1) if axis == 0 else scale.mean()))
    bias = torch.zeros_like(scale) if conv.bias is None else conv.bias
    made.bias.copy_((bias - (norm.running_mean if mean else 0)) * scale + norm.bias)
    return made


def fold_in_place(conv, norm):
    conv.weight.data *= 2
    return fold(conv, norm)


def backward(dY, X, gamma, eps, through_mean=1, through_var=1, unbiased=False):
    root = torch.sqrt(X.var(0, unbiased=unbiased) + eps)
    X_hat = (X - X.mean(0)) / root
    dgamma, dbeta = (dY * X_hat).sum(0), dY.sum(0)
    dX = gamma / root * (dY - through_mean * dbeta / len(X) - through_var * X_hat * dgamma / len(X))
    return dX, dgamma, dbeta


@torch.no_grad()
def recalibrate(net, batches, *, momentum=None, reset=True, evaluate=True, train=True, restore=True):
    norms = [layer for layer in net.modules() if hasattr(layer, "num_batches_tracked")]
    for layer in norms:
        if reset:
            layer.reset_running_stats()
        layer.momentum = momentum
    net.train(train)
    for X in batches:
        net(X)
    for layer in norms:
        if restore:
            layer.momentum = 0.1
    if evaluate:
        net.eval()


def move_parameters(net, batches):
    recalibrate(net, batches)
    net[0].weight.data += 1


RIGHT = {1: 452, 2: 44, 3: fold, 4: 226, 5: backward, 6: recalibrate}
WRONG = [
    (1, 226, "one number a channel"),
    (1, 904, "running statistics"),
    (1, 450, "add up the channels"),
    (1, "many", "whole number"),
    (2, 43, "one more"),
    (2, 2, "other convention"),
    (2, 10, "about a third"),
    (2, 99, "0.9"),
    (3, 452, "function itself"),
    (3, lambda conv, norm: norm, "return a nn.Conv2d"),
    (3, fold_in_place, "was changed"),
    (3, lambda conv, norm: fold(conv, norm, eps=1e-5), "norm.eps"),
    (3, lambda conv, norm: fold(conv, norm, root=False), "root of running_var"),
    (3, lambda conv, norm: fold(conv, norm, mean=False), "subtract running_mean"),
    (3, lambda conv, norm: fold(conv, norm, axis=1), "axis 0"),
    (3, lambda conv, norm: fold(conv, norm, stride=False), "stride and padding"),
    (3, lambda conv, norm: 1 / 0, "ZeroDivisionError"),
    (4, 236, "last linear"),
    (4, 22, "fully connected layers have biases"),
    (4, 452, "after standardizing"),
    (4, 7, "adds? a constant"),
    (5, lambda dY, X, gamma, eps: dY, "three tensors"),
    (5, lambda dY, X, gamma, eps: (dY, gamma, dY), "dbeta should have shape"),
    (5, lambda *a: backward(*a, through_mean=0, through_var=0), "as constants"),
    (5, lambda *a: backward(*a, through_var=0), "through the variance"),
    (5, lambda *a: backward(*a, through_mean=0), "through the mean"),
    (5, lambda *a: backward(*a, unbiased=True), "biased variance"),
    (5, lambda dY, X, gamma, eps: backward(dY, X, torch.ones_like(gamma), eps), "factor gamma"),
    (5, lambda *a: (lambda r: (r[0], r[1], r[2] / 2))(backward(*a)), "sum of dY"),
    (5, lambda *a: (lambda r: (r[0] + 1, r[1], r[2]))(backward(*a)), "three ways"),
    (6, lambda net, batches: None, "did not move"),
    (6, lambda net, batches: recalibrate(net, batches, train=False, reset=False), "training mode"),
    (6, lambda net, batches: recalibrate(net, batches, reset=False), "past still counts"),
    (6, lambda net, batches: recalibrate(net, batches, momentum=0.1), "plain average"),
    (6, lambda net, batches: recalibrate(net, batches[:1] * 3), "every batch once"),
    (6, lambda net, batches: recalibrate(net, batches, evaluate=False), "leave net in evaluation"),
    (6, lambda net, batches: recalibrate(net, batches, restore=False), "momentum back"),
    (6, move_parameters, "parameter changed"),
]


@pytest.mark.parametrize("number", RIGHT)
def test_right_answers_pass(number):
    result = d2l.check(f"batch_norm-{number}", RIGHT[number])
    assert result, result.message


@pytest.mark.parametrize("number", RIGHT)
def test_no_answer_is_no_mistake(number):
    assert d2l.check(f"batch_norm-{number}", None).status == "unanswered"


@pytest.mark.parametrize(("number", "answer", "hint"), WRONG)
def test_wrong_answers_get_the_hint_that_fits(number, answer, hint):
    result = d2l.check(f"batch_norm-{number}", answer)
    assert result.status == "wrong"
    assert re.search(hint, result.message), result.message
