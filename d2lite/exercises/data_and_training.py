"""Answers of the first chapter: parameters, reach, honest reporting, momentum, and whole training loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ..checks import exercise, number, numbers

exercise(
    "data_and_training-1",
    number(
        83_126,
        "count (inputs + 1) × outputs for each layer, where a filter has 25 inputs for each channel. Only the first "
        "convolution and the first fully connected layer differ from the summary: follow 32 pixels through the layers.",
        {
            61_706: "that is the gray network of 28 pixels. Three channels and 32 pixels change two of its layers.",
            62_006: "the first convolution is right; but at 32 pixels, how large is the image that gets flattened?",
            82_826: "the first fully connected layer is right; but how large is a 5×5 filter on three channels?",
            82_890: "nearly: biases are parameters too, one for each filter or output.",
        },
    ),
    "right: the first convolution has 300 more weights, and the first fully connected layer 44% more inputs.",
)

exercise(
    "data_and_training-2",
    number(
        14,
        "go from the top down: five positions of the pooled map, which lie 2 pixels apart. How wide is each of them?",
        {
            5: "five is what it sees of the layer below. How many input pixels do those five positions cover?",
            9: "nine would be right for two 5×5 convolutions in a row; here a pooling lies between them.",
            10: "the five positions lie two pixels apart, but each is already several pixels wide.",
            13: "nearly: each position of the pooled map covers 6 pixels, not 5.",
            16: "sixteen is the reach after the second pooling; the question stops before it.",
        },
    ),
    "right: 6 + 4 · 2. A stack reaches much further than its filters are wide.",
)


def _neither(values: list[float]) -> str:
    if abs(values[0] - 0.893) > 1e-6:
        return (
            "the first number is not the one: choose the rate on the validation images; then report what this one rate "
            "reaches on the test images. Give a fraction such as 0.85."
        )
    return "the first number is right. The second compares two *test* accuracies: the best one, and the one you report."


_CHOSEN_BY_TEST = "you chose the rate by its test accuracy: then the test images have taken part in the choice."
_TOO_GOOD = "the first is the number by which the rate was chosen, so it is too good. Who was not asked yet?"
exercise(
    "data_and_training-3",
    numbers(
        (0.893, 0.4),
        _neither,
        {
            **{(0.897, points): _CHOSEN_BY_TEST for points in (0, 0.4, 0.004)},
            **{(0.902, points): _TOO_GOOD for points in (0, 0.4, 0.5, 0.9, 0.004)},
            (0.893, 0.004): "the first number is right. Of the second, give points: hundredths, not a fraction.",
            (0.893, 0.9): "the first number is right. The second is about the test images alone: leave out the 0.902.",
            (0.893, -0.4): "the first number is right. The flattery is how much *better* it looks: without the sign.",
        },
        rel=1e-4,
    ),
    "right: chosen on validation images, reported on test images. Four tenths of a point would have been flattery.",
)


def _momentum(step: object) -> str | None:
    if not callable(step):
        return f"give the function momentum_step itself, not {type(step).__name__}."
    draw = torch.Generator().manual_seed(0)
    start, *grads = torch.randn(4, 3, 2, dtype=torch.float64, generator=draw).unbind()
    reference = start.clone().requires_grad_()
    optimizer = torch.optim.SGD([reference], lr=0.1, momentum=0.9)
    param, velocity = start.clone(), torch.zeros_like(start)
    for count, grad in enumerate(grads, start=1):
        reference.grad = grad.clone()
        optimizer.step()
        before = param.clone(), velocity.clone()
        result = step(param.clone(), grad.clone(), velocity.clone(), 0.1, 0.9)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            return "return two tensors: the new parameter and the new velocity. (Is `...` still in the function?)"
        param, velocity = result
        if torch.allclose(param, reference.detach()):
            continue
        if torch.allclose(param, before[0] + 0.1 * velocity):
            return "the step goes uphill: subtract the learning rate times the velocity."
        if torch.allclose(param, before[0] - 0.1 * before[1]):
            return "use the new velocity for the step, not the one that came in."
        if count > 1 and torch.allclose(param, before[0] - 0.1 * grad):
            return "the first step is right, the later ones forget: the velocity must carry over what came in."
        if torch.allclose(velocity, 0.9 * before[1] + 0.1 * grad) and torch.allclose(param, before[0] - 0.1 * velocity):
            return "the gradient counts in full here: v ← μ v + g, without a factor 1 − μ."
        return f"step {count} differs from torch.optim.SGD: first v ← μ v + g, then θ ← θ − η v with the new v."
    return None


exercise("data_and_training-4", _momentum, "right: three steps equal torch.optim.SGD(momentum=0.9).")


_X, _Y = torch.arange(22.0, dtype=torch.float64), torch.arange(22) % 3
_FACTORS = torch.tensor([[0.05, 0.3, 1.1]], dtype=torch.float64)  # an image is x → (x / 20, sin 0.3 x, sin 1.1 x)


def _images() -> torch.Tensor:
    """Twenty-two images of three numbers, all different; the first is the place of the image, over 20."""
    first, *others = (_X[:, None] * _FACTORS).unbind(dim=1)
    return torch.stack([first, *(other.sin() for other in others)], dim=1)


def _net() -> nn.Sequential:
    draw = torch.Generator().manual_seed(1)
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw, dtype=torch.float64))
    return net


def _expected(lr: float = 0.1, momentum: float = 0.9, clear: bool = True, softmax: bool = False) -> torch.Tensor:
    """All weights after four steps on all images; the options are mistakes."""
    net, X = _net(), _images()
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum)
    for _ in range(4):
        logits = net(X)
        loss = nn.functional.cross_entropy(logits.softmax(dim=1) if softmax else logits, _Y)
        if clear:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return nn.utils.parameters_to_vector(net.parameters()).detach()


def _weights(train: Callable) -> str | None:
    """Whether the weights are right after four epochs of a single batch each, for which no order matters."""
    net = _net()
    start = nn.utils.parameters_to_vector(net.parameters()).detach().clone()
    train(net, _images(), _Y.clone(), 0.1, 4, momentum=0.9, batch_size=len(_Y))
    found = nn.utils.parameters_to_vector(net.parameters()).detach()
    if torch.allclose(found, _expected(), rtol=1e-6, atol=1e-9):
        return None
    if torch.equal(found, start):
        return (
            "the weights never change. When `optimizer.step()` runs, every gradient has to be there: computed by "
            "`backward()` and not cleared since. (Is `...` still in the function?)"
        )
    mistakes = (
        ({"clear": False}, "each step also walks along the gradients of all earlier steps: they add up. Clear them."),
        ({"softmax": True}, "CrossEntropyLoss applies the softmax itself: give it the logits, or it is applied twice."),
        ({"momentum": 0.0}, "the momentum is not used: give it to torch.optim.SGD."),
        ({"lr": 0.01}, "the learning rate is not the one that was given."),
    )
    for mistake, hint in mistakes:
        if torch.allclose(found, _expected(**mistake), rtol=1e-6, atol=1e-9):
            return hint
    return (
        "after four steps on all images the weights differ from those of torch.optim.SGD. Does each image keep its "
        "own label when the order changes? Are all four lines there, in their order, once a batch?"
    )


def _order(seen: list[tuple[list[int], bool]], size: int, epochs: int) -> str | None:
    """Whether the batches were those of ``epochs`` passes in new orders; ``seen`` holds each with the net's mode."""
    whole, images = [size] * (len(_Y) // size) + [len(_Y) % size], range(len(_Y))
    lengths = [len(places) for places, _ in seen]
    if lengths == whole[:-1] * epochs:
        return f"the last batch of an epoch is shorter, {whole[-1]} of {len(_Y)} images here, and is left out."
    if lengths != whole * epochs:
        return (
            f"{len(_Y)} images in batches of {size} for {epochs} epochs make batches of {whole}, {epochs} times over; "
            f"yours were {lengths}."
        )
    steps = range(0, len(seen), len(whole))
    passes = [[place for places, _ in seen[step : step + len(whole)] for place in places] for step in steps]
    if any(sorted(order) != list(images) for order in passes):
        return "an epoch shows every image exactly once; yours shows some twice and others never."
    if list(images) in passes:
        return "the images come in their stored order: draw a random one (torch.randperm)."
    if any(order == passes[0] for order in passes[1:]):
        return "every epoch repeats the same order: draw a new one inside the loop over the epochs."
    if not all(training for _, training in seen):
        return "the network came in evaluation mode and stayed in it: call net.train() first."
    return None


def _losses(returned: Any, wanted: list[float]) -> str | None:
    """Whether the loss of every batch came back, without the graph that computed it."""
    if returned is None:
        return "it trains correctly; now return the loss of every batch."
    listed = list(returned)
    if any(getattr(loss, "requires_grad", False) for loss in listed):
        return "the losses still hold the graphs that computed them: append loss.detach()."
    if len(listed) != len(wanted):
        return f"{len(wanted)} batches were trained on, but {len(listed)} losses came back: one for each batch, please."
    if not torch.allclose(torch.tensor([float(loss) for loss in listed]), torch.tensor(wanted), rtol=1e-4):
        return "the losses that came back are not those of the batches, each before its step."
    return None


def _training(train: object) -> str | None:
    """Whether a function trains as that of the chapter does: weights, order of the images, mode, and losses."""
    if not callable(train) or isinstance(train, nn.Module):
        return f"give the function train itself, without brackets, not {type(train).__name__}."
    if hint := _weights(train):
        return hint
    net, seen, wanted = _net().eval(), [], []

    def watch(net: nn.Module, inputs: tuple[torch.Tensor], logits: torch.Tensor) -> None:
        places = (inputs[0][:, 0] * 20).round().long()
        seen.append((places.tolist(), net.training))
        wanted.append(nn.functional.cross_entropy(logits.detach(), _Y[places]).item())

    with net.register_forward_hook(watch):
        returned = train(net, _images(), _Y.clone(), 0.1, 3, momentum=0.9, batch_size=8)
    return _order(seen, 8, 3) or _losses(returned, wanted)


exercise("data_and_training-5", _training, "right: the same weights as torch.optim.SGD, and a new order each epoch.")
exercise("data_and_training-6", _training, "right: a gradient has to live from backward() to step().")
exercise("data_and_training-7", _training, "right: cross_entropy takes logits, and its loss can now fall to zero.")
exercise("data_and_training-8", _training, "right: every image keeps its own label.")
