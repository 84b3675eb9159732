"""Answers of the chapter on batch normalization."""

from __future__ import annotations

import copy

import torch
from torch import nn

from ..checks import exercise, number

exercise(
    "batch_norm-1",
    number(
        452,
        "each layer has one gamma and one beta a channel: add up the channels of the four layers, and double that.",
        {
            226: "that is one number a channel; there are a scale and a shift.",
            904: "you counted the running statistics too; they are buffers, no optimizer moves them.",
            908: "you counted the buffers too; no optimizer moves them.",
            44: "that is the two layers after convolutions; two more follow the fully connected layers.",
            62158: "that is the whole network; how many more is it than without the normalization layers?",
        },
        whole=True,
    ),
    "right: 2 · (6 + 16 + 120 + 84), less than one percent of the network.",
)

exercise(
    "batch_norm-2",
    number(
        44,
        "after k steps the running mean is 10 · (1 - 0.9 ** k): what is missing must have fallen to 0.1.",
        {
            43: "one more: after 43 steps slightly more than 1% is still missing.",
            45: "one fewer is enough: after 44 steps less than 1% is missing.",
            2: "that is the other convention: in PyTorch's, momentum weighs the new batch, so 0.9 of the old stays.",
            1: "one step brings the running mean to 0.1 · 10 = 1 only.",
            10: "1 / momentum is the memory's length; after so many steps about a third is still missing.",
        },
        whole=True,
    ),
    "right: 0.9 ** 44 is the first power of 0.9 below 0.01.",
)

exercise(
    "batch_norm-4",
    number(
        226,
        "look for the parameters that add a constant to a channel that is standardized next.",
        {
            236: "no normalization follows the last linear layer: its bias does change the output.",
            22: "that is the convolutions; fully connected layers have biases as well.",
            204: "that is the fully connected layers; convolutions have biases as well.",
            452: "gamma and beta come after standardizing: they do change the output. What comes before?",
            4: "that is the number of layers; how many parameters do their biases hold?",
        },
        whole=True,
    ),
    "right: 6 + 16 + 120 + 84 biases; beta does their work. That is why later networks write bias=False.",
)


