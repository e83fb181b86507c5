"""What an audit says: recall in the horizon, what the tail may hold, how pure a weak batch is. Never merged.

A ranking of stacks is frozen. Of its first H, the horizon, U were undecided when the audit was drawn; m of
them were drawn uniformly, without replacement, before anyone saw them. Every line below is computed from what
the ledger says now, and where it leaves a doubt, the doubt counts against us: an unsure draw is positive for
the bound, an answer that was taken back is a stack that may have been missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from labeling.compute.bounds import Interval, most_positives, proportion_upper, recall_lower


class Status(IntEnum):
    """A stack for one class."""

    UNDECIDED = 0  # a member nobody has answered, and none accepted or unsure; weak labels count as undecided
    ACCEPTED = 1  # a member is accepted
    REJECTED = 2
    UNSURE = 3  # a member is unsure or disputed, and none accepted


@dataclass(frozen=True, slots=True)
class Draws:
    """How the stacks of one sample stand now; those deleted since it was drawn are in no number."""

    drawn: int
    finds: int  # accepted
    unsure: int
    rejected: int

    @classmethod
    def of(cls, statuses: np.ndarray) -> Draws:
        """From the statuses (m,) of the live draws."""
        finds, rejected, unsure = (
            int(np.count_nonzero(statuses == each))
            for each in (Status.ACCEPTED, Status.REJECTED, Status.UNSURE)
        )
        return cls(len(statuses), finds, unsure, rejected)

    @property
    def looked_at(self) -> int:
        return self.finds + self.unsure + self.rejected

    @property
    def is_done(self) -> bool:
        """Whether all were looked at; before that a sample says nothing."""
        return self.looked_at == self.drawn

    @property
    def positives(self) -> int:
        """Of the bound: finds, and what is not decided."""
        return self.finds + self.unsure


@dataclass(frozen=True, slots=True)
class HorizonLine:
    """Recall within the horizon; bounds have confidence 1 - alpha, and are None until all was looked at."""

    draws: Draws
    accepted: int  # F: when it was drawn, and still
    undecided: int  # U
    doubtful: int  # decided when it was drawn, or unsure, and open now: each counts as missed
    missed_at_most: int | None  # M_up, of the U
    missed_estimate: float | None  # U * k / m
    before: float | None  # recall >= this, without the finds of the audit
    after: float | None  # with them
    now: float | None  # with all that was accepted since, drawn or not


def horizon_line(
    before: np.ndarray, now: np.ndarray, live: np.ndarray, draws: Draws, *, alpha: float
) -> HorizonLine:
    """The line from the statuses (H,) at the draw and now, of the stacks that are `live` (H,) bool.

    A deletion knows nothing of the draw, so the live draws are a uniform sample of the live undecided.
    """
    was_open = before == Status.UNDECIDED
    is_open = (now == Status.UNDECIDED) | (now == Status.UNSURE)
    is_accepted = now == Status.ACCEPTED
    accepted = _count(live & (before == Status.ACCEPTED) & is_accepted)
    undecided = _count(live & was_open)
    doubtful = _count(live & ~was_open & is_open)
    moved = _count(live & ((before == Status.REJECTED) | (before == Status.UNSURE)) & is_accepted)
    if not draws.is_done:
        return HorizonLine(draws, accepted, undecided, doubtful, None, None, None, None, None)
    found = _count(live & was_open & is_accepted)
    still_open = _count(live & was_open & is_open)
    missed = most_positives(undecided, draws.drawn, draws.positives, alpha=alpha)
    elsewhere = doubtful + moved
    total = accepted + missed + elsewhere
    return HorizonLine(
        draws,
        accepted,
        undecided,
        doubtful,
        missed,
        undecided * draws.positives / draws.drawn if draws.drawn else None,
        accepted / total if total else None,
        min(1.0, (accepted + draws.finds) / total) if total else None,
        # What is answered by now is known, whatever the bound allows.
        recall_lower(accepted + found + moved, min(max(missed, found) - found, still_open) + doubtful),
    )


@dataclass(frozen=True, slots=True)
class TailLine:
    """What lies beyond the horizon."""

    draws: Draws
    stacks: int  # T
    at_most: int | None  # positives, with confidence 1 - alpha


def tail_line(stacks: int, draws: Draws, *, alpha: float) -> TailLine:
    """At most so many more in a tail of `stacks`: with none found, about stacks * (1 - alpha^(1/m))."""
    if not draws.is_done or draws.drawn == 0:
        return TailLine(draws, stacks, None)
    return TailLine(draws, stacks, most_positives(stacks, draws.drawn, draws.positives, alpha=alpha))


@dataclass(frozen=True, slots=True)
class PurityLine:
    """How many of a set are right, with the exact two-sided interval; None until every draw was looked at."""

    draws: Draws
    share: float | None
    interval: Interval | None


def purity_line(draws: Draws, *, confidence: float) -> PurityLine:
    """An unsure draw counts as wrong for the lower end and as right for the upper one."""
    if not draws.is_done or draws.drawn == 0:
        return PurityLine(draws, None, None)
    alpha = (1 - confidence) / 2
    low = 1 - proportion_upper(draws.rejected + draws.unsure, draws.drawn, alpha=alpha)
    high = proportion_upper(draws.finds + draws.unsure, draws.drawn, alpha=alpha)
    return PurityLine(draws, draws.finds / draws.drawn, Interval(low, high))


def best_recall(accepted: int, undecided: int, looks: int, *, alpha: float) -> float | None:
    """The bound that `looks` give if none of them is positive: no plan of this size can say more."""
    looks = min(looks, undecided)
    return recall_lower(accepted, most_positives(undecided, looks, 0, alpha=alpha))


def draw(population: np.ndarray, size: int, *, seed: int) -> np.ndarray:
    """`size` of `population`, or all of it, uniformly without replacement, in random order."""
    return np.random.default_rng(seed).permutation(population)[:size]


def _count(mask: np.ndarray) -> int:
    return int(np.count_nonzero(mask))
