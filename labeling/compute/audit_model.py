"""An estimate of what is left, from how the answers thin out down a ranking. A model, not a bound.

P(positive at rank r) = sigmoid(a + b log(1 + r)), fitted to every answer within the ranking, the audit's
uniform draws among them: they hold the model down where nobody has looked otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MIN_OF_EACH = 3  # accepted and rejected; with fewer there is nothing to fit
PRIOR_PRECISION = np.array([0.01, 0.05])  # of a and b: weak, it only keeps separable answers finite
NEWTON_STEPS = 40
NUM_BINS = 400
NUM_SAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """Positives among some undecided stacks, with a 90 % interval of the model's own."""

    missed: float
    low: float
    high: float
    num_answers: int  # it rests on


@dataclass(frozen=True, slots=True)
class RankModel:
    """Coefficients with their covariance (Laplace); `num_answers` were fitted."""

    weights: np.ndarray  # (2,) a, b
    covariance: np.ndarray  # (2, 2)
    num_answers: int

    def probabilities(self, ranks: np.ndarray) -> np.ndarray:
        """(N,) probability of being positive at `ranks` (N,), which count from 0."""
        return _sigmoid(_inputs(ranks) @ self.weights)

    def sample_counts(self, ranks: np.ndarray, *, seed: int = 0) -> np.ndarray:
        """(NUM_SAMPLES,) positives among `ranks` (N,), as often as the model and chance would have it."""
        rng = np.random.default_rng(seed)
        centers, sizes = _binned(ranks)
        weights = rng.multivariate_normal(self.weights, self.covariance, NUM_SAMPLES)  # (S, 2)
        expected = _sigmoid(weights @ _inputs(centers).T) @ sizes
        return np.minimum(rng.poisson(expected), len(ranks))

    def estimate(self, ranks: np.ndarray) -> Estimate:
        """How many of the undecided at `ranks` (N,) are positive."""
        centers, sizes = _binned(ranks)
        low, high = np.quantile(self.sample_counts(ranks), [0.05, 0.95])
        missed = float(self.probabilities(centers) @ sizes)
        return Estimate(missed, float(low), float(high), self.num_answers)


def fit_ranks(ranks: np.ndarray, is_positive: np.ndarray) -> RankModel | None:
    """The model of answers `is_positive` (N,) bool at `ranks` (N,); None with too few of either kind."""
    num_positive = int(np.count_nonzero(is_positive))
    if min(num_positive, len(ranks) - num_positive) < MIN_OF_EACH:
        return None
    weights, covariance = fit_logistic(_inputs(ranks), is_positive, prior_precision=PRIOR_PRECISION)
    return RankModel(weights, covariance, len(ranks))


def fit_logistic(
    inputs: np.ndarray,
    is_positive: np.ndarray,
    *,
    prior_precision: np.ndarray,
    sample_weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (D,) and covariance (D, D) of a logistic regression on `inputs` (N, D), Gaussian prior.

    A row counts `sample_weights` (N,) times; once without.
    """
    targets = is_positive.astype(np.float64)
    counts = np.ones(len(targets)) if sample_weights is None else sample_weights
    weights = np.zeros(inputs.shape[1])
    share = np.clip(np.average(targets, weights=counts), 1e-6, 1 - 1e-6)
    weights[0] = np.log(share / (1 - share))
    objective = _penalized(inputs, targets, counts, weights, prior_precision)
    for _ in range(NEWTON_STEPS):
        p = _sigmoid(inputs @ weights)
        gradient = inputs.T @ (counts * (targets - p)) - prior_precision * weights
        step = np.linalg.solve(_curvature(inputs, counts, p, prior_precision), gradient)
        scale = 1.0
        while True:
            moved = _penalized(inputs, targets, counts, weights + scale * step, prior_precision)
            if moved <= objective or scale < 1e-6:
                break
            scale /= 2
        weights, objective = weights + scale * step, min(moved, objective)
        if np.abs(scale * step).max() < 1e-8:
            break
    curvature = _curvature(inputs, counts, _sigmoid(inputs @ weights), prior_precision)
    return weights, np.linalg.inv(curvature)


def _penalized(
    inputs: np.ndarray, targets: np.ndarray, counts: np.ndarray, weights: np.ndarray, precision: np.ndarray
) -> float:
    scores = inputs @ weights
    return float(counts @ (np.logaddexp(0, scores) - targets * scores) + 0.5 * precision @ weights**2)


def _curvature(inputs: np.ndarray, counts: np.ndarray, p: np.ndarray, precision: np.ndarray) -> np.ndarray:
    curvature: np.ndarray = (inputs * (counts * p * (1 - p))[:, None]).T @ inputs + np.diag(precision)
    return curvature


def _inputs(ranks: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(ranks)), np.log1p(ranks)])


def _binned(ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(centers, sizes): the ranks themselves, or bins of equal width in log(1 + rank)."""
    if len(ranks) <= NUM_BINS:
        return ranks.astype(np.float64), np.ones(len(ranks))
    places = np.log1p(ranks)
    sizes, edges = np.histogram(places, NUM_BINS)
    kept = sizes > 0
    return np.expm1((edges[:-1] + edges[1:]) / 2)[kept], sizes[kept].astype(np.float64)


def _sigmoid(scores: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * scores))
