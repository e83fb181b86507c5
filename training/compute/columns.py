"""Columns of features in one scale: what standardizes them, and a matrix seen through it without a copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.compute.answers import NotFinite

BLOCK_ROWS = 8192  # of 2048 numbers: 64 MB
# A column that hardly ever moves keeps its smallness: standardized, its few large values would rule.
LEAST_SPREAD = 0.1  # of the root mean square of all spreads


@dataclass(frozen=True, slots=True)
class Scale:
    """x -> (x - mean) / spread, column by column."""

    mean: np.ndarray  # (D,) float64
    spread: np.ndarray  # (D,) float64, above 0

    @classmethod
    def of(cls, features: np.ndarray) -> Scale:
        """Of the rows of `features` (N, D); NotFinite when a value is NaN or infinite."""
        n, d = features.shape
        total, squares = np.zeros(d), np.zeros(d)
        shift = (
            features[: min(n, 64)].mean(axis=0, dtype=np.float64).astype(np.float32)
        )  # against cancellation
        for start in range(0, n, BLOCK_ROWS):
            block = features[start : start + BLOCK_ROWS] - shift
            total += block.sum(axis=0)
            squares += np.einsum("nd,nd->d", block, block)
        if not np.isfinite(squares).all():
            raise NotFinite("a feature is NaN or infinite: extract the features of these items anew")
        mean = total / n
        spread = np.sqrt(np.maximum(squares / n - mean**2, 0))
        least = LEAST_SPREAD * float(np.sqrt((spread**2).mean()))
        return cls(mean + shift, np.maximum(spread, least) if least > 0 else np.ones(d))


@dataclass(frozen=True, slots=True)
class Standardized:
    """Rows of features as their Scale makes them, with a last column of ones; never written out."""

    features: np.ndarray  # (N, D) float32
    scale: Scale

    @property
    def width(self) -> int:
        """D + 1."""
        return self.features.shape[1] + 1

    def times(self, w: np.ndarray) -> np.ndarray:
        """(N, C) float32, the rows times `w` (D + 1, C)."""
        weights, bias = folded(self.scale, w)
        result = self.features @ weights.astype(np.float32)
        result += bias.astype(np.float32)
        return result

    def transposed_times(self, r: np.ndarray) -> np.ndarray:
        """(D + 1, C) float64, the rows transposed times `r` (N, C) float32."""
        sums = r.sum(axis=0, dtype=np.float64)
        products = (np.ascontiguousarray(r.T) @ self.features).T.astype(np.float64)
        inner = (products - np.outer(self.scale.mean, sums)) / self.scale.spread[:, None]
        return np.concatenate([inner, sums[None]])

    def rows(self, places: np.ndarray) -> np.ndarray:
        """(n, D) float32, the rows at `places`, written out, without the column of ones."""
        rows = self.features[places].astype(np.float32)
        rows -= self.scale.mean.astype(np.float32)
        rows /= self.scale.spread.astype(np.float32)
        return rows


def folded(scale: Scale, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The head `w` (D + 1, C) on standardized rows as weights (D, C) and bias (C,) on raw ones, float64."""
    weights = w[:-1] / scale.spread[:, None]
    return weights, w[-1] - scale.mean @ weights
