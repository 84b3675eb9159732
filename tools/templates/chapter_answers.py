"""Answers of the chapter on new name."""

from __future__ import annotations

from ..checks import exercise, number

exercise(
    "new_name-1",
    number(
        1562,
        "add up three layers: a 3×3 kernel for each pair of an input and an output channel, and the linear layer.",
        {
            1418: "that is for one channel: here each kernel of the first convolution has three slices.",
            1562 - 34: "those are the weights; each output channel and each class also has a bias.",
        },
        whole=True,
    ),
    "right: only the first convolution grew.",
)
