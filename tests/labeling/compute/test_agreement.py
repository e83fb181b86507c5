"""Kappa against scikit-learn, its interval against a bootstrap and a published example."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from labeling.compute.agreement import cohen_kappa, confusion

ANSWERS = ("accept", "reject", "unsure")
TABLES = arrays(np.int64, (3, 3), elements=st.integers(0, 40))


def spread(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Paired labels that the table counts."""
    rows, columns = np.indices(table.shape)
    return np.repeat(rows.ravel(), table.ravel()), np.repeat(columns.ravel(), table.ravel())


@given(TABLES)
def test_kappa_is_scikit_learns(table):
    found = cohen_kappa(table)
    first, second = spread(table)
    if found.value is None:
        assert len(first) == 0 or (len(set(first)) == 1 and set(first) == set(second))
        return
    assert found.value == pytest.approx(cohen_kappa_score(first, second), abs=1e-9)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (found.num_pairs, found.agreed) == (table.sum(), np.trace(table))


def test_the_confusion_is_scikit_learns():
    order = np.random.default_rng(1)
    pairs = [tuple(pair) for pair in order.choice(ANSWERS, (200, 2))]
    oracle = confusion_matrix([pair[0] for pair in pairs], [pair[1] for pair in pairs], labels=ANSWERS)
    assert (confusion(pairs, ANSWERS) == oracle).all()


def test_the_standard_error_is_that_of_a_published_example():
    """Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions: kappa 0.68, se 0.087."""
    found = cohen_kappa(np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))
    assert found.value == pytest.approx(0.676, abs=1e-3)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(0.088, abs=1.5e-3)


@pytest.mark.parametrize(
    "table", [[[60, 15], [10, 115]], [[40, 6, 4], [8, 60, 5], [3, 9, 65]], [[20, 30], [25, 125]]]
)
def test_the_interval_is_about_that_of_a_bootstrap(table):
    table = np.array(table)
    found = cohen_kappa(table)
    rng = np.random.default_rng(7)
    drawn = rng.multinomial(table.sum(), (table / table.sum()).ravel(), 4000).reshape(-1, *table.shape)
    low, high = np.percentile([cohen_kappa(each).value for each in drawn], [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)


def test_the_interval_covers():
    """95 % of intervals hold the true kappa, give or take what 1 000 draws can tell."""
    truth = np.array([[0.30, 0.06], [0.05, 0.59]])
    kappa = cohen_kappa((truth * 1e6).astype(np.int64)).value
    rng = np.random.default_rng(3)
    found = [cohen_kappa(rng.multinomial(200, truth.ravel()).reshape(2, 2)) for _ in range(1000)]
    assert np.mean([each.low <= kappa <= each.high for each in found]) >= 0.93


def test_what_is_no_table_is_refused():
    with pytest.raises(ValueError, match=r"\(K, K\)"):
        cohen_kappa(np.zeros((2, 3), np.int64))
    with pytest.raises(ValueError, match="accept, reject"):
        confusion([("accept", "maybe")], ("accept", "reject"))
