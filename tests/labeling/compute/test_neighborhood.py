"""Rows beside what lies around them, against a plain loop; and what an order learned from that finds."""

from dataclasses import replace

import numpy as np
import pytest

from labeling.compute.neighborhood import ALPHA, NUM_NEIGHBORS, in_context
from labeling.compute.ranking import AS_PRECISE, average_precision, fit_query


def normalize(x):
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


def noisy(seed=0, num=600, width=48, num_places=20, noise=0.17):
    """Rows around places, each far from its place: a row says little, its neighbors together more."""
    rng = np.random.default_rng(seed)
    centers = normalize(rng.standard_normal((num_places, width)))
    place = np.arange(num) % num_places
    return normalize(centers[place] + noise * rng.standard_normal((num, width))), place


def plain(rows, distinct):
    """One row after the other; neighbors are taken among `distinct` rows."""
    found = []
    for row in rows:
        near = rows[distinct] @ row
        nearest = np.argsort(-near)[: NUM_NEIGHBORS + 1]
        around = (np.clip(near[nearest], 0, None)[:, None] ** ALPHA * rows[distinct][nearest]).sum(axis=0)
        found.append(np.concatenate([row, around / np.linalg.norm(around)]) / np.sqrt(2))
    return np.array(found)


def test_every_row_stands_beside_the_weighted_mean_of_its_nearest():
    rows, _ = noisy(num=90)
    found = in_context(rows)
    np.testing.assert_allclose(found, plain(rows, np.arange(90)), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)


def test_what_occurs_more_than_once_is_one_neighbor():
    rows, _ = noisy(num=60)
    again = np.concatenate([rows, rows[:20], rows[:1].repeat(30, axis=0)])
    found = in_context(again)
    np.testing.assert_allclose(found, plain(again, np.arange(60)), atol=1e-5)
    np.testing.assert_allclose(found[:60], in_context(rows), atol=1e-5)


@pytest.mark.parametrize("num", [1, 2, NUM_NEIGHBORS, NUM_NEIGHBORS + 1, NUM_NEIGHBORS + 2])
def test_few_rows_are_all_neighbors(num):
    rows, _ = noisy(num=num)
    np.testing.assert_allclose(in_context(rows), plain(rows, np.arange(num)), atol=1e-5)


def answered(seed, num_accepted, noise):
    """(x, which are wanted, those without an answer, the fitted query)"""
    x, place = noisy(seed, noise=noise)
    rng, is_wanted = np.random.default_rng(seed), place == 3
    accepted = rng.choice(np.flatnonzero(is_wanted), num_accepted, replace=False)
    rejected = rng.choice(np.flatnonzero(place % 5 == 1), 12, replace=False)
    rest = np.setdiff1d(np.arange(len(x)), [*accepted, *rejected])
    undecided = rng.choice(rest, 150, replace=False)
    return x, is_wanted, rest, fit_query(x[accepted[0]], x[accepted], x[rejected], x[undecided])


def orders(seed, num_accepted, noise):
    """(average precision of the order by the query alone, and as the neighborhood puts it)"""
    x, is_wanted, rest, fitted = answered(seed, num_accepted, noise)
    by_query = x[rest] @ fitted.vector
    if fitted.reranker is not None:
        by_query = fitted.reranker.similarities(x[rest])
    found = rest[np.argsort(-by_query, kind="stable")][:300]
    order = fitted.neighborhood.order(x[found])
    order = np.arange(300) if order is None else order
    assert sorted(order.tolist()) == list(range(300))
    falling = -np.arange(300.0)
    return average_precision(falling, is_wanted[found]), average_precision(falling, is_wanted[found[order]])


@pytest.mark.parametrize(("num_accepted", "noise"), [(2, 0.17), (8, 0.26)])
def test_what_lies_among_the_wanted_comes_first_though_by_itself_it_is_not_near(num_accepted, noise):
    before, after = np.array([orders(seed, num_accepted, noise) for seed in range(8)]).T
    assert (after >= before).all(), (before, after)
    assert (after - before).mean() > 0.02


def test_where_neighbors_tell_less_than_the_rows_do_the_order_stays():
    """Wanted and unwanted lie side by side in pairs, and only one number tells them apart."""
    rng = np.random.default_rng(3)
    pairs = rng.standard_normal((150, 24)).repeat(2, axis=0)
    is_wanted = np.arange(300) % 2 == 0
    x = normalize(np.column_stack([pairs, 2.5 * np.where(is_wanted, 1, -1), 0.1 * rng.standard_normal(300)]))
    said, rest = np.arange(40), np.arange(40, 300)
    accepted, rejected = said[is_wanted[said]], said[~is_wanted[said]]
    fitted = fit_query(x[0], x[accepted], x[rejected], x[rest[~is_wanted[rest]][:60]])
    order = fitted.neighborhood.order(x[rest])
    assert fitted.precision > 0.95
    if order is not None:
        falling = -np.arange(float(len(rest)))
        assert average_precision(falling, is_wanted[rest[order]]) > 0.95


def test_nothing_moves_where_the_answers_are_told_apart_better_without():
    x, _, rest, fitted = answered(0, 8, 0.26)
    assert fitted.is_model
    assert fitted.neighborhood.order(x[rest]) is not None
    assert replace(fitted.neighborhood, precision=1.0 + 2 * AS_PRECISE).order(x[rest]) is None


def test_without_something_accepted_there_is_none():
    x, _ = noisy(num=40)
    assert fit_query(x[0], x[:0], x[1:5], x[5:20]).neighborhood is None


def test_what_it_holds_is_counted():
    x, _ = noisy(num=40)
    assert fit_query(x[0], x[:3], x[3:8], x[8:20]).neighborhood.num_bytes == 20 * 48 * 4
