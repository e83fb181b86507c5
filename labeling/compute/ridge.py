"""Weighted ridge regression with an intercept, in dual form: one factorization serves every fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack


@dataclass(frozen=True, slots=True)
class Ridge:
    """w, b that minimize sum c (w.x + b - t)^2 + ridge |w|^2, and what each row gets from a model without it.

    In dual form (G + ridge / c) a + b = t, sum(a) = 0, w = x.T a. With M the inverse of that system the
    error of rows B, had they been left out, is M[B, B]^-1 a[B] (leave-one-out of LS-SVM by blocks;
    Cawley 2006, doi:10.1109/IJCNN.2006.246634).
    """

    x: np.ndarray  # (n, D) float32
    targets: np.ndarray  # (n,)
    inverse: np.ndarray  # (n, n) float32, the block of the rows in the inverse of the bordered system

    @classmethod
    def fit(
        cls,
        x: np.ndarray,
        targets: np.ndarray,
        c: np.ndarray,
        ridge: float,
        *,
        gram: np.ndarray | None = None,
    ) -> Ridge:
        """Of rows `x` (n, D), their targets (n,) and weights (n,) above 0.

        `gram` (n, n) float32, x x.T unless given, may hold kernels of the rows: then there is no `weights`.
        """
        system = (x @ x.T if gram is None else gram.copy()).T  # its own transpose, in the order of LAPACK
        system[np.diag_indices(len(x))] += (ridge / c).astype(np.float32)
        factor, failed = lapack.spotrf(system, lower=1, overwrite_a=1)
        if failed or not np.isfinite(factor[-1, -1]):
            raise ValueError("the answers give no model: a vector among them is not finite")
        lower, _ = lapack.spotri(factor, lower=1)
        inverse = lower + lower.T  # the factor was cleaned: zeros above the diagonal
        inverse[np.diag_indices(len(x))] = lower.diagonal()
        sums = inverse.sum(axis=0)  # the intercept: every column of the bordered inverse adds up to 0
        inverse -= np.outer(sums, sums / sums.sum())
        return cls(x, targets, inverse)

    @property
    def coefficients(self) -> np.ndarray:
        """a (n,), which add up to 0."""
        result = self.inverse @ self.targets.astype(np.float32)
        return result.astype(np.float64)

    def weights(self) -> np.ndarray:
        """w (D,) float32."""
        result: np.ndarray = self.x.T @ self.coefficients.astype(np.float32)
        return result

    def left_out_errors(self, folds: np.ndarray) -> np.ndarray:
        """(n,) target less what a model of the other folds says, for the rows of each fold."""
        a, errors = self.coefficients, np.empty(len(self.targets))
        for fold in np.unique(folds):
            rows = np.flatnonzero(folds == fold)
            errors[rows] = np.linalg.solve(self.inverse[np.ix_(rows, rows)].astype(np.float64), a[rows])
        return errors

    def without(self, rows: np.ndarray) -> Ridge:
        """The same model of all other rows; costs little for few of them."""
        kept = np.setdiff1d(np.arange(len(self.targets)), rows)
        across = self.inverse[np.ix_(kept, rows)]
        within = self.inverse[np.ix_(rows, rows)].astype(np.float64)
        inverse = self.inverse[np.ix_(kept, kept)]
        inverse -= across @ np.linalg.solve(within, across.T).astype(np.float32)
        return Ridge(self.x[kept], self.targets[kept], inverse)
