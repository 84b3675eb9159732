"""Differences between results, how sure they are, and which networks are worth their cost."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .measurements import measured, predictions, stored_seeds

FREE = 4  # runs beyond the first of each network: with fewer, a standard deviation is too rough an estimate


def spread(accuracies) -> float:
    """Standard deviation of one run, from the runs of one network (n - 1 in the denominator); NaN for a single run."""
    return float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else math.nan


def pooled_sd(*networks) -> float:
    """Standard deviation s of one run, from the runs of several networks, supposing that all scatter alike.

    s² = Σ (n_k - 1) s_k² / Σ (n_k - 1), over networks k with n_k runs. NaN where Σ (n_k - 1) is under 4: too few.
    """
    free = sum(len(runs) - 1 for runs in networks)
    squares = sum(((np.asarray(runs) - np.mean(runs)) ** 2).sum() for runs in networks)
    return math.sqrt(squares / free) if free >= FREE else math.nan


class MeanDifference(NamedTuple):
    """``difference`` of two means, its standard ``error``, and the ``seeds`` each that would make it three errors."""

    difference: float
    error: float
    seeds: float


def mean_difference(a, b, sd: float | None = None) -> MeanDifference:
    """The mean of the runs ``a`` minus that of the runs ``b``, as far as seeds alone decide it.

    The standard error is s √(1/n_a + 1/n_b), with s from ``pooled_sd`` of the two. A difference d would be three
    standard errors with n ≥ 2 (3 s / d)² seeds each; that is NaN where s is unknown or d is zero.

    Args:
        sd: the standard deviation of a run, where more than these two networks tell it.
    """
    difference, sd = float(np.mean(a) - np.mean(b)), pooled_sd(a, b) if sd is None else sd
    unknown = math.isnan(sd) or abs(difference) < 1e-6
    needed = math.nan if unknown else max(2, math.ceil(2 * (3 * sd / difference) ** 2))
    return MeanDifference(difference, sd * math.sqrt(1 / len(a) + 1 / len(b)), needed)


def image_error(accuracy: float, images: int) -> float:
    """Standard error √(p (1 - p) / m) of an accuracy p, a fraction, from the choice of m test images: binomial."""
    return math.sqrt(accuracy * (1 - accuracy) / images)


@dataclass(frozen=True)
class Difference:
    """An accuracy minus another one on the same test images, in fractions; see ``paired`` for the formulas.

    ``from_images`` and ``from_seeds`` are the standard errors from either source of luck, ``error`` that from both.
    The last two are NaN where there are too few runs to tell. ``runs`` counts those of each network.
    """

    difference: float
    from_images: float
    from_seeds: float
    error: float
    runs: tuple[int, int]

    @property
    def errors(self) -> float:
        """How many standard errors the difference is; its sign is that of the difference."""
        return self.difference / self.error if self.error else math.nan


def paired(right_a, right_b, sd: float | None = None) -> Difference:
    """The accuracy of A minus that of B, and its standard errors, from what each got right on the same m test images.

    Let d_i be the share of A's runs that are right on image i, minus that of B's. The difference is the mean of the
    d_i, and its standard error from the images is sd(d_i) / √m. With a run each, d_i is 1, 0 or -1, and this is the
    error behind McNemar's test (Dietterich, 1998): images that both get right, or both wrong, do not add to it. The
    standard error from the seeds is s √(1/n_A + 1/n_B), with s from ``pooled_sd`` of the accuracies.

    What a seed does to single images, with a variance e² an image, is in both. It is counted once in the whole:
    error² = from_images² + max(0, (s² - e²/m) (1/n_A + 1/n_B)), the variance of a layout in which runs and images are
    crossed (Gallas, Pennello and Myers, 2007). e² is the mean square of what is left of right or wrong after the
    average of the run and that of the image are taken off; it is not subtracted where each network has one run.

    Args:
        right_a, right_b: whether each test image was classified rightly: (images,) for one run, (runs, images) for
            several. Runs of A and of B need not have seeds in common.
        sd: s, where more than these two networks tell it.

    Raises:
        ValueError: A and B were not tested on equally many images, or on fewer than two.
    """
    a, b = (np.atleast_2d(np.asarray(right, dtype=float)) for right in (right_a, right_b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or a.shape[1] < 2:
        shapes = f"{tuple(np.shape(right_a))} and {tuple(np.shape(right_b))}"
        raise ValueError(f"answers of shapes {shapes}: give (images,) or (runs, images), of the same images for both.")
    images, of_image = a.shape[1], a.mean(axis=0) - b.mean(axis=0)
    share, free = 1 / len(a) + 1 / len(b), len(a) + len(b) - 2
    sd = pooled_sd(a.mean(axis=1), b.mean(axis=1)) if sd is None else sd
    from_images = float(np.std(of_image, ddof=1)) / math.sqrt(images)
    left = [each - each.mean(axis=0) - each.mean(axis=1, keepdims=True) + each.mean() for each in (a, b)]
    single = sum(float((of**2).sum()) for of in left) / (free * (images - 1) * images) if free else 0.0  # e²/m
    error = math.nan if math.isnan(sd) else math.sqrt(from_images**2 + max(0.0, (sd**2 - single) * share))
    return Difference(float(of_image.mean()), from_images, sd * math.sqrt(share), error, (len(a), len(b)))


def compare(network_a: str, network_b: str) -> Difference:
    """The mean accuracy of one network of the main line minus that of another, from all their stored predictions.

    See ``paired``. Where the two have too few runs to tell how much runs scatter, all networks of the main line tell.

    Raises:
        ValueError: no predictions of one of them are stored; the message names those that are.
    """
    names, seeds = (network_a, network_b), stored_seeds()  # without a seed, `predictions` tells which networks have one
    right = [np.array([predictions(name, seed).right for seed in seeds.get(name, [0])]) for name in names]
    sd = None
    if sum(len(runs) - 1 for runs in right) < FREE:
        runs: dict[str, list[float]] = {}
        for row in measured(recipe="mainline"):
            runs.setdefault(row["network"], []).append(row["test_acc"])
        sd = pooled_sd(*runs.values())
    return paired(*right, sd=sd)


def rank_correlation(a, b) -> float:
    """Spearman's: 1 where two lists are in the same order, -1 in the opposite one; equals share a rank."""
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def permutation_test(a, b, shuffles: int = 2000) -> float:
    """The share of shuffles of one list whose rank correlation with the other is at least as strong as the list's own.

    Source: Good, 2005. The shuffles are the same in every call.
    """
    (a, b), rng = (_ranks(a), _ranks(b)), np.random.default_rng(0)
    shuffled = np.array([np.corrcoef(rng.permutation(a), b)[0, 1] for _ in range(shuffles)])
    return float((np.abs(shuffled) > abs(np.corrcoef(a, b)[0, 1]) - 1e-9).mean())


