"""Answers of the chapter on AlexNet."""

from __future__ import annotations

import torch
from torch import nn

from ..checks import built, exercise, number
from ..inspect.trace import InputShapeError, trace

#: parameters at 224 px, by (in_channels, num_classes); the first counted once from an earlier course's listing
PARAMETERS = {(1, 10): 46_764_746, (3, 1000): 50_844_008}

exercise(
    "alexnet-1",
    number(
        63,
        "a window of kernel k, stride s and padding p makes r units of (r - 1)·s + k - 2p: start from one unit after "
        "the last pooling.",
        {
            67: "that is the stem without padding, as in our network.",
            65: "the padding lies on both sides: two pixels each, four in all.",
            62: "that is one pixel too few: try it.",
            191: "that counts the padding of the first convolution only; others are padded as well.",
            195: "that is what one unit sees. Padding stands in for some of these pixels.",
            15: "that is what must come out of the first convolution; walk through that one, too.",
            224: "it takes far smaller images than that.",
        },
        whole=True,
    ),
    "right: four pixels less than without the padding.",
)


def _dropout(answer: object) -> str | None:
    if not callable(answer) or isinstance(answer, nn.Module):
        return f"give the function dropout_of_2012 itself, not {type(answer).__name__}."
    X = torch.rand(200, 300, dtype=torch.float64) + 0.5
    for p in (0.2, 0.6):
        out, again = (answer(X.clone(), p, True) for _ in range(2))
        if not isinstance(out, torch.Tensor) or out.shape != X.shape:
            return "return a tensor of the shape of X. (Is `...` still in the function?)"
        kept = out != 0
        silent = 1 - kept.double().mean().item()
        if 0 < silent < 1 and ((kept == kept[:1]).all() or (kept == kept[:, :1]).all()):
            return "whole rows or columns are silenced together: draw for each number of X."
        if abs(silent - p) > 0.02:
            swapped = abs(silent - (1 - p)) < 0.02
            more = ": p is the probability of a zero, not of what is kept." if swapped else "."
            return f"in training with p = {p}, a share of {silent:.2f} was zero{more}"
        if torch.allclose(out[kept], X[kept] / (1 - p)):
            return "that is today's dropout: in 2012, what was kept stayed as it was in training."
        if not torch.equal(out[kept], X[kept]):
            return "in training, what is kept should stay as it is."
        if torch.equal(kept, again != 0):
            return "two calls silenced the same numbers: draw anew in each call."
        whole = answer(X.clone(), p, False)
        if torch.allclose(whole, X):
            return "in prediction all speak, so the sums would be larger than in training: one factor is missing."
        if torch.allclose(whole, X * p) or torch.allclose(whole, X / 2):
            return f"in prediction the factor is the share that was kept in training. With p = {p}, what is it?"
        if not torch.allclose(whole, X * (1 - p)):
            return "in prediction nothing is silenced: multiply all of X by one factor."
    return None


exercise("alexnet-2", _dropout, "right: in both modes the next layer expects (1 - p) times X.")


def _run(net: nn.Module, channels: int) -> tuple[tuple[int, ...], list[nn.Module]]:
    """The output's shape for two images, and the modules in the order of their calls: one may be called twice."""
    calls = trace(net, (2, channels, 224, 224))
    return calls[-1].output_shape, [call.module for call in calls]


def _count(modules: list[nn.Module], kind: type) -> int:
    return sum(isinstance(module, kind) for module in modules)


def _relus_by_place(modules: list[nn.Module]) -> list[int]:
    """ReLUs before the first layer with weights, after it, after the second, and so on."""
    places = [0]
    for module in modules:
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            places.append(0)
        elif isinstance(module, nn.ReLU):
            places[-1] += 1
    return places


def _stem(answer: object) -> str | None:
    if not isinstance(answer, nn.Module):
        return f"give the network itself, not {type(answer).__name__}."
    convs = [m for m in answer.modules() if isinstance(m, nn.Conv2d)]
    if len(convs) != 2:
        return f"two convolutions are asked for, yours has {len(convs)}."
    if any(isinstance(m, (nn.MaxPool2d, nn.AvgPool2d)) for m in answer.modules()):
        return "the pooling comes after the stem: leave it out here."
    if any(conv.stride != (2, 2) for conv in convs):
        return f"both strides should be 2, yours are {' and '.join(str(conv.stride[0]) for conv in convs)}."
    if any(conv.padding not in ("valid", 0, (0, 0)) for conv in convs):
        return "no padding: at 224 px neither convolution needs it."
    if any(conv.dilation != (1, 1) for conv in convs):
        return "no dilation: the taps of each kernel lie side by side."
    try:
        shape, called = _run(answer, 1)
    except InputShapeError as error:
        return str(error)
    first, second = (m.kernel_size for m in called if isinstance(m, nn.Conv2d))
    high, wide = ((b - 1) * 2 + a for a, b in zip(first, second))
    if (high, wide) != (11, 11):
        return f"each output sees {high}×{wide} pixels, not 11×11: two outputs of the first are 2 pixels apart."
    if shape != (2, 96, 54, 54):
        return f"two images should give (2, 96, 54, 54), yours give {shape}."
    # a network with a forward of its own may call F.relu, which no list of modules shows
    if isinstance(answer, nn.Sequential) and _relus_by_place(called) != [0, 1, 1]:
        return "a ReLU belongs after each of the two convolutions: without it, two layers are one."
    return None


