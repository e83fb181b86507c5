"""How many of the tiles above a cut line are right, estimated from the answers so far.

P(accept | similarity s) = sigmoid(a + b s), fitted to answered items with the similarity that they have in
the ranking; where the ranking was learned from them, with what a model made without their fold gives them.
An estimate and no bound: it takes what nobody has answered for like what was answered at the same similarity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeling.compute.audit_model import fit_logistic

MIN_OF_EACH = 5  # accepted and rejected; with fewer nothing is said
PRIOR_PRECISION = np.array([0.01, 0.1])  # of level and slope, in standard deviations of the similarities
MOST_SHARES_OF_WEIGHT = 50.0  # a row stands for at most so many others


@dataclass(frozen=True, slots=True)
class Calibration:
    """P(accept | s) = sigmoid(level + slope * (s - center) / scale); the covariance is of level and slope."""

    center: float
    scale: float
    level: float
    slope: float
    covariance: tuple[float, float, float]  # of level; of both; of slope
    low: float  # similarities of the answered lie from here
    high: float  # to here: beyond it is a guess
    num_accepted: int
    num_rejected: int

    def probabilities(self, similarities: np.ndarray) -> np.ndarray:
        """(n,) chance of "accept" at `similarities` (n,)."""
        scores = self.level + self.slope * (similarities - self.center) / self.scale
        return 0.5 * (1 + np.tanh(0.5 * scores))

    def precision(self, similarities: np.ndarray, *, z: float = 1.645) -> tuple[float, float, float]:
        """(mean, low, high) share that is right of n tiles at `similarities` (n,); 90 % with z = 1.645.

        The interval is of the model and of chance: n tiles are not an average. By the delta method, on the
        scale of logits, where neither end leaves 0 to 1.
        """
        p = self.probabilities(similarities)
        x = (similarities - self.center) / self.scale
        mean = float(np.clip(p.mean(), 1e-6, 1 - 1e-6))
        slopes = p * (1 - p)
        of_level, of_slope = float(slopes.mean()), float((slopes * x).mean())
        a, b, c = self.covariance
        variance = of_level**2 * a + 2 * of_level * of_slope * b + of_slope**2 * c
        variance += float(slopes.mean()) / len(p)
        logit = np.log(mean / (1 - mean))
        spread = z * variance**0.5 / (mean * (1 - mean))
        low, high = (float(0.5 * (1 + np.tanh(0.5 * (logit + sign * spread)))) for sign in (-1, 1))
        return mean, low, high


def calibrate(
    similarities: np.ndarray, is_accepted: np.ndarray, weights: np.ndarray | None = None
) -> Calibration | None:
    """The calibration of answers `is_accepted` (n,) bool at `similarities` (n,); None: too few of a kind.

    `weights` (n,): how many answers each stands for, where only some were taken. A ranking that puts the
    rejected above the accepted says nothing by its similarities: then all have the same chance.
    """
    num_accepted = int(np.count_nonzero(is_accepted))
    num_rejected = len(is_accepted) - num_accepted
    if min(num_accepted, num_rejected) < MIN_OF_EACH:
        return None
    center, scale = float(similarities.mean()), max(float(similarities.std()), 1e-6)
    x = (similarities.astype(np.float64) - center) / scale
    share = np.ones(len(x)) if weights is None else np.minimum(weights, MOST_SHARES_OF_WEIGHT)
    share = share * (len(x) / share.sum())  # they stand for others, they are no more answers than there are
    inputs = np.column_stack([np.ones(len(x)), x])
    fitted, covariance = fit_logistic(
        inputs, is_accepted, prior_precision=PRIOR_PRECISION, sample_weights=share
    )
    slope = float(fitted[1])
    if slope < 0:
        fitted, one = fit_logistic(
            inputs[:, :1], is_accepted, prior_precision=PRIOR_PRECISION[:1], sample_weights=share
        )
        covariance, slope = np.array([[one[0, 0], 0.0], [0.0, 0.0]]), 0.0
    return Calibration(
        center=center,
        scale=scale,
        level=float(fitted[0]),
        slope=slope,
        covariance=(float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1])),
        low=float(similarities.min()),
        high=float(similarities.max()),
        num_accepted=num_accepted,
        num_rejected=num_rejected,
    )
