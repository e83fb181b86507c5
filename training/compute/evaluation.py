"""How good a classifier is on a side it has not seen: numbers with intervals, curves, slices, mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from training.compute.answers import ACCEPT, AnswerTable, NoAnswers, NotFinite, WidthMismatch, check_kind
from training.compute.calibration import reliability
from training.compute.evaluation_budget import MATRIX_CLASSES, Budget, budget_of, confusions
from training.compute.intervals import (
    NUM_BOOTSTRAP,
    average_precision_interval,
    effective_trials,
    share_intervals,
)
from training.compute.metrics import (
    Counts,
    Steps,
    average_precision,
    confusion_matrix,
    counts_at,
    ratio,
    roc_auc,
    thinned,
)
from training.compute.operating_points import as_json, choose, point_at, points

NUM_WORST = 50
DIGITS = 6  # of what is drawn; thresholds are exact


def evaluate(
    scores: np.ndarray,
    answers: AnswerTable,
    *,
    kind: str = "multi_label",
    thresholds: dict[str, float] | None = None,
    num_worst: int = NUM_WORST,
    num_bootstrap: int = NUM_BOOTSTRAP,
    seed: int = 0,
    only: Sequence[int] | None = None,
) -> dict[str, Any]:
    """JSON of probabilities `scores` (N, C) against the answers of one side; what is undefined is None.

    `thresholds`: of classes by name, chosen elsewhere (on val); a class without one is taken at its best F1
    here, and says so (`is_threshold_chosen_here`). Curves have at most 200 points, their ends exact; fewer
    where there are many classes (evaluation_budget). `only`: the places of the classes that `classes` is
    about; the mean is of all of them anyway.
    """
    check_kind(kind)
    if scores.shape != answers.targets.shape:
        raise WidthMismatch(f"scores must be {answers.targets.shape}, got {scores.shape}")
    if not np.isfinite(scores).all():
        raise NotFinite("a score is NaN or infinite: extract the features of these items anew")
    if len(answers) == 0:
        raise NoAnswers("this side has no answers: accept and reject some items of it first")
    places = range(answers.num_classes) if only is None else only
    budget = budget_of(len(places), len(answers), num_worst=num_worst, num_bootstrap=num_bootstrap)
    classes = [
        _of_class(
            scores[:, at].astype(np.float64),
            answers,
            at,
            threshold=(thresholds or {}).get(answers.class_names[at]),
            budget=budget,
            seed=seed,
        )
        for at in places
    ]
    precisions = {at: each["average_precision"] for at, each in zip(places, classes, strict=True)}
    for at in set(range(answers.num_classes)) - precisions.keys():
        is_known = answers.targets[:, at] >= 0
        said, is_positive = scores[is_known, at], answers.targets[is_known, at] == ACCEPT
        precisions[at] = average_precision(said.astype(np.float64), is_positive)
    known = [each for each in precisions.values() if each is not None]
    result: dict[str, Any] = {
        "kind": kind,
        "num_items": len(answers),
        "num_groups": len(np.unique(answers.group_codes)),
        "classes": classes,
        "macro_average_precision": float(np.mean(known)) if known else None,
    }
    return result | _of_choice(scores, answers) if kind == "multi_class" else result


def _of_class(
    scores: np.ndarray,
    answers: AnswerTable,
    at: int,
    *,
    threshold: float | None,
    budget: Budget,
    seed: int,
) -> dict[str, Any]:
    known = np.flatnonzero(answers.targets[:, at] >= 0)
    scores, targets = scores[known], answers.targets[known, at]
    groups, sources, item_ids = (
        part[known] for part in (answers.group_codes, answers.source_codes, answers.item_ids)
    )
    is_positive = targets == ACCEPT
    found = points(scores, targets, groups, max_points=budget.num_operating_points)
    point = choose(found) if threshold is None else point_at(scores, targets, threshold, groups)
    cut = point.threshold if point is not None else None
    measured = reliability(scores, is_positive)
    interval = (
        average_precision_interval(scores, is_positive, groups, num=budget.num_bootstrap, seed=seed)
        if budget.num_bootstrap
        else None
    )
    largest = np.argsort(-np.bincount(sources), kind="stable")[: budget.num_sources]
    return {
        "name": answers.class_names[at],
        "num_positives": int(is_positive.sum()),
        "num_negatives": int((~is_positive).sum()),
        "num_unknown": len(answers) - len(known),
        "average_precision": average_precision(scores, is_positive),
        "average_precision_interval": interval,
        "roc_auc": roc_auc(scores, is_positive),
        "precision_recall": _precision_recall(scores, is_positive, budget.num_points),
        "roc": _roc(scores, is_positive, budget.num_points),
        "points": [as_json(each) for each in found],
        "operating_point": as_json(point),
        "is_threshold_chosen_here": threshold is None,
        "confusion": _confusion(counts_at(scores, is_positive, cut)) if cut is not None else None,
        "ece": measured.ece,
        "reliability": measured.bins,
        "sources": [
            {"source": int(source)} | _slice(scores[mask], is_positive[mask], cut)
            for source in np.unique(sources)
            if source in largest
            for mask in [sources == source]
        ],
        "worst": _worst(scores, is_positive, item_ids, cut, budget.num_worst),
    }


def _precision_recall(scores: np.ndarray, is_positive: np.ndarray, num_points: int) -> list[list[float]]:
    """[threshold, precision, recall] of each point, highest threshold first; empty without positives."""
    steps = Steps.of(scores, is_positive)
    if (recall := steps.recall) is None:
        return []
    kept = thinned(recall, steps.precision, max_points=num_points)
    shares = [steps.precision[kept].round(DIGITS), recall[kept].round(DIGITS)]
    return np.stack([steps.thresholds[kept], *shares], axis=1).tolist()


def _roc(scores: np.ndarray, is_positive: np.ndarray, num_points: int) -> list[list[float]]:
    """[false positive rate, true positive rate] from (0, 0) to (1, 1); empty without either kind."""
    if is_positive.all() or not is_positive.any():
        return []
    steps = Steps.of(scores, is_positive)
    x = np.concatenate([[0.0], steps.false_positives / steps.false_positives[-1]])
    y = np.concatenate([[0.0], steps.true_positives / steps.true_positives[-1]])
    return np.stack([x, y], axis=1)[thinned(x, y, max_points=num_points)].round(DIGITS).tolist()


def _slice(scores: np.ndarray, is_positive: np.ndarray, cut: float | None) -> dict[str, Any]:
    counts = counts_at(scores, is_positive, cut) if cut is not None else None
    return {
        "num_positives": int(is_positive.sum()),
        "num_negatives": int((~is_positive).sum()),
        "average_precision": average_precision(scores, is_positive),
        "precision": counts.precision if counts else None,
        "recall": counts.recall if counts else None,
    }


def _confusion(counts: Counts) -> dict[str, Any]:
    return {
        "true_positives": counts.true_positives,
        "false_positives": counts.false_positives,
        "false_negatives": counts.false_negatives,
        "true_negatives": counts.true_negatives,
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
    }


def _worst(
    scores: np.ndarray, is_positive: np.ndarray, item_ids: np.ndarray, cut: float | None, num: int
) -> dict[str, list[list[float]]]:
    """[item id, score] of the mistakes at the threshold, the most certain first."""
    if cut is None:
        return {"false_positives": [], "false_negatives": []}
    wrong = {
        "false_positives": (~is_positive & (scores >= cut), -scores),
        "false_negatives": (is_positive & (scores < cut), scores),
    }
    result = {}
    for name, (mask, key) in wrong.items():
        places = np.flatnonzero(mask)
        places = places[np.lexsort((item_ids[places], key[places]))][:num]
        result[name] = [[int(item_ids[place]), float(scores[place])] for place in places]
    return result


def _of_choice(scores: np.ndarray, answers: AnswerTable) -> dict[str, Any]:
    """What only a choice between classes has: accuracy, the matrix of all classes unless they are too many,
    and what is taken for what most often."""
    chosen = answers.chosen()
    kept = np.flatnonzero(chosen >= 0)
    predicted = scores[kept].argmax(axis=1)
    is_right = predicted == chosen[kept]
    _, codes = np.unique(answers.group_codes[kept], return_inverse=True)
    right, trials = np.bincount(codes, weights=is_right), np.bincount(codes)
    n, k = np.array([len(kept)]), np.array([is_right.sum()])
    worth = np.array([effective_trials(right, trials)])
    matrix = confusion_matrix(chosen[kept], predicted, answers.num_classes)
    recalls = [ratio(int(matrix[at, at]), int(matrix[at].sum())) for at in range(len(matrix))]
    measured = reliability(scores[kept].max(axis=1).astype(np.float64), is_right)
    return {
        "accuracy": ratio(int(k[0]), int(n[0])),
        "accuracy_interval": share_intervals(k, n, effective=worth)[0].tolist(),
        "balanced_accuracy": float(np.mean([each for each in recalls if each is not None]))
        if len(kept)
        else None,
        "confusion_matrix": matrix.tolist() if len(matrix) <= MATRIX_CLASSES else None,
        "confusions": confusions(matrix),
        "ece": measured.ece,
        "reliability": measured.bins,
    }
