"""Temperature and calibration error: planted, then found; and against the definition, written out."""

import numpy as np
import pytest

from tests.training.compute.made import answers_of
from training.compute.calibration import fit_temperature, reliability
from training.compute.linear_losses import sigmoid, softmax


def drawn(kind: str, temperature: float, *, num: int = 6000, num_classes: int = 3):
    """Logits that are right only when divided by `temperature`, and answers drawn from them."""
    rng = np.random.default_rng(2)
    logits = (3 * rng.standard_normal((num, num_classes)) - 1).astype(np.float32)
    if kind == "multi_class":
        cut = softmax(logits / np.float32(temperature)).cumsum(axis=1)
        chosen = np.minimum((rng.random((num, 1)) > cut).sum(axis=1), num_classes - 1)
        return logits, answers_of(np.eye(num_classes, dtype=np.int8)[chosen])
    targets = rng.random(logits.shape) < sigmoid(logits / np.float32(temperature))
    return logits, answers_of(targets.astype(np.int8))


@pytest.mark.parametrize("kind", ["multi_class", "multi_label"])
@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_a_planted_temperature_is_found(kind, temperature):
    logits, answers = drawn(kind, temperature)
    np.testing.assert_allclose(fit_temperature(logits, answers, kind), temperature, rtol=0.1)


def test_a_calibrated_classifier_has_little_calibration_error_and_an_overconfident_one_much():
    logits, answers = drawn("multi_label", 3.0)
    positive = answers.targets[:, 0] == 1
    raw = reliability(sigmoid(logits[:, 0]), positive).ece
    t = fit_temperature(logits, answers, "multi_label")[0]
    assert reliability(sigmoid(logits[:, 0] / t), positive).ece < 0.03 < raw


def test_a_class_with_few_answers_follows_the_others():
    logits, answers = drawn("multi_label", 3.0)
    targets = answers.targets.copy()
    targets[4:, 2] = -1
    found = fit_temperature(logits, answers_of(targets), "multi_label")
    assert 2 < found[2] < 4.5


def test_no_answers_leave_the_temperature_at_one():
    logits, answers = drawn("multi_label", 2.0, num=10)
    assert fit_temperature(logits, answers_of(np.full_like(answers.targets, -1)), "multi_label").tolist() == [
        1,
        1,
        1,
    ]


def test_separated_answers_do_not_make_a_certainty():
    logits = np.array([[-1.0], [1.0]], np.float32)
    found = fit_temperature(logits, answers_of(np.array([[0], [1]])), "multi_label")
    assert 0.2 < found[0] < 1


def test_the_error_is_the_weighted_mean_gap_of_the_bins():
    rng = np.random.default_rng(0)
    p = rng.random(500)
    positive = rng.random(500) < p**2
    measured = reliability(p, positive, num_bins=10)
    expected = 0.0
    for at in range(10):
        inside = (p >= at / 10) & (p < (at + 1) / 10)
        expected += inside.sum() / 500 * abs(p[inside].mean() - positive[inside].mean())
    assert measured.ece == pytest.approx(expected)
    assert sum(each["count"] for each in measured.bins) == 500


def test_an_empty_bin_and_an_empty_side_are_undefined():
    measured = reliability(np.array([0.02, 1.0]), np.array([False, True]), num_bins=10)
    assert measured.bins[5]["mean_score"] is None
    assert measured.bins[9]["share_positive"] == 1.0
    assert reliability(np.zeros(0), np.zeros(0, bool)).ece is None
