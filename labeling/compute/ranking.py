"""From what was accepted and rejected to one query vector, never knowingly worse than where it began.

A linear model over unit vectors is a query: ranking by `w.x + b` is ranking by `w.x`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from labeling.compute.guard import judge, precisions
from labeling.compute.ridge import Ridge

PROTOTYPE_BELOW = 5  # accepted; too few to hold any of them out, so what is learned of fewer is not judged
PROTOTYPE_OTHERS = 2  # rejected and undecided items with which a prototype is half what tells it from them
NEGATIVE_PULL = 0.25  # of the other half, against the mean of the rejected
RIDGE = 0.03  # lambda, in units of the spread of the vectors, beside a total weight of 1 for the accepted
REJECTED_WEIGHT = 0.3  # of all rejected together; one of them never weighs more than one accepted item
IN_VAIN = 20  # rejected for each accepted item, from which on more of them weigh less and less: they are
# the neighbors of one example, and what is wanted is elsewhere
WEAK_WEIGHT = 1.0  # of all sampled undecided items together: they stand for the rest of the corpus
ANCHOR_ITEMS = 2.0  # accepted items that the start query is worth
NEAR_COPY = 0.985  # cosine to an accepted item from which a reject says nothing about the neighborhood
MAX_ANSWERS = 150  # of each kind; with them the fit stays within milliseconds
NUM_FOLDS = 5


@dataclass(frozen=True, slots=True)
class FittedQuery:
    """A query learned from answers, and how it was judged."""

    vector: np.ndarray  # (D,) float32, unit length
    blend: float  # beta: 0 is the start query, 1 the model alone
    is_model: bool  # False: a prototype, too few answers to judge it
    start_precision: float | None = None  # average precision of the start query over the answers
    precision: float | None = None  # out-of-fold average precision of the blend; None: could not be measured
    left_out: LeftOut | None = None  # the answers, as a model that did not see their fold ranks them


class LeftOut(NamedTuple):
    """Answers with the similarity that others give them."""

    similarities: np.ndarray  # (n,)
    is_accepted: np.ndarray  # (n,) bool
    weights: np.ndarray  # (n,) how many answers each stands for, since not all were taken


def fit_query(
    start: np.ndarray | None,
    positives: np.ndarray,
    negatives: np.ndarray,
    weak_negatives: np.ndarray,
    *,
    positive_groups: np.ndarray | None = None,
    negative_groups: np.ndarray | None = None,
) -> FittedQuery:
    """The query that ranks the accepted before the rejected; the start query where the model may be worse.

    All vectors are rows of unit length. `start` (D,) may be None: then the mean of the positives starts.
    `weak_negatives` (W, D) are sampled undecided items: presumed negative, less those that look accepted.
    Groups (of a stack or media file) are never on both sides of a fold. Deterministic.
    ValueError without a start query and without positives.
    """
    # Rows without a group are groups of their own, below every id and apart from one another.
    positive_groups = _groups(positives, positive_groups, first=-(1 << 40))
    negative_groups = _groups(negatives, negative_groups, first=-(1 << 41))
    if start is None:
        if len(positives) == 0:
            raise ValueError("a query needs a start vector or at least one accepted item")
        start = positives.mean(axis=0)
    q0 = _unit(np.asarray(start, np.float32))
    if len(positives) == 0:
        return FittedQuery(q0, 0.0, is_model=False)
    num_accepted, num_rejected = len(positives), len(negatives)
    kept = _spaced(num_accepted)
    positives, positive_groups = positives[kept], positive_groups[kept]
    kept, stand_for = _telling(
        negatives @ _unit(q0 + positives.mean(axis=0)), (negatives @ positives.T).max(axis=1)
    )
    negatives, negative_groups = negatives[kept], negative_groups[kept]

    x = np.concatenate([positives, negatives, weak_negatives]).astype(np.float32, copy=False)
    sizes = [len(positives), len(negatives), len(weak_negatives)]
    y = np.repeat([1.0, -1.0, -1.0], sizes)
    groups = np.concatenate([positive_groups, negative_groups, -1 - np.arange(sizes[2])])
    base = (x @ q0).astype(np.float64)
    c = _weights(*sizes, num_rejected=num_rejected)
    anchor = _slope(base, y, c) * ANCHOR_ITEMS / (ANCHOR_ITEMS + len(positives))
    model = Ridge.fit(x, y - anchor * base, c, RIDGE * _spread(x))
    if sizes[0] < PROTOTYPE_BELOW:
        return FittedQuery(
            _prototype(q0, positives, negatives, anchor * q0 + model.weights(), len(x)), 1.0, is_model=False
        )
    folds = _folds(groups, y)
    hidden = _looks_accepted(y - model.left_out_errors(folds), sizes)
    if len(hidden):
        model = model.without(hidden)
        y, base, folds = (np.delete(each, hidden) for each in (y, base, folds))
    w = anchor * q0 + model.weights()
    length = float(np.linalg.norm(w))
    if length < 1e-9:
        return FittedQuery(q0, 0.0, is_model=False)
    held_out = (y - model.left_out_errors(folds)) / length
    judged = judge(base, held_out, sizes, positive_groups)
    vector = (1 - judged.blend) * q0 + judged.blend * w / length
    scores = (1 - judged.blend) * base + judged.blend * held_out
    answers = slice(sizes[0] + sizes[1])
    return FittedQuery(
        _unit(vector) if judged.blend else q0,
        judged.blend,
        is_model=True,
        start_precision=judged.start_precision,
        precision=judged.precision,
        left_out=LeftOut(
            scores[answers] / float(np.linalg.norm(vector)),  # of unit length as well
            y[answers] > 0,
            np.concatenate([np.full(sizes[0], num_accepted / sizes[0]), stand_for]),
        ),
    )


def average_precision(scores: np.ndarray, is_positive: np.ndarray) -> float:
    """Mean over the positives of the precision at their rank; ties count against us; 0.0 without any."""
    return float(precisions(scores, is_positive).mean()) if is_positive.any() else 0.0


def _prototype(
    q0: np.ndarray, positives: np.ndarray, negatives: np.ndarray, w: np.ndarray, num: int
) -> np.ndarray:
    """(D,) between the examples and `w`, which tells them from others: of `num` rows in all, the nearer to
    `w` the more others there are."""
    mean = (q0 + positives.sum(axis=0)) / (1 + len(positives))
    if len(negatives):
        mean = mean - NEGATIVE_PULL * float(np.linalg.norm(mean)) * negatives.mean(axis=0)
    length, others = float(np.linalg.norm(w)), num - len(positives)
    share = others / (others + PROTOTYPE_OTHERS) if length > 1e-9 else 0.0
    return _unit((1 - share) * _unit(mean) + share * w / max(length, 1e-9))


def _weights(num_positive: int, num_negative: int, num_weak: int, *, num_rejected: int) -> np.ndarray:
    """(n,) weight of every row: balanced between the kinds, so that many of one do not drown another.

    One rejected item never weighs more than one accepted. `num_rejected` counts those left out as well.
    """
    sizes = [num_positive, num_negative, num_weak]
    together = REJECTED_WEIGHT * min(1.0, IN_VAIN * num_positive / max(1, num_rejected))
    rejected = min(together / max(1, num_negative), 1 / num_positive)
    return np.repeat([1 / num_positive, rejected, WEAK_WEIGHT / max(1, num_weak)], sizes)


def _slope(base: np.ndarray, y: np.ndarray, c: np.ndarray) -> float:
    """How q0 is best scaled to say the answers by itself; never turned round."""
    around = base - np.average(base, weights=c)
    spread = float(np.average(around**2, weights=c))
    return float(np.clip(np.average(around * y, weights=c) / max(spread, 1e-9), 0.1, 20.0))


def _spread(x: np.ndarray) -> float:
    """Mean squared distance of the rows from their mean; features of some encoders all point one way."""
    mean = x.mean(axis=0)
    return max(float(np.vdot(x, x) / len(x) - np.vdot(mean, mean)), 1e-3)


def _looks_accepted(scores: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Rows of the undecided that a model made without them puts above half of the accepted: not negatives."""
    undecided = np.arange(sizes[0] + sizes[1], len(scores))
    return undecided[scores[undecided] > np.median(scores[: sizes[0]])]


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


