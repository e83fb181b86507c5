"""From what was accepted and rejected to one query vector, never knowingly worse than the query it began with.

A linear model over unit vectors is a query: ranking by `w.x + b` is ranking by `w.x`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PROTOTYPE_BELOW = 5  # accepted; fewer fit a model to noise
NEGATIVE_PULL = 0.25  # of a prototype, against the mean of the rejected
WEAK_WEIGHT = 0.1  # of all sampled undecided items together, beside 1 for the accepted and 1 for the rejected
RIDGE = 0.02  # lambda of |w - q0|^2, beside losses of total weight about 2
BLENDS = (0.0, 0.25, 0.5, 0.75, 1.0)  # beta
WORTH = 0.005  # of out-of-fold AP: what a larger beta must win, so that noise does not decide
MAX_ANSWERS = 1500  # of each kind; the newest say no more, and the fit stays within milliseconds
NUM_FOLDS = 5
NEWTON_STEPS = 6


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
    positives, positive_groups = _thinned(positives, positive_groups)
    negatives, negative_groups = _thinned(negatives, negative_groups)
    if start is None:
        if len(positives) == 0:
            raise ValueError("a query needs a start vector or at least one accepted item")
        start = positives.mean(axis=0)
    q0 = _unit(np.asarray(start, np.float32))
    if len(positives) < PROTOTYPE_BELOW:
        return FittedQuery(_prototype(q0, positives, negatives), 1.0 if len(positives) else 0.0, is_model=False)
    x = np.concatenate([positives, negatives, weak_negatives])
    y, c, is_answer = _targets(len(positives), len(negatives), len(weak_negatives))
    groups = np.concatenate([positive_groups, negative_groups, -1 - np.arange(len(weak_negatives))])
    gram = x @ x.T  # (n, n): every fit below happens in the span of the rows
    base = x @ q0
    folds = _folds(groups, y)
    # Out of fold the undecided stand for the rest of the corpus, which the answers alone do not show.
    judged = is_answer if len(negatives) >= PROTOTYPE_BELOW else np.ones(len(x), bool)
    start_precision = average_precision(base[judged], y[judged] > 0)
    blend, precision = 0.0, start_precision
    held_out = np.empty_like(base)
    for fold in np.unique(folds):
        test = folds == fold
        train = ~test
        a = _fit(gram[np.ix_(train, train)], base[train], y[train], c[train])
        held_out[test] = base[test] + gram[np.ix_(test, train)] @ a
        # Folds are compared with one another: bring each to the scale of its model.
        held_out[test] /= _norm(gram[np.ix_(train, train)], base[train], a)
    for beta in BLENDS[1:]:
        scores = (1 - beta) * base + beta * held_out
        got = average_precision(scores[judged], y[judged] > 0)
        if got > precision + WORTH:
            blend, precision = beta, got
    if blend == 0:
        return FittedQuery(q0, 0.0, is_model=True, start_precision=start_precision, precision=precision)
    w = _unit(q0 + x.T @ _fit(gram, base, y, c))
    vector = _unit((1 - blend) * q0 + blend * w)
    return FittedQuery(vector, blend, is_model=True, start_precision=start_precision, precision=precision)


def average_precision(scores: np.ndarray, is_positive: np.ndarray) -> float:
    """Mean over the positives of the precision at their rank; ties count against us. 0.0 without positives."""
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


def _targets(num_positive: int, num_negative: int, num_weak: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(y in -1, +1; weights balanced between the classes; which rows a person answered)."""
    sizes = [num_positive, num_negative, num_weak]
    y = np.repeat([1.0, -1.0, -1.0], sizes)
    weights = np.repeat(
        [1 / max(1, num_positive), 1 / max(1, num_negative), WEAK_WEIGHT / max(1, num_weak)], sizes
    )
    return y, weights, np.repeat([True, True, False], sizes)


def _fit(gram: np.ndarray, base: np.ndarray, y: np.ndarray, c: np.ndarray) -> np.ndarray:
    """a (n,) with w = q0 + x.T @ a, which minimizes sum c log(1 + exp(-y (s w.x + b))) + lambda |w - q0|^2.

    Newton on the dual coefficients (iteratively reweighted least squares); s = SCALE makes cosines,
    which differ by some tenths, saturate the loss.
    """
    n = len(y)
    a, bias = np.zeros(n), -float(np.average(base, weights=c)) * SCALE
    for _ in range(NEWTON_STEPS):
        margin = SCALE * (base + gram @ a) + bias
        p = 1 / (1 + np.exp(-np.clip(margin, -30, 30)))
        weight = np.maximum(c * p * (1 - p), 1e-6)  # (n,) curvature of the loss
        working = margin + c * ((y > 0) - p) / weight  # what a least-squares fit should give
        # Minimize sum weight (s (base + G a) + b - working)^2 / 2 + lambda a'Ga:
        # (s^2 G + 2 lambda / weight) a + s b = s (working - s base), with sum(a) = 0 for the bias.
        system = np.empty((n + 1, n + 1))
        system[:n, :n] = SCALE * gram
        system[np.arange(n), np.arange(n)] += 2 * RIDGE / (SCALE * weight)
        system[:n, n] = system[n, :n] = 1.0
        system[n, n] = 0.0
        solution = np.linalg.solve(system, np.concatenate([working - SCALE * base, [0.0]]))
        a, bias = solution[:n], float(solution[n])
    return a


SCALE = 8.0


def _norm(gram: np.ndarray, base: np.ndarray, a: np.ndarray) -> float:
    """|q0 + x.T @ a| for a unit q0."""
    return float(np.sqrt(max(1e-12, 1 + 2 * base @ a + a @ gram @ a)))


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


def _thinned(vectors: np.ndarray, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """At most MAX_ANSWERS rows, evenly taken, with their groups; every row its own group if none are given."""
    groups = np.arange(len(vectors)) if groups is None else np.asarray(groups)
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
