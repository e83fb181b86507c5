"""How far two people agree beyond chance: Cohen's kappa with its interval, from paired answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

Z_95 = 1.959963984540054  # of the normal distribution, two-sided


class Kappa(NamedTuple):
    """Cohen's kappa of `num_pairs` paired answers; `value` is None where it is not defined."""

    num_pairs: int
    agreed: int
    value: float | None
    low: float | None  # of the asymptotic 95 % interval, within [-1, 1]
    high: float | None

    @property
    def share(self) -> float | None:
        """Of the pairs: how many agree."""
        return self.agreed / self.num_pairs if self.num_pairs else None


def confusion(pairs: Iterable[tuple[str, str]], answers: Sequence[str]) -> np.ndarray:
    """(K, K) int64 counts: row what was expected, column what was said; ValueError for another answer."""
    place = {answer: number for number, answer in enumerate(answers)}
    table = np.zeros((len(answers), len(answers)), np.int64)
    for expected, said in pairs:
        if expected not in place or said not in place:
            raise ValueError(f"answers must be among {', '.join(answers)}; got {expected!r}, {said!r}")
        table[place[expected], place[said]] += 1
    return table


def cohen_kappa(table: np.ndarray) -> Kappa:
    """Kappa of a (K, K) table of counts, with the large-sample interval.

    kappa = (p_o - p_e) / (1 - p_e), Cohen 1960; its standard error is that of Fleiss, Cohen and Everitt,
    Psychological Bulletin 72 (1969), formula 13, which holds for any kappa, not only for 0. Not defined
    where both say one and the same answer to everything: then chance alone agrees always. Where all agree
    on several answers the formula gives an interval of no width; read the exact interval of the share then.
    """
    if table.ndim != 2 or table.shape[0] != table.shape[1] or (table < 0).any():
        raise ValueError(f"a table of counts must be (K, K) and not negative, got {table.shape}")
    total = int(table.sum())
    agreed = int(np.trace(table))
    if total == 0:
        return Kappa(0, 0, None, None, None)
    shares = table / total  # (K, K)
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)  # (K,), (K,)
    expected = float(rows @ columns)
    if expected >= 1 - 1e-12:
        return Kappa(total, agreed, None, None, None)
    observed = agreed / total
    kappa = (observed - expected) / (1 - expected)
    both = columns[:, None] + rows[None, :]  # (K, K): of cell (i, j) the share of column i plus that of row j
    on = np.diag(shares) @ (1 - np.diag(both) * (1 - kappa)) ** 2
    off = (1 - kappa) ** 2 * float((shares * both**2).sum() - np.diag(shares) @ np.diag(both) ** 2)
    rest = (kappa - expected * (1 - kappa)) ** 2
    variance = max(0.0, (float(on) + off - rest) / (total * (1 - expected) ** 2))
    reach = Z_95 * float(np.sqrt(variance))
    return Kappa(total, agreed, kappa, max(-1.0, kappa - reach), min(1.0, kappa + reach))
