"""Instant checks of problem set 1: what can be predicted of a training loop before it runs."""

from __future__ import annotations

import math

from ..checks import exercise, number, numbers

exercise(
    "ps1-1",
    number(
        3658,
        "for each layer count (inputs + 1) × outputs, where a 3×3 filter has 9 inputs for each channel. The first "
        "linear layer gets 16 maps; how many pixels do two poolings leave of 8 × 8?",
        {
            3592: "nearly: biases are parameters too, one for each filter and each output.",
            9802: "you pooled once. A pooling follows each of the two convolutions.",
            34_378: "the poolings are missing: each halves the width and the height.",
            2650: "a filter of the second convolution has 9 weights for each of the 8 channels that it reads.",
            2122: "the first linear layer reads 16 maps of 2 × 2 pixels, not 16 numbers.",
            3328: "the last layer is missing: 32 inputs, and one output for each class.",
        },
        whole=True,
    ),
    "right: and more than half of them sit in one linear layer.",
)


def _steps(values: list[float]) -> str:
    steps, last = values
    if any(value % 1 for value in values):
        return "steps and images are whole numbers: a batch that is begun is a step."
    if steps == 200:
        return "the steps are right. How many images have the full batches of an epoch left over?"
    if last == 41:
        return "the last batch is right. How many batches does one epoch have, the short one included?"
    return "first one epoch: how many full batches of 64 fit into 1257 images, and how many images are left?"


exercise(
    "ps1-2",
    numbers(
        (200, 41),
        _steps,
        {
            (20, 41): "right for one epoch; asked are the steps of all ten.",
            (190, 41): "the short batch is a step as well, in each epoch.",
            (190, 64): "that leaves out the images that do not fill a batch: they make a last, shorter one.",
            (197, 26): "batches do not reach into the next epoch: each epoch ends with a short batch of its own.",
            (197, 41): "batches do not reach into the next epoch: each epoch ends with a short batch of its own.",
            (200, 23): "23 images are missing to a full batch; asked is how many there are.",
            (41, 200): "the two are swapped: the steps come first.",
        },
    ),
    "right: 19 full batches and a short one in each epoch.",
)

_LOWEST, _HIGHEST = math.log(math.e + 9) - 1, math.log(1 + 9 * math.e)

exercise(
    "ps1-3",
    numbers(
        (_LOWEST, _HIGHEST),
        lambda values: (
            "the lowest first, then the highest."
            if values[0] > values[1]
            else "give -ln(softmax) at the true class, where what enters the softmax is 1 for one class and 0 for "
            "nine, or the other way round."
        ),
        {
            (0, math.inf): "that is the range for logits. What enters the softmax here lies between 0 and 1.",
            (0, math.log(10)): "that is a perfect network and one that guesses, both given logits; here the softmax is "
            "taken of numbers between 0 and 1.",
            (
                _LOWEST,
                math.log(10),
            ): "the lowest is right. Worse than equal scores: 0 for the true class, 1 for the rest.",
            (_LOWEST, _LOWEST + 1): "the lowest is right. At the highest, all nine wrong classes have a score of 1.",
            (math.log(math.e + 10) - 1, math.log(1 + 10 * math.e)): "nine classes are wrong, not ten.",
            (_LOWEST, math.inf): "the lowest is right; but no score is below 0.",
        },
        rel=1e-4,
    ),
    "right: even a network that is right and sure has a loss well above 0.",
)
