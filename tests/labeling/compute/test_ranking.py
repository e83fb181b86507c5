"""The learned query against the start query, on corpora whose every label is known."""

import numpy as np
import pytest
from PIL import Image

from indexing.compute.features import normalize
from labeling.compute.ranking import PROTOTYPE_BELOW, average_precision, fit_query


def make_corpus(seed, *, spread, num=5000, width=128, num_clusters=30):
    """(vectors, cluster of each): clusters of a low dimension, with noise."""
    rng = np.random.default_rng(seed)
    basis = rng.standard_normal((24, width))
    centers = rng.standard_normal((num_clusters, 24))
    cluster = rng.integers(0, num_clusters, num)
    inner = centers[cluster] + spread * rng.standard_normal((num, 24))
    return normalize(inner @ basis + 0.5 * rng.standard_normal((num, width))), cluster


def answered(vectors, is_wanted, start, num, extra=()):
    """Rows that an annotator would have answered: the nearest to the start, and `extra`."""
    return np.unique(np.concatenate([np.argsort(-(vectors @ start))[:num], np.array(extra, int)]))


def learn(vectors, is_wanted, start, seen, *, seed=0, **groups):
    undecided = np.random.default_rng(seed).integers(0, len(vectors), 200)
    undecided = np.setdiff1d(undecided, seen)
    positives, negatives = seen[is_wanted[seen]], seen[~is_wanted[seen]]
    return fit_query(start, vectors[positives], vectors[negatives], vectors[undecided], **groups)


def gain(vectors, is_wanted, start, fitted, seen):
    """Average precision over what nobody has answered: learned less start."""
    rest = np.setdiff1d(np.arange(len(vectors)), seen)
    before = average_precision(vectors[rest] @ start, is_wanted[rest])
    return average_precision(vectors[rest] @ fitted.vector, is_wanted[rest]) - before


@pytest.mark.parametrize("spread", [0.3, 0.7, 1.1])
def test_learning_is_never_worse_than_the_start_query_and_better_on_the_whole(spread):
    gains = []
    for seed in range(12):
        vectors, cluster = make_corpus(seed, spread=spread)
        is_wanted = np.isin(cluster, [0, 1] if seed % 2 else [0])
        start = vectors[np.flatnonzero(is_wanted)[seed]]
        extra = np.flatnonzero(cluster == 1)[:5] if seed % 2 else ()
        seen = answered(vectors, is_wanted, start, 40 + 20 * (seed % 3), extra)
        fitted = learn(vectors, is_wanted, start, seen, seed=seed)
        gains.append(gain(vectors, is_wanted, start, fitted, seen))
    assert min(gains) >= -0.01
    assert np.mean(gains) >= (0.03 if spread > 0.3 else 0)


def test_two_kinds_of_one_class_are_found_by_one_query():
    vectors, cluster = make_corpus(5, spread=0.5)
    is_wanted = np.isin(cluster, [2, 9])
    start = vectors[np.flatnonzero(cluster == 2)[0]]
    seen = answered(vectors, is_wanted, start, 60, np.flatnonzero(cluster == 9)[:12])
    fitted = learn(vectors, is_wanted, start, seen)
    num = int(is_wanted.sum())
    top = np.argsort(-(vectors @ fitted.vector))[:num]
    assert fitted.blend > 0
    assert set(cluster[top]) >= {2, 9}
    assert is_wanted[top].mean() > 1.3 * is_wanted[np.argsort(-(vectors @ start))[:num]].mean()


def test_answers_that_say_nothing_leave_the_start_query_alone():
    rng = np.random.default_rng(0)
    noise = normalize(rng.standard_normal((300, 64)))
    fitted = fit_query(noise[0], noise[0:1].repeat(8, axis=0), noise[1:9], noise[9:200])
    np.testing.assert_array_equal(fitted.vector, noise[0])
    assert fitted.blend == 0


def test_a_model_worse_than_the_start_query_on_what_it_was_not_made_of_is_not_used():
    """Every accepted item is like one rejected, but for what the start query asks for: answers learned from
    some say the opposite of the truth about others."""
    rng = np.random.default_rng(0)
    width, num = 64, 24
    start, own = np.eye(width)[0], np.eye(width)[1 : 1 + num]
    accepted = normalize(0.5 * start + own)
    rejected = normalize(0.4 * start + own + 0.01 * rng.standard_normal((num, width)))
    groups = np.arange(num)  # an accepted and a rejected item of each video
    fitted = fit_query(
        start, accepted, rejected, rejected[:0], positive_groups=groups, negative_groups=groups
    )
    is_positive = np.repeat([True, False], num)
    everything = np.concatenate([accepted, rejected])
    before = average_precision(everything @ start, is_positive)
    assert fitted.precision >= fitted.start_precision
    assert average_precision(everything @ fitted.vector, is_positive) >= before - 0.01


