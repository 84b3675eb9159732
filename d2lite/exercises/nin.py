"""Answers of the chapter on network in network."""

from __future__ import annotations

import torch
from torch import nn

from ..checks import built, exercise, number
from ..inspect.trace import InputShapeError, trace
from ..models.nin import nin

_WIDTHS = (96, 256, 384, 10)
_ONE_BY_ONE = sum(2 * (c * c + c) for c in _WIDTHS)
_WHOLE = 2_015_398  # for color images

exercise(
    "nin-1",
    number(
        _ONE_BY_ONE,
        "each of the four blocks, 96, 256, 384 and 10 channels wide, has two of them, with c² weights and c biases.",
        {
            _ONE_BY_ONE - 2 * sum(_WIDTHS): "those are the weights; each layer also has a bias for each channel.",
            _ONE_BY_ONE // 2: "that is one a block; each block has two.",
            _ONE_BY_ONE - 220: "the last block has two as well, of 10 channels.",
            _WHOLE - _ONE_BY_ONE: "that is the other four, the ones with large kernels.",
            _WHOLE: "that is the whole network; asked are its 1×1 convolutions.",
        },
        whole=True,
    ),
    "right: not even a quarter of the network, though they are two thirds of its layers.",
)


def _side(size: int, up: bool = False, stem: bool = True, poolings: int = 3) -> int:
    """Side of the class maps for a side of ``size`` pixels; the options are mistakes."""
    divide = (lambda a, b: -(-a // b)) if up else (lambda a, b: a // b)
    if stem:
        size = divide(size - 11, 4) + 1
    for _ in range(poolings):
        size = divide(size - 3, 2) + 1
    return size


def _sides(answer: object) -> str | None:
    if not callable(answer) or isinstance(answer, nn.Module):
        return f"give the function itself, not {type(answer).__name__}: d2l.check('nin-2', side) without brackets."
    sizes = (67, 98, 99, 100, 224, 300, 448)
    values = [answer(size) for size in sizes]
    if values == [_side(size) for size in sizes]:
        return None
    mistakes = {
        lambda n: _side(n, up=True): "round down: where a window does not fit, there is no output (// does it).",
        lambda n: _side(n, stem=False): "the stem is missing: 11×11 with stride 4 comes before the poolings.",
        lambda n: _side(n, poolings=2): "one pooling too few: there are three.",
        lambda n: _side(n, poolings=4): "one pooling too many: none follows the last block.",
        lambda n: _side(n) ** 2: "that is the number of pixels of a map; asked is its side.",
    }
    for wrong, hint in mistakes.items():
        if values == [wrong(size) for size in sizes]:
            return hint
    size, value = next((s, v) for s, v in zip(sizes, values) if v != _side(s))
    return f"for {size} px it gives {value}. Walk through stem and poolings by (n - k) // s + 1, and check 224 → 5."


exercise("nin-2", _sides, "right, for every size tried.")


def _one_by_one(answer: object) -> str | None:
    if not callable(answer):
        return f"give the function itself, not {type(answer).__name__}."
    X, weight, bias = torch.randn(2, 3, 4, 5), torch.randn(6, 3), torch.randn(6)
    expected = nn.functional.conv2d(X, weight[:, :, None, None], bias)
    value = answer(X.clone(), weight.clone(), bias.clone())
    if not isinstance(value, torch.Tensor):
        return f"it gives {type(value).__name__}: return a tensor (is the return statement missing?)."
    if value.shape != expected.shape:
        moved = value.shape == (2, 4, 5, 6)
        hint = "bring the channels back to the second place." if moved else "only the channels change: (N, K, H, W)."
        return f"X of shape (2, 3, 4, 5) and weight (6, 3) should give (2, 6, 4, 5), not {tuple(value.shape)}: {hint}"
    if torch.allclose(value, expected, atol=1e-5):
        return None
    if torch.allclose(value, expected - bias[:, None, None], atol=1e-5):
        return "the bias is missing: one number for each output channel."
    if torch.allclose(value, expected.relu(), atol=1e-5):
        return "without a ReLU, please: the convolution alone."
    return "the shape is right, the values are not: is it y[n, k, i, j] = Σ_c weight[k, c] · x[n, c, i, j] + bias[k]?"


exercise("nin-3", _one_by_one, "right: equal to F.conv2d.")


def _swapped(answer: object) -> str | None:
    if not callable(answer) or isinstance(answer, nn.Module):
        return f"give the function itself, not {type(answer).__name__}."
    net = nin(size=140).eval()
    for parameter in net.features[-1].parameters():  # nothing dead, nothing the identity
        nn.init.normal_(parameter, mean=0.1, std=0.3)
    sides: list[int] = []
    last = net.features[-1][-1]
    X = torch.randn(2, 1, 140, 140)
    with torch.no_grad():
        expected = net(X)
        hook = last.register_forward_hook(lambda module, args, output: sides.append(output.shape[-1]))
        try:
            value = answer(net, X)
        finally:
            hook.remove()
    if not isinstance(value, torch.Tensor):
        return f"it gives {type(value).__name__}: return a tensor (is the return statement missing?)."
    if value.shape != (2, 10):
        return f"two images should give logits of shape (2, 10), yours give {tuple(value.shape)}: flatten at the end."
    if not torch.allclose(value, expected, atol=1e-4):
        return (
            "the logits differ from those of net(X): all but the last layer first, then average, then the last layer."
        )
    if any(side > 1 for side in sides):
        return (
            f"the logits are right, but the last convolution still ran on {sides[0]}×{sides[0]} pixels: average first."
        )
    return None


exercise("nin-4", _swapped, "right: the same logits, and the last layer ran on a single pixel.")

_SMALL = 1_102_118  # three blocks of 192, 192 and 10 channels, kernels 5, 5, 3, for three channels


def _build(answer: object) -> str | None:
    net, hint = built(answer, 3, 10)
    if net is None:
        return hint
    for size in (32, 48):
        try:
            shape = trace(net, (2, 3, size, size))[-1].output_shape
        except InputShapeError as error:
            return f"at {size} px: {error}"
        if shape != (2, 10):
            return f"two images of {size} px should give logits of shape (2, 10), yours give {shape}."
    kinds = [type(module) for module in net.modules()]
    if nn.Linear in kinds:
        return "there is a linear layer in it: the average of each class map is the whole head."
    if kinds.count(nn.Conv2d) != 9:
        return f"three blocks of three convolutions make nine, yours has {kinds.count(nn.Conv2d)}."
    # a network with a forward of its own may call F.relu, which no list of modules shows
    if isinstance(net, nn.Sequential) and kinds.count(nn.ReLU) == 9:
        return "nine ReLUs: one stands on the logits. Leave it out."
    if isinstance(net, nn.Sequential) and kinds.count(nn.ReLU) != 8:
        return f"{kinds.count(nn.ReLU)} ReLUs: one follows each convolution, but the last."
    count = sum(parameter.numel() for parameter in net.parameters())
    if count != _SMALL:
        return f"{count:,} parameters, but {_SMALL:,} are right. Kernels of 5, 5 and 3, widths of 192, 192 and 10?"
    return None


exercise("nin-5", _build, "right: nine convolutions, no linear layer, and it takes both sizes.")
