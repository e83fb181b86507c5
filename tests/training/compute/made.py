"""Made features and answers: clusters of which each is a class, in groups of near-identical items."""

import numpy as np

from training.compute.answers import AnswerTable

NAMES = tuple("abcdefghij")


def made(
    num: int = 600,
    *,
    width: int = 24,
    num_classes: int = 3,
    spread: float = 1.0,
    group_size: int = 1,
    shares: tuple[float, float] = (0.6, 0.2),
    seed: int = 0,
) -> tuple[np.ndarray, AnswerTable]:
    """((N, D) float32 of unit length, their answers): every item is of one class."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((num_classes, width))
    groups = np.arange(num) // group_size
    of_group = rng.integers(0, num_classes, groups[-1] + 1)
    chosen = of_group[groups]
    of_groups = spread * rng.standard_normal((groups[-1] + 1, width))
    rows = centers[chosen] + of_groups[groups]
    rows += 0.1 * spread * rng.standard_normal(rows.shape) * (group_size > 1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    position = rng.permutation(groups[-1] + 1)[groups] / (groups[-1] + 1)
    sides = np.where(position < shares[0], 0, np.where(position < sum(shares), 1, 2)).astype(np.int8)
    targets = np.zeros((num, num_classes), np.int8)
    targets[np.arange(num), chosen] = 1
    return rows.astype(np.float32), AnswerTable(
        np.arange(100, 100 + num), targets, groups, groups % 4, sides, NAMES[:num_classes]
    )


def answers_of(targets: np.ndarray, **given: np.ndarray) -> AnswerTable:
    """A table of `targets` (N, C) in which everything not given is plain: own groups, all in train."""
    n = len(targets)
    filled = {
        "item_ids": np.arange(n),
        "group_codes": np.arange(n),
        "source_codes": np.zeros(n, np.int64),
        "sides": np.zeros(n, np.int8),
    } | given
    return AnswerTable(targets=np.asarray(targets, np.int8), class_names=NAMES[: targets.shape[1]], **filled)
