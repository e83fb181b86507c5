"""Precision, recall, their curves and areas, by the standard definitions; an undefined value is None.

Ties count as one threshold, so no number depends on the order of equal scores. Average precision is
sum (R_n - R_n-1) P_n over distinct thresholds, without interpolation, as scikit-learn has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_POINTS = 200


@dataclass(frozen=True, slots=True)
class Counts:
    """What a threshold gives."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def precision(self) -> float | None:
        """tp / (tp + fp); None when nothing was predicted."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float | None:
        """tp / (tp + fn); None when there is nothing to find."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float | None:
        """2 tp / (2 tp + fp + fn); None where there is nothing to find and nothing was predicted."""
        doubled = 2 * self.true_positives
        return ratio(doubled, doubled + self.false_positives + self.false_negatives)


@dataclass(frozen=True, slots=True)
class Steps:
    """True and false positives at every distinct score, highest first: score >= threshold is predicted."""

    thresholds: np.ndarray  # (T,) descending
    true_positives: np.ndarray  # (T,) float64, of weights where there are some
    false_positives: np.ndarray  # (T,)

    @classmethod
    def of(cls, scores: np.ndarray, is_positive: np.ndarray, weights: np.ndarray | None = None) -> Steps:
        """Of `scores` (N,) and `is_positive` (N,) bool."""
        order = np.argsort(-scores, kind="stable")
        ranked, positive = scores[order], is_positive[order].astype(np.float64)
        weight = np.ones(len(ranked)) if weights is None else weights[order]
        ends = last_of_ties(ranked)
        return cls(ranked[ends], np.cumsum(positive * weight)[ends], np.cumsum((1 - positive) * weight)[ends])

    @property
    def precision(self) -> np.ndarray:
        """(T,)"""
        result: np.ndarray = self.true_positives / (self.true_positives + self.false_positives)
        return result

    @property
    def recall(self) -> np.ndarray | None:
        """(T,), None without positives."""
        total = self.true_positives[-1] if len(self.true_positives) else 0
        return self.true_positives / total if total else None


def last_of_ties(ranked: np.ndarray) -> np.ndarray:
    """(T,) the last place of every run of equal values."""
    if len(ranked) == 0:
        return np.zeros(0, np.int64)
    return np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)


def average_precision(scores: np.ndarray, is_positive: np.ndarray) -> float | None:
    """The area under the steps of precision over recall; None without positives."""
    steps = Steps.of(scores, is_positive)
    if (recall := steps.recall) is None:
        return None
    return float(np.diff(recall, prepend=0.0) @ steps.precision)


def roc_auc(scores: np.ndarray, is_positive: np.ndarray) -> float | None:
    """The share of (positive, negative) pairs in the right order, ties half; None without one of either."""
    steps = Steps.of(scores, is_positive)
    positives, negatives = int(is_positive.sum()), int(len(is_positive) - is_positive.sum())
    if not positives or not negatives:
        return None
    tp, fp = (np.concatenate([[0.0], part]) for part in (steps.true_positives, steps.false_positives))
    return float(np.trapezoid(tp, fp) / (positives * negatives))


def counts_at(scores: np.ndarray, is_positive: np.ndarray, threshold: float) -> Counts:
    """What is right and wrong when score >= threshold is predicted."""
    is_predicted = scores >= threshold
    tp = int((is_predicted & is_positive).sum())
    fp = int(is_predicted.sum()) - tp
    fn = int(is_positive.sum()) - tp
    return Counts(tp, fp, fn, len(scores) - tp - fp - fn)


def confusion_matrix(chosen: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """(C, C) int64: row = the class it is, column = the class predicted."""
    cells = np.bincount(chosen * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def ratio(part: float, whole: float) -> float | None:
    """part / whole, None when there is no whole."""
    return part / whole if whole else None


def thinned(x: np.ndarray, y: np.ndarray, *, max_points: int = MAX_POINTS) -> np.ndarray:
    """(n,) places of at most `max_points` points of a curve: its two ends, and evenly along its length."""
    if len(x) <= max_points:
        return np.arange(len(x))
    dx, dy = np.diff(x), np.diff(y)
    spans = (np.ptp(x) or 1.0, np.ptp(y) or 1.0)
    length = np.concatenate([[0.0], np.cumsum(np.abs(dx) / spans[0] + np.abs(dy) / spans[1])])
    wanted = np.linspace(0, length[-1], max_points)
    places = np.searchsorted(length, wanted, side="left")
    places[0], places[-1] = 0, len(x) - 1
    result: np.ndarray = np.unique(np.clip(places, 0, len(x) - 1))
    return result
