"""What the search service does in mode "learned", on a matrix."""

from __future__ import annotations

import numpy as np

from benchmarks.annotate_sim.annotator import Policy
from indexing.compute.reranked import NEIGHBORHOOD, SHORTLIST
from labeling.compute.ranking import FittedQuery, fit_query

NUM_UNDECIDED, SAMPLES_SEED = 200, 7  # those of the search service; a test compares them


def learned(x: np.ndarray, start: int) -> Policy:
    """The order learned from answers."""

    def policy(accepted: np.ndarray, rejected: np.ndarray, decided: np.ndarray) -> np.ndarray:
        return ordered(x, fitted(x, start, accepted, rejected, decided), decided)

    return policy


def fitted(
    x: np.ndarray, start: int, accepted: np.ndarray, rejected: np.ndarray, decided: np.ndarray
) -> FittedQuery:
    """What is learned from answers to some rows of `x` (N, D), beginning with the row `start`."""
    rows = np.random.default_rng(SAMPLES_SEED).integers(0, len(x), 2 * NUM_UNDECIDED)
    sampled = np.unique(rows[~decided[rows]][:NUM_UNDECIDED])
    return fit_query(
        x[start], x[accepted], x[rejected], x[sampled], positive_groups=accepted, negative_groups=rejected
    )


def ordered(
    x: np.ndarray,
    fitted: FittedQuery,
    decided: np.ndarray,
    groups: np.ndarray | None = None,
    shortlist: int = SHORTLIST,
    neighborhood: int = NEIGHBORHOOD,
) -> np.ndarray:
    """(N,) how near every row is: the nearest undecided ones as the reranker says, if there is one, and the
    first of their `groups` (N,) as their neighborhood does."""
    near = x @ fitted.vector
    if fitted.reranker is not None:
        is_first = decided.copy()
        is_first[_nearest(near, decided)[:shortlist]] = True
        again = fitted.reranker.similarities(x)
        behind = near.max() - again[is_first & ~decided].min(initial=0.0)
        near = np.where(is_first, again, near - behind)
    if fitted.neighborhood is None:
        return near
    groups = np.arange(len(x)) if groups is None else groups
    rows = _nearest(near, decided)[:shortlist]
    rows = rows[np.sort(np.unique(groups[rows], return_index=True)[1])[:neighborhood]]
    order = fitted.neighborhood.order(x[rows]) if len(rows) > 1 else None
    if order is None:
        return near
    most = np.full(int(groups.max()) + 1, np.inf, np.float32)
    most[groups[rows[order]]] = near[rows]
    result: np.ndarray = np.minimum(near, most[groups])  # nothing else of a group is before its best
    result[rows[order]] = near[rows]
    return result


def _nearest(near: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """Undecided rows, the nearest first."""
    return np.argsort(np.where(decided, np.inf, -near), kind="stable")[: int((~decided).sum())]
