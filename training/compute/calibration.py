"""Probabilities that mean what they say: temperature, and how far from the truth they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from training.compute.answers import AnswerTable
from training.compute.linear_losses import loss_of

NUM_BINS = 15
# The spread of log T around what all classes together say: what a class with few answers is held to.
PRIOR_SPREAD = 0.5
BOUNDS = (-3.0, 3.0)  # of log T: 0.05 to 20
HALVINGS = 40
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Reliability:
    """Predicted against seen shares of positives, in bins of equal width."""

    ece: float | None  # expected calibration error: mean |predicted - seen|, weighted by count
    bins: list[dict[str, Any]]  # low, high, count, mean_score, share_positive (None in an empty bin)


def fit_temperature(logits: np.ndarray, answers: AnswerTable, kind: str) -> np.ndarray:
    """(C,) float32 T of the probabilities of logits / T with the least log loss; one T for a choice of one.

    With several labels each class has its own, held to that of all classes together where it has few
    answers. 1 where there are no answers. Guo et al. 2017, arXiv 1706.04599.
    """
    loss = loss_of(answers, kind, np.ones((2, answers.num_classes)))
    total = float(loss.curvature(np.zeros_like(logits)).sum())
    if total == 0:
        return np.ones(answers.num_classes, np.float32)
    logits = logits.astype(np.float32)

    def pooled(log_t: np.ndarray) -> np.ndarray:
        value = loss.value(logits / np.exp(log_t).astype(np.float32)).sum(dtype=np.float64)
        return value + log_t**2 / (2 * PRIOR_SPREAD**2)

    shared = _least(pooled, np.zeros(1))
    if kind == "multi_class":
        return np.full(answers.num_classes, np.exp(shared[0]), np.float32)

    def each(log_t: np.ndarray) -> np.ndarray:
        values = loss.value(logits / np.exp(log_t).astype(np.float32)).sum(axis=0, dtype=np.float64)
        return values + (log_t - shared) ** 2 / (2 * PRIOR_SPREAD**2)

    return np.exp(_least(each, np.zeros(answers.num_classes))).astype(np.float32)


def reliability(
    probabilities: np.ndarray, is_positive: np.ndarray, *, num_bins: int = NUM_BINS
) -> Reliability:
    """Of `probabilities` (N,) in [0, 1] and what was true (N,) bool; the last bin has both its ends."""
    places = np.minimum((probabilities * num_bins).astype(np.int64), num_bins - 1)
    count = np.bincount(places, minlength=num_bins)
    scores = np.bincount(places, weights=probabilities, minlength=num_bins)
    seen = np.bincount(places, weights=is_positive, minlength=num_bins)
    bins = []
    for at in range(num_bins):
        num = int(count[at])
        bins.append(
            {
                "low": at / num_bins,
                "high": (at + 1) / num_bins,
                "count": num,
                "mean_score": float(scores[at] / num) if num else None,
                "share_positive": float(seen[at] / num) if num else None,
            }
        )
    n = len(probabilities)
    return Reliability(float(np.abs(scores - seen).sum() / n) if n else None, bins)


def _least(value: Any, shape: np.ndarray) -> np.ndarray:
    """log T (n,) of the least `value`, each by golden section: log loss has one valley along log T."""
    low, high = np.full_like(shape, BOUNDS[0]), np.full_like(shape, BOUNDS[1])
    for _ in range(HALVINGS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        is_left = value(left) < value(right)
        low, high = np.where(is_left, low, left), np.where(is_left, right, high)
    result: np.ndarray = (low + high) / 2
    return result