def test_few_accepted_make_a_prototype_between_the_example_and_them():
    vectors, cluster = make_corpus(1, spread=0.5)
    own, other = np.flatnonzero(cluster == 3), np.flatnonzero(cluster == 4)
    fitted = fit_query(vectors[own[0]], vectors[own[1:PROTOTYPE_BELOW]], vectors[other[:3]], vectors[:0])
    assert not fitted.is_model
    assert (vectors[own] @ fitted.vector).mean() > (vectors[own] @ vectors[own[0]]).mean()
    assert (vectors[other] @ fitted.vector).mean() < (vectors[other] @ vectors[own[0]]).mean()


def test_few_accepted_make_a_prototype_that_tells_them_from_the_rejected():
    vectors, cluster = make_corpus(1, spread=0.9)
    own, other = np.flatnonzero(cluster == 3), np.flatnonzero(cluster == 4)
    sampled = np.random.default_rng(0).integers(0, len(vectors), 100)
    fitted = fit_query(vectors[own[0]], vectors[own[1:PROTOTYPE_BELOW]], vectors[other[:3]], vectors[sampled])
    assert not fitted.is_model
    is_own = cluster == 3
    before = average_precision(vectors @ vectors[own[0]], is_own)
    assert average_precision(vectors @ fitted.vector, is_own) > before


def test_one_reject_of_a_near_copy_does_not_push_its_neighborhood_away():
    vectors, cluster = make_corpus(7, spread=0.5)
    own, others = np.flatnonzero(cluster == 3), np.flatnonzero(cluster != 3)
    noise = 0.002 * np.random.default_rng(0).standard_normal((1, vectors.shape[1]))
    copy = normalize(vectors[own[1:2]] + noise)  # the next frame of something accepted, and not good enough
    asked = {
        "start": vectors[own[0]],
        "positives": vectors[own[1:9]],
        "weak_negatives": vectors[others[40:140]],
    }
    without = fit_query(negatives=vectors[others[:20]], **asked)
    with_it = fit_query(negatives=np.concatenate([vectors[others[:20]], copy]), **asked)
    assert copy[0] @ with_it.vector > copy[0] @ without.vector - 0.05
    rest = np.setdiff1d(np.arange(len(vectors)), own[:9])
    before, after = (
        average_precision(vectors[rest] @ each.vector, cluster[rest] == 3) for each in (without, with_it)
    )
    assert after > before - 0.01


def test_accepted_items_among_the_sampled_undecided_are_not_taken_for_negatives():
    """Every fifth item of the corpus is wanted, and so is every fifth of the sample."""
    vectors, cluster = make_corpus(8, spread=0.5, num_clusters=5)
    is_wanted = cluster == 0
    own = np.flatnonzero(is_wanted)
    sampled = np.random.default_rng(0).integers(0, len(vectors), 200)
    clean = sampled[~is_wanted[sampled]]
    asked = (vectors[own[0]], vectors[own[1:11]], vectors[np.flatnonzero(~is_wanted)[:10]])
    mixed, pure = (fit_query(*asked, vectors[each]) for each in (sampled, clean))
    found = [average_precision(vectors @ each.vector, is_wanted) for each in (mixed, pure)]
    assert found[0] > found[1] - 0.01


def test_what_was_shown_and_not_answered_changes_nothing():
    """Only what was accepted, rejected or sampled goes in: the same answers to a longer page are the same."""
    vectors, cluster = make_corpus(9, spread=0.7)
    is_wanted = cluster == 0
    start = vectors[np.flatnonzero(is_wanted)[0]]
    seen = answered(vectors, is_wanted, start, 30)
    fitted = learn(vectors, is_wanted, start, seen)
    untouched = np.setdiff1d(np.argsort(-(vectors @ start))[:200], seen)
    assert (vectors[untouched] @ fitted.vector)[is_wanted[untouched]].mean() > (
        vectors @ fitted.vector
    ).mean()


