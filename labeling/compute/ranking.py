"""From what was accepted and rejected to one query vector, never knowingly worse than where it began.

A linear model over unit vectors is a query: ranking by `w.x + b` is ranking by `w.x`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

PROTOTYPE_BELOW = 5  # accepted; fewer fit a model to noise
NEGATIVE_PULL = 0.25  # of a prototype, against the mean of the rejected
WEAK_WEIGHT = 0.1  # of all sampled undecided items together, beside 1 for the accepted and 1 for the rejected
RIDGE = (
    0.02  # lambda of |w - s q0|^2, beside losses of total weight about 2; trying more of them wins nothing
)
BLENDS = (0.0, 0.25, 0.5, 0.75, 1.0)  # beta
WORTH = 0.005  # of out-of-fold AP: what a larger beta must win, so that noise does not decide
MAX_ANSWERS = 250  # of each kind; the newest say no more, and the fit stays within milliseconds
NUM_FOLDS = 5


@dataclass(frozen=True, slots=True)
class FittedQuery:
    """A query learned from answers, and how it was judged."""

    vector: np.ndarray  # (D,) float32, unit length
    blend: float  # beta: 0 is the start query, 1 the model alone
    is_model: bool  # False: a prototype, too few answers for a model
    start_precision: float | None = None  # average precision of the start query over the answers
    precision: float | None = None  # out-of-fold average precision of the blend; None: could not be measured


def fit_query(
    start: np.ndarray | None,
    positives: np.ndarray,
    negatives: np.ndarray,
    weak_negatives: np.ndarray,
    *,
    positive_groups: np.ndarray | None = None,
    negative_groups: np.ndarray | None = None,
) -> FittedQuery:
    """The query that ranks the accepted before the rejected; the start query where no model is better.

    All vectors are rows of unit length. `start` (D,) may be None: then the mean of the positives starts.
    `weak_negatives` (W, D) are sampled undecided items: presumed negative, with little weight.
    Groups (of a stack or media file) are never on both sides of a fold. Deterministic.
    ValueError without a start query and without positives.
    """
    # Rows without a group are groups of their own, below every id and apart from one another.
    positives, positive_groups = _thinned(positives, positive_groups, first=-(1 << 40))
    negatives, negative_groups = _thinned(negatives, negative_groups, first=-(1 << 41))
    if start is None:
        if len(positives) == 0:
            raise ValueError("a query needs a start vector or at least one accepted item")
        start = positives.mean(axis=0)
    q0 = _unit(np.asarray(start, np.float32))
    if len(positives) < PROTOTYPE_BELOW:
        return FittedQuery(
            _prototype(q0, positives, negatives), 1.0 if len(positives) else 0.0, is_model=False
        )
    x = np.concatenate([positives, negatives, weak_negatives])
    y, c = _targets(len(positives), len(negatives), len(weak_negatives))
    groups = np.concatenate([positive_groups, negative_groups, -1 - np.arange(len(weak_negatives))])
    gram, base = (x @ x.T).astype(np.float64), (x @ q0).astype(np.float64)
    folds = _folds(groups, y)
    # The undecided are judged too: they stand for the rest of the corpus, which the answers, all taken
    # from near one query, do not show.
    start_precision = average_precision(base, y > 0)
    blend, precision, vector = 0.0, start_precision, q0
    model = _fit(gram, base, y, c, folds)
    w = model.anchor * q0 + x.T @ model.coefficients.astype(np.float32)
    length = float(np.linalg.norm(w))
    for beta in BLENDS[1:] if length > 1e-9 else ():
        scores = (1 - beta) * base + beta * model.held_out / length
        got = average_precision(scores, y > 0)
        if got > precision + WORTH:
            blend, precision, vector = beta, got, _unit((1 - beta) * q0 + beta * w / length)
    return FittedQuery(vector, blend, is_model=True, start_precision=start_precision, precision=precision)


def average_precision(scores: np.ndarray, is_positive: np.ndarray) -> float:
    """Mean over the positives of the precision at their rank; ties count against us; 0.0 without any."""
    order = np.lexsort((is_positive, -scores))
    hits = is_positive[order]
    if not hits.any():
        return 0.0
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def _prototype(q0: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    if len(positives) == 0:
        return q0
    mean = (q0 + positives.sum(axis=0)) / (1 + len(positives))
    if len(negatives):
        mean = mean - NEGATIVE_PULL * negatives.mean(axis=0) * float(np.linalg.norm(mean))
    return _unit(mean)


def _targets(num_positive: int, num_negative: int, num_weak: int) -> tuple[np.ndarray, np.ndarray]:
    """(y in -1, +1; weights balanced between the classes)."""
    sizes = [num_positive, num_negative, num_weak]
    y = np.repeat([1.0, -1.0, -1.0], sizes)
    weights = np.repeat(
        [1 / max(1, num_positive), 1 / max(1, num_negative), WEAK_WEIGHT / max(1, num_weak)], sizes
    )
    return y, weights


class _Model(NamedTuple):
    anchor: float  # s: how much of q0 the model keeps
    coefficients: np.ndarray  # a (n,): w = s q0 + x.T @ a
    held_out: np.ndarray  # (n,) w.x + b of every row by the model of the other folds


def _fit(gram: np.ndarray, base: np.ndarray, y: np.ndarray, c: np.ndarray, folds: np.ndarray) -> _Model:
    """w, b that minimize sum c (w.x + b - y)^2 + RIDGE |w - s q0|^2, and what each fold gets without it.

    In dual form: (G + RIDGE / c) a + b = y - s base, sum(a) = 0. With M the inverse of that system the
    error of fold B, had it been left out, is M[B, B]^-1 a[B]: one factorization serves all folds
    (leave-one-out of LS-SVM by blocks; Cawley 2006, doi:10.1109/IJCNN.2006.246634).
    """
    n = len(y)
    around = base - np.average(base, weights=c)
    spread = float(np.average(around**2, weights=c))
    slope = float(np.average(around * y, weights=c)) / max(spread, 1e-9)
    anchor = float(np.clip(slope, 0.1, 20.0))  # q0 as well scaled as it can be, never turned round
    system = np.empty((n + 1, n + 1))
    system[:n, :n] = gram
    system[np.arange(n), np.arange(n)] += RIDGE / c
    system[:n, n] = system[n, :n] = 1.0
    system[n, n] = 0.0
    inverse = np.linalg.inv(system)
    wanted = y - anchor * base
    a = inverse[:n, :n] @ wanted
    held_out = np.empty(n)
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        held_out[rows] = y[rows] - np.linalg.solve(inverse[np.ix_(rows, rows)], a[rows])
    return _Model(anchor, a, held_out)


def _folds(groups: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) fold of every row: whole groups, dealt out in order, positives and negatives apart."""
    folds = np.zeros(len(groups), np.int64)
    known: dict[int, int] = {}
    dealt = {True: 0, False: 0}
    for place, (group, is_positive) in enumerate(zip(groups.tolist(), (y > 0).tolist(), strict=True)):
        if group not in known:
            known[group] = dealt[is_positive] % NUM_FOLDS
            dealt[is_positive] += 1
        folds[place] = known[group]
    return folds


def _thinned(vectors: np.ndarray, groups: np.ndarray | None, *, first: int) -> tuple[np.ndarray, np.ndarray]:
    """At most MAX_ANSWERS rows, evenly taken, with their groups; from `first` on if none are given."""
    groups = first + np.arange(len(vectors)) if groups is None else np.asarray(groups)
    if len(groups) != len(vectors):
        raise ValueError(f"expected one group for each of {len(vectors)} vectors, got {len(groups)}")
    if len(vectors) <= MAX_ANSWERS:
        return vectors, groups
    kept = np.linspace(0, len(vectors) - 1, MAX_ANSWERS).astype(np.int64)
    return vectors[kept], groups[kept]


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    if length < 1e-9:
        raise ValueError("the query's terms cancel out; remove a term or change a weight")
    return (vector / length).astype(np.float32)
