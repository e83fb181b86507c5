"""Where the last layer of a frozen network starts: at the regularized linear solution, not at random numbers.

From random numbers it takes tens of epochs to come where a linear solution on the network's own features is
at once (linear probing first: Kumar et al., arXiv 2202.10054). It is the first epoch of such a run; those
after it refine it on varied pictures, and where they do not, it stays the best.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from training.compute.answers import AnswerTable
from training.compute.probe import fit_probe
from training.compute.refusals import TrainingRefused
from training.compute.settings import Settings


class Head(NamedTuple):
    """logits = features weights^T + bias."""

    weights: np.ndarray  # (C, D) float32
    bias: np.ndarray  # (C,) float32


def solved_head(features: np.ndarray, targets: np.ndarray, settings: Settings) -> Head | None:
    """The head of a probe on `features` (N, D) with `targets` (N, C); None where they are too few for one."""
    num = len(features)
    answers = AnswerTable(
        item_ids=np.arange(num),
        targets=targets.astype(np.int8),
        group_codes=np.arange(num),
        source_codes=np.zeros(num, np.int64),
        sides=np.zeros(num, np.int8),
        class_names=settings.class_names,
    )
    try:  # rare classes count by their number, as in a probe: it decides better so
        probe = fit_probe(features, answers, kind=settings.kind, seed=settings.seed)
    except TrainingRefused:
        return None
    return Head(probe.weights, probe.bias)
