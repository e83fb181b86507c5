"""A ranking by stored scores: what a classifier said of each item, beside what the query is near to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from indexing.compute.engine import Ranking
from indexing.compute.residents import NO_ROW
from indexing.compute.sorted_rows import NO_ROWS

BLOCK_ROWS = 65_536


class Column(NamedTuple):
    """One score of many items, and how much it counts."""

    item_ids: np.ndarray  # (n,) int64, ascending
    values: np.ndarray  # (n,) float32, 0 to 1
    weight: float = 1.0

    def of(self, item_ids: np.ndarray) -> np.ndarray:
        """(m,) float32: the scores of these items; 0 where there is none."""
        if len(self.item_ids) == 0:
            return np.zeros(len(item_ids), np.float32)
        places = np.minimum(np.searchsorted(self.item_ids, item_ids), len(self.item_ids) - 1)
        return np.where(self.item_ids[places] == item_ids, self.values[places], np.float32(0))


@dataclass(eq=False)
class ScoredRanking(Ranking):
    """The order of one selection by the sum of the columns, each by its weight, and of the similarity.

    A query of zeros compares nothing. The whole order is worked out at once; of equals the lower id is first.
    """

    columns: tuple[Column, ...] = field(default=(), kw_only=True)

    @property
    def num_bytes(self) -> int:
        return super().num_bytes + sum(each.item_ids.nbytes + each.values.nbytes for each in self.columns)

    def values_of(self, rows: np.ndarray) -> np.ndarray:
        values = np.zeros(len(rows), np.float32)
        if self.query.any():
            for start in range(0, len(rows), BLOCK_ROWS):
                block = rows[start : start + BLOCK_ROWS]
                values[start : start + len(block)] = self.resident.similarities_of(block, self.query)
        item_ids = self.resident.item_ids[rows]
        for column in self.columns:
            values += np.float32(column.weight) * column.of(item_ids)
        return values

    def _deepen(self, wanted: int) -> None:
        groups = self.resident.groups(fold=self.fold)
        rows = np.concatenate(
            [
                NO_ROWS,
                *(
                    np.flatnonzero(self.selection.mask(start, stop)) + start
                    for _, _, start, stop in self._parts()
                ),
            ]
        )
        values = self.values_of(rows)
        if self.min_similarity is not None:
            is_near = values >= np.float32(self.min_similarity)
            rows, values = rows[is_near], values[is_near]
        order = np.lexsort((self.resident.item_ids[rows], -values))
        rows, values = rows[order], values[order]
        first = groups.first_of_each(rows)
        rows, values = rows[first], values[first]
        given = self._rows[self._rows != NO_ROW]
        if len(given):
            is_new = ~np.isin(groups.codes[rows], groups.codes[given])
            rows, values = rows[is_new], values[is_new]
        self._items = np.concatenate([self._items, self.resident.item_ids[rows]])
        self._rows = np.concatenate([self._rows, rows])
        self._similarities = np.concatenate([self._similarities, values])
        self._is_complete = True
