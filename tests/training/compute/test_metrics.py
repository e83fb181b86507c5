"""Every number of a curve against scikit-learn, ties and undefined values included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from training.compute.metrics import (
    Counts,
    Steps,
    average_precision,
    confusion_matrix,
    counts_at,
    roc_auc,
    thinned,
)

# Few distinct scores: ties are where definitions part.
ranked = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=60)


def arrays(rows):
    scores, positive = zip(*rows, strict=True)
    return np.array(scores) / 6.0, np.array(positive, bool)


@settings(deadline=None)
@given(ranked)
def test_average_precision_is_that_of_scikit_learn(rows):
    scores, positive = arrays(rows)
    ours = average_precision(scores, positive)
    if not positive.any():
        assert ours is None
    else:
        assert ours == pytest.approx(oracle.average_precision_score(positive, scores))


@settings(deadline=None)
@given(ranked)
def test_area_under_roc_is_that_of_scikit_learn(rows):
    scores, positive = arrays(rows)
    ours = roc_auc(scores, positive)
    if positive.all() or not positive.any():
        assert ours is None
    else:
        assert ours == pytest.approx(oracle.roc_auc_score(positive, scores))


@settings(deadline=None)
@given(ranked)
def test_the_steps_are_the_curve_of_scikit_learn(rows):
    scores, positive = arrays(rows)
    steps = Steps.of(scores, positive)
    if not positive.any():
        assert steps.recall is None
        return
    precision, recall, thresholds = oracle.precision_recall_curve(positive, scores)
    np.testing.assert_allclose(steps.thresholds[::-1], thresholds)
    np.testing.assert_allclose(steps.precision[::-1], precision[:-1])
    np.testing.assert_allclose(steps.recall[::-1], recall[:-1])


@settings(deadline=None)
@given(ranked, st.integers(0, 7))
def test_precision_and_recall_are_not_exchanged(rows, cut):
    scores, positive = arrays(rows)
    counts = counts_at(scores, positive, cut / 6.0)
    predicted = scores >= cut / 6.0
    for name, score in (("precision", oracle.precision_score), ("recall", oracle.recall_score)):
        ours = getattr(counts, name)
        if ours is None:
            assert not (predicted if name == "precision" else positive).any()
        else:
            assert ours == pytest.approx(score(positive, predicted))
    if counts.f1 is not None:
        assert counts.f1 == pytest.approx(oracle.f1_score(positive, predicted, zero_division=0))


def test_a_missed_item_lowers_recall_and_a_false_one_precision():
    counts = Counts(true_positives=8, false_positives=0, false_negatives=2, true_negatives=5)
    assert (counts.precision, counts.recall) == (1.0, 0.8)
    counts = Counts(true_positives=8, false_positives=2, false_negatives=0, true_negatives=5)
    assert (counts.precision, counts.recall) == (0.8, 1.0)


def test_what_is_undefined_is_none():
    nothing = Counts(0, 0, 0, 4)
    assert (nothing.precision, nothing.recall, nothing.f1) == (None, None, None)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_the_matrix_is_that_of_scikit_learn(pairs):
    truth, said = (np.array(part) for part in zip(*pairs, strict=True))
    assert np.array_equal(
        confusion_matrix(truth, said, 4), oracle.confusion_matrix(truth, said, labels=range(4))
    )


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(0, 5))
def test_a_thinned_curve_keeps_its_ends_its_order_and_its_shape(num, seed):
    rng = np.random.default_rng(seed)
    x, y = np.sort(rng.random(num)), np.cumsum(rng.random(num))
    places = thinned(x, y)
    assert len(places) <= 200
    assert (places[0], places[-1]) == (0, num - 1)
    assert (np.diff(places) > 0).all()
    if num > 200:
        assert np.abs(np.interp(x, x[places], y[places]) - y).max() < 0.05 * np.ptp(y)