def test_the_order_of_the_answers_and_a_turn_of_the_space_do_not_matter():
    vectors, cluster = make_corpus(10, spread=0.7)
    own, others = np.flatnonzero(cluster == 0), np.flatnonzero(cluster != 0)
    groups = {"positive_groups": np.arange(20), "negative_groups": np.arange(100, 130)}
    asked = [vectors[own[0]], vectors[own[1:21]], vectors[others[:30]], vectors[others[50:150]]]
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((vectors.shape[1],) * 2))
    one = fit_query(*asked, **groups)
    turned = fit_query(*(each @ turn for each in asked), **groups)
    np.testing.assert_allclose(turned.vector, one.vector @ turn, atol=1e-3)
    asked[2] = asked[2][::-1]
    assert fit_query(*asked, **groups).vector @ one.vector > 0.999


def test_without_an_example_the_mean_of_the_accepted_starts():
    vectors, cluster = make_corpus(2, spread=0.5)
    own = np.flatnonzero(cluster == 3)
    fitted = fit_query(None, vectors[own[:3]], vectors[:0], vectors[:0])
    assert average_precision(vectors @ fitted.vector, cluster == 3) > 0.9


def test_copies_in_one_group_cannot_vouch_for_one_another():
    """Copies of one accepted picture hold each other out perfectly, unless they are one group."""
    vectors, cluster = make_corpus(3, spread=1.0)
    own, others = np.flatnonzero(cluster == 3), np.flatnonzero(cluster != 3)
    odd = vectors[others[0]]
    copies = normalize(odd + 0.001 * np.random.default_rng(0).standard_normal((20, vectors.shape[1])))
    positives = np.concatenate([vectors[own[1:7]], copies])
    groups = np.concatenate([np.arange(6), np.full(20, 99)])
    apart = fit_query(vectors[own[0]], positives, vectors[others[1:40]], vectors[others[40:240]])
    together = fit_query(
        vectors[own[0]],
        positives,
        vectors[others[1:40]],
        vectors[others[40:240]],
        positive_groups=groups,
        negative_groups=np.arange(1000, 1039),
    )
    assert apart.precision > together.precision


def test_the_same_answers_give_the_same_query():
    vectors, cluster = make_corpus(4, spread=0.9)
    is_wanted = cluster == 0
    start = vectors[np.flatnonzero(is_wanted)[0]]
    seen = answered(vectors, is_wanted, start, 60)
    one, two = (learn(vectors, is_wanted, start, seen) for _ in range(2))
    np.testing.assert_array_equal(one.vector, two.vector)
    assert np.linalg.norm(one.vector) == pytest.approx(1, abs=1e-5)


def test_thousands_of_answers_are_thinned_evenly():
    vectors, cluster = make_corpus(6, spread=0.7)
    fitted = learn(vectors, cluster < 15, vectors[0], np.arange(3000))
    assert np.isfinite(fitted.vector).all()


def test_a_query_needs_something_to_start_from():
    nothing = np.zeros((0, 8), np.float32)
    with pytest.raises(ValueError, match="at least one accepted"):
        fit_query(None, nothing, nothing, nothing)


def test_average_precision_is_that_of_a_hand_count():
    is_positive = np.array([True, False, True, False])
    assert average_precision(np.array([4.0, 3, 2, 1]), is_positive) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.ones(4), is_positive) == pytest.approx((1 / 3 + 2 / 4) / 2)  # ties: last
    assert average_precision(np.ones(2), np.zeros(2, bool)) == 0


def test_learning_helps_on_real_photos(shared_data):
    """Color histograms of photographs, one class looked for at a time, twenty answers given."""
    folders = sorted(folder for folder in (shared_data / "photos").rglob("*") if folder.is_dir())
    pictures = [(folder.name, path) for folder in folders for path in sorted(folder.glob("*.jpg"))[:25]]
    assert len(pictures) >= 100
    vectors = normalize(np.stack([_histogram(path) for _, path in pictures]))
    names = np.array([name for name, _ in pictures])
    gains = []
    for name in np.unique(names)[:25]:
        is_wanted = names == name
        if is_wanted.sum() < 12:
            continue
        start = vectors[np.flatnonzero(is_wanted)[0]]
        seen = answered(vectors, is_wanted, start, 20, np.flatnonzero(is_wanted)[1:7])
        fitted = learn(vectors, is_wanted, start, seen)
        gains.append(gain(vectors, is_wanted, start, fitted, seen))
    assert np.mean(gains) > 0
    assert np.mean(np.array(gains) < -0.01) <= 0.1


def _histogram(path):
    with Image.open(path) as image:
        image.draft("RGB", (64, 64))
        pixels = np.asarray(image.convert("RGB").resize((48, 48)))
    codes = (pixels >> 6).reshape(-1, 3) @ np.array([16, 4, 1])
    return np.sqrt(np.bincount(codes, minlength=64)).astype(np.float32)
