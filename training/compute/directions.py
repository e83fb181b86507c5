"""The widest directions of a sample of rows: where a model is found quickly, and what makes steps even."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MAX_DIRECTIONS = 320
EXACT_UP_TO = 640  # rows or columns: their eigenvectors take less than a tenth of a second
SPARE = 32  # directions tried beyond those kept (Halko, Martinsson, Tropp 2011, arXiv 0909.4061)


@dataclass(frozen=True, slots=True)
class Directions:
    """Orthonormal directions of centered rows, widest first, and how wide the rows are along them."""

    basis: np.ndarray  # (D, R) float32
    variances: np.ndarray  # (R,) float64, mean square of the rows along each
    rest_variance: float  # the mean over all other directions

    @classmethod
    def of(cls, rows: np.ndarray, *, seed: int = 0) -> Directions:
        """Of `rows` (n, D) float32: all that there are, or the MAX_DIRECTIONS widest, nearly."""
        n, d = rows.shape
        if min(n, d) <= EXACT_UP_TO:
            basis, variances = _exact(rows)
        else:
            rng = np.random.default_rng(seed)
            probes = rng.standard_normal((d, MAX_DIRECTIONS + SPARE), dtype=np.float32)
            probes, _ = np.linalg.qr(rows.T @ (rows @ probes))
            inner, variances = _exact(rows @ probes)
            basis = probes @ inner
        kept = min(MAX_DIRECTIONS if min(n, d) > EXACT_UP_TO else len(variances), len(variances))
        basis, variances = np.ascontiguousarray(basis[:, :kept]), variances[:kept]
        total = float(np.einsum("nd,nd->", rows, rows, dtype=np.float64)) / max(1, n)
        rest = max(0.0, total - float(variances.sum())) / max(1, d - kept)
        return cls(basis, variances, rest)

    def preconditioner(self, ridge: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """What turns a gradient (D + 1, C) into a step, at a curvature (C,) of the loss: nearly Newton's."""
        basis = self.basis.astype(np.float64)

        def precondition(gradient: np.ndarray, curvature: np.ndarray) -> np.ndarray:
            across = 1 / (self.rest_variance * curvature + ridge)
            along = 1 / (self.variances[:, None] * curvature + ridge)
            result, inner = np.empty_like(gradient), gradient[:-1]
            result[:-1] = inner * across + basis @ ((along - across) * (basis.T @ inner))
            result[-1] = gradient[-1] / np.maximum(curvature, 1e-9)
            return result

        return precondition


def _exact(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(D, R) directions and (R,) variances of rows (n, D), by the smaller of the two Gram matrices."""
    n, d = rows.shape
    if d <= n:
        values, basis = np.linalg.eigh((rows.T @ rows).astype(np.float64) / n)
        order = np.argsort(-values)
        basis = basis[:, order]
    else:
        values, sides = np.linalg.eigh((rows @ rows.T).astype(np.float64) / n)
        order = np.argsort(-values)[: max(1, int((values > 1e-9 * values[-1]).sum()))]
        lengths = np.sqrt(np.maximum(values[order], 1e-30) * n)
        basis = rows.T @ (sides[:, order] / lengths).astype(np.float32)
    return basis.astype(np.float32), np.maximum(values[order], 0.0)
