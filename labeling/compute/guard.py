"""Whether a learned query may take the place of the start query: judged on answers it was not made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BLENDS = (0.25, 0.5, 0.75, 1.0)  # beta: how much of the query is learned
SURE = 2.0  # standard errors: an interval of about 95 %
APART = 3.0  # standard deviations of the undecided that the accepted lie above them, where a model is trusted
FAR_APART = 4.0  # the same where no answer could show a model to be better than the start query, or worse
FARTHER = 1.15  # times as far as the start query sets them, there
LEEWAY = 2.5  # intervals by which its precision may be behind there: the start query found the accepted


class Judged(NamedTuple):
    """How much may be learned, and what that is worth."""

    blend: float  # beta: 0 is the start query, 1 the model alone
    start_precision: float  # average precision of the start query over the rows
    precision: float  # and of the blend, out of its folds


def judge(start: np.ndarray, held_out: np.ndarray, sizes: list[int], groups: np.ndarray) -> Judged:
    """The blend that may be used, from what the start query (n,) and the model out of its folds (n,) say.

    The rows are `sizes` accepted, rejected and undecided ones, in this order; the undecided stand for the
    rest of the corpus, which the answers, all taken from near one query, do not show. `groups` are those
    of the accepted: what one group says counts once when the interval is made.

    A model that sets the accepted well apart from the undecided is used unless it is surely worse than the
    start query. Where nothing was rejected, or the start query ranks the answers without a mistake, they
    cannot show which is better: there it must set the accepted apart clearly farther than the start query,
    and its precision may not be far behind.
    Any other is used only as far as it is surely better.
    """
    is_positive = np.arange(len(start)) < sizes[0]
    before = precisions(start, is_positive)
    by_start = float(before.mean())
    gains, spans = [], []
    for beta in BLENDS:
        gain = precisions((1 - beta) * start + beta * held_out, is_positive) - before
        gains.append(float(gain.mean()))
        spans.append(SURE * _standard_error(gain, groups))
    apart = _apart(held_out, sizes)
    if sizes[1] == 0 or by_start == 1.0:
        is_far = apart >= max(FAR_APART, FARTHER * _apart(start, sizes))
        is_trusted = is_far and gains[-1] >= -LEEWAY * spans[-1]
    else:
        is_trusted = apart >= APART and gains[-1] >= -spans[-1]
    if is_trusted:
        return Judged(BLENDS[-1], by_start, by_start + gains[-1])
    surest = int(np.argmax(np.subtract(gains, spans)))
    if gains[surest] <= spans[surest]:
        return Judged(0.0, by_start, by_start)
    return Judged(BLENDS[surest], by_start, by_start + gains[surest])


def precisions(scores: np.ndarray, is_positive: np.ndarray) -> np.ndarray:
    """(p,) precision at the rank of every positive, in their order; ties count against us."""
    order = np.lexsort((is_positive, -scores))
    hits = is_positive[order]
    of_row = np.zeros(len(scores))
    of_row[order] = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    result: np.ndarray = of_row[is_positive]
    return result


def _apart(held_out: np.ndarray, sizes: list[int]) -> float:
    """How far the accepted lie above the undecided, in standard deviations of the undecided."""
    undecided = held_out[sizes[0] + sizes[1] :]
    if len(undecided) < 2:
        return 0.0
    return float((held_out[: sizes[0]].mean() - undecided.mean()) / max(undecided.std(), 1e-9))


def _standard_error(gains: np.ndarray, groups: np.ndarray) -> float:
    """Of the mean of `gains`, where those of one group may all err together; infinite for one group."""
    around = gains - gains.mean()
    of_group = np.bincount(np.unique(groups, return_inverse=True)[1], around)
    num = len(of_group)
    if num < 2:
        return float("inf")
    return float(np.sqrt(num / (num - 1) * (of_group**2).sum()) / len(gains))
