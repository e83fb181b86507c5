"""Planted wrong answers, and where a review that begins with the most suspicious finds them."""

import numpy as np
import pytest

from indexing.compute.features import normalize
from labeling.compute.errors import MIN_ANSWERS, accept_probabilities, dealt, suspicion

FLIPPED, REVIEWED = 0.05, 0.15


def found_early(vectors, is_accepted, groups, rng):
    """Share of planted flips among the first 15 % in the order of review."""
    flipped = rng.choice(len(vectors), max(1, round(FLIPPED * len(vectors))), replace=False)
    answers = is_accepted.copy()
    answers[flipped] ^= True
    order = np.argsort(-suspicion(accept_probabilities(vectors, answers, groups), answers), kind="stable")
    return np.isin(order[: int(np.ceil(REVIEWED * len(order)))], flipped).sum() / len(flipped)


def test_four_of_five_planted_errors_on_real_photos_are_in_the_first_15_percent(photos):
    """Of each class what an annotator would have answered: its photos and those most like them."""
    rng = np.random.default_rng(0)
    shares = []
    for name in np.unique(photos.names):
        is_own = photos.names == name
        middle = photos.vectors[is_own].mean(axis=0)
        answered = np.argsort(-(photos.vectors @ middle))[: max(60, 4 * int(is_own.sum()))]
        for _ in range(3):
            shares.append(
                found_early(photos.vectors[answered], is_own[answered], np.arange(len(answered)), rng)
            )
    assert np.mean(shares) >= 0.8


def test_a_wrong_copy_is_not_vouched_for_by_its_own_group():
    """Ten copies of a reject were accepted: apart they agree with each other, as a group they stand out."""
    rng = np.random.default_rng(1)
    accepted = normalize(np.eye(32)[0] + 0.2 * rng.standard_normal((40, 32)))
    rejected = normalize(np.eye(32)[1] + 0.2 * rng.standard_normal((40, 32)))
    copies = normalize(rejected[:1] + 0.001 * rng.standard_normal((10, 32)))
    vectors = np.concatenate([accepted, copies, rejected[1:]])
    answers = np.repeat([True, False], [50, 39])
    apart = np.arange(89)
    together = np.concatenate([np.arange(40), np.full(10, 40), np.arange(50, 89)])
    of_copies = slice(40, 50)
    as_group = suspicion(accept_probabilities(vectors, answers, together), answers)
    alone = suspicion(accept_probabilities(vectors, answers, apart), answers)
    assert as_group[of_copies].min() > alone[of_copies].max()
    assert as_group[of_copies].min() > np.sort(np.delete(as_group, np.arange(40, 50)))[-5]


def test_a_group_is_in_one_fold_and_folds_are_even():
    rng = np.random.default_rng(2)
    groups = rng.integers(0, 100, 400)
    folds = dealt(groups, rng.random(400) < 0.3)
    assert all(len(set(folds[groups == group])) == 1 for group in np.unique(groups))
    assert np.bincount(folds).min() >= 0.5 * np.bincount(folds).max()


@pytest.mark.parametrize("num", [0, MIN_ANSWERS - 1])
def test_too_few_answers_of_a_kind_contradict_nothing(num):
    vectors = normalize(np.random.default_rng(3).standard_normal((40, 8)))
    assert np.isnan(accept_probabilities(vectors, np.arange(40) < num, np.arange(40))).all()


def test_wide_vectors_are_judged_like_narrow_ones_and_twice_the_same():
    rng = np.random.default_rng(4)
    narrow = normalize(rng.standard_normal((300, 20)) + np.eye(20)[rng.integers(0, 2, 300)] * 4)
    answers = narrow[:, 0] > narrow[:, 1]
    basis, _ = np.linalg.qr(rng.standard_normal((600, 600)))
    wide = (narrow @ basis[:20]).astype(np.float32)
    one, two = (accept_probabilities(wide, answers, np.arange(300)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(one, accept_probabilities(narrow, answers, np.arange(300)), atol=1e-3)
