"""From what was accepted and rejected to one query vector, never knowingly worse than where it began.

A linear model over unit vectors is a query: ranking by `w.x + b` is ranking by `w.x`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from labeling.compute.answers import Answers, folds_of, groups_of, spaced, telling
from labeling.compute.guard import judge, precisions
from labeling.compute.neighborhood import in_context
from labeling.compute.reranker import Reranker, looks_accepted, second_look
from labeling.compute.ridge import Ridge

PROTOTYPE_BELOW = 5  # accepted; too few to hold any of them out, so what is learned of fewer is not judged
PROTOTYPE_OTHERS = 4  # rejected and undecided items with which a prototype is half what tells it from them
NEGATIVE_PULL = 0.25  # of the other half, against the mean of the rejected
RIDGE = 0.03  # lambda, in units of the spread of the vectors, beside a total weight of 1 for the accepted
REJECTED_WEIGHT = 0.3  # of all rejected together; one of them never weighs more than one accepted item
IN_VAIN = 20  # rejected for each accepted item, from which on more of them weigh less and less: they are
# the neighbors of one example, and what is wanted is elsewhere
WEAK_WEIGHT = 1.0  # of all sampled undecided items together: they stand for the rest of the corpus
WEAK_WEIGHT_OF_FEW = 2.0  # the same below PROTOTYPE_BELOW: the rejected say little but where the example lies
AS_PRECISE = 0.02  # of average precision, by which answers do not tell two models of them apart
ANCHOR_ITEMS = 0.5  # accepted items that the start query is worth; mostly it is an accepted item itself


@dataclass(frozen=True, slots=True)
class FittedQuery:
    """A query learned from answers, and how it was judged."""

    vector: np.ndarray  # (D,) float32, unit length
    blend: float  # beta: 0 is the start query, 1 the model alone
    is_model: bool  # False: a prototype, too few answers to judge it
    start_precision: float | None = None  # average precision of the start query over the answers
    precision: float | None = None  # out-of-fold average precision of the blend; None: could not be measured
    left_out: LeftOut | None = None  # the answers, as a model that did not see their fold ranks them
    reranker: Reranker | None = None  # orders anew what `vector` finds near; None: nothing better is known
    neighborhood: Neighborhood | None = None  # orders the first of that; None: nothing accepted


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
    positive_groups = groups_of(positives, positive_groups, first=-(1 << 40))
    negative_groups = groups_of(negatives, negative_groups, first=-(1 << 41))
    if start is None:
        if len(positives) == 0:
            raise ValueError("a query needs a start vector or at least one accepted item")
        start = positives.mean(axis=0)
    q0 = _unit(np.asarray(start, np.float32))
    if len(positives) == 0:
        return FittedQuery(q0, 0.0, is_model=False)
    counts = (len(positives), len(negatives))
    kept = spaced(counts[0])
    positives, positive_groups = positives[kept], positive_groups[kept]
    kept, stand_for = telling(
        negatives @ _unit(q0 + positives.mean(axis=0)), (negatives @ positives.T).max(axis=1)
    )
    negatives, negative_groups = negatives[kept], negative_groups[kept]
    answers = Answers(
        q0,
        np.concatenate([positives, negatives, weak_negatives]).astype(np.float32, copy=False),
        (len(positives), len(negatives), len(weak_negatives)),
        np.concatenate([positive_groups, negative_groups, -1 - np.arange(len(weak_negatives))]),
        np.concatenate([np.full(len(positives), counts[0] / len(positives)), stand_for]),
        num_rejected=counts[1],
    )
    fitted = _fitted(answers)
    return replace(fitted, neighborhood=Neighborhood(answers, fitted.precision or 0.0))


@dataclass(frozen=True, slots=True)
class Neighborhood:
    """The same answers, to be learned from once more beside what was found first, in which all lie."""

    answers: Answers
    precision: float  # of what was learned without it

    @property
    def num_bytes(self) -> int:
        return self.answers.x.nbytes

    def order(self, found: np.ndarray) -> np.ndarray | None:
        """(n,) places of the rows of `found` (n, D), nearest first; None where none better is known.

        Every row stands for itself and its neighbors, among the answers and what was found.
        """
        q0, x = self.answers.q0, self.answers.x
        z = in_context(np.concatenate([q0[None], x, found]))
        fitted = _fitted(self.answers._replace(q0=z[0], x=z[1 : 1 + len(x)]))
        if fitted.is_model and (
            fitted.blend == 0.0 or (fitted.precision or 0.0) < self.precision - AS_PRECISE
        ):
            return None
        found = z[1 + len(x) :]
        near = found @ fitted.vector if fitted.reranker is None else fitted.reranker.similarities(found)
        return np.argsort(-near, kind="stable")


def _fitted(answers: Answers) -> FittedQuery:
    """The query learned from `answers`, of which at least one is accepted."""
    q0, x, groups = answers.q0, answers.x, answers.groups
    sizes = list(answers.sizes)
    positives, negatives = x[: sizes[0]], x[sizes[0] : sizes[0] + sizes[1]]
    y = np.repeat([1.0, -1.0, -1.0], sizes)
    base = (x @ q0).astype(np.float64)
    c = _weights(*answers.sizes, num_rejected=answers.num_rejected)
    anchor = _slope(base, y, c) * ANCHOR_ITEMS / (ANCHOR_ITEMS + len(positives))
    gram, spread = x @ x.T, _spread(x)
    model = Ridge.fit(x, y - anchor * base, c, RIDGE * spread, gram=gram)
    if sizes[0] < PROTOTYPE_BELOW:
        return FittedQuery(
            _prototype(q0, positives, negatives, anchor * q0 + model.weights(), len(x)), 1.0, is_model=False
        )
    folds, kept = folds_of(groups, y), np.arange(len(x))
    hidden = looks_accepted(y - model.left_out_errors(folds), sizes)
    if len(hidden):
        kept, model = np.delete(kept, hidden), model.without(hidden)
    w = anchor * q0 + model.weights()
    length = float(np.linalg.norm(w))
    if length < 1e-9:
        return FittedQuery(q0, 0.0, is_model=False)
    held_out = (y[kept] - model.left_out_errors(folds[kept])) / length
    judged = judge(base[kept], held_out, sizes, groups[: sizes[0]])
    vector = (1 - judged.blend) * q0 + judged.blend * w / length if judged.blend else q0
    told = slice(sizes[0] + sizes[1])
    similarities = (1 - judged.blend) * base[told] + judged.blend * held_out[told]
    similarities /= float(np.linalg.norm(vector))  # of unit length as well
    look = reranker = None
    if sizes[1] and (judged.blend or judged.start_precision < 1.0):  # else no answer can tell
        look = second_look(
            q0, x, gram, y, c, folds, spread, by_query=similarities, sizes=sizes, groups=groups[: sizes[0]]
        )
    if look is not None and (look.judged.blend == 1.0 or look.judged.precision > judged.precision):
        judged, similarities, reranker = look.judged, look.left_out, look.reranker
    return FittedQuery(
        _unit(vector),
        judged.blend,
        is_model=True,
        start_precision=judged.start_precision,
        precision=judged.precision,
        left_out=LeftOut(similarities, y[told] > 0, answers.stand_for),
        reranker=reranker,
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
    weak = WEAK_WEIGHT_OF_FEW if num_positive < PROTOTYPE_BELOW else WEAK_WEIGHT
    return np.repeat([1 / num_positive, rejected, weak / max(1, num_weak)], sizes)


def _slope(base: np.ndarray, y: np.ndarray, c: np.ndarray) -> float:
    """How q0 is best scaled to say the answers by itself; never turned round."""
    around = base - np.average(base, weights=c)
    spread = float(np.average(around**2, weights=c))
    return float(np.clip(np.average(around * y, weights=c) / max(spread, 1e-9), 0.1, 20.0))


def _spread(x: np.ndarray) -> float:
    """Mean squared distance of the rows from their mean; features of some encoders all point one way."""
    mean = x.mean(axis=0)
    return max(float(np.vdot(x, x) / len(x) - np.vdot(mean, mean)), 1e-3)


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    if length < 1e-9:
        raise ValueError("the query's terms cancel out; remove a term or change a weight")
    return (vector / length).astype(np.float32)
