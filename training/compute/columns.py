"""Features centered and in one scale: what standardizes them, and a matrix seen through it without a copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.compute.answers import NotFinite

BLOCK_ROWS = 8192  # of 2048 numbers: 64 MB
NAN_SENTENCE = "a feature is NaN or infinite: extract the features of these items anew"
SHIFTED_BY = 64  # rows whose mean is taken off before squares are summed, against cancellation


@dataclass(frozen=True, slots=True)
class Scale:
    """x -> (x - mean) / spread, with one spread for all columns.

    An encoder's columns share a unit, that of its cosine: a spread for each would raise those that hardly
    move to the rank of those that tell things apart, and measurably costs accuracy.
    """

    mean: np.ndarray  # (D,) float64
    spread: float  # root mean square over columns, above 0

    @classmethod
    def of(cls, features: np.ndarray) -> Scale:
        """Of the rows of `features` (N, D); NotFinite when a value is NaN or infinite."""
        n, d = features.shape
        total, squares = np.zeros(d), 0.0
        shift = features[:SHIFTED_BY].mean(axis=0, dtype=np.float64).astype(np.float32)
        with np.errstate(invalid="ignore", over="ignore"):
            for start in range(0, n, BLOCK_ROWS):
                block = features[start : start + BLOCK_ROWS] - shift
                total += block.sum(axis=0)
                squares += float(np.vdot(block, block))
        if not np.isfinite(squares):
            raise NotFinite(NAN_SENTENCE)
        mean = total / n
        variance = max(0.0, (squares / n - float(mean @ mean)) / d)
        return cls(mean + shift, float(np.sqrt(variance)) or 1.0)


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
        inner = (products - np.outer(self.scale.mean, sums)) / self.scale.spread
        return np.concatenate([inner, sums[None]])

    def rows(self, places: np.ndarray) -> np.ndarray:
        """(n, D) float32, the rows at `places`, written out, without the column of ones."""
        rows = self.features[places].astype(np.float32)
        rows -= self.scale.mean.astype(np.float32)
        rows /= np.float32(self.scale.spread)
        return rows


def folded(scale: Scale, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The head `w` (D + 1, C) on standardized rows as weights (D, C) and bias (C,) on raw ones, float64."""
    weights = w[:-1] / scale.spread
    return weights, w[-1] - scale.mean @ weights