def _drawn(layer: nn.Module, generator: torch.Generator) -> nn.Module:
    """``layer`` with weights from ``generator``, so that every check of an answer is the same check."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-0.2, 0.2, generator=generator)
    return layer


def _norm(channels: int, generator: torch.Generator, eps: float) -> nn.BatchNorm2d:
    """A layer in evaluation mode in which every number matters."""
    norm = nn.BatchNorm2d(channels, eps=eps).double().eval()
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2.0, generator=generator)
        norm.bias.normal_(generator=generator)
        norm.running_mean.normal_(generator=generator)
        norm.running_var.uniform_(0.2, 3.0, generator=generator)
    return norm


def _fold(fold: object) -> str | None:
    if not callable(fold):
        return "give the function itself: d2l.check(..., fold)."
    generator = torch.Generator().manual_seed(0)
    for bias, options, eps in [(True, {"padding": 1}, 1e-5), (False, {"stride": 2}, 1e-5), (True, {}, 0.1)]:
        conv = _drawn(nn.Conv2d(3, 5, 3, bias=bias, **options).double(), generator)
        norm = _norm(5, generator, eps)
        before = copy.deepcopy([conv.state_dict(), norm.state_dict()])
        X = torch.randn(2, 3, 9, 9, dtype=torch.float64, generator=generator)
        expected = norm(conv(X))
        made = fold(conv, norm)
        if not isinstance(made, nn.Conv2d):
            return f"return a nn.Conv2d, not {type(made).__name__}."
        if made is conv or not _same(before, [conv.state_dict(), norm.state_dict()]):
            return "conv or norm was changed: write into a new convolution."
        got = made.double()(X)
        if got.shape != expected.shape:
            return f"the shape is {tuple(got.shape)}, not {tuple(expected.shape)}: carry stride and padding over."
        if not torch.allclose(got, expected, atol=1e-4):
            return _fold_hint(got, expected, conv, norm)
    return None


def _fold_hint(got, expected, conv, norm) -> str:
    per_channel = (got - expected).transpose(0, 1).flatten(1)
    if (per_channel.std(1) < 1e-4).all():
        shift = "conv.bias," if conv.bias is not None else "the missing conv.bias, which is 0,"
        return f"the weights are right, the bias is not: subtract running_mean from {shift} then scale, then add beta."
    if norm.eps != 1e-5:  # with the usual eps the answer was right
        return "nearly: use the layer's own norm.eps, inside the root."
    variance = norm.running_var.reshape(1, -1, 1, 1)
    ratio = (got.std((0, 2, 3)) / expected.std((0, 2, 3))).reshape(variance.shape)
    if torch.allclose(ratio * variance.sqrt(), torch.ones_like(ratio), rtol=0.01):
        return "divide by the standard deviation, the root of running_var + eps, not by the variance."
    return "scale each output channel's weights by gamma / sqrt(running_var + eps), along axis 0 of conv.weight."


def _same(before: list[dict], after: list[dict]) -> bool:
    return all(torch.equal(old[key], new[key]) for old, new in zip(before, after) for key in old)


exercise("batch_norm-3", _fold, "right: in prediction the layer costs nothing; deployed networks do this.")


def _backward(backward: object) -> str | None:
    if not callable(backward):
        return "give the function itself: d2l.check(..., backward)."
    generator = torch.Generator().manual_seed(0)
    m, eps = 6, 1e-2
    X = torch.randn(m, 4, dtype=torch.float64, generator=generator) * 3 + 1
    dY = torch.randn(m, 4, dtype=torch.float64, generator=generator)
    gamma = (torch.rand(4, dtype=torch.float64, generator=generator) + 0.5).requires_grad_()
    beta = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    leaf = X.clone().requires_grad_()
    Y = nn.functional.batch_norm(leaf, None, None, gamma, beta, training=True, eps=eps)
    expected = dict(zip(("dX", "dgamma", "dbeta"), torch.autograd.grad((dY * Y).sum(), [leaf, gamma, beta])))
    found = backward(dY.clone(), X.clone(), gamma.detach().clone(), eps)
    if not isinstance(found, (tuple, list)) or len(found) != 3:
        return "return three tensors: dX, dgamma, dbeta."
    got = dict(zip(expected, found))
    for name, value in got.items():
        if not isinstance(value, torch.Tensor) or value.shape != expected[name].shape:
            shape = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            return f"{name} should have shape {tuple(expected[name].shape)}, not {shape}."
    wrong = [name for name in got if not torch.allclose(got[name].double(), expected[name], atol=1e-6)]
    if not wrong:
        return None
    if "dbeta" in wrong:
        return "dbeta is the sum of dY over the batch: beta is added to every row."
    if "dgamma" in wrong:
        return "dgamma is the sum over the batch of dY times X_hat, with the biased variance and eps in X_hat."
    return _backward_hint(got["dX"].double(), dY, X, gamma.detach(), eps)


def _backward_hint(dX, dY, X, gamma, eps: float) -> str:
    root = torch.sqrt(X.var(0, unbiased=False) + eps)
    X_hat = (X - X.mean(0)) / root
    through_mean, through_var = dY.mean(0), X_hat * (dY * X_hat).mean(0)
    known = {
        "dX treats mean and variance as constants: both depend on every x.": gamma / root * dY,
        "dX is still without what flows through the variance.": gamma / root * (dY - through_mean),
        "dX is still without what flows through the mean.": gamma / root * (dY - through_var),
        "dX lacks the factor gamma.": (dY - through_mean - through_var) / root,
        "dX lacks the division by the standard deviation.": gamma * (dY - through_mean - through_var),
    }
    for hint, value in known.items():
        if torch.allclose(dX, value, atol=1e-6):
            return hint
    return (
        "dbeta and dgamma are right, dX is not: add up the three ways from x_i to the loss, which are direct, through "
        "the mean, and through the variance."
    )


exercise("batch_norm-5", _backward, "right: this is what autograd works out for you.")


def _recalibrate(recalibrate: object) -> str | None:
    if not callable(recalibrate):
        return "give the function itself: d2l.check(..., recalibrate)."
    generator = torch.Generator().manual_seed(0)
    conv, linear = (_drawn(layer, generator) for layer in (nn.Conv2d(1, 3, 3), nn.Linear(48, 4)))
    net = nn.Sequential(conv, nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), linear, nn.BatchNorm1d(4)).double().train()
    batches = [torch.randn(size, 1, 6, 6, dtype=torch.float64, generator=generator) + 2 for size in (8, 5, 8)]
    net(torch.randn(8, 1, 6, 6, dtype=torch.float64, generator=generator))  # a past, which must be forgotten
    reference, exponential = copy.deepcopy(net), copy.deepcopy(net)
    for twin, momentum in ((reference, None), (exponential, 0.1)):
        for layer in (twin[1], twin[5]):
            layer.reset_running_stats()
            layer.momentum = momentum
        for X in batches:
            twin(X)
    parameters = [parameter.detach().clone() for parameter in net.parameters()]
    stale = net[1].running_mean.clone()
    result = recalibrate(net, batches)
    net = result if isinstance(result, nn.Module) else net
    if not all(torch.equal(a, b) for a, b in zip(parameters, net.parameters())):
        return "a parameter changed: only the running statistics may."
    if torch.equal(net[1].running_mean, stale):
        return "the running statistics did not move: they are updated in training mode only."
    for index in (1, 5):
        layer, right = net[index], reference[index]
        statistics = zip((layer.running_mean, layer.running_var), (right.running_mean, right.running_var))
        if not all(torch.allclose(ours, theirs) for ours, theirs in statistics):
            return _recalibrate_hint(layer, right, exponential[index])
    if any(module.training for module in net.modules()):
        return "the statistics are right; leave net in evaluation mode."
    if any(net[index].momentum != 0.1 for index in (1, 5)):
        return "the statistics are right; put each layer's momentum back to what it was."
    return None


def _recalibrate_hint(layer: nn.Module, right: nn.Module, exponential: nn.Module) -> str:
    if int(layer.num_batches_tracked) > int(right.num_batches_tracked):
        return "the past still counts: set num_batches_tracked to 0 (torch's layers have reset_running_stats())."
    if torch.allclose(layer.running_mean, exponential.running_mean):
        return "not the plain average: with a fixed momentum late batches weigh more. momentum=None averages."
    return "the running statistics are not the plain averages over the batches, every batch once."


exercise("batch_norm-6", _recalibrate, "right: no label, no gradient, and the running statistics fit the new camera.")
