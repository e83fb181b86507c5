"""The dual ridge against one solved directly, with and without the rows in question."""

import numpy as np
import pytest

from labeling.compute.ridge import Ridge


def made(seed=0, num=60, width=20):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((num, width)).astype(np.float32)
    return x, np.sign(rng.standard_normal(num)), rng.uniform(0.2, 2.0, num)


def direct(x, targets, c, ridge):
    """(w, b) of the normal equations; the intercept is not shrunk."""
    rows = np.c_[x.astype(np.float64), np.ones(len(x))]
    penalty = ridge * np.diag(np.r_[np.ones(x.shape[1]), 0.0])
    solution = np.linalg.solve((rows * c[:, None]).T @ rows + penalty, (rows * c[:, None]).T @ targets)
    return solution[:-1], solution[-1]


def test_weights_are_those_of_the_normal_equations():
    x, targets, c = made()
    w, _ = direct(x, targets, c, 0.7)
    np.testing.assert_allclose(Ridge.fit(x, targets, c, 0.7).weights(), w, atol=1e-4)


def test_left_out_errors_are_those_of_models_made_without_the_fold():
    x, targets, c = made(1)
    folds = np.arange(len(x)) % 5
    expected = np.empty(len(x))
    for fold in range(5):
        others = folds != fold
        w, b = direct(x[others], targets[others], c[others], 0.7)
        expected[~others] = targets[~others] - x[~others] @ w - b
    np.testing.assert_allclose(Ridge.fit(x, targets, c, 0.7).left_out_errors(folds), expected, atol=1e-3)


def test_a_model_without_rows_is_the_model_of_the_others():
    x, targets, c = made(2)
    rows = np.array([3, 17, 40])
    others = np.setdiff1d(np.arange(len(x)), rows)
    without = Ridge.fit(x, targets, c, 0.7).without(rows)
    again = Ridge.fit(x[others], targets[others], c[others], 0.7)
    np.testing.assert_allclose(without.weights(), again.weights(), atol=1e-4)
    np.testing.assert_allclose(without.inverse, again.inverse, atol=1e-3)


def test_a_vector_that_is_not_finite_is_named():
    x, targets, c = made()
    x[5] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        Ridge.fit(x, targets, c, 0.7)
