"""Batches from the top of a ranking, answered truthfully, until enough was found."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from labeling.compute.ranking import average_precision

BATCH = 20
RECALLS = (0.5, 0.8, 0.95)

# (accepted rows, rejected rows, is decided (N,)) -> how near every row is (N,)
Policy = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass
class Session:
    """What one annotator did, decision by decision."""

    num_wanted: int
    hits: list[bool] = field(default_factory=list)  # was the n-th decision an accept
    precisions: list[float] = field(default_factory=list)  # average precision over the corpus by round
    seconds: list[float] = field(default_factory=list)  # of system time by round

    def decisions_to(self, recall: float) -> int | None:
        """How many decisions until this share was found; None: it was not."""
        places = np.flatnonzero(np.cumsum(self.hits) >= np.ceil(recall * self.num_wanted))
        return int(places[0]) + 1 if len(places) else None

    def fewest_to(self, recall: float) -> int:
        """How many it would take if everything after the first batch, which no answer led to, were wanted."""
        found = self.decisions_to(recall)
        if found is not None and found <= BATCH:
            return found
        return BATCH + int(np.ceil(recall * self.num_wanted)) - sum(self.hits[:BATCH])

    def is_over(self) -> bool:
        return sum(self.hits) >= np.ceil(RECALLS[-1] * self.num_wanted)


def annotate(x: np.ndarray, is_wanted: np.ndarray, start: int, policy: Policy, pool: np.ndarray) -> Session:
    """Look for `is_wanted` (N,) among the rows of `pool` (N,) bool, beginning near the row `start`."""
    session = Session(int(is_wanted.sum()))
    decided = ~pool
    near, accepted, rejected = x @ x[start], np.zeros(0, np.int64), np.zeros(0, np.int64)
    while not session.is_over() and not decided.all():
        scores = near.copy()
        session.precisions.append(average_precision(scores[pool], is_wanted[pool]))
        scores[decided] = -np.inf
        shown = np.argsort(-scores, kind="stable")[: min(BATCH, int((~decided).sum()))]
        decided[shown] = True
        session.hits += is_wanted[shown].tolist()
        accepted = np.union1d(accepted, shown[is_wanted[shown]])
        rejected = np.union1d(rejected, shown[~is_wanted[shown]])
        begun = time.perf_counter()
        near = policy(accepted, rejected, decided)
        session.seconds.append(time.perf_counter() - begun)
    return session
