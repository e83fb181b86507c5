"""Intervals: the exact ones against the product's other implementation, all of them by brute force."""

import numpy as np
import pytest

from labeling.compute.bounds import clopper_pearson
from training.compute.intervals import average_precision_interval, effective_trials, share_intervals
from training.compute.metrics import average_precision


def test_the_exact_interval_is_the_one_of_audits():
    cases = [(0, 1), (1, 1), (0, 20), (3, 20), (20, 20), (51, 400), (0, 0)]
    hits, trials = (np.array(part) for part in zip(*cases, strict=True))
    ours = share_intervals(hits, trials)
    for at, (k, n) in enumerate(cases):
        np.testing.assert_allclose(ours[at], clopper_pearson(k, n), atol=1e-9)


@pytest.mark.parametrize("share", [0.03, 0.3, 0.9])
def test_the_exact_interval_covers(share):
    hits = np.random.default_rng(0).binomial(60, share, 3000)
    found = share_intervals(hits, np.full(3000, 60))
    assert ((found[:, 0] <= share) & (share <= found[:, 1])).mean() >= 0.95


def test_items_answered_alike_in_their_groups_cover_only_as_groups():
    rng = np.random.default_rng(1)
    covered = {"items": 0, "groups": 0}
    for _ in range(600):
        of_group = rng.random(40) < 0.7
        trials = np.full(40, 10)
        hits = of_group * trials
        for name, worth in (("items", None), ("groups", np.array([effective_trials(hits, trials)]))):
            k, n = np.array([hits.sum()]), np.array([400])
            low, high = share_intervals(k, n, effective=worth)[0]
            covered[name] += low <= 0.7 <= high
    assert covered["groups"] / 600 >= 0.93
    assert covered["items"] / 600 < 0.6


def test_single_items_are_worth_themselves():
    hits = np.array([1, 0, 1, 1])
    assert effective_trials(hits, np.ones(4)) == 4
    assert effective_trials(np.zeros(0), np.zeros(0)) == 0


def test_groups_without_a_miss_are_worth_one_each():
    assert effective_trials(np.array([5, 7]), np.array([5, 7])) == 2


def test_the_interval_of_average_precision_covers_where_groups_hang_together():
    rng = np.random.default_rng(3)

    def side(num_groups: int):
        positive = np.repeat(rng.random(num_groups) < 0.3, 4)
        shared = np.repeat(rng.standard_normal(num_groups), 4)
        scores = positive + shared + 0.3 * rng.standard_normal(num_groups * 4)
        return scores, positive, np.repeat(np.arange(num_groups), 4)

    scores, positive, _ = side(100_000)
    truth = average_precision(scores, positive)
    covered = 0
    for at in range(200):
        low, high = average_precision_interval(*side(80), num=150, seed=at)
        covered += low <= truth <= high
    assert covered / 200 >= 0.88


def test_positives_of_one_group_have_no_interval():
    scores = np.arange(6.0)
    groups = np.array([0, 0, 1, 1, 2, 2])
    assert average_precision_interval(scores, groups == 2, groups) is None
    assert average_precision_interval(scores, np.zeros(6, bool), groups) is None
