"""How many more minutes: to the next positives, and until an audit can say what one wants to hear.

Minutes are those of somebody who works; a pause is not counted. Intervals are meant at 90 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from labeling.compute.audit_model import fit_logistic
from labeling.compute.bounds import most_positives

RECENT = 400  # decisions looked back at: a ranking changes, and so does what is left
MIN_DECISIONS = 20
PRIOR_PRECISION = np.array([0.01, 1.0])  # of level and trend; a yield halves or doubles, it does not explode
NUM_SAMPLES = 1_000
NUM_SIZES = 30  # audit sizes tried
PACE_SPREAD = 0.15  # the next minutes are not as fast as the last ones
PAUSE_SECONDS = 60.0  # without an answer for longer, nobody is at work


@dataclass(frozen=True, slots=True)
class Forecast:
    """Minutes from now; None is never."""

    minutes: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that one decision takes."""

    seconds: float
    spread: float  # standard deviation of its logarithm, as an estimate


def pace_of(moments: np.ndarray) -> Pace | None:
    """The pace from the times (N,) of decisions in seconds, in order; None where there are too few.

    Tiles answered with one key share a moment, so a gap is divided among those that follow it. A pause is
    left out, and the decision that ends it with it.
    """
    if len(moments) < MIN_DECISIONS:
        return None
    gaps = np.diff(moments)
    gaps = gaps[gaps <= PAUSE_SECONDS]
    mean = float(gaps.mean()) if len(gaps) else 0.0
    if mean <= 0:
        return None
    noise = float(gaps.std()) / mean / len(gaps) ** 0.5
    return Pace(mean, (noise**2 + PACE_SPREAD**2) ** 0.5)


def next_positives(
    accepted: np.ndarray, pace: Pace, *, wanted: int = 50, num_left: float = inf, seed: int = 0
) -> Forecast | None:
    """Minutes to `wanted` more accepted, from the decisions so far, `accepted` (N,) bool in order.

    logit P(accept) is linear in the logarithm of the decision's number, as when one walks down a ranking;
    level and trend are drawn from their posterior, chance is added. Beyond the `num_left` decisions that are
    left it never comes. None with too few decisions.
    """
    if len(accepted) < MIN_DECISIONS or not accepted.any():
        return None
    number = np.arange(1, len(accepted) + 1)[-RECENT:]
    here = float(np.log(len(accepted)))
    inputs = np.column_stack([np.ones(len(number)), np.log(number) - here])
    weights, covariance = fit_logistic(inputs, accepted[-RECENT:], prior_precision=PRIOR_PRECISION)
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_normal(weights, covariance, NUM_SAMPLES)  # (S, 2)
    drawn[:, 1] = np.minimum(drawn[:, 1], 0)  # nobody is promised that it gets better
    steps = np.unique(np.geomspace(1, 100_000, 300).astype(np.int64))  # decisions from now
    trend = np.log(len(accepted) + steps) - here
    yields = 1 / (1 + np.exp(-(drawn[:, :1] + drawn[:, 1:] * trend)))  # (S, steps)
    found = np.cumsum(yields * np.diff(steps, prepend=0), axis=1)
    needed = np.maximum(rng.gamma(wanted, 1.0, NUM_SAMPLES), 1.0)
    decisions = np.array([_crossing(steps, row, level) for row, level in zip(found, needed, strict=True)])
    decisions = np.maximum(decisions, wanted)
    return _forecast(np.where(decisions > num_left, inf, decisions), pace, rng)


def minutes_to_bound(
    accepted: int,
    undecided: int,
    missed: np.ndarray,
    pace: Pace,
    *,
    target: float = 0.9,
    alpha: float = 0.05,
    seed: int = 0,
) -> Forecast:
    """Minutes of looks that an audit needs for recall >= `target` in the horizon, its finds counted.

    `missed` (S,) are guesses of the positives among the `undecided`; each is audited once in thought.
    """
    rng = np.random.default_rng(seed)
    sizes = np.unique(np.geomspace(1, max(1, undecided), NUM_SIZES).astype(np.int64))
    most = _most_hits(accepted, undecided, sizes, target, alpha)
    looks = np.empty(len(missed))
    for number, positives in enumerate(np.minimum(missed, undecided).astype(np.int64)):
        reached = np.flatnonzero(_walk(rng, undecided, int(positives), sizes) <= most)
        looks[number] = sizes[reached[0]] if len(reached) else undecided
    return _forecast(looks, pace, rng)