def _groups(vectors: np.ndarray, groups: np.ndarray | None, *, first: int) -> np.ndarray:
    """(n,) the group of every row; from `first` on if none are given."""
    groups = first + np.arange(len(vectors)) if groups is None else np.asarray(groups)
    if len(groups) != len(vectors):
        raise ValueError(f"expected one group for each of {len(vectors)} vectors, got {len(groups)}")
    return groups


def _spaced(num: int, limit: int = MAX_ANSWERS) -> np.ndarray:
    """At most `limit` of `num` rows, evenly taken, in order."""
    return np.arange(num) if num <= limit else np.linspace(0, num - 1, limit).astype(np.int64)


def _telling(similarities: np.ndarray, nearest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most MAX_ANSWERS rejected rows, in order, and how many each stands for.

    Half of them are the most similar, the others evenly taken.

    A reject of what is nearly a copy of something accepted (`nearest`: its cosine) is an exception: it must
    not push away what lies around both, and is left out.
    """
    rows = np.flatnonzero(nearest <= NEAR_COPY)
    if len(rows) <= MAX_ANSWERS:
        return rows, np.ones(len(rows))
    by_similarity = rows[np.argsort(-similarities[rows], kind="stable")]
    hard, others = by_similarity[: MAX_ANSWERS // 2], np.sort(by_similarity[MAX_ANSWERS // 2 :])
    taken = others[_spaced(len(others), MAX_ANSWERS - MAX_ANSWERS // 2)]
    told = np.concatenate([hard, taken])
    stand_for = np.repeat([1.0, len(others) / len(taken)], [len(hard), len(taken)])
    order = np.argsort(told)
    return told[order], stand_for[order]


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    if length < 1e-9:
        raise ValueError("the query's terms cancel out; remove a term or change a weight")
    return (vector / length).astype(np.float32)
