"""One row of a training curve: how good an epoch is on the pictures kept aside."""

from typing import Any

import numpy as np

from training.compute.metrics import average_precision, ratio


def metrics(
    logits: np.ndarray, targets: np.ndarray, kind: str, class_names: tuple[str, ...]
) -> dict[str, Any]:
    """Accuracy, and precision and recall by class and their means; None where nothing was asked or said.

    `logits` (N, C), `targets` (N, C) of 1, 0, -1. multi_class: the largest logit is the answer;
    multi_label: a logit above 0 is an accept, and `average_precision` is the mean over classes.
    """
    is_said = logits > 0
    if kind == "multi_class":
        is_said = np.zeros_like(is_said)
        is_said[np.arange(len(logits)), logits.argmax(axis=1)] = True
    is_known, is_so = targets >= 0, targets == 1
    right = (is_said & is_so).sum(axis=0)
    said, there = (is_said & is_known).sum(axis=0), is_so.sum(axis=0)
    precision = [ratio(int(a), int(b)) for a, b in zip(right, said, strict=True)]
    recall = [ratio(int(a), int(b)) for a, b in zip(right, there, strict=True)]
    if kind == "multi_class":
        accuracy = ratio(int(right.sum()), len(logits))
    else:
        accuracy = ratio(int(((is_said == is_so) & is_known).sum()), int(is_known.sum()))
    row: dict[str, Any] = {
        "accuracy": accuracy,
        "precision": _mean(precision),
        "recall": _mean(recall),
        "precision_by_class": dict(zip(class_names, precision, strict=True)),
        "recall_by_class": dict(zip(class_names, recall, strict=True)),
    }
    if kind == "multi_label":
        row["average_precision"] = _mean(
            [
                average_precision(logits[known, c], targets[known, c] == 1)
                for c, known in enumerate(is_known.T)
            ]
        )
    return row


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
