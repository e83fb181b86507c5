"""Operating points: against counting by hand; and what is chosen keeps its promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.compute.intervals import share_intervals
from training.compute.metrics import counts_at
from training.compute.operating_points import MAX_POINTS, as_json, choose, point_at, points

sides = st.lists(st.tuples(st.integers(0, 9), st.sampled_from([-1, 0, 1])), min_size=1, max_size=50)


def arrays(rows):
    scores, targets = zip(*rows, strict=True)
    return np.array(scores) / 9.0, np.array(targets, np.int8)


@settings(deadline=None)
@given(sides)
def test_each_point_counts_what_its_threshold_predicts(rows):
    scores, targets = arrays(rows)
    known = targets >= 0
    for point in points(scores, targets):
        counts = counts_at(scores[known], targets[known] == 1, point.threshold)
        assert (point.precision, point.recall) == (counts.precision, counts.recall)
        assert point.num_found == counts.true_positives
        assert point.f1 == counts.f1
        for low, value, high in (
            (point.precision_low, point.precision, point.precision_high),
            (point.recall_low, point.recall, point.recall_high),
        ):
            assert 0 <= low <= high <= 1
            assert value is None or low <= value <= high


def test_single_items_have_exact_intervals():
    rng = np.random.default_rng(0)
    scores = rng.random(300)
    targets = (rng.random(300) < scores).astype(np.int8)
    point = point_at(scores, targets, 0.6)
    expected = share_intervals(np.array([point.num_found]), np.array([point.num_predicted]))[0]
    assert (point.precision_low, point.precision_high) == pytest.approx(tuple(expected))


def test_near_copies_widen_the_intervals():
    rng = np.random.default_rng(0)
    scores = np.repeat(rng.random(50), 8)
    targets = np.repeat((rng.random(50) < 0.5).astype(np.int8), 8)
    alone = point_at(scores, targets, 0.5)
    together = point_at(scores, targets, 0.5, np.repeat(np.arange(50), 8))
    assert together.precision == alone.precision
    assert together.precision_high - together.precision_low > 2 * (alone.precision_high - alone.precision_low)


def test_points_are_few_from_high_to_low_and_reach_both_ends():
    rng = np.random.default_rng(1)
    scores = rng.random(20_000)
    targets = (rng.random(20_000) < scores**3).astype(np.int8)
    found = points(scores, targets)
    assert len(found) <= MAX_POINTS
    thresholds = [point.threshold for point in found]
    assert thresholds == sorted(thresholds, reverse=True)
    assert (thresholds[0], thresholds[-1]) == (scores.max(), scores.min())
    assert found[-1].recall == 1.0


@settings(deadline=None)
@given(sides, st.sampled_from(["precision", "recall"]), st.sampled_from([0.0, 0.5, 0.9, 1.0]))
def test_what_is_chosen_keeps_its_promise_at_the_least_cost(rows, aim, at_least):
    found = points(*arrays(rows))
    other = {"precision": "recall", "recall": "precision"}[aim]
    able = [
        point
        for point in found
        if getattr(point, other) is not None and (getattr(point, aim) or 0.0) >= at_least
    ]
    able = [point for point in able if getattr(point, aim) is not None]
    chosen = choose(found, aim=aim, at_least=at_least)
    if not able:
        assert chosen is None
    else:
        assert getattr(chosen, aim) >= at_least
        assert getattr(chosen, other) == max(getattr(point, other) for point in able)


def test_the_best_f1_is_the_best_of_all_thresholds():
    rng = np.random.default_rng(2)
    scores = rng.integers(0, 40, 400) / 40
    targets = (rng.random(400) < scores).astype(np.int8)
    best = max(counts_at(scores, targets == 1, cut).f1 for cut in np.unique(scores))
    assert choose(points(scores, targets)).f1 == best


def test_a_side_without_positives_has_no_recall_and_no_choice_by_it():
    found = points(np.array([0.2, 0.9]), np.zeros(2, np.int8))
    assert {point.recall for point in found} == {None}
    assert choose(found, aim="precision") is None
    assert as_json(choose(found, aim="precision")) is None
    assert points(np.array([0.5]), np.array([-1], np.int8)) == []
