"""A linear probe: one matrix and a bias on frozen features, trained in seconds, with probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from training.compute.answers import (
    ACCEPT,
    REJECT,
    UNKNOWN,
    AnswerTable,
    NotFinite,
    check_features,
    check_trainable,
)
from training.compute.calibration import fit_temperature
from training.compute.class_weights import class_weights, shift_of
from training.compute.columns import NAN_SENTENCE, Scale, Standardized, folded
from training.compute.descent import Step, minimize
from training.compute.directions import Directions
from training.compute.folds import sampled
from training.compute.heads import Probe, ProbeDamaged, probabilities_of
from training.compute.linear_losses import loss_of
from training.compute.regularization import Chosen, Reduced, choose_penalty, macro_average_precision

__all__ = ["Probe", "ProbeDamaged", "fit_probe", "probabilities_of"]

MAX_SAMPLED = 4096  # rows that the penalty is chosen on
TOLERANCE = 3e-4
MAX_STEPS = 60

Progress = Callable[[dict[str, Any]], None]


def fit_probe(
    features: np.ndarray,
    answers: AnswerTable,
    *,
    kind: str = "multi_label",
    class_weighting: str = "none",
    regularization: float | None = None,
    on_progress: Progress | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Probe:
    """The probe of the train side of `answers`, row i of `features` (N, D) float32 belonging to answer i.

    The penalty is chosen by cross-validation over groups unless `regularization` names it; the temperature
    on val, else on held-out groups of train. "balanced" lets the accepts of a class weigh as much as its
    rejects while it learns; the probabilities are those of the shares as they are. The same seed gives the
    same probe. `on_progress` gets a row for each penalty tried (phase "path") and each step (phase "fit");
    what it raises ends the training. TrainingRefused for answers or features that teach nothing.
    """
    check_trainable(answers, kind)
    check_features(features, answers)
    places, val = answers.rows_of("train"), answers.side("val")
    train = answers.rows(places)
    x = np.ascontiguousarray(features if len(train) == len(answers) else features[places], np.float32)
    x_val = features[answers.rows_of("val")].astype(np.float32, copy=False)
    matrix = Standardized(x, Scale.of(x))
    if not np.isfinite(x_val).all():
        raise NotFinite(NAN_SENTENCE)
    curve: list[dict[str, Any]] = []

    def tell(row: dict[str, Any]) -> None:
        curve.append(row)
        if on_progress is not None:
            on_progress(row)

    places = sampled(train, MAX_SAMPLED, seed=seed)
    sample, rows = train.rows(places), matrix.rows(places)
    directions = Directions.of(rows, seed=seed)
    sample_weights = class_weights(sample, kind, class_weighting)
    chosen = choose_penalty(
        Reduced(rows @ directions.basis),
        directions,
        loss_of(sample, kind, sample_weights),
        sample,
        judged=loss_of(sample, kind, np.ones_like(sample_weights)),
        shift=shift_of(sample_weights, kind),
        ridges=() if regularization is None else (regularization,),
        seed=seed,
        on_progress=tell,
    )
    del rows
    weights = class_weights(train, kind, class_weighting)
    shift = shift_of(weights, kind)
    loss_of_val = loss_of(val, kind, np.ones_like(weights))

    def on_step(step: Step) -> None:
        row: dict[str, Any] = {"phase": "fit", "step": step.number, "loss": step.loss / len(train)}
        if len(val):
            head, bias = folded(matrix.scale, step.w)
            z = x_val @ head.astype(np.float32) + (bias - shift).astype(np.float32)
            row["val_loss"] = float(loss_of_val.value(z).mean(dtype=np.float64))
            row["val_average_precision"] = macro_average_precision(z, val)
        tell(row)

    found = minimize(
        matrix,
        loss_of(train, kind, weights),
        chosen.ridge,
        start=np.concatenate([directions.basis @ chosen.w[:-1], chosen.w[-1:]]),
        precondition=directions.preconditioner(chosen.ridge),
        tolerance=tolerance,
        max_steps=MAX_STEPS,
        on_step=on_step,
    )
    head, bias = folded(matrix.scale, found.w)
    probe = Probe(
        weights=np.ascontiguousarray(head.T, np.float32),
        bias=(bias - shift).astype(np.float32),
        temperature=np.ones(answers.num_classes, np.float32),
        kind=kind,
        class_names=answers.class_names,
        regularization=chosen.ridge,
        curve=tuple(curve),
    )
    if (val.targets == ACCEPT).any() and (kind == "multi_class" or (val.targets == REJECT).any()):
        temperature = fit_temperature(probe.logits(x_val), val, kind)
        return replace(probe, temperature=temperature, calibrated_on="val")
    return _calibrated_on_folds(probe, chosen, sample, shift_of(sample_weights, kind))


def _calibrated_on_folds(probe: Probe, chosen: Chosen, sample: AnswerTable, shift: np.ndarray) -> Probe:
    """The probe with the temperature of held-out groups; as it is where nothing was held out."""
    if not chosen.is_judged.any():
        return probe
    targets = np.where(chosen.is_judged, sample.targets, UNKNOWN).astype(np.int8)
    z = chosen.held_out - shift.astype(np.float32)
    temperature = fit_temperature(z, replace(sample, targets=targets), probe.kind)
    return replace(probe, temperature=temperature, calibrated_on="folds")
