"""What each threshold of a class is worth on a held-out side, and which one to take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from training.compute.intervals import effective_trials, share_intervals
from training.compute.metrics import Steps, thinned

MAX_POINTS = 100  # each with its intervals, and kept with every run
AIMS = ("f1", "precision", "recall")


class OperatingPoint(msgspec.Struct, frozen=True):
    """score >= threshold is predicted; what that gave on a held-out side. None is undefined."""

    threshold: float
    precision: float | None
    precision_low: float
    precision_high: float
    recall: float | None
    recall_low: float
    recall_high: float
    f1: float | None
    num_predicted: int
    num_found: int  # of them true
    num_positives: int
    num_items: int


def points(
    scores: np.ndarray,
    targets: np.ndarray,
    group_codes: np.ndarray | None = None,
    *,
    max_points: int = MAX_POINTS,
) -> list[OperatingPoint]:
    """Points at distinct scores, highest first, for one class: `scores` (N,), `targets` (N,) int8.

    Unknown targets are left out. Intervals are exact at 95 %; items of one group count for as many as they
    are worth, which is fewer the more alike they are answered. No positives: recall is None everywhere.
    """
    is_known = targets >= 0
    scores, is_positive = scores[is_known], targets[is_known] == 1
    if len(scores) == 0:
        return []
    steps = Steps.of(scores, is_positive)
    recall = steps.recall
    kept = thinned(steps.precision if recall is None else recall, steps.precision, max_points=max_points)
    groups = np.arange(len(scores)) if group_codes is None else group_codes[is_known]
    return _measured(scores, is_positive, groups, steps.thresholds[kept])


def point_at(
    scores: np.ndarray, targets: np.ndarray, threshold: float, group_codes: np.ndarray | None = None
) -> OperatingPoint:
    """The point of one threshold, also one between scores."""
    is_known = targets >= 0
    groups = np.arange(is_known.sum()) if group_codes is None else group_codes[is_known]
    return _measured(scores[is_known], targets[is_known] == 1, groups, np.array([threshold]))[0]


def choose(
    found: Sequence[OperatingPoint], *, aim: str = "f1", at_least: float = 0.0
) -> OperatingPoint | None:
    """The point of the best f1; or of the most recall with precision `at_least`, or the other way round.

    "precision" promises that precision, "recall" that recall, as measured; None when no point keeps it.
    """
    if aim not in AIMS:
        raise ValueError(f"aim must be one of {', '.join(AIMS)}, got {aim!r}")
    if aim == "f1":
        known = [point for point in found if point.f1 is not None]
        return max(known, key=lambda point: (point.f1 or 0.0, point.threshold), default=None)
    other = "recall" if aim == "precision" else "precision"
    kept = [
        point
        for point in found
        if getattr(point, aim) is not None and getattr(point, aim) >= at_least
        if getattr(point, other) is not None
    ]
    return max(kept, key=lambda point: (getattr(point, other), point.threshold), default=None)


def as_json(point: OperatingPoint | None) -> dict[str, Any] | None:
    """The point as plain values."""
    result: dict[str, Any] | None = msgspec.to_builtins(point)
    return result


def _measured(
    scores: np.ndarray, is_positive: np.ndarray, group_codes: np.ndarray, thresholds: np.ndarray
) -> list[OperatingPoint]:
    order = np.argsort(-scores, kind="stable")
    ranked, positive = scores[order], is_positive[order]
    num_predicted = np.searchsorted(-ranked, -thresholds, side="right")
    found_until = np.concatenate([[0], np.cumsum(positive)])
    num_found = found_until[num_predicted]
    num_positives = int(positive.sum())
    _, codes = np.unique(group_codes[order], return_inverse=True)
    num_groups = int(codes.max(initial=-1)) + 1
    all_positive = np.bincount(codes, weights=positive, minlength=num_groups)
    worth_precision, worth_recall = np.empty(len(thresholds)), np.empty(len(thresholds))
    for at, num in enumerate(num_predicted.tolist()):
        predicted = np.bincount(codes[:num], minlength=num_groups)
        found = np.bincount(codes[:num], weights=positive[:num], minlength=num_groups)
        worth_precision[at] = effective_trials(found, predicted)
        worth_recall[at] = effective_trials(found, all_positive)
    trials = np.full(len(thresholds), num_positives)
    precision = share_intervals(num_found, num_predicted, effective=worth_precision)
    recall = share_intervals(num_found, trials, effective=worth_recall)
    result = []
    for at, threshold in enumerate(thresholds.tolist()):
        k, n = int(num_found[at]), int(num_predicted[at])
        result.append(
            OperatingPoint(
                threshold=float(threshold),
                precision=k / n if n else None,
                precision_low=float(precision[at, 0]),
                precision_high=float(precision[at, 1]),
                recall=k / num_positives if num_positives else None,
                recall_low=float(recall[at, 0]),
                recall_high=float(recall[at, 1]),
                f1=2 * k / (n + num_positives) if n + num_positives else None,
                num_predicted=n,
                num_found=k,
                num_positives=num_positives,
                num_items=len(scores),
            )
        )
    return result
