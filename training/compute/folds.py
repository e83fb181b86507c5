"""Folds of whole groups, and the sample of rows that a choice between settings is made on."""

from __future__ import annotations

import numpy as np

from training.compute.answers import ACCEPT, REJECT, AnswerTable


def dealt(answers: AnswerTable, num_folds: int, *, seed: int = 0) -> np.ndarray:
    """(N,) int64 fold of every row: whole groups, every class spread as evenly as its groups allow.

    Groups of the rarest classes are dealt first, each to the fold that has least of its class.
    """
    rng = np.random.default_rng(seed)
    is_accepted = answers.targets == ACCEPT
    groups, codes = np.unique(answers.group_codes, return_inverse=True)
    num_accepted = np.zeros((len(groups), answers.num_classes), np.int64)
    np.add.at(num_accepted, codes, is_accepted)
    sizes = np.bincount(codes, minlength=len(groups))
    rarity = np.where(num_accepted > 0, is_accepted.sum(axis=0), len(answers) + 1)
    rarest = rarity.argmin(axis=1)
    has_any = rarity.min(axis=1) <= len(answers)
    key = np.where(has_any, rarity.min(axis=1), len(answers) + 1)
    order = np.lexsort((rng.permutation(len(groups)), rarest, key))
    held = np.zeros((num_folds, answers.num_classes + 1), np.int64)  # accepted of each class, then rows
    fold_of = np.empty(len(groups), np.int64)
    for group in order.tolist():
        column = rarest[group] if has_any[group] else answers.num_classes
        fold = int(np.lexsort((held[:, -1], held[:, column]))[0])
        fold_of[group] = fold
        held[fold, :-1] += num_accepted[group]
        held[fold, -1] += sizes[group]
    folds: np.ndarray = fold_of[codes]
    return folds


def sampled(answers: AnswerTable, max_rows: int, *, seed: int = 0) -> np.ndarray:
    """(n,) places of at most `max_rows` answers, ascending; rare accepts and rejects come first."""
    if len(answers) <= max_rows:
        return np.arange(len(answers))
    order = np.random.default_rng(seed).permutation(len(answers))
    quota = max(1, max_rows // (4 * answers.num_classes))
    is_first = np.zeros(len(answers), bool)
    for answer in (ACCEPT, REJECT):
        is_answer = answers.targets[order] == answer
        is_first |= (is_answer & (is_answer.cumsum(axis=0) <= quota)).any(axis=1)
    ranked = order[np.argsort(~is_first, kind="stable")]
    return np.sort(ranked[:max_rows])
