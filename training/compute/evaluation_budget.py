"""How much is said of each class: less of each where there are many, so that an evaluation stays readable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.compute.intervals import NUM_BOOTSTRAP
from training.compute.metrics import MAX_POINTS
from training.compute.operating_points import MAX_POINTS as MAX_OPERATING_POINTS

CURVE_POINTS, OPERATING_POINTS = 20_000, 5_000  # of all classes together
MISTAKES, SOURCES = 5_000, 2_000
BOOTSTRAP_ITEMS = 200_000_000  # items drawn for the intervals of all classes: a few seconds
LEAST_DRAWS = 50  # fewer give no interval
MATRIX_CLASSES = 100  # above that the matrix is left out, its largest entries are told
CONFUSIONS = 100


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that is said of one class."""

    num_points: int  # of a curve
    num_operating_points: int
    num_worst: int  # mistakes of a kind
    num_sources: int  # those with the most items
    num_bootstrap: int  # draws; 0: no interval


def budget_of(
    num_classes: int, num_items: int, *, num_worst: int, num_bootstrap: int = NUM_BOOTSTRAP
) -> Budget:
    """What each of `num_classes` classes gets on a side of `num_items` items."""
    classes = max(1, num_classes)
    draws = min(num_bootstrap, BOOTSTRAP_ITEMS // (classes * max(1, num_items)))
    return Budget(
        num_points=int(np.clip(CURVE_POINTS // classes, 20, MAX_POINTS)),
        num_operating_points=int(np.clip(OPERATING_POINTS // classes, 10, MAX_OPERATING_POINTS)),
        num_worst=min(num_worst, max(5, MISTAKES // (2 * classes))),
        num_sources=max(5, SOURCES // classes),
        num_bootstrap=draws if draws >= LEAST_DRAWS else 0,
    )


def confusions(matrix: np.ndarray) -> list[list[int]]:
    """[is, said, how many] of the mistakes in a confusion matrix (C, C) made most often, the most first."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    places = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]
    found = [
        [int(place // len(matrix)), int(place % len(matrix)), int(wrong.flat[place])] for place in places
    ]
    return [each for each in found if each[2]]
