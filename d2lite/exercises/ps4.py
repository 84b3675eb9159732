"""Instant answers to problem set 4: branches and shortcuts."""

from __future__ import annotations

from ..checks import exercise, number, numbers

# MACs of the four branches in units of a 1×1 convolution from 64 to 64 channels; they come to a quarter at 64 → 16
# and 16 → 64, and to a sixteenth at 16 → 16.
_A, _B, _C, _D = 25, 1 / 4 + 25 / 4, 1 / 4 + 9 / 4 + 9, 1 / 4 + 9 / 16 + 9 / 4


_HINTS = (
    ("A", _A, "a 5×5 kernel from 64 to 64 channels has 25 weights where the unit has one."),
    ("B", _B, "its two layers cost different fractions of a unit; add them."),
    ("C", _C, "its second 3×3 goes from 64 to 64 channels, so it has no narrow side."),
    ("D", _D, "its first 3×3 goes from 16 to 16 channels, so it is narrow on both sides."),
)


def _first_wrong(values: list[float]) -> str:
    wrong = ((name, hint) for value, (name, units, hint) in zip(values, _HINTS) if abs(value - units) > 5e-3 * units)
    return "{} is not right yet: {}".format(*next(wrong))


exercise(
    "ps4-1",
    numbers(
        (float(_A), _B, _C, _D),
        _first_wrong,
        {
            (
                25.0,
                _B - 1 / 4,
                _C - 1 / 4,
                _D - 1 / 4,
            ): "the 1×1 convolutions in front of B, C and D cost something, too.",
            (
                25.0,
                _B,
                18 / 25 * _B,
                18 / 25 * _B,
            ): "18 against 25 holds where all layers have the same channels in and out.",
            (25.0, 26.0, 19.0, 19.0): "you count kernels as if each went from 64 to 64 channels.",
            (
                25.0,
                26 / 4,
                19 / 4,
                19 / 4,
            ): "the 3×3 kernels differ in their channels: two lie between 64 or 16 channels on both sides.",
            tuple(
                4096.0 * units for units in (_A, _B, _C, _D)
            ): "those are weights: divide by those of the unit, 64 · 64.",
        },
        rel=5e-3,
    ),
    "right: the two 3×3 help only while the branch stays narrow between them.",
)

_PLAIN, _SUM, _SCALED = 0.5**20, 1.5**20, 1.05**20

exercise(
    "ps4-2",
    numbers(
        (_PLAIN, _SUM, _SCALED),
        "one block first: by what does it multiply its input, plain and with a shortcut? Then: what do twenty in a row "
        "do?",
        {
            (_PLAIN, _PLAIN, 0.05**20): "the shortcut is missing: x + alpha · 0.5 · x is (1 + alpha · 0.5) · x.",
            (
                _PLAIN,
                1 + _PLAIN,
                1 + 0.05**20,
            ): "each block has a shortcut, not the whole line: add 1 first, then take the power.",
            (
                _PLAIN,
                1 + 20 * 0.5,
                1 + 20 * 0.05,
            ): "the blocks come one after the other, so their factors are multiplied.",
            (10.0, 30.0, 21.0): "the blocks come one after the other, so their factors are multiplied, not added.",
            (_PLAIN, _SUM, _SUM): "alpha weakens the body before it is added: 1 + 0.1 · 0.5.",
            (_PLAIN, _SUM, 1.1**20): "in (c) the body still multiplies by 0.5, and alpha by 0.1: 1 + 0.05.",
            (_PLAIN, _SUM, 0.15**20): "alpha weakens the body only; the shortcut counts in full: 1 + 0.05.",
            (0.5, 1.5, 1.05): "that is one block. There are twenty.",
            (
                1 / _PLAIN,
                1 / _SUM,
                1 / _SCALED,
            ): "that is the inverse: the gradient to the input over that to the output.",
        },
        rel=1e-2,
    ),
    "right: it vanishes, it explodes, and it stays.",
)

_STEM, _HEAD = 9 * 8 + 8, 64 * 10 + 10
#: two 3×3 convolutions of each block: five of 8 channels, one from 8 to 16, four of 16
_BLOCKS = 5 * 2 * (72 * 8 + 8) + (72 * 16 + 16) + (144 * 16 + 16) + 4 * 2 * (144 * 16 + 16)

exercise(
    "ps4-3",
    number(
        _STEM + _HEAD,
        "which parts of the network does nn.Module know of? Count these: kernel · in · out weights and out biases for "
        "a convolution, in · out weights and out biases for a linear layer.",
        {
            _STEM
            + _HEAD
            + _BLOCKS: "that counts every layer there is. What holds the blocks, and does nn.Module look into it?",
            _BLOCKS: "that counts the blocks, and they are what the optimizer does not get.",
            0: "some parts are modules assigned to an attribute: these are registered.",
            _STEM: "one more part is registered.",
            _HEAD: "one more part is registered.",
            9 * 8 + 64 * 10: "the biases are parameters, too.",
            _STEM + 16 * 10 + 10: "the head receives 16 channels of 2×2 pixels: 64 numbers an image.",
            _STEM + 8 * 10 + 10: "the head receives 2 · width channels of 2×2 pixels: 64 numbers an image.",
        },
        whole=True,
    ),
    "right: stem and head. A plain Python list hides its modules from nn.Module, so the blocks never change.",
)
