"""Ours and the four it is compared with; each turns answers into an order of all rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.annotate_sim.annotator import BATCH, Policy
from benchmarks.annotate_sim.ours import learned


def static(x: np.ndarray, start: int) -> Policy:
    """Similarity to the start query, for ever."""
    return lambda accepted, rejected, decided: x @ x[start]


def rocchio(x: np.ndarray, start: int) -> Policy:
    """The mean of what was accepted."""

    def policy(accepted: np.ndarray, rejected: np.ndarray, decided: np.ndarray) -> np.ndarray:
        return x @ (x[accepted].mean(axis=0) if len(accepted) else x[start])

    return policy


def random_order(x: np.ndarray, start: int) -> Policy:
    """Another direction every round: no better than chance, but for the first batch."""
    rng = np.random.default_rng(start)
    return lambda accepted, rejected, decided: x @ rng.standard_normal(x.shape[1], dtype=np.float32)


def linear_svc(x: np.ndarray, start: int, *, with_rejected: bool = True) -> Policy:
    """A linear SVM refitted with the accepted against random undecided items, and the rejected."""
    from sklearn.svm import LinearSVC

    rng = np.random.default_rng(start)

    def policy(accepted: np.ndarray, rejected: np.ndarray, decided: np.ndarray) -> np.ndarray:
        undecided = np.flatnonzero(~decided)
        drawn = rng.choice(undecided, min(5 * BATCH, len(undecided)), replace=False)
        others = np.union1d(drawn, rejected) if with_rejected else drawn
        if len(accepted) == 0 or len(others) == 0:
            return x @ x[start]
        y = np.repeat([1, -1], [len(accepted), len(others)])
        model = LinearSVC(C=1.0, random_state=0).fit(np.concatenate([x[accepted], x[others]]), y)
        return x @ model.coef_[0].astype(np.float32)

    return policy


def linear_svc_of_accepted(x: np.ndarray, start: int) -> Policy:
    """The same without the rejected: every negative is random."""
    return linear_svc(x, start, with_rejected=False)


POLICIES: dict[str, Callable[[np.ndarray, int], Policy]] = {
    "sisyphus": learned,
    "random order": random_order,
    "static similarity": static,
    "mean of accepted": rocchio,
    "linear SVM": linear_svc,
    "linear SVM, random negatives only": linear_svc_of_accepted,
}
