"""How much better a classifier would look, had near-identical items been let into train and test alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from training.compute.answers import AnswerTable
from training.compute.probe import Probe, fit_probe
from training.compute.regularization import macro_average_precision


def split_gap(
    features: np.ndarray,
    answers: AnswerTable,
    probe: Probe,
    *,
    class_weighting: str = "none",
    seed: int = 0,
) -> dict[str, Any] | None:
    """JSON of the macro average precision on test of `probe`, and of one trained on a split by item.

    item_split, group_split and their difference. The split by item deals the same number of items of each
    class to each side, whatever their groups; everything else is as `probe` was trained. None where the two
    splits are one (no group has two items), or nothing is measured on test.
    """
    num_groups = len(np.unique(answers.group_codes))
    of_groups = _measured(features, answers, probe)
    if num_groups == len(answers) or of_groups is None:
        return None
    torn = by_item(answers, seed=seed)
    other = fit_probe(
        features,
        torn,
        kind=probe.kind,
        class_weighting=class_weighting,
        regularization=probe.regularization,
        seed=seed,
    )
    of_items = _measured(features, torn, other)
    if of_items is None:
        return None
    return {"item_split": of_items, "group_split": of_groups, "difference": of_items - of_groups}


def by_item(answers: AnswerTable, *, seed: int = 0) -> AnswerTable:
    """The same answers, each its own group, dealt to the sides at random: as many of each kind as before."""
    rng = np.random.default_rng(seed)
    sides = answers.sides.copy()
    _, patterns = np.unique(answers.targets, axis=0, return_inverse=True)
    for pattern in range(int(patterns.max(initial=-1)) + 1):
        rows = np.flatnonzero(patterns == pattern)
        sides[rows] = sides[rng.permutation(rows)]
    return replace(answers, sides=sides, group_codes=np.arange(len(answers)))


def _measured(features: np.ndarray, answers: AnswerTable, probe: Probe) -> float | None:
    rows = answers.rows_of("test")
    return macro_average_precision(probe.logits(features[rows]), answers.rows(rows)) if len(rows) else None
