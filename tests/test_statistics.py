"""Differences and their standard errors: against textbook formulas, and against how much results really scatter."""

import math

import numpy as np
import pandas as pd
import pytest
from storedruns import read_from, store, store_answers

import d2lite as d2l
from d2lite.nets.statistics import (
    image_error,
    mean_difference,
    paired,
    permutation_test,
    pooled_sd,
    rank_correlation,
    spread,
)


def test_the_spread_of_runs():
    assert spread([0.9, 0.92, 0.94]) == pytest.approx(0.02) and math.isnan(spread([0.9])) and math.isnan(spread([]))
    a, b = [0.9, 0.91, 0.95, 0.92], [0.88, 0.86]
    assert pooled_sd(a, b) == pytest.approx(math.sqrt((3 * np.var(a, ddof=1) + np.var(b, ddof=1)) / 4))
    assert math.isnan(pooled_sd([0.9, 0.8], [0.9, 0.8, 0.7])), "too few runs to tell"


def test_the_difference_of_means_is_the_textbook_one():
    a, b = [0.9, 0.91, 0.95, 0.92], [0.88, 0.86]
    difference, error, needed = mean_difference(a, b)
    pooled = math.sqrt((3 * np.var(a, ddof=1) + np.var(b, ddof=1)) / 4)
    assert difference == pytest.approx(0.05) and error == pytest.approx(pooled * math.sqrt(1 / 4 + 1 / 2))
    assert difference >= 3 * pooled * math.sqrt(2 / needed), "so many seeds make it three standard errors"
    assert difference < 3 * pooled * math.sqrt(2 / (needed - 1)) or needed == 2
    assert math.isnan(mean_difference(a, a).seeds) and mean_difference([0.9] * 3, [0.8] * 3).seeds == 2
    assert mean_difference(a, b, 0.01).error == pytest.approx(0.01 * math.sqrt(1 / 4 + 1 / 2)), (
        "a spread from elsewhere"
    )
    assert mean_difference(a, b, 0.02).seeds == math.ceil(2 * (3 * 0.02 / 0.05) ** 2)


def test_the_luck_of_the_images_is_binomial():
    assert image_error(0.9, 10_000) == pytest.approx(0.003)
    right = np.random.default_rng(0).random((4000, 500)) < 0.8
    assert image_error(0.8, 500) == pytest.approx(right.mean(axis=1).std(), rel=0.05)


def test_one_run_each_is_the_test_of_mcnemar():
    right_a = np.array([True] * 60 + [True] * 25 + [False] * 10 + [False] * 5)  # both, A alone, B alone, none
    right_b = np.array([True] * 60 + [False] * 25 + [True] * 10 + [False] * 5)
    found, m, b, c = paired(right_a, right_b), 100, 25, 10
    assert found.difference == pytest.approx((b - c) / m) and found.runs == (1, 1)
    assert found.from_images == pytest.approx(math.sqrt((b + c - (b - c) ** 2 / m) / (m * (m - 1))))
    assert math.isnan(found.from_seeds) and math.isnan(found.error) and math.isnan(found.errors)
    more = paired(np.append(right_a, [True] * 100), np.append(right_b, [True] * 100))
    assert more.from_images < found.from_images / 1.9, "images that both get right do not add to it"
    assert paired(right_b, right_a).difference == -found.difference


def test_a_spread_from_elsewhere_serves_where_there_is_one_run_each():
    rng = np.random.default_rng(0)
    a, b = rng.random(1000) < 0.8, rng.random(1000) < 0.7
    found = paired(a, b, sd=0.01)
    assert found.from_seeds == pytest.approx(0.01 * math.sqrt(2))
    assert found.error == pytest.approx(math.hypot(found.from_images, found.from_seeds))
    assert found.errors == pytest.approx(found.difference / found.error)


