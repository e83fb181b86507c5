"""How strongly a probe is held back: the penalty that does best on groups it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.compute.answers import ACCEPT, REJECT, AnswerTable
from training.compute.descent import minimize
from training.compute.directions import Directions
from training.compute.folds import dealt
from training.compute.linear_losses import Loss, OneChoice
from training.compute.metrics import average_precision

NUM_FOLDS = 3
# Penalties tried, strongest first, in units of the summed variance of the columns.
PENALTIES = tuple(10.0**power for power in (1.0, 0.5, 0.0, -0.5, -1.0, -1.5, -2.0, -2.75, -3.5, -4.25))
WORSE_IN_A_ROW = 2  # weaker penalties are not tried after that
TOLERANCE = 1e-3
MAX_STEPS = 40
NUM_SCALINGS = 6
LEVEL = 1.01  # losses on held-out groups that differ by less are taken for equal
# Of balanced answers the weights' shift is taken off first, which suits strong penalties ill: on photos of 42
# classes (three splits) 10 % ranks better than 1 %, by 3 points of average precision and 0.9 of accuracy.
LEVEL_BALANCED = 1.1

Progress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The penalty, and what the search for it leaves behind."""

    ridge: float
    w: np.ndarray  # (R + 1, C) the model of all rows, along the directions
    held_out: np.ndarray  # (n, C) float32 logits of each row by a model without its group
    is_judged: np.ndarray  # (n, C) bool: that model had examples of the class and of others


@dataclass(frozen=True, slots=True)
class Tried:
    """A penalty and how it did on held-out groups."""

    ridge: float
    loss: float
    average_precision: float | None
    model: np.ndarray  # (R + 1, C) of the rows outside the first fold
    held_out: np.ndarray  # (n, C) float32


@dataclass(frozen=True, slots=True)
class Reduced:
    """Rows along their directions (n, R), with a column of ones."""

    rows: np.ndarray  # (n, R) float32

    @property
    def width(self) -> int:
        return self.rows.shape[1] + 1

    def times(self, w: np.ndarray) -> np.ndarray:
        result: np.ndarray = self.rows @ w[:-1].astype(np.float32)
        result += w[-1].astype(np.float32)
        return result

    def transposed_times(self, r: np.ndarray) -> np.ndarray:
        inner = (np.ascontiguousarray(r.T) @ self.rows).T.astype(np.float64)
        return np.concatenate([inner, r.sum(axis=0, dtype=np.float64)[None]])


