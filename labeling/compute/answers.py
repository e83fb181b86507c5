"""Which answers a model is made of, and which of them are never apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

NEAR_COPY = 0.985  # cosine to an accepted item from which a reject says nothing about the neighborhood
MAX_ANSWERS = 150  # of each kind; with them the fit stays within milliseconds
NUM_FOLDS = 5


class Answers(NamedTuple):
    """What is learned from: the rows that were accepted, then the rejected, then undecided ones."""

    q0: np.ndarray  # (D,) the start query
    x: np.ndarray  # (n, D) float32, of length 1
    sizes: tuple[int, int, int]  # how many of each
    groups: np.ndarray  # (n,)
    stand_for: np.ndarray  # (accepted + rejected,) how many answers each stands for
    num_rejected: int  # with those left out


def spaced(num: int, limit: int = MAX_ANSWERS) -> np.ndarray:
    """At most `limit` of `num` rows, evenly taken, in order."""
    return np.arange(num) if num <= limit else np.linspace(0, num - 1, limit).astype(np.int64)


def telling(similarities: np.ndarray, nearest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most MAX_ANSWERS rejected rows, in order, and how many each stands for.

    Half of them are the most similar, the others evenly taken.

    A reject of what is nearly a copy of something accepted (`nearest`: its cosine) is an exception: it must
    not push away what lies around both, and is left out.
    """
    rows = np.flatnonzero(nearest <= NEAR_COPY)
    if len(rows) <= MAX_ANSWERS:
        return rows, np.ones(len(rows))
    by_similarity = rows[np.argsort(-similarities[rows], kind="stable")]
    hard, others = by_similarity[: MAX_ANSWERS // 2], np.sort(by_similarity[MAX_ANSWERS // 2 :])
    taken = others[spaced(len(others), MAX_ANSWERS - MAX_ANSWERS // 2)]
    told = np.concatenate([hard, taken])
    stand_for = np.repeat([1.0, len(others) / len(taken)], [len(hard), len(taken)])
    order = np.argsort(told)
    return told[order], stand_for[order]


def folds_of(groups: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) fold of every row: whole groups, dealt out in order, positives and negatives apart."""
    folds = np.zeros(len(groups), np.int64)
    known: dict[int, int] = {}
    dealt = {True: 0, False: 0}
    for place, (group, is_positive) in enumerate(zip(groups.tolist(), (y > 0).tolist(), strict=True)):
        if group not in known:
            known[group] = dealt[is_positive] % NUM_FOLDS
            dealt[is_positive] += 1
        folds[place] = known[group]
    return folds


def groups_of(vectors: np.ndarray, groups: np.ndarray | None, *, first: int) -> np.ndarray:
    """(n,) the group of every row; from `first` on if none are given."""
    groups = first + np.arange(len(vectors)) if groups is None else np.asarray(groups)
    if len(groups) != len(vectors):
        raise ValueError(f"expected one group for each of {len(vectors)} vectors, got {len(groups)}")
    return groups
