"""The second look against kernel ridge regressions solved directly; what it finds that no line can."""

import numpy as np

from labeling.compute.answers import NUM_FOLDS
from labeling.compute.ranking import average_precision, fit_query
from labeling.compute.reranker import KERNEL_RIDGE, SHARPNESS, Reranker, second_look


def normalize(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def kernels(a, b, sharpness):
    """exp of minus half the squared distance, by the distances themselves."""
    apart = ((a[:, None].astype(np.float64) - b[None]) ** 2).sum(axis=2)
    return np.exp(-sharpness * apart / 2)


def direct(x, targets, c, sharpness):
    """(a, b) of the bordered system of kernel ridge regression with an intercept."""
    n = len(x)
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = kernels(x, x, sharpness) + np.diag(KERNEL_RIDGE / c)
    system[:n, n] = system[n, :n] = 1
    solution = np.linalg.solve(system, np.append(targets, 0.0))
    return solution[:n], solution[n]


def scattered(seed=0, num=1200, width=32, num_places=24):
    """Rows in places; every third place is wanted."""
    rng = np.random.default_rng(seed)
    centers = normalize(rng.standard_normal((num_places, width)))
    place = rng.integers(0, num_places, num)
    x = normalize(centers[place] + 0.11 * rng.standard_normal((num, width)))
    return x, place % 3 == 0, place


def looked(x, sizes, *, num_folds=NUM_FOLDS):
    targets = np.repeat([1.0, -1.0, -1.0], sizes)
    c = np.repeat([1 / sizes[0], 0.3 / sizes[1], 1 / sizes[2]], sizes)
    folds = np.arange(len(x)) % num_folds
    start = x @ x[0]
    look = second_look(
        x[0], x, x @ x.T, targets, c, folds, 0.9,
        by_query=start[: sizes[0] + sizes[1]], sizes=sizes, groups=np.arange(sizes[0]),
    )  # fmt: skip
    return look, targets, c, folds


def answered(seed):
    x, is_wanted, _ = scattered(seed)
    accepted, rejected = np.flatnonzero(is_wanted)[:40], np.flatnonzero(~is_wanted)[:60]
    undecided = np.flatnonzero(~is_wanted)[60:160]  # none of them wanted: nothing is hidden
    return x, is_wanted, np.concatenate([accepted, rejected, undecided]), [40, 60, 100]


def test_its_similarities_are_a_rising_line_of_the_kernel_regression_solved_directly():
    x, _, rows, sizes = answered(1)
    look, targets, c, _ = looked(x[rows], sizes)
    a, b = direct(x[rows], targets, c, SHARPNESS / 0.9)
    expected = kernels(x, x[rows], SHARPNESS / 0.9) @ a + b
    found = look.reranker.similarities(x)
    slope, level = np.polyfit(expected, found, 1)
    assert slope > 0
    np.testing.assert_allclose(found, level + slope * expected, atol=2e-3 * found.std())


def test_left_out_similarities_are_of_models_that_did_not_see_their_fold_on_the_same_scale():
    x, _, rows, sizes = answered(2)
    look, targets, c, folds = looked(x[rows], sizes)
    expected = np.empty(len(rows))
    for fold in range(NUM_FOLDS):
        out = folds == fold
        a, b = direct(x[rows][~out], targets[~out], c[~out], SHARPNESS / 0.9)
        expected[out] = kernels(x[rows][out], x[rows][~out], SHARPNESS / 0.9) @ a + b
    answers = slice(sizes[0] + sizes[1])
    slope, level = np.polyfit(expected[answers], look.left_out, 1)
    np.testing.assert_allclose(look.left_out, level + slope * expected[answers], atol=1e-3)
    by_query = (x[rows] @ x[rows[0]])[answers]
    np.testing.assert_allclose(
        [look.left_out.mean(), look.left_out.std()], [by_query.mean(), by_query.std()], rtol=1e-4
    )
    whole = direct(x[rows], targets, c, SHARPNESS / 0.9)
    in_sample = kernels(x[rows], x[rows], SHARPNESS / 0.9) @ whole[0] + whole[1]
    again = np.polyfit(in_sample, look.reranker.similarities(x[rows]), 1)
    np.testing.assert_allclose(again, (slope, level), rtol=1e-2)


def test_a_class_in_many_places_is_parted_from_what_lies_between_them():
    """Where a line must do for eight places, the second look ranks what nobody has answered far better."""
    gains = []
    for seed in range(6):
        x, is_wanted, place = scattered(seed)
        rng = np.random.default_rng(seed)
        seen = np.concatenate(
            [rng.choice(np.flatnonzero(place == each), 6, replace=False) for each in range(24)]
        )
        undecided = np.setdiff1d(rng.integers(0, len(x), 200), seen)
        fitted = fit_query(x[seen[0]], x[seen[is_wanted[seen]]], x[seen[~is_wanted[seen]]], x[undecided])
        rest = np.setdiff1d(np.arange(len(x)), seen)
        by_line = average_precision(x[rest] @ fitted.vector, is_wanted[rest])
        again = x[rest] @ fitted.vector if fitted.reranker is None else fitted.reranker.similarities(x[rest])
        gains.append(average_precision(again, is_wanted[rest]) - by_line)
    assert min(gains) >= 0
    assert np.mean(gains) > 0.05


def test_wanted_items_among_the_sampled_undecided_are_not_taken_for_negatives():
    x, is_wanted, rows, sizes = answered(3)
    hidden = np.flatnonzero(is_wanted)[40:50]
    with_hidden = np.concatenate([rows[:-10], hidden])
    look, *_ = looked(x[with_hidden], sizes)
    assert look.reranker.similarities(x[hidden]).min() > np.median(look.reranker.similarities(x[~is_wanted]))
    still = (look.reranker.answers[:, None] == x[hidden][None]).all(axis=2).any(axis=0)
    assert still.mean() < 0.7  # about half lie above half of the accepted


def test_answers_that_say_nothing_are_not_looked_at_again():
    rng = np.random.default_rng(0)
    noise = normalize(rng.standard_normal((300, 64)))
    copies = noise[0:1].repeat(8, axis=0)
    assert fit_query(noise[0], copies, noise[1:9], noise[9:200]).reranker is None


def test_what_it_holds_is_counted():
    made = Reranker(np.zeros((7, 16), np.float32), np.zeros(7, np.float32), 0.0, 1.0)
    assert made.num_bytes == 7 * 17 * 4
