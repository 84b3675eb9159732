"""Instant checks of problem set 0: hints for likely mistakes. No solution stands here, only numbers worked by hand."""

from __future__ import annotations

from ..checks import exercise, numbers

exercise(
    "ps0-1",
    numbers(
        (26, 28, 14),
        "count the places of the kernel: (side + 2 · padding - 3) // stride + 1.",
        {
            (25, 28, 14): "a: a kernel of 3 pixels has 28 - 3 + 1 places on a row of 28.",
            (26, 28, 15): "c: round down; where the kernel does not fit, there is no output.",
            (26, 26, 14): "b: the padding adds a pixel on both sides.",
        },
    ),
    "right: the padding keeps the side, and a stride of 2 halves it.",
)
