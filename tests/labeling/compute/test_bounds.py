"""Exact bounds against scipy, and what they promise."""

import numpy as np
import pytest
from scipy import stats

from labeling.compute.bounds import (
    alpha_of_audit,
    alpha_of_look,
    clopper_pearson,
    looks_to_certify,
    most_positives,
    proportion_upper,
    tail_upper,
)


def test_however_many_audits_are_drawn_they_spend_less_than_twice_alpha():
    spent = np.cumsum([alpha_of_audit(0.05, number) for number in range(1, 2001)])
    assert spent[0] == pytest.approx(0.05)
    assert spent[-1] < 0.1
    assert spent[6] == pytest.approx(2 * 0.05 * 7 / 8)
    with pytest.raises(ValueError, match="counted from 1"):
        alpha_of_audit(0.05, 0)


def test_auditing_until_it_pleases_is_covered_by_what_all_audits_spend():
    """A stopper who takes the first line above 0.9, each of a ranking of its own, is wrong no more often."""
    rng = np.random.default_rng(11)
    undecided, looks, missed, accepted, trials = 2_000, 150, 60, 400, 600
    truth = accepted / (accepted + missed)
    wrong = 0
    for _ in range(trials):
        for number in range(1, 9):
            hits = int(rng.hypergeometric(missed, undecided - missed, looks))
            upper = most_positives(undecided, looks, hits, alpha=alpha_of_audit(0.05, number))
            line = accepted / (accepted + upper)
            if line > truth:
                wrong += 1
                break
    assert wrong / trials <= 2 * 0.05 * 8 / 9 + 0.02


def test_the_upper_bound_of_a_proportion_is_the_inverse_beta():
    rng = np.random.default_rng(0)
    for _ in range(200):
        drawn = int(rng.integers(1, 3000))
        hits = int(rng.integers(0, drawn + 1)) if rng.random() < 0.5 else int(min(drawn, rng.integers(0, 20)))
        alpha = float(rng.choice([0.05, 0.025, 0.00625]))
        expected = 1.0 if hits == drawn else stats.beta.ppf(1 - alpha, hits + 1, drawn - hits)
        assert proportion_upper(hits, drawn, alpha=alpha) == pytest.approx(expected, abs=1e-9)


def test_the_two_sided_interval_is_scipys():
    for hits, drawn in ((0, 10), (3, 10), (10, 10), (17, 400)):
        expected = stats.binomtest(hits, drawn).proportion_ci(0.95, method="exact")
        assert clopper_pearson(hits, drawn) == pytest.approx(tuple(expected), abs=1e-9)


def test_most_positives_is_the_largest_number_the_sample_does_not_rule_out():
    rng = np.random.default_rng(1)
    for _ in range(120):
        population = int(rng.integers(10, 200_000))
        drawn = int(rng.integers(1, min(population, 5000) + 1))
        hits = int(min(drawn, rng.integers(0, 20)))
        most = most_positives(population, drawn, hits, alpha=0.05)
        assert stats.hypergeom.cdf(hits, population, most, drawn) > 0.05 - 1e-9
        if most < population - (drawn - hits):
            assert stats.hypergeom.cdf(hits, population, most + 1, drawn) <= 0.05 + 1e-9


def test_a_census_leaves_no_doubt_and_no_draw_leaves_all():
    assert most_positives(300, 300, 7, alpha=0.05) == 7
    assert most_positives(300, 0, 0, alpha=0.05) == 300


def test_a_tail_without_finds_is_bounded_by_three_in_m():
    assert tail_upper(900_000, 3000, alpha=0.05) == pytest.approx(900_000 * (1 - 0.05 ** (1 / 3000)))
    assert tail_upper(900_000, 3000, alpha=0.05) == pytest.approx(3 * 900_000 / 3000, rel=0.01)
    assert most_positives(900_000, 3000, 0, alpha=0.05) <= tail_upper(900_000, 3000, alpha=0.05)


def test_the_price_of_certainty_is_three_over_prevalence_and_missed_share():
    priced = [looks_to_certify(prevalence, 0.1) for prevalence in (0.001, 0.01, 0.05)]
    assert priced == pytest.approx([30_000, 3_000, 600], rel=0.01)


def test_looks_together_never_spend_more_than_was_planned():
    spent = [alpha_of_look(0.05, look, is_only_look=False) for look in range(1, 40)]
    assert spent[0] == 0.025
    assert sum(spent) <= 0.05
    assert alpha_of_look(0.05, 1, is_only_look=True) == 0.05
    with pytest.raises(ValueError, match="look 2 was not planned"):
        alpha_of_look(0.05, 2, is_only_look=True)


@pytest.mark.parametrize(("hits", "drawn"), [(-1, 5), (6, 5)])
def test_hits_that_cannot_be_are_refused(hits, drawn):
    with pytest.raises(ValueError, match="hits must be 0 to 5"):
        proportion_upper(hits, drawn, alpha=0.05)
