"""A ranking whose first places are put in a better order by what costs too much for a whole corpus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from indexing.compute.engine import Ranking
from indexing.compute.residents import Groups, Resident
from indexing.compute.vectors import Found

SHORTLIST = 4_096  # rows; some 20 pages, and the order is learned anew with every batch of answers
NEIGHBORHOOD = 512  # groups; each is compared with all others, and a batch of answers is of far fewer


class Reranker(Protocol):
    """Says again how near vectors are."""

    @property
    def num_bytes(self) -> int: ...

    def similarities(self, vectors: np.ndarray) -> np.ndarray:
        """(n,) float32 of `vectors` (n, D), on the scale of the query's similarities."""


class Neighborhood(Protocol):
    """Puts vectors in order, seeing all of them at once."""

    @property
    def num_bytes(self) -> int: ...

    def order(self, found: np.ndarray) -> np.ndarray | None:
        """(n,) places of the rows of `found` (n, D), nearest first; None: as they are."""


@dataclass(eq=False)
class RerankedRanking(Ranking):
    """The order of one selection by one query, its first SHORTLIST rows in the order of `reranker`.

    What is not among them comes behind them, and is said to be no nearer than the last of them. The first
    NEIGHBORHOOD groups change places as `neighborhood` says: how near the n-th of them is stays as it was.
    """

    reranker: Reranker | None = field(kw_only=True)  # let go once it was asked: it is large
    neighborhood: Neighborhood | None = field(kw_only=True)  # so is this

    @property
    def num_bytes(self) -> int:
        held = (self.reranker, self.neighborhood)
        return super().num_bytes + sum(each.num_bytes for each in held if each is not None)

    def values_of(self, rows: np.ndarray) -> np.ndarray:
        if self.reranker is None:
            return super().values_of(rows)
        return _values_of(rows, self.resident, self.reranker)

    def _rows_for(self, num_groups: int) -> int:
        return max(SHORTLIST, super()._rows_for(num_groups))

    def _exactly(self, wanted: int) -> Found:
        found = super()._exactly(wanted)
        if len(self._rows):  # the first have their places
            last = self._similarities.min()
            return found._replace(similarities=np.minimum(found.similarities, last))
        first = self._in_order(Found(found.rows[:SHORTLIST], found.similarities[:SHORTLIST]))
        self.reranker = self.neighborhood = None
        rest = found.similarities[SHORTLIST:]
        return _behind(first, Found(found.rows[SHORTLIST:], rest))

    def _at_least(self, limit: float) -> Found:
        found = super()._exactly(1)
        first = self._in_order(Found(found.rows[:SHORTLIST], found.similarities[:SHORTLIST]))
        if len(first.rows) == SHORTLIST and first.similarities[-1] >= np.float32(limit):
            rest = super()._at_least(limit)
            is_rest = ~np.isin(rest.rows, first.rows)
            return _behind(first, Found(rest.rows[is_rest], rest.similarities[is_rest]))
        is_above = first.similarities >= np.float32(limit)
        return Found(first.rows[is_above], first.similarities[is_above])

    def _in_order(self, found: Found) -> Found:
        groups = self.resident.groups(fold=self.fold)
        return in_order(found, self.resident, groups, self.reranker, self.neighborhood)


def in_order(
    found: Found,
    resident: Resident,
    groups: Groups,
    reranker: Reranker | None,
    neighborhood: Neighborhood | None,
) -> Found:
    """The rows of `found`, nearest first, as `reranker` and then `neighborhood` put them."""
    if reranker is not None:
        near = _values_of(found.rows, resident, reranker)
        nearest = np.lexsort((found.rows, -near))
        found = Found(found.rows[nearest], np.clip(near[nearest], -1.0, 1.0))  # as all similarities
    first = groups.first_of_each(found.rows)[:NEIGHBORHOOD]
    if neighborhood is None or len(first) < 2:
        return found
    order = neighborhood.order(resident.vectors_of(found.rows[first]))
    return found if order is None else _moved(found, first, order, groups)


def _values_of(rows: np.ndarray, resident: Resident, reranker: Reranker) -> np.ndarray:
    return reranker.similarities(resident.vectors_of(rows)) - resident.priors_of(rows)


def _moved(found: Found, first: np.ndarray, order: np.ndarray, groups: Groups) -> Found:
    """`found` with the rows at the places `first`, one of a group each, in that order.

    What else is of these groups stays where it is, but for what would be before the one that stands for it.
    """
    rows, places = found.rows.copy(), np.arange(len(found.rows))
    rows[first] = found.rows[first[order]]
    _, group = np.unique(groups.codes[rows], return_inverse=True)
    place_of = np.full(len(rows), -1)
    place_of[group[first]] = first
    own = np.maximum(places, place_of[group])
    return Found(rows[np.lexsort((own != places, own))], found.similarities)


def _behind(first: Found, rest: Found) -> Found:
    """`rest` behind `first`, and no nearer than the last of it."""
    last = first.similarities.min(initial=np.float32(np.inf))
    similarities = np.concatenate([first.similarities, np.minimum(rest.similarities, last)])
    return Found(np.concatenate([first.rows, rest.rows]), similarities)
