"""Answers of the chapter on photographs of one's own."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from ..checks import exercise, number

exercise(
    "your_images-1",
    number(
        645,
        "each of the five outputs has a weight for each feature, and a bias.",
        {
            640: "each output has a bias as well.",
            8 * 129: "those are eight classes, as the network had them before; yours are five.",
            4 * 129: "four outputs would do, since probabilities add up to 1, but nn.Linear(128, 5) has five.",
            128 + 5: "each of the five outputs has a weight for each of the 128 features.",
        },
        whole=True,
    ),
    "right: 128 weights and a bias for each class.",
)

_ALONE = 99 / 998 * 98 / 997  # that both sisters are in the test as well

exercise(
    "your_images-2",
    number(
        1 - _ALONE,
        "count the other way: both sisters have to be in the test. Of 998 other pictures 99 are.",
        {
            _ALONE: "that is the probability that both sisters are in the test. What is asked is the opposite.",
            1 - 99 / 998: "that is the probability that one certain sister is outside. There are two of them.",
            0.9: "that is the probability that one certain sister is outside. There are two of them.",
            (1 - 99 / 998) ** 2: "that is the probability that both sisters are outside. One is enough.",
            0.81: "that is the probability that both sisters are outside. One is enough.",
        },
        rel=8e-4,
    ),
    "right: a random test of bursts of three is a test of memory, for 99 pictures of 100.",
)


@torch.no_grad()
def _fold(answer: object) -> str | None:
    if not callable(answer) or isinstance(answer, nn.Module):
        return f"give the function itself, not {type(answer).__name__}: d2l.check('your_images-3', fold)."
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]
    columns = [torch.tensor(each)[:, None, None] for each in (mean, std)]
    conv, X = nn.Conv2d(3, 4, 3), torch.rand(2, 3, 6, 5)
    before = copy.deepcopy(conv.state_dict())
    folded = answer(conv, mean, std)
    if any(not torch.equal(value, before[name]) for name, value in conv.state_dict().items()):
        return "conv itself was changed: work on a copy, such as copy.deepcopy(conv)."
    if not isinstance(folded, nn.Conv2d):
        return f"fold(…) gives {type(folded).__name__}: it should be an nn.Conv2d."
    wanted = conv((X - columns[0]) / columns[1])
    found = folded(X)
    if found.shape != wanted.shape:
        return f"the result puts out {tuple(found.shape)}, and conv {tuple(wanted.shape)}."
    if torch.allclose(found, wanted, atol=1e-5):
        return None
    if torch.allclose(found, conv((X + columns[0]) / columns[1]), atol=1e-5):
        return "the mean has the wrong sign: it is subtracted."
    if torch.allclose(found, conv(X * columns[1] - columns[0] * columns[1]), atol=1e-5):
        return "the weights are multiplied by std: normalizing divides by it."
    apart = (found - wanted).flatten(2)
    if torch.allclose(apart.std(2), torch.zeros(()), atol=1e-5):
        return "the weights are right, the bias is not: each output loses the sum of its new weights times the means."
    return "it puts out other values than conv for normalized pixels. Write w·(x − m)/s as a factor of x, and a rest."


exercise("your_images-3", _fold, "right: a convolution that normalizes by itself.")

_TEMPERATURE = 3 / math.log(4)

exercise(
    "your_images-4",
    number(
        _TEMPERATURE,
        "divide 3 by T: the result must be the logit of 80%, ln(0.8 / 0.2).",
        {
            1 / _TEMPERATURE: "that is the factor by which the logits are multiplied; the temperature divides them.",
            math.log(4): "that is the logit of 80%. By what is 3 divided to get it?",
            1.5: "use the natural logarithm, as softmax has e as its base.",
            3 / math.log10(4): "use the natural logarithm, as softmax has e as its base.",
            0.953 / 0.8: "the logits are divided, and not the probabilities.",
        },
        rel=3e-3,
    ),
    "right: at this temperature the difference of the logits is ln 4.",
)
