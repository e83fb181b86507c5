"""What fine-tuning makes smaller: cross entropy over classes, with class weights and mixed rows."""

import numpy as np
import torch
from torch.nn import functional

from training.compute.augmentation import Mixed

MAX_POSITIVE_WEIGHT = 100.0  # of a rare class's accepts against its rejects


def class_weights(targets: np.ndarray, kind: str) -> np.ndarray:
    """(C,) float32. multi_class: min(count) / count; multi_label: rejects per accept, at most 100."""
    accepts = (targets == 1).sum(axis=0).astype(np.float64)
    if kind == "multi_class":
        return (accepts.min() / accepts).astype(np.float32)
    rejects = (targets == 0).sum(axis=0)
    return np.clip(rejects / np.maximum(accepts, 1), 1 / MAX_POSITIVE_WEIGHT, MAX_POSITIVE_WEIGHT).astype(
        np.float32
    )


def loss_of(
    logits: torch.Tensor,
    targets: torch.Tensor,
    kind: str,
    weights: torch.Tensor | None = None,
    mixed: Mixed | None = None,
) -> torch.Tensor:
    """The mean loss of a batch; a mixed row's two losses are weighed by its own share.

    `logits` (N, C), `targets` (N, C) of 1, 0 and -1 (not known: left out), `weights` (C,).
    """
    rows, counts = _rows(logits, targets, kind, weights)
    if mixed is not None:
        other_rows, other_counts = _rows(logits, targets[mixed.partners], kind, weights)
        rows = mixed.shares * rows + (1 - mixed.shares) * other_rows
        counts = mixed.shares * counts + (1 - mixed.shares) * other_counts
    return rows.sum() / counts.sum().clamp(min=1e-6)


def _rows(
    logits: torch.Tensor, targets: torch.Tensor, kind: str, weights: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each row's weighted loss (N,) and the weight it has in the mean (N,)."""
    if kind == "multi_class":
        classes = targets.argmax(dim=1)
        rows = functional.cross_entropy(logits, classes, reduction="none")
        counts = torch.ones_like(rows) if weights is None else weights[classes]
        return rows * counts, counts
    is_known = (targets >= 0).to(logits.dtype)
    each = functional.binary_cross_entropy_with_logits(
        logits, targets.clamp(min=0).to(logits.dtype), pos_weight=weights, reduction="none"
    )
    return (each * is_known).sum(dim=1), is_known.sum(dim=1)
