"""Which answers look wrong: those that a model of all other answers contradicts.

The order of confident learning (Northcutt et al. 2021, arXiv 1911.00068), with a ridge model out of folds.
"""

from __future__ import annotations

import numpy as np

NUM_FOLDS = 5
RIDGE = 0.01  # per answer, in units of the spread of the vectors
MAX_WIDTH = 256  # directions kept of wider vectors; with them 5 000 answers take a part of a second
MAX_SAMPLED = 1024  # answers that the directions are found from
MIN_ANSWERS = 5  # of each kind, to contradict anything


def accept_probabilities(vectors: np.ndarray, is_accepted: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(N,) how likely each answer is "accept", by a model that saw nothing of its group.

    `vectors` (N, D) of unit length, `is_accepted` (N,) bool, `groups` (N,) int64: of a stack or media file,
    never on both sides. All NaN with fewer than MIN_ANSWERS of either kind. Deterministic.
    """
    is_accepted = np.asarray(is_accepted, bool)
    n = len(vectors)
    if not n == len(is_accepted) == len(groups):
        raise ValueError(f"expected {n} answers and groups, got {len(is_accepted)} and {len(groups)}")
    num = int(is_accepted.sum())
    if min(num, n - num) < MIN_ANSWERS:
        return np.full(n, np.nan)
    rows = _narrowed(np.asarray(vectors, np.float32))
    y = np.where(is_accepted, 1.0, -1.0)
    folds = dealt(groups, is_accepted)
    scores = _held_out(rows, y, folds)
    probabilities: np.ndarray = np.clip((scores + 1) / 2, 0.0, 1.0)
    return probabilities


def suspicion(probabilities: np.ndarray, is_accepted: np.ndarray) -> np.ndarray:
    """(N,) of 0 to 1: how likely the answer is the other one; what a second look is expected to correct."""
    result: np.ndarray = np.where(is_accepted, 1 - probabilities, probabilities)
    return result


def dealt(groups: np.ndarray, is_accepted: np.ndarray) -> np.ndarray:
    """(N,) fold of every row: whole groups, those with an accepted answer dealt out before the others."""
    distinct, codes = np.unique(groups, return_inverse=True)
    has_accepted = np.bincount(codes, weights=is_accepted, minlength=len(distinct)) > 0
    order = np.argsort(~has_accepted, kind="stable")
    fold_of = np.empty(len(distinct), np.int64)
    fold_of[order] = np.arange(len(distinct)) % NUM_FOLDS
    folds: np.ndarray = fold_of[codes]
    return folds


def _held_out(rows: np.ndarray, y: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """(N,) what a ridge model of the other folds says of each row; about -1 to 1."""
    x = np.concatenate([rows, np.ones((len(rows), 1))], axis=1).astype(np.float64)
    parts = [np.flatnonzero(folds == fold) for fold in range(NUM_FOLDS)]
    grams = [x[part].T @ x[part] for part in parts]
    sums = [x[part].T @ y[part] for part in parts]
    gram, total = np.sum(grams, axis=0), np.sum(sums, axis=0)
    spread = float((rows * rows).sum()) / len(rows)
    scores = np.empty(len(rows))
    for part, own_gram, own_sum in zip(parts, grams, sums, strict=True):
        penalty = np.full(x.shape[1], RIDGE * spread * max(1, len(rows) - len(part)))
        penalty[-1] = 1e-6  # the intercept
        scores[part] = x[part] @ np.linalg.solve(gram - own_gram + np.diag(penalty), total - own_sum)
    return scores


def _narrowed(vectors: np.ndarray) -> np.ndarray:
    """The vectors less their mean, by their MAX_WIDTH widest directions where they have more."""
    centered = vectors - vectors.mean(axis=0)
    if centered.shape[1] <= MAX_WIDTH:
        return centered
    sampled = centered[np.linspace(0, len(centered) - 1, min(len(centered), MAX_SAMPLED)).astype(np.int64)]
    if len(sampled) < centered.shape[1]:
        values, sides = np.linalg.eigh((sampled @ sampled.T).astype(np.float64))
        kept = [at for at in np.argsort(-values)[:MAX_WIDTH] if values[at] > 1e-6 * values[-1]]
        directions = (sampled.T @ sides[:, kept].astype(np.float32)) / np.sqrt(values[kept]).astype(
            np.float32
        )
    else:
        _, sides = np.linalg.eigh((sampled.T @ sampled).astype(np.float64))
        directions = sides[:, ::-1][:, :MAX_WIDTH].astype(np.float32)
    result: np.ndarray = centered @ directions
    return result
