"""Instant checks of problem set 5: dense blocks and the memory they need."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..checks import exercise, numbers


def _plan(
    stem: int, blocks: Sequence[int], growth_rate: int, compress: Callable[[int], int], last: bool = False
) -> tuple[int, ...]:
    """Channels entering each block, then those leaving the last; ``last`` compresses those, too."""
    plan = [stem]
    for index, num_layers in enumerate(blocks, start=1):
        leaving = plan[-1] + num_layers * growth_rate
        plan.append(compress(leaving) if last or index < len(blocks) else leaving)
    return tuple(plan)


_ASKED = 24, (3, 5, 2), 12


def _half(channels: int) -> int:
    return channels // 2


exercise(
    "ps5-1",
    numbers(
        _plan(*_ASKED, _half),
        "a block adds growth_rate channels a layer; a transition lets compression times what it gets through. Start "
        "with the stem, and give one number for each block and one for what leaves the last.",
        {
            _plan(*_ASKED, _half, last=True): "after the last block no transition follows: its channels stay.",
            _plan(*_ASKED, lambda channels: channels): "the transitions are missing.",
            (24, 42, 72, 96): "a transition compresses all that it gets, also what had entered the block before it.",
        },
    ),
    "right: 24, 30 and 45 channels enter, 69 leave.",
)

_LAYERS, _ENTER, _GROWTH, _WIDTH = 3, 16, 8, 4
_READ = sum(_ENTER + index * _GROWTH for index in range(_LAYERS))
_NARROW = _LAYERS * _WIDTH * _GROWTH
_NAIVE, _SHARED = 2 * (_READ + _NARROW), _ENTER + (_LAYERS - 1) * _GROWTH


def _maps(values: list[float]) -> str:
    naive, shared = values
    naive_hints = {
        2 * _READ: "naive: what the 1×1 convolutions put out is missing, width · growth_rate maps a layer.",
        _READ + _NARROW: "naive: each is kept twice, for the BatchNorm and, rectified, for the convolution.",
        2 * _READ + _NARROW: "naive: what the 1×1 convolution puts out is kept twice as well.",
        _READ + 2 * _NARROW: "naive: the concatenation is kept twice as well.",
        3 * (_READ + _NARROW): "naive: ReLU and convolution need the same tensor; it counts once.",
        2 * (_READ + _NARROW) + _ENTER + _LAYERS * _GROWTH: "naive: no layer keeps the last concatenation.",
        2 * (_READ + _LAYERS * _GROWTH): "naive: the 1×1 convolution puts out width · growth_rate maps.",
        2 * (_LAYERS * _ENTER + _NARROW): "naive: each layer reads growth_rate maps more than the one before.",
        2 * (_READ + _LAYERS * _GROWTH + _NARROW): "naive: the first layer reads the block's input only.",
    }
    shared_hints = {
        _ENTER + _LAYERS * _GROWTH: "shared: no layer of the block reads what the last one puts out.",
        (_LAYERS - 1) * _GROWTH: "shared: the block's input is read as well.",
        _READ: "shared: each map counts once, however many layers read it.",
    }
    if not math.isclose(naive, _NAIVE):
        return naive_hints.get(naive, f"naive_bytes gives {naive}: go through the three layers by hand, count maps.")
    return shared_hints.get(shared, f"shared_bytes gives {shared}: which different maps do three layers read?")


exercise(
    "ps5-2",
    numbers((_NAIVE, _SHARED), _maps),
    "right: for three layers already ten times as much.",
)

_WHOLE = tuple((value - 7) / math.sqrt(26) for value in (1, 3, 11, 13))  # as one batch

exercise(
    "ps5-3",
    numbers(
        (-1, 1, -1, 1),
        "of each micro-batch: subtract its mean, divide by the root of its mean squared deviation.",
        {
            _WHOLE: "that is the whole batch at once; each micro-batch is normalized by its own mean and variance.",
            tuple(s / math.sqrt(2) for s in (-1, 1, -1, 1)): "divide the squares by n, not by n - 1.",
            (1, 3, 11, 13): "in training mode even a fresh BatchNorm normalizes, by the statistics of what it gets.",
            (-6, -4, 4, 6): "that is the whole batch, centered; each micro-batch has a mean and a variance of its own.",
        },
        rel=2e-2,
    ),
    "right: which pair was large and which was small can no longer be told.",
)
