"""How much a class's accepts and rejects weigh while it is learned, and what that does to its logits."""

from __future__ import annotations

import numpy as np

from training.compute.answers import ACCEPT, REJECT, AnswerTable

WEIGHTINGS = ("none", "balanced")


def class_weights(answers: AnswerTable, kind: str, weighting: str) -> np.ndarray:
    """(2, C) of rejects and of accepts; their mean over the answers is 1."""
    if weighting not in WEIGHTINGS:
        raise ValueError(f"class_weighting must be one of {', '.join(WEIGHTINGS)}, got {weighting!r}")
    if weighting == "none":
        return np.ones((2, answers.num_classes))
    accepted = ((answers.targets == ACCEPT) * answers.weights).sum(axis=0, dtype=np.float64)
    rejected = ((answers.targets == REJECT) * answers.weights).sum(axis=0, dtype=np.float64)
    if kind == "multi_class":
        shares = accepted.sum() / (answers.num_classes * np.maximum(accepted, 1e-9))
        return np.stack([np.ones_like(shares), shares])
    total = accepted + rejected
    halves = [total / (2 * np.maximum(part, 1e-9)) for part in (rejected, accepted)]
    return np.stack(halves)


def shift_of(weights: np.ndarray, kind: str) -> np.ndarray:
    """(C,) what the class weights (2, C) add to the logits: taken off, so that shares are as they were."""
    result: np.ndarray = np.log(weights[1]) - (0 if kind == "multi_class" else np.log(weights[0]))
    return result
