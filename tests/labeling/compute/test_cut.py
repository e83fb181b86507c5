"""Expected precision above a cut line: calibrated, with an interval that holds, or nothing at all."""

import json
from pathlib import Path

import numpy as np
import pytest

from labeling.compute.cut import calibrate

CASES = Path(__file__).with_name("calibration_cases.json")


def world(rng, num=4_000):
    """Similarities and what is true there: P(positive) rises from near 0 to near 1."""
    similarities = rng.beta(4, 4, num)
    return similarities, rng.random(num) < 1 / (1 + np.exp(-14 * (similarities - 0.6)))


def test_the_interval_covers_what_lies_above_the_line():
    rng, covered, trials = np.random.default_rng(3), 0, 500
    for _ in range(trials):
        similarities, truth = world(rng)
        told = rng.choice(len(truth), 80, replace=False)
        calibration = calibrate(similarities[told], truth[told])
        undecided = np.setdiff1d(np.arange(len(truth)), told)
        above = undecided[similarities[undecided] >= 0.65]
        _, low, high = calibration.precision(similarities[above])
        covered += low <= truth[above].mean() <= high
    assert covered / trials >= 0.87  # meant for 0.90


def test_it_holds_although_the_answers_lie_mostly_at_the_top():
    rng, off, covered, trials = np.random.default_rng(4), [], 0, 300
    for _ in range(trials):
        similarities, truth = world(rng)
        order = np.argsort(-similarities)
        told = np.concatenate([order[:150:2], rng.choice(order[150:], 40, replace=False)])
        calibration = calibrate(similarities[told], truth[told])
        above = np.setdiff1d(order[:1200], told)
        mean, low, high = calibration.precision(similarities[above])
        off.append(mean - truth[above].mean())
        covered += low <= truth[above].mean() <= high
    assert abs(np.mean(off)) < 0.03
    assert covered / trials >= 0.85


def test_rejects_of_which_only_some_were_taken_count_for_all():
    rng = np.random.default_rng(5)
    similarities, truth = world(rng)
    positives, negatives = np.flatnonzero(truth), np.flatnonzero(~truth)
    taken = np.concatenate([positives[:300], negatives[:300:10]])
    weights = np.repeat([1.0, 10.0], [300, 30])
    naive = calibrate(similarities[taken], truth[taken])
    fair = calibrate(similarities[taken], truth[taken], weights)
    low = np.full(50, 0.5)
    wanted = 1 / (1 + np.exp(-14 * (0.5 - 0.6)))
    assert abs(fair.precision(low)[0] - wanted) < abs(naive.precision(low)[0] - wanted)


def test_a_ranking_upside_down_says_nothing_by_its_similarities():
    similarities = np.linspace(0, 1, 40)
    calibration = calibrate(similarities, similarities < 0.5)
    assert calibration.slope == 0
    assert np.ptp(calibration.probabilities(similarities)) == 0
    assert calibration.precision(similarities)[0] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("accepted", "rejected"), [(0, 100), (4, 50), (50, 4)])
def test_too_few_answers_of_a_kind_say_nothing(accepted, rejected):
    answers = np.repeat([True, False], [accepted, rejected])
    assert calibrate(np.linspace(1, 0, len(answers)), answers) is None


def test_the_page_computes_the_same():
    """calibration_cases.json binds the two: tests/frontend/calibration.test.ts reads it."""
    for case in json.loads(CASES.read_text()):
        given = dict(case["calibration"])
        made = calibrate(
            np.array(case["answered"]["similarities"]), np.array(case["answered"]["is_accepted"])
        )
        for name, value in given.items():
            assert np.allclose(getattr(made, name), value, atol=1e-6), name
        assert np.allclose(made.precision(np.array(case["similarities"])), case["expected"], atol=1e-6)
