"""A linear probe: one matrix and a bias on frozen features, trained in seconds, with probabilities."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import load as tensors_of
from safetensors.numpy import save as bytes_of

from indexing.compute.files import write_beside
from training.compute.answers import (
    ACCEPT,
    REJECT,
    UNKNOWN,
    AnswerTable,
    NotFinite,
    check_features,
    check_trainable,
    check_width,
)
from training.compute.calibration import fit_temperature
from training.compute.columns import NAN_SENTENCE, Scale, Standardized, folded
from training.compute.descent import Step, minimize
from training.compute.directions import Directions
from training.compute.folds import sampled
from training.compute.linear_losses import loss_of, sigmoid, softmax
from training.compute.regularization import Reduced, choose_penalty, macro_average_precision

MAX_SAMPLED = 4096  # rows that the penalty is chosen on
TOLERANCE = 3e-4
MAX_STEPS = 60
BLOCK_ROWS = 65536
FORMAT = 1
TENSORS, FACTS = "probe.safetensors", "probe.json"
WEIGHTINGS = ("balanced", "none")

Progress = Callable[[dict[str, Any]], None]


class ProbeDamaged(OSError):
    """A probe's files are missing, cut short or not the ones that were written."""


@dataclass(frozen=True, slots=True)
class Probe:
    """logits = features weights^T + bias; probabilities = sigmoid or softmax of logits / temperature."""

    weights: np.ndarray  # (C, D) float32, on raw features
    bias: np.ndarray  # (C,) float32
    temperature: np.ndarray  # (C,) float32, above 0; equal numbers for multi_class
    kind: str  # multi_label: each class by itself; multi_class: one of them
    class_names: tuple[str, ...]
    regularization: float  # the penalty ridge/2 |w|^2 on standardized features, beside the sum of losses
    calibrated_on: str = "none"  # val, folds (held-out groups of train) or none
    curve: tuple[dict[str, Any], ...] = ()  # the rows that on_progress got
    facts: dict[str, Any] = field(default_factory=dict)  # JSON for whoever reads it: encoder key, version

    @property
    def width(self) -> int:
        return self.weights.shape[1]

    def logits(self, features: np.ndarray) -> np.ndarray:
        """(N, C) float32, before temperature; WidthMismatch for features that are not (N, D)."""
        check_width(features, self.width)
        result = features.astype(np.float32, copy=False) @ self.weights.T
        result += self.bias
        return result

    def scores(self, features: np.ndarray) -> np.ndarray:
        """(N, C) float32 calibrated probabilities; NotFinite where a feature is."""
        result = np.empty((len(features), len(self.class_names)), np.float32)
        for start in range(0, len(features), BLOCK_ROWS):
            z = self.logits(features[start : start + BLOCK_ROWS])
            if not np.isfinite(z).all():
                raise NotFinite(NAN_SENTENCE)
            result[start : start + BLOCK_ROWS] = self.probabilities(z)
        if not len(features):
            check_width(features, self.width)
        return result

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(N, C) float32 of logits (N, C)."""
        return probabilities_of(logits, self.temperature, self.kind)

    def head(self) -> tuple[np.ndarray, np.ndarray]:
        """(C, D) and (C,) float32: the head with the temperature in it, ready for sigmoid or softmax."""
        return self.weights / self.temperature[:, None], self.bias / self.temperature

    def save(self, folder: Path) -> str:
        """Write probe.safetensors and probe.json into `folder`; the sha256 of the numbers."""
        tensors = bytes_of({"weights": self.weights, "bias": self.bias, "temperature": self.temperature})
        sha256 = hashlib.sha256(tensors).hexdigest()
        facts = {
            "format": FORMAT,
            "sha256": sha256,
            "kind": self.kind,
            "class_names": list(self.class_names),
            "width": self.width,
            "regularization": self.regularization,
            "calibrated_on": self.calibrated_on,
            "curve": list(self.curve),
            "facts": self.facts,
        }
        with write_beside(folder / TENSORS) as file:
            file.write(tensors)
        with write_beside(folder / FACTS) as file:  # last: a folder with it is complete
            file.write(msgspec.json.format(msgspec.json.encode(facts)))
        return sha256

    @classmethod
    def load(cls, folder: Path) -> Probe:
        """What `save` wrote into `folder`; ProbeDamaged otherwise."""
        try:
            facts = msgspec.json.decode((folder / FACTS).read_bytes())
            data = (folder / TENSORS).read_bytes()
        except (OSError, msgspec.DecodeError) as error:
            raise ProbeDamaged(f"{folder} holds no probe: {error}; train it again") from None
        if facts.get("format") != FORMAT:
            raise ProbeDamaged(f"{folder} has format {facts.get('format')}; this version reads {FORMAT}")
        if hashlib.sha256(data).hexdigest() != facts["sha256"]:
            raise ProbeDamaged(f"{folder / TENSORS} is damaged: its sha256 is another; train it again")
        return cls(
            **tensors_of(data),
            kind=facts["kind"],
            class_names=tuple(facts["class_names"]),
            regularization=facts["regularization"],
            calibrated_on=facts["calibrated_on"],
            curve=tuple(facts["curve"]),
            facts=facts["facts"],
        )


def probabilities_of(logits: np.ndarray, temperature: np.ndarray, kind: str) -> np.ndarray:
    """(N, C) float32 probabilities of logits (N, C) at a temperature (C,)."""
    z = logits / temperature
    return softmax(z) if kind == "multi_class" else sigmoid(z)


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
    rows_of_train = answers.rows_of("train")
    train = answers.rows(rows_of_train)
    x = features if len(train) == len(answers) else features[rows_of_train]
    x = np.ascontiguousarray(x, np.float32)
    matrix = Standardized(x, Scale.of(x))
    curve: list[dict[str, Any]] = []

    def tell(row: dict[str, Any]) -> None:
        curve.append(row)
        if on_progress is not None:
            on_progress(row)

    places = sampled(train, MAX_SAMPLED, seed=seed)
    sample = train.rows(places)
    rows = matrix.rows(places)
    directions = Directions.of(rows, seed=seed)
    reduced = Reduced(rows @ directions.basis)
    del rows
    sample_weights = class_weights(sample, kind, class_weighting)
    chosen = choose_penalty(
        reduced,
        directions,
        loss_of(sample, kind, sample_weights),
        sample,
        judged=loss_of(sample, kind, np.ones_like(sample_weights)),
        shift=_shift(sample_weights, kind),
        ridges=() if regularization is None else (regularization,),
        seed=seed,
        on_progress=tell,
    )
    ridge = chosen.ridge
    weights = class_weights(train, kind, class_weighting)
    shift = _shift(weights, kind)
    val = answers.side("val")
    x_val = features[answers.rows_of("val")].astype(np.float32, copy=False)

    if not np.isfinite(x_val).all():
        raise NotFinite(NAN_SENTENCE)

    def on_step(step: Step) -> None:
        row: dict[str, Any] = {"phase": "fit", "step": step.number, "loss": step.loss / len(train)}
        if len(val):
            head, bias = folded(matrix.scale, step.w)
            z = x_val @ head.astype(np.float32) + (bias - shift).astype(np.float32)
            row["val_loss"] = float(loss_of(val, kind, np.ones_like(weights)).value(z).mean(dtype=np.float64))
            row["val_average_precision"] = macro_average_precision(z, val)
        tell(row)

    found = minimize(
        matrix,
        loss_of(train, kind, weights),
        ridge,
        start=np.concatenate([directions.basis @ chosen.w[:-1], chosen.w[-1:]]),
        precondition=_preconditioner(directions, ridge),
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
        regularization=ridge,
    )
    if (val.targets == ACCEPT).any() and (kind == "multi_class" or (val.targets == REJECT).any()):
        calibrated_on, temperature = "val", fit_temperature(probe.logits(x_val), val, kind)
    elif chosen.is_judged.any():
        z = chosen.held_out - _shift(sample_weights, kind).astype(np.float32)
        judged = replace(sample, targets=np.where(chosen.is_judged, sample.targets, UNKNOWN).astype(np.int8))
        calibrated_on, temperature = "folds", fit_temperature(z, judged, kind)
    else:
        calibrated_on, temperature = "none", probe.temperature
    return Probe(
        probe.weights,
        probe.bias,
        temperature,
        kind,
        answers.class_names,
        ridge,
        calibrated_on,
        tuple(curve),
    )


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


def _shift(weights: np.ndarray, kind: str) -> np.ndarray:
    """(C,) what the class weights (2, C) add to the logits: taken off, so that shares are as they were."""
    result: np.ndarray = np.log(weights[1]) - (0 if kind == "multi_class" else np.log(weights[0]))
    return result


def _preconditioner(directions: Directions, ridge: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    basis = directions.basis.astype(np.float64)

    def precondition(gradient: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        across = 1 / (directions.rest_variance * curvature + ridge)
        along = 1 / (directions.variances[:, None] * curvature + ridge)
        result = np.empty_like(gradient)
        inner = gradient[:-1]
        result[:-1] = inner * across + basis @ ((along - across) * (basis.T @ inner))
        result[-1] = gradient[-1] / np.maximum(curvature, 1e-9)
        return result

    return precondition
