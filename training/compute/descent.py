"""The minimum of a probe's loss: preconditioned L-BFGS with an exact search along each step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from training.compute.linear_losses import Loss

MEMORY = 12  # pairs of steps that the curvature is learned from
MAX_SEARCHES = 12
WELL_SEARCHED = 0.1  # of the slope along the step that may be left


class Matrix(Protocol):
    """Rows (N, D + 1) whose last column is one."""

    @property
    def width(self) -> int: ...

    def times(self, w: np.ndarray) -> np.ndarray: ...

    def transposed_times(self, r: np.ndarray) -> np.ndarray: ...


Precondition = Callable[[np.ndarray, np.ndarray], np.ndarray]  # gradient (D + 1, C), curvature (C,) -> step


@dataclass(frozen=True, slots=True)
class Found:
    """Where a descent stopped."""

    w: np.ndarray  # (D + 1, C) float64
    z: np.ndarray  # (N, C) float32, the logits of the rows
    num_steps: int
    is_converged: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What is told of the start, and after each step."""

    number: int  # 0: the start
    loss: float  # the sum, with its penalty
    w: np.ndarray


def minimize(
    matrix: Matrix,
    loss: Loss,
    ridge: float,
    *,
    start: np.ndarray,
    precondition: Precondition,
    tolerance: float,
    max_steps: int,
    z: np.ndarray | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Found:
    """w that minimizes loss(matrix w) + ridge/2 |w|^2, the last row (the bias) free of the penalty.

    Ends when the decrease still to be had is estimated below `tolerance` of the loss. `z`: the logits of
    `start`, where they are known. Nocedal and Wright, Numerical Optimization, algorithm 7.4.
    """
    w = start.astype(np.float64)
    z = matrix.times(w) if z is None else z
    slope = loss.slope(z)
    gradient = _gradient(matrix, slope, w, ridge)
    curvature = loss.curvature(z)
    value = _sum(loss, z) + _penalty(w, ridge)
    pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=MEMORY)
    if on_step is not None:
        on_step(Step(0, value, w))
    for number in range(1, max_steps + 1):
        step = -_two_loops(gradient, pairs, lambda g: precondition(g, curvature))
        promised = -float(np.vdot(gradient, step))
        if promised <= 2 * tolerance * max(value, 1e-12):
            return Found(w, z, number - 1, is_converged=True)
        along = matrix.times(step)
        length, slope = _searched(loss, z, along, w, step, ridge)
        if length == 0:
            return Found(w, z, number - 1, is_converged=True)  # float32 logits tell no more
        w = w + length * step
        z = z + np.float32(length) * along
        before, gradient = gradient, _gradient(matrix, slope, w, ridge)
        change, difference = length * step, gradient - before
        if (product := float(np.vdot(change, difference))) > 0:
            pairs.append((change, difference, 1 / product))
        value = _sum(loss, z) + _penalty(w, ridge)
        if on_step is not None:
            on_step(Step(number, value, w))
    return Found(w, z, max_steps, is_converged=False)


def _searched(
    loss: Loss, z: np.ndarray, along: np.ndarray, w: np.ndarray, step: np.ndarray, ridge: float
) -> tuple[float, np.ndarray]:
    """How far along the step the sum is least, and the slope (N, C) of the loss there: Newton, bracketed."""
    linear, square = ridge * float(np.vdot(w[:-1], step[:-1])), ridge * float(np.vdot(step[:-1], step[:-1]))
    slope, first, _ = loss.along(z, along)
    at_start = first + linear
    if at_start >= 0:
        return 0.0, slope
    low, high, length = 0.0, np.inf, 1.0
    for _ in range(MAX_SEARCHES):
        slope, first, second = loss.along(z + np.float32(length) * along, along)
        first, second = first + linear + length * square, second + square
        if abs(first) <= WELL_SEARCHED * -at_start:
            break
        low, high = (length, high) if first < 0 else (low, length)
        guess = length - first / max(second, 1e-30)
        if not low < guess < high:
            guess = 2 * length if np.isinf(high) else (low + high) / 2
        length = min(guess, 4 * length)
    return length, slope


def _gradient(matrix: Matrix, slope: np.ndarray, w: np.ndarray, ridge: float) -> np.ndarray:
    gradient = matrix.transposed_times(slope)
    gradient[:-1] += ridge * w[:-1]
    return gradient


def _sum(loss: Loss, z: np.ndarray) -> float:
    return float(loss.value(z).sum(dtype=np.float64))


def _penalty(w: np.ndarray, ridge: float) -> float:
    return 0.5 * ridge * float(np.vdot(w[:-1], w[:-1]))


def _two_loops(
    gradient: np.ndarray,
    pairs: deque[tuple[np.ndarray, np.ndarray, float]],
    precondition: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """The inverse curvature times the gradient."""
    q, shares = gradient.copy(), []
    for change, difference, scale in reversed(pairs):
        shares.append(share := scale * float(np.vdot(change, q)))
        q -= share * difference
    result = precondition(q)
    if pairs:
        change, difference, scale = pairs[-1]
        result *= 1 / (scale * float(np.vdot(difference, precondition(difference))))
    for (change, difference, scale), share in zip(pairs, reversed(shares), strict=True):
        result += (share - scale * float(np.vdot(difference, result))) * change
    return result
