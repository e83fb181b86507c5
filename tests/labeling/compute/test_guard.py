"""When a learned query is used: scores of which it is known which of them are right."""

import numpy as np
import pytest

from labeling.compute.guard import judge, precisions


def scored(rng, *, accepted, rejected, undecided, sizes=(12, 12, 200)):
    """(n,) scores: normal around the three means."""
    means = np.repeat([accepted, rejected, undecided], sizes)
    return means + rng.standard_normal(sum(sizes))


def test_a_model_that_sets_the_accepted_apart_is_used():
    rng = np.random.default_rng(0)
    start = scored(rng, accepted=1, rejected=1, undecided=0)
    held_out = scored(rng, accepted=6, rejected=2, undecided=0)
    judged = judge(start, held_out, [12, 12, 200], np.arange(12))
    assert judged.blend == 1
    is_positive = np.arange(len(start)) < 12
    assert judged.start_precision == pytest.approx(precisions(start, is_positive).mean())
    assert judged.precision == pytest.approx(precisions(held_out, is_positive).mean())


def test_a_model_that_is_surely_worse_is_not_used():
    rng = np.random.default_rng(1)
    start = scored(rng, accepted=8, rejected=5, undecided=0)
    held_out = scored(rng, accepted=4, rejected=4, undecided=0)
    assert judge(start, held_out, [12, 12, 200], np.arange(12)).blend < 1


def test_guesses_are_hardly_ever_used():
    used = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        start = scored(rng, accepted=1, rejected=1, undecided=0)
        held_out = scored(rng, accepted=0, rejected=0, undecided=0)
        used += judge(start, held_out, [12, 12, 200], np.arange(12)).blend == 1
    assert used <= 10


def test_one_group_alone_cannot_show_a_model_to_be_better():
    rng = np.random.default_rng(2)
    start = scored(rng, accepted=0, rejected=1, undecided=0)
    held_out = scored(rng, accepted=2.5, rejected=1, undecided=0)
    apart, together = (judge(start, held_out, [12, 12, 200], each) for each in (np.arange(12), np.zeros(12)))
    assert apart.blend > 0
    assert together.blend == 0


def test_where_nothing_was_rejected_only_what_is_surely_better_is_used():
    rng = np.random.default_rng(3)
    start = scored(rng, accepted=2, rejected=0, undecided=0, sizes=(12, 0, 200))
    alike = start + 0.3 * rng.standard_normal(len(start))
    better = scored(rng, accepted=9, rejected=0, undecided=0, sizes=(12, 0, 200))
    assert judge(start, alike, [12, 0, 200], np.arange(12)).blend == 0
    assert judge(start, better, [12, 0, 200], np.arange(12)).blend > 0


@pytest.mark.parametrize("rejected", [0, 12])
def test_where_the_start_query_made_no_mistake_a_model_that_sees_much_clearer_is_used(rejected):
    """Its precision on the answers cannot be better: the start query found them."""
    rng = np.random.default_rng(4)
    sizes = (12, rejected, 200)
    start = scored(rng, accepted=6, rejected=-1, undecided=0, sizes=sizes)
    clearer = scored(rng, accepted=9, rejected=-1, undecided=0, sizes=sizes)
    as_clear = scored(rng, accepted=6, rejected=-1, undecided=0, sizes=sizes)
    judged = judge(start, clearer, list(sizes), np.arange(12))
    assert judged.start_precision == 1
    assert judged.blend == 1
    assert judge(start, as_clear, list(sizes), np.arange(12)).blend == 0


def test_a_start_query_without_a_mistake_stays():
    start = np.repeat([2.0, 1.0, 0.0], [6, 6, 50])
    assert judge(start, start, [6, 6, 50], np.arange(6)) == (0, 1, 1)