def choose_penalty(
    rows: Reduced,
    directions: Directions,
    loss: Loss,
    answers: AnswerTable,
    *,
    judged: Loss,
    shift: np.ndarray,
    ridges: Sequence[float] = (),
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Chosen:
    """The penalty with the least loss on held-out groups, at its best temperature; the strongest come first.

    With several labels, of those as good as that (LEVEL, of balanced answers LEVEL_BALANCED) the one whose
    classes rank their own items best. Of `ridges`, else of PENALTIES. `loss` is learned with, its class
    weights in it; `judged` is that of the answers as they are, of logits less `shift` (C,). One group alone
    cannot be held out: then the penalty in the middle is taken; a fold tells nothing of a class that the
    other folds lack. Curve rows go to `on_progress` with the phase "path".
    """
    unit = float(directions.variances.sum()) or 1.0
    ridges = ridges or [penalty * unit for penalty in PENALTIES]
    start = np.zeros((rows.width, answers.num_classes))
    num_groups = len(np.unique(answers.group_codes))
    folds = dealt(answers, min(NUM_FOLDS, num_groups), seed=seed)
    is_judged = np.zeros(answers.targets.shape, bool)
    parts, kept = [], []
    for fold in range(folds.max() + 1):
        part = folds != fold
        has_both = _has_both(answers.rows(part), is_choice=isinstance(loss, OneChoice))
        is_judged[~part] = has_both
        parts.append(part)
        kept.append(loss.of(part[:, None] & has_both))
    judged = judged.of(is_judged)
    models, logits = [start] * len(parts), [rows.times(start)] * len(parts)
    tried: list[Tried] = []
    best, num_worse = np.inf, 0
    for ridge in ridges if judged.weight > 0 else ():
        held_out = np.empty_like(logits[0])
        for at, part in enumerate(parts):
            found = fit_reduced(rows, directions, kept[at], ridge, start=models[at], z=logits[at])
            models[at], logits[at] = found
            held_out[~part] = found[1][~part]
        value = loss_at_best_scale(judged, held_out - shift.astype(np.float32))
        tried.append(
            Tried(ridge, value, macro_average_precision(held_out, answers), models[0], held_out),
        )
        if on_progress is not None:
            on_progress(
                {
                    "phase": "path",
                    "regularization": ridge,
                    "held_out_loss": value,
                    "held_out_average_precision": tried[-1].average_precision,
                }
            )
        num_worse = 0 if value < best else num_worse + 1
        best = min(best, value)
        if num_worse == WORSE_IN_A_ROW:
            break
    if not tried:
        middle = ridges[len(ridges) // 2]
        w, z = fit_reduced(rows, directions, loss, middle, start=start)
        return Chosen(middle, w, np.zeros_like(z), is_judged)
    level = LEVEL_BALANCED if shift.any() else LEVEL
    taken = best_of(tried, is_choice=isinstance(loss, OneChoice), level=level)
    w, _ = fit_reduced(rows, directions, loss, taken.ridge, start=taken.model)
    return Chosen(taken.ridge, w, taken.held_out, is_judged)


def best_of(tried: Sequence[Tried], *, is_choice: bool, level: float = LEVEL) -> Tried:
    """The least loss; unless it is of a choice of one, the best ranking among those within `level` of it.

    Over the many easy rejects of several labels the loss is nearly the same for penalties that rank a
    class's few accepts differently, and what is done with such a class is to look from the top.
    """
    least = min(tried, key=lambda each: each.loss)
    if is_choice:
        return least
    as_good = [each for each in tried if each.loss <= level * least.loss]
    return max(as_good, key=lambda each: each.average_precision or 0.0)


def _has_both(answers: AnswerTable, *, is_choice: bool) -> np.ndarray:
    """(C,) bool: there is an accept of the class, and something to tell it from."""
    is_accepted = answers.targets == ACCEPT
    is_other = answers.targets == REJECT
    if is_choice:
        is_other = is_accepted.any(axis=1, keepdims=True) & ~is_accepted
    result: np.ndarray = is_accepted.any(axis=0) & is_other.any(axis=0)
    return result


def fit_reduced(
    rows: Reduced,
    directions: Directions,
    loss: Loss,
    ridge: float,
    *,
    start: np.ndarray,
    z: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(w, logits) of the least loss along the directions."""

    def precondition(gradient: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        result = np.empty_like(gradient)
        result[:-1] = gradient[:-1] / (directions.variances[:, None] * curvature + ridge)
        result[-1] = gradient[-1] / np.maximum(curvature, 1e-9)
        return result

    found = minimize(
        rows,
        loss,
        ridge,
        start=start,
        z=z,
        precondition=precondition,
        tolerance=TOLERANCE,
        max_steps=MAX_STEPS,
    )
    return found.w, found.z


def loss_at_best_scale(loss: Loss, z: np.ndarray) -> float:
    """The mean loss of logits z (n, C) times the one number that is best for them."""
    scale = 1.0
    for _ in range(NUM_SCALINGS):
        _, first, second = loss.along(np.float32(scale) * z, z)
        scale = min(max(scale - first / max(second, 1e-12), scale / 3), scale * 3)
    return float(loss.value(np.float32(scale) * z).mean(dtype=np.float64))


def macro_average_precision(scores: np.ndarray, answers: AnswerTable) -> float | None:
    """The mean over classes of the average precision of their known answers; None where none is defined."""
    values = []
    for at in range(answers.num_classes):
        is_known = answers.targets[:, at] >= 0
        value = average_precision(scores[is_known, at], answers.targets[is_known, at] == ACCEPT)
        if value is not None:
            values.append(value)
    return float(np.mean(values)) if values else None