exercise("alexnet-3", _stem, "right: the same shape and the same 11×11 pixels, with a ReLU in the middle.")


def _build(answer: object) -> str | None:
    for (channels, classes), parameters in PARAMETERS.items():
        net, hint = built(answer, channels, classes)
        if net is None:
            return hint
        try:
            shape, called = _run(net, channels)
        except InputShapeError as error:
            return f"{error} Poolings leave 26, 12 and 5 pixels a side, so 256 · 5 · 5 values reach the head."
        if shape != (2, classes):
            return f"two images should give logits of shape (2, {classes}), yours give {shape}."
        convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
        linears = [m for m in net.modules() if isinstance(m, nn.Linear)]
        if (len(convs), len(linears)) != (5, 3):
            return f"AlexNet has 5 convolutions and 3 linear layers, yours {len(convs)} and {len(linears)}."
        if linears[0].in_features != 6400:
            return f"6400 values should reach the head, not {linears[0].in_features}: look at strides and padding."
        count = sum(parameter.numel() for parameter in net.parameters())
        if count != parameters:
            return (
                f"{channels} channels and {classes} classes make {parameters:,} parameters, yours has {count:,}. "
                "Channels 96, 256, 384, 384, 256, kernels 11, 5, 3, 3, 3, biases, 4096 units?"
            )
        # a network with a forward of its own may call F.relu and F.dropout, which no list of modules shows
        if isinstance(net, nn.Sequential):
            relus, drops = _relus_by_place(called), _count(called, nn.Dropout)
            if relus != [0, *[1] * 7, 0]:
                return f"{sum(relus)} ReLUs: one follows each layer with weights, but the last; look where yours stand."
            if _count(called, nn.MaxPool2d) != 3:
                return f"three max-poolings are asked for, yours has {_count(called, nn.MaxPool2d)}."
            if drops != 2:
                return f"{drops} dropouts: one follows each hidden layer of the head."
    return None


exercise("alexnet-4", _build, "right: in layers, parameters and shapes, for gray and for color images.")


def _place(crop: torch.Tensor, width: int) -> tuple[int, int, bool] | None:
    """Where a crop was cut out of an image whose pixels are numbered, and whether it is mirrored; None if it is not."""
    size = crop.shape[-1]
    mirrored = bool(crop[0, 0, 0] > crop[0, 0, -1])
    crop = crop.flip(-1) if mirrored else crop
    first = int(crop[0, 0, 0])
    rows = first + width * torch.arange(size)[:, None] + torch.arange(size)
    return (first // width, first % width, mirrored) if torch.equal(crop[0], rows.to(crop)) else None


def _crops(answer: object) -> str | None:
    if not callable(answer) or isinstance(answer, nn.Module):
        return f"give the function random_crops itself, not {type(answer).__name__}."
    high, wide, size, many = 7, 8, 5, 600
    image = torch.arange(float(high * wide)).reshape(1, high, wide)
    X = torch.cat([image, image + 100]).repeat(many, 1, 1, 1)
    out = answer(X.clone(), size)
    if not isinstance(out, torch.Tensor) or out.shape != (many, 2, size, size):
        given = tuple(getattr(out, "shape", ())) or type(out).__name__
        return f"{many} images of 2 channels and size 5 should give {(many, 2, size, size)}, yours give {given}."
    if not torch.equal(out[:, 1], out[:, 0] + 100):
        return "all channels of an image have to be cut at the same place, and mirrored together."
    places = [_place(crop[:1], wide) for crop in out]
    if None in places:
        return "some crops are no square pieces of their image, as they stand or mirrored from left to right."
    seen = {(top, left) for top, left, _ in places}
    mirrored = sum(flag for *_, flag in places) / many
    if len(seen) == 1:
        return "every image was cut at the same place: draw one for each image."
    if not 0.4 < mirrored < 0.6:
        return f"a share of {mirrored:.2f} was mirrored, not about one half, each image by itself."
    if len(seen) < (high - size + 1) * (wide - size + 1):
        return (
            f"only {len(seen)} places occur. A square of 5 fits into 7 rows in 3 ways and into 8 columns in 4, so in "
            "12: is the last place drawn, too, and the column apart from the row?"
        )
    return None


exercise("alexnet-5", _crops, "right: every place occurs, and half of the crops are mirrored.")
