"""Exact bounds from random samples: how many positives were missed, how pure a set is, what certainty costs.

Everything here holds for every population, whatever the ranking or the model was: the samples are uniform
draws without replacement (the hypergeometric distribution) or, for a proportion, treated as draws with
replacement (the binomial one), which can only widen an interval. Clopper and Pearson, Biometrika 26 (1934).
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, exp, lgamma, log, log1p
from typing import NamedTuple

import numpy as np

BISECTIONS = 60  # halvings of [0, 1]: below what a float64 can tell apart


class Interval(NamedTuple):
    """Both ends belong to it."""

    low: float
    high: float


def clopper_pearson(hits: int, drawn: int, *, confidence: float = 0.95) -> Interval:
    """The exact two-sided interval of a proportion after `hits` of `drawn`; (0, 1) when nothing was drawn."""
    _check(hits, drawn)
    alpha = (1 - _share(confidence)) / 2
    return Interval(
        1 - proportion_upper(drawn - hits, drawn, alpha=alpha), proportion_upper(hits, drawn, alpha=alpha)
    )


@lru_cache(maxsize=4096)
def proportion_upper(hits: int, drawn: int, *, alpha: float) -> float:
    """The largest p with P(Binomial(drawn, p) <= hits) >= alpha: BetaInv(1 - alpha; hits + 1, drawn - hits).

    1 when every draw was a hit.
    """
    _check(hits, drawn)
    _share(alpha)
    if hits == drawn:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if binomial_cdf(hits, drawn, middle) > alpha:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=4096)
def most_positives(population: int, drawn: int, hits: int, *, alpha: float) -> int:
    """The largest K with P(Hypergeometric(population, K, drawn) <= hits) > alpha: M_up, exact.

    Of `population` stacks, `drawn` were looked at and `hits` were positive; with confidence 1 - alpha at most
    K of all of them are. A census gives `hits`, no draw gives `population`.
    """
    _check(hits, drawn)
    _share(alpha)
    if drawn > population:
        raise ValueError(f"cannot draw {drawn} of {population}")
    low, high = (
        hits,
        population - (drawn - hits),
    )  # K is at least what was seen, and spares the negatives seen
    while low < high:
        middle = (low + high + 1) // 2
        if hypergeometric_cdf(hits, population, middle, drawn) > alpha:
            low = middle
        else:
            high = middle - 1
    return low


def tail_upper(population: int, drawn: int, *, alpha: float) -> float:
    """population * (1 - alpha^(1/drawn)): positives in a tail of which `drawn` uniform draws found none.

    About 3 * population / drawn at 95 %. Never below the exact `most_positives(population, drawn, 0)`.
    """
    _share(alpha)
    return float(population) if drawn == 0 else population * -float(np.expm1(log(alpha) / drawn))


def recall_lower(found: int, missed_at_most: int) -> float | None:
    """found / (found + missed_at_most); None where there is nothing to find."""
    total = found + missed_at_most
    return found / total if total else None


def alpha_of_look(alpha: float, look: int, *, is_only_look: bool) -> float:
    """What look number `look` (from 1) at one question may spend: all of it once, or alpha / 2^look."""
    if look < 1 or (is_only_look and look > 1):
        raise ValueError(f"look {look} was not planned")
    return _share(alpha) if is_only_look else _share(alpha) / 2**look


def alpha_of_audit(alpha: float, number: int) -> float:
    """What audited ranking number `number` (from 1) of a class may spend: 2 alpha / (number (number + 1)).

    The first spends alpha. However many follow, together they spend 2 alpha n / (n + 1), less than 2 alpha:
    who ranks and audits until a line pleases is told what that line is worth, whenever they stop.
    """
    if number < 1:
        raise ValueError(f"audits are counted from 1, got {number}")
    return _share(alpha) * 2 / (number * (number + 1))


def looks_to_certify(prevalence: float, missed_share: float, *, alpha: float = 0.05) -> int:
    """Uniform looks, all negative, that rule out missing `missed_share` of a class: 3 / (prevalence * share).

    Assumes nothing about the ranking: it is the price of certainty for a whole corpus.
    """
    if not 0 < prevalence * missed_share < 1:
        raise ValueError(
            f"prevalence and share must be above 0 and below 1, got {prevalence}, {missed_share}"
        )
    return ceil(log(_share(alpha)) / log1p(-prevalence * missed_share))


def binomial_cdf(hits: int, drawn: int, p: float) -> float:
    """P(X <= hits) for `drawn` draws with probability `p`."""
    if hits >= drawn or p <= 0:
        return 1.0
    if p >= 1 or hits < 0:
        return 0.0
    first = _log_choose(drawn, hits) + hits * log(p) + (drawn - hits) * log1p(-p)
    i = np.arange(hits, 0, -1, dtype=np.float64)
    return _sum_down(first, i / (drawn - i + 1) * ((1 - p) / p))


def hypergeometric_cdf(hits: int, population: int, positives: int, drawn: int) -> float:
    """P(X <= hits) for `drawn` draws without replacement from `population` with `positives` among them."""
    fewest = max(0, drawn - (population - positives))
    if hits >= min(drawn, positives):
        return 1.0
    if hits < fewest:
        return 0.0
    first = (
        _log_choose(positives, hits)
        + _log_choose(population - positives, drawn - hits)
        - _log_choose(population, drawn)
    )
    i = np.arange(hits, fewest, -1, dtype=np.float64)
    return _sum_down(
        first, i * (population - positives - drawn + i) / ((positives - i + 1) * (drawn - i + 1))
    )


def _sum_down(log_first: float, ratios: np.ndarray) -> float:
    """exp(log_first) * (1 + r0 + r0 r1 + ...), at most 1."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    top = float(logs.max())
    total = log_first + top + log(float(np.exp(logs - top).sum()))
    return min(1.0, exp(min(total, 0.0)))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _check(hits: int, drawn: int) -> None:
    if not 0 <= hits <= drawn:
        raise ValueError(f"hits must be 0 to {drawn}, got {hits}")


def _share(value: float) -> float:
    if not 0 < value < 1:
        raise ValueError(f"alpha and confidence are above 0 and below 1, got {value}")
    return value
