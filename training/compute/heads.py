"""A linear head with probabilities: what a trained probe is, on disk and in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import load as tensors_of
from safetensors.numpy import save as bytes_of

from indexing.compute.files import write_beside
from training.compute.answers import NotFinite, check_width
from training.compute.columns import NAN_SENTENCE
from training.compute.linear_losses import sigmoid, softmax

BLOCK_ROWS = 65536
FORMAT = 1
TENSORS, FACTS = "probe.safetensors", "probe.json"


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
