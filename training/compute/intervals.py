"""Intervals of what was measured on a sample of groups: shares, and average precision by bootstrap."""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv

from training.compute.metrics import last_of_ties

CONFIDENCE = 0.95
NUM_BOOTSTRAP = 400


def share_intervals(
    hits: np.ndarray,
    trials: np.ndarray,
    *,
    effective: np.ndarray | None = None,
    confidence: float = CONFIDENCE,
) -> np.ndarray:
    """(T, 2) the exact two-sided interval of each share hits / trials; (0, 1) where nothing was tried.

    Clopper and Pearson (Biometrika 26, 1934). `effective` (T,): how many independent trials they are worth,
    at most `trials` (Korn and Graubard, Survey Methodology 24, 1998).
    """
    n = np.asarray(trials, np.float64)
    worth = n if effective is None else np.minimum(n, effective)
    k = np.divide(hits * worth, n, out=np.zeros_like(n), where=n > 0)
    alpha = (1 - confidence) / 2
    with np.errstate(invalid="ignore"):
        low = np.where(k > 0, betaincinv(np.maximum(k, 1e-9), worth - k + 1, alpha), 0.0)
        high = np.where(k < worth, betaincinv(k + 1, np.maximum(worth - k, 1e-9), 1 - alpha), 1.0)
    return np.stack([low, np.where(worth > 0, high, 1.0)], axis=1)


def effective_trials(hits: np.ndarray, trials: np.ndarray) -> float:
    """How many independent trials those of G groups are worth, from `hits` and `trials` (G,) of each group.

    trials / design effect, the variance of a ratio of group sums over that of a binomial share; at least
    the number of groups that have trials when the share is 0 or 1, where the variance says nothing.
    """
    is_tried = trials > 0
    hits, trials = hits[is_tried].astype(np.float64), trials[is_tried].astype(np.float64)
    g, n = len(trials), float(trials.sum())
    if g == n or g == 0:
        return n
    share = float(hits.sum()) / n
    if share in (0.0, 1.0) or g == 1:
        return float(g)
    variance = g / (g - 1) * float(((hits - share * trials) ** 2).sum()) / n**2
    return min(n, share * (1 - share) / variance) if variance > 0 else n


def average_precision_interval(
    scores: np.ndarray,
    is_positive: np.ndarray,
    group_codes: np.ndarray,
    *,
    num: int = NUM_BOOTSTRAP,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> tuple[float, float] | None:
    """The interval of the average precision, by `num` draws of whole groups with replacement.

    None where it means nothing: positives in fewer than two groups. Percentiles of the draws that have a
    positive (Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13).
    """
    _, codes = np.unique(group_codes, return_inverse=True)
    if len(np.unique(codes[is_positive])) < 2:
        return None
    order = np.argsort(-scores, kind="stable")
    codes, positive, ends = codes[order], is_positive[order].astype(np.float64), last_of_ties(scores[order])
    num_groups = int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(num):
        drawn = np.bincount(rng.integers(0, num_groups, num_groups), minlength=num_groups)[codes]
        predicted = np.cumsum(drawn, dtype=np.float64)[ends]
        found = np.cumsum(drawn * positive)[ends]
        if found[-1] > 0:
            precision = np.divide(found, predicted, out=np.zeros_like(found), where=predicted > 0)
            values.append(float(np.diff(found, prepend=0.0) @ precision / found[-1]))
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)