def experiment(rng, seeds=(3, 3), images=400, of_seed=0.0, of_pair=1.0):
    """Two equally good networks: some images are easier for A, each run has luck, and each run on each image."""
    easy, for_a = rng.normal(size=(2, images))
    return [
        sign * 0.5 * for_a + easy + of_seed * rng.normal(size=(runs, 1)) + of_pair * rng.normal(size=(runs, images)) > 0
        for runs, sign in zip(seeds, (1, -1))
    ]


@pytest.mark.parametrize(
    ("seeds", "of_seed", "of_pair"), [((3, 3), 0.0, 1.0), ((3, 3), 0.3, 0.5), ((5, 2), 0.2, 1.0), ((4, 4), 0.05, 0.1)]
)
def test_the_whole_error_is_how_much_differences_scatter(seeds, of_seed, of_pair):
    rng = np.random.default_rng(0)
    found = [paired(*experiment(rng, seeds, of_seed=of_seed, of_pair=of_pair)) for _ in range(1500)]
    scatter = np.std([each.difference for each in found])
    claimed = math.sqrt(np.mean([each.error**2 for each in found]))
    assert claimed == pytest.approx(scatter, rel=0.1), "neither source of luck is left out or counted twice"
    assert all(each.error >= each.from_images for each in found)


def test_answers_to_other_images_are_refused():
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(4,\).*the same images"):
        paired(np.ones(3), np.ones(4))
    for short in (np.ones(1), np.ones(0), np.ones((2, 2, 2))):
        with pytest.raises(ValueError, match="give"):
            paired(short, short)


def stored(folder, monkeypatch, counts):
    """Stored runs of networks that are all right with probability 0.8, and their answers."""
    rng, rows, answers = np.random.default_rng(0), [], {}
    for network, count in counts.items():
        answers[network] = rng.random((count, 500)) < 0.8
        rows += [{"network": network, "seed": seed, "test_acc": right.mean()}
                 for seed, right in enumerate(answers[network])]  # fmt: skip
    store(folder, rows)
    for row in rows:
        store_answers(folder, row["network"], row["seed"], answers[row["network"]][row["seed"]])
    read_from(monkeypatch, folder)
    return answers


def test_stored_networks_are_compared(tmp_path, monkeypatch):
    answers = stored(tmp_path, monkeypatch, {"nin": 3, "lenet": 3})
    found = d2l.compare("nin", "lenet")
    assert found == d2l.paired(answers["nin"], answers["lenet"]) and found.runs == (3, 3)
    assert found.difference == pytest.approx(answers["nin"].mean() - answers["lenet"].mean())
    with pytest.raises(ValueError, match="did you mean 'lenet'"):
        d2l.compare("nin", "lenett")


def test_where_two_networks_have_few_runs_all_tell_how_much_runs_scatter(tmp_path, monkeypatch):
    answers = stored(tmp_path, monkeypatch, {"vgg11": 1, "nin": 3, "lenet": 3, "alexnet": 2})
    sd = pooled_sd(*(right.mean(axis=1) for right in answers.values()))
    found = d2l.compare("vgg11", "nin")
    assert found.from_seeds == pytest.approx(sd * math.sqrt(1 + 1 / 3)) and found.error > found.from_images
    stored(tmp_path, monkeypatch, {"vgg11": 1, "nin": 3})
    assert math.isnan(d2l.compare("vgg11", "nin").error), "too few in all"


def test_rank_correlation_is_spearmans():
    assert rank_correlation([1, 2, 3], [10, 20, 90]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(1 - 6 * 2 / (4 * 15))
    a, b = np.random.default_rng(0).integers(4, size=(2, 12))
    shared = pd.Series(a).rank().corr(pd.Series(b).rank())
    assert rank_correlation(a, b) == pytest.approx(shared), "equals share a rank"


def test_shuffles_tell_chance():
    order = [1, 2, 3, 4, 5]
    assert permutation_test(order, order) == pytest.approx(2 / 120, abs=0.01), "the same order, and the opposite one"
    assert permutation_test(order, [1, 3, 2, 5, 4]) > 0.1 and permutation_test(range(12), range(12)) == 0
    assert permutation_test(order, order) == permutation_test(order, order), "the same in every call"
