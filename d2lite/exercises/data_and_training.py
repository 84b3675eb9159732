"""Answers of the first chapter: parameters, reach, honest reporting, momentum."""

from __future__ import annotations

import torch

from ..checks import exercise, number

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

exercise(
    "data_and_training-3",
    number(
        0.893,
        "choose the rate on the validation images; then report what this one rate reaches on the test images. "
        "Give a fraction such as 0.85.",
        {
            0.897: "you chose the rate by its test accuracy: then the test images have taken part in the choice.",
            0.902: "that is the number by which the rate was chosen, so it is too good. Who was not asked yet?",
            0.899: "that rate is not the one that the validation images choose.",
        },
    ),
    "right: chosen on validation images, reported on test images, even though another rate looks better there.",
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
