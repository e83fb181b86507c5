"""The two losses of a linear probe: one logistic loss per class, or one choice between classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from training.compute.answers import ACCEPT, UNKNOWN, AnswerTable


class Loss(Protocol):
    """A convex sum over rows of logits Z (N, C)."""

    def value(self, z: np.ndarray) -> np.ndarray:
        """(N, C) or (N, 1) float32, one part for each row."""

    def slope(self, z: np.ndarray) -> np.ndarray:
        """(N, C) float32, the derivative by each logit."""

    def along(self, z: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, float, float]:
        """The slope at `z`, and the first and second derivative of the sum along `step` (N, C)."""

    def curvature(self, z: np.ndarray) -> np.ndarray:
        """(C,) the sum over the rows of the second derivative by each logit."""

    def of(self, is_kept: np.ndarray) -> Loss:
        """The same with the weight 0 on the answers that are not kept (N, C)."""

    @property
    def weight(self) -> float:
        """The sum of all weights."""


@dataclass(frozen=True, slots=True)
class SeveralLabels:
    """sum c (log(1 + e^z) - y z): each class by itself; an unknown answer weighs nothing."""

    targets: np.ndarray  # (N, C) float32 of 0 and 1
    weights: np.ndarray  # (N, C) float32

    def value(self, z: np.ndarray) -> np.ndarray:
        result: np.ndarray = self.weights * (np.logaddexp(np.float32(0), z) - self.targets * z)
        return result

    def slope(self, z: np.ndarray) -> np.ndarray:
        result: np.ndarray = self.weights * (sigmoid(z) - self.targets)
        return result

    def along(self, z: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, float, float]:
        p = sigmoid(z)
        slope = self.weights * (p - self.targets)
        first = float(np.einsum("nc,nc->", slope, step, dtype=np.float64))
        p *= 1 - p
        p *= self.weights
        return slope, first, float(np.einsum("nc,nc,nc->", p, step, step, dtype=np.float64))

    def curvature(self, z: np.ndarray) -> np.ndarray:
        p = sigmoid(z)
        result: np.ndarray = (self.weights * p * (1 - p)).sum(axis=0, dtype=np.float64)
        return result

    def of(self, is_kept: np.ndarray) -> SeveralLabels:
        return SeveralLabels(self.targets, self.weights * is_kept)

    @property
    def weight(self) -> float:
        return float(self.weights.sum(dtype=np.float64))


@dataclass(frozen=True, slots=True)
class OneChoice:
    """sum c (log sum e^z - z of the chosen class); a row without a chosen class weighs nothing."""

    targets: np.ndarray  # (N, C) float32, one 1 in each row that counts
    weights: np.ndarray  # (N, 1) float32

    def value(self, z: np.ndarray) -> np.ndarray:
        top = z.max(axis=1, keepdims=True)
        sums = np.log(np.exp(z - top).sum(axis=1, keepdims=True)) + top
        result: np.ndarray = self.weights * (sums - (self.targets * z).sum(axis=1, keepdims=True))
        return result

    def slope(self, z: np.ndarray) -> np.ndarray:
        result: np.ndarray = self.weights * (softmax(z) - self.targets)
        return result

    def along(self, z: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, float, float]:
        p = softmax(z)
        slope = self.weights * (p - self.targets)
        first = float(np.einsum("nc,nc->", slope, step, dtype=np.float64))
        means = np.einsum("nc,nc->n", p, step)
        squares = np.einsum("nc,nc,nc->n", p, step, step)
        second = np.einsum("n,n->", self.weights[:, 0], squares - means**2, dtype=np.float64)
        return slope, first, float(second)

    def curvature(self, z: np.ndarray) -> np.ndarray:
        p = softmax(z)
        result: np.ndarray = (self.weights * p * (1 - p)).sum(axis=0, dtype=np.float64)
        return result

    def of(self, is_kept: np.ndarray) -> OneChoice:
        return OneChoice(self.targets, self.weights * (self.targets * is_kept).sum(axis=1, keepdims=True))

    @property
    def weight(self) -> float:
        return float(self.weights.sum(dtype=np.float64))


def loss_of(answers: AnswerTable, kind: str, class_weights: np.ndarray) -> Loss:
    """The loss of `answers`; `class_weights` (2, C): of rejects and of accepts."""
    is_accepted = answers.targets == ACCEPT
    weights = np.where(is_accepted, class_weights[1], class_weights[0]) * answers.weights
    if kind == "multi_class":
        is_chosen = (answers.chosen() >= 0)[:, None]
        own = (weights * is_accepted).sum(axis=1, keepdims=True) * is_chosen
        return OneChoice(is_accepted.astype(np.float32), own.astype(np.float32))
    weights = weights * (answers.targets != UNKNOWN)
    return SeveralLabels(is_accepted.astype(np.float32), weights.astype(np.float32))


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-z), in the precision of `z`, without overflow."""
    half = z.dtype.type(0.5)
    result = np.tanh(z * half)
    result += 1
    result *= half
    return result


def softmax(z: np.ndarray) -> np.ndarray:
    """Rows of e^z that add up to 1."""
    result = np.exp(z - z.max(axis=1, keepdims=True))
    result /= result.sum(axis=1, keepdims=True)
    return result
