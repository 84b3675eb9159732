"""Answers of the chapter on scaling out."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

from ..checks import exercise, number

_BYTES = 4 * 128_806_154  # of VGG-11's gradients

exercise(
    "scaling_out-1",
    number(
        1.75 * _BYTES,
        "2 (N - 1) rounds, and in each an N-th of the gradient's bytes.",
        {
            1.75 * _BYTES / 4: "those are the numbers; a float32 has four bytes.",
            1.75 * _BYTES * 2: "a float32 has four bytes, not eight.",
            0.875 * _BYTES: "that is one pass, after which each process owns one finished piece; a second follows.",
            2.0 * _BYTES: "nearly: each pass has N - 1 rounds, not N, since a piece is already where it starts.",
            14.0 * _BYTES: "that is what all eight send together; asked is one. (Each sends only pieces, never all.)",
            1.0 * _BYTES: "that is the size of the gradient; how much of it does a process send, and how often?",
        },
    ),
    "right: less than two gradients, as it would be with a thousand processes.",
)


def _by_batch(order: Sequence[int], batch_size: int) -> list[list[int]]:
    return [list(order[first : first + batch_size]) for first in range(0, len(order), batch_size)]


def _fault(order: list[int], batch_size: int, world: int, shares: list[list[list[int]]]) -> str | None:
    """What is wrong with the lists of all processes, in order of their ranks; None where nothing is."""
    where = f"for {len(order)} indices in batches of {batch_size} and {world} processes, "
    batches = _by_batch(order, batch_size)
    lengths = {len(lists) for lists in shares}
    if lengths != {len(batches)}:
        return (
            f"{where}there are {len(batches)} global batches, and every process gives one list for each, though it be "
            f"empty; yours give {' or '.join(map(str, sorted(lengths)))}."
        )
    taken = sorted(index for lists in shares for share in lists for index in share)
    if len(set(taken)) < len(taken):
        return f"{where}some indices are taken twice."
    if taken != sorted(order):
        missing = sorted(set(order) - set(taken))
        return f"{where}{missing[:5]} are in nobody's share." if missing else f"{where}there are indices not in order."
    for step, batch in enumerate(batches):
        parts = [lists[step] for lists in shares]
        if sorted(itertools.chain(*parts)) != sorted(batch):
            return (
                f"{where}the lists number {step} of all processes do not make up global batch {step}: divide each "
                "batch, not the epoch."
            )
        sizes = [len(part) for part in parts]
        if max(sizes) - min(sizes) > 1:
            return f"{where}the shares of one batch have the sizes {sizes}: they may differ by one at most."
    return None


def _shards(answer: object) -> str | None:
    if not callable(answer):
        return f"give the function itself, not {type(answer).__name__}: d2l.check('scaling_out-2', shards)."
    draw = random.Random(0)
    for count, batch_size, world in ((12, 4, 2), (12, 4, 1), (24, 12, 3), (25, 8, 4), (10, 7, 3), (9, 9, 4), (7, 3, 5)):
        order = draw.sample(range(100), count)
        shares = []
        for rank in range(world):
            given = answer(list(order), batch_size, rank, world)
            if given is None:
                return "your function returns nothing: is the return statement missing?"
            try:
                shares.append([[int(index) for index in share] for share in given])
            except TypeError:
                return f"return a list of lists of indices, not {given!r}."
        if hint := _fault(order, batch_size, world, shares):
            return hint
    return None


exercise("scaling_out-2", _shards, "right: disjoint, complete, and each global batch shared fairly.")

_COMBINE_SLIPS = {
    "the variance misses one part: the shares' means differ, too, and their spread belongs to it.": (
        lambda n, m, v: (_mean(n, m), _mean(n, v))
    ),
    "shares count by their size: weigh means and variances by the counts.": (
        lambda n, m, v: _combined([1] * len(n), m, v)
    ),
    "that is the standard deviation; asked is the variance.": lambda n, m, v: (
        _combined(n, m, v)[0], _combined(n, m, v)[1] ** 0.5
    ),
    "divide by the number of values, not by one less: a batch is standardized with its biased variance.": (
        lambda n, m, v: (_mean(n, m), _combined(n, m, v)[1] * sum(n) / (sum(n) - 1))
    ),
    "variance first? Return mean, variance.": lambda n, m, v: _combined(n, m, v)[::-1],
    "where the mean is large, mean of squares and square of the mean cancel in floating point: add up variances and "
    "squared distances of the means instead.": (
        lambda n, m, v: (_mean(n, m), _mean(n, [b + a * a for a, b in zip(m, v)]) - _mean(n, m) ** 2)
    ),
}  # fmt: skip


def _mean(counts: Sequence[float], values: Sequence[float]) -> float:
    return sum(n * value for n, value in zip(counts, values)) / sum(counts)


def _combined(counts, means, variances) -> tuple[float, float]:
    mean = _mean(counts, means)
    return mean, _mean(counts, [v + (m - mean) ** 2 for m, v in zip(means, variances)])


_SHARES = (  # counts, means, variances
    ([4, 4], [1.0, 3.0], [2.0, 0.5]),
    ([1, 2, 6], [0.0, -3.0, 1.5], [0.0, 1.0, 4.0]),
    ([5], [2.0], [0.25]),
    ([3, 2, 2, 2], [1e9, 1e9 + 1, 1e9, 1e9], [1.0, 2.0, 3.0, 4.0]),
)


def _same(found: list[tuple[float, float]], expected: list[tuple[float, float]]) -> bool:
    return all(math.isclose(a, b, rel_tol=1e-6) for one, other in zip(found, expected) for a, b in zip(one, other))


def _combine(answer: object) -> str | None:
    if not callable(answer):
        return f"give the function itself, not {type(answer).__name__}: d2l.check('scaling_out-3', combine)."
    found = []
    for case in _SHARES:
        given = answer(*map(list, case))
        if given is None:
            return "your function returns nothing: is the return statement missing?"
        try:
            mean, variance = given
            found.append((float(mean), float(variance)))
        except (TypeError, ValueError):
            return f"return two numbers, mean and variance, not {given!r}."
    expected = [_combined(*case) for case in _SHARES]
    if _same(found, expected):
        return None
    for hint, slip in _COMBINE_SLIPS.items():
        if _same(found, [slip(*case) for case in _SHARES]):
            return hint
    case, value, right = next(line for line in zip(_SHARES, found, expected) if not _same(line[1:2], line[2:3]))
    return f"for counts {case[0]}, means {case[1]} and variances {case[2]} it gives {value}, and should give {right}."


exercise("scaling_out-3", _combine, "right, for uneven shares and large means alike.")

exercise(
    "scaling_out-4",
    number(
        69,
        "write (1) as a function of N, and find where it is smallest; 50 µs are 50e-6 s, 100 MB are 1e8 bytes.",
        {
            70: "close: try its neighbors, and mind the factor 2 of the bandwidth term.",
            71: "close: √(C / (2 ℓ)) leaves out the bandwidth term, which grows with N, too.",
            98: "the latency counts 2 (N - 1) times.",
            100: "the latency counts 2 (N - 1) times, and the bandwidth term grows with N, too.",
            2: "are the units right? 50 µs are 50e-6 s.",
        },
        whole=True,
    ),
    "right: and with twice as many it is slower again.",
)