def _ranks(values) -> np.ndarray:
    """Ranks from 1; equals get the mean of theirs."""
    values = np.asarray(list(values), dtype=float)
    return np.array([((values < value).sum() + (values <= value).sum() + 1) / 2 for value in values])


def frontier(cost, accuracy) -> list:
    """Names on the frontier, from cheap to costly.

    A network is on it if every network that costs no more is less accurate. Both arguments map names to numbers: they
    are pandas Series or dictionaries. A cost that is NaN is not known, and leaves its network out.
    """
    kept = []
    known = [name for name in cost.keys() if not math.isnan(cost[name])]  # noqa: SIM118 - a Series iterates over values
    for name in sorted(known, key=lambda name: (cost[name], -accuracy[name])):
        if accuracy[name] > (accuracy[kept[-1]] if kept else -math.inf):
            kept.append(name)
    return kept


def choose(networks: list[dict], cost: str, budget: float) -> dict | None:
    """The most accurate network within the budget, of equals the cheapest; None where none fits.

    Args:
        networks: each with its ``"accuracy"`` and, under the key ``cost``, a number, or None where it is not known.
    """
    fits = [network for network in networks if network[cost] is not None and network[cost] <= budget]
    return max(fits, key=lambda network: (network["accuracy"], -network[cost]), default=None)