def finish(
    accepted: int,
    undecided: int,
    looks: int,
    looked_at: int,
    hits: int,
    missed: np.ndarray,
    pace: Pace,
    *,
    tiles_left: int,
    target: float = 0.9,
    alpha: float = 0.05,
    seed: int = 0,
) -> tuple[float, Forecast]:
    """(share of the guesses by which a running audit will say recall >= `target`, minutes until it is done).

    Of `looks`, `looked_at` were looked at and `hits` were positive. `missed` (S,) are guesses of the
    positives among what is open still. `tiles_left` tiles are to be answered until the last draw has come by.
    """
    rng = np.random.default_rng(seed)
    left = min(looks - looked_at, max(0, undecided - looked_at))
    still_open = max(left, undecided - looked_at)
    positives = np.minimum(missed, still_open).astype(np.int64)
    further = (
        rng.hypergeometric(positives, still_open - positives, left) if left else np.zeros_like(positives)
    )
    most = -1  # the most hits with which it says so
    while most < looks and reaches(accepted, undecided, looks, most + 1, target=target, alpha=alpha):
        most += 1
    share = float(np.mean(hits + further <= most)) if len(missed) else 0.0
    tiles = np.full(NUM_SAMPLES, float(tiles_left))
    return share, _forecast(tiles, pace, rng)


def reaches(accepted: int, undecided: int, looks: int, hits: int, *, target: float, alpha: float) -> bool:
    """Whether an audit of `looks` with `hits` positives says recall >= `target`, its finds counted."""
    missed = most_positives(undecided, looks, hits, alpha=alpha)
    return accepted + hits >= target * (accepted + missed)


def _most_hits(accepted: int, undecided: int, sizes: np.ndarray, target: float, alpha: float) -> np.ndarray:
    """The most hits with which each of the growing `sizes` is enough, -1: not even none; a census is."""
    most = np.full(len(sizes), -1, np.int64)
    hits = 0  # a larger sample may have more of them
    for place, size in enumerate(sizes.tolist()):
        if size == undecided:
            most[place] = undecided
            break
        while hits <= size and reaches(accepted, undecided, size, hits, target=target, alpha=alpha):
            hits += 1
        most[place] = hits - 1
    return most


def _walk(rng: np.random.Generator, population: int, positives: int, sizes: np.ndarray) -> np.ndarray:
    """Positives among the first sizes[i] of a random order, for growing `sizes`."""
    seen = hits = 0
    found = np.empty(len(sizes), np.int64)
    for place, size in enumerate(sizes):
        left = positives - hits
        hits += int(rng.hypergeometric(left, population - seen - left, int(size) - seen)) if left else 0
        seen, found[place] = int(size), hits
    return found


def _crossing(steps: np.ndarray, found: np.ndarray, level: float) -> float:
    """Where `found`, growing along `steps`, reaches `level`; infinite where it does not."""
    place = int(np.searchsorted(found, level))
    if place == len(steps):
        return inf
    before, at = (0.0, 0.0) if place == 0 else (float(found[place - 1]), float(steps[place - 1]))
    return at + (float(steps[place]) - at) * (level - before) / max(float(found[place]) - before, 1e-12)


def _forecast(decisions: np.ndarray, pace: Pace, rng: np.random.Generator) -> Forecast:
    minutes = np.sort(
        decisions * pace.seconds / 60 * np.exp(pace.spread * rng.standard_normal(len(decisions)))
    )
    low, middle, high = (float(minutes[int(share * (len(minutes) - 1))]) for share in (0.05, 0.5, 0.95))
    return Forecast(*(each if isfinite(each) else None for each in (middle, low, high)))
