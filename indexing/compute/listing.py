"""A corpus as it lies: what may be shown, in the order it came in, folded to stacks, in stable pages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexing.compute.engine import Ranking
from indexing.compute.residents import NO_ROW


@dataclass(eq=False)
class Listing(Ranking):
    """A ranking that compares nothing: items in order of their ids. Its similarities mean nothing."""

    def _deepen(self, wanted: int) -> None:
        groups = self.resident.groups(fold=self.fold)
        rows = np.concatenate(
            [np.flatnonzero(self.selection.mask(start, stop)) + start for _, _, start, stop in self._parts()]
            or [np.zeros(0, np.int64)]
        )
        rows = rows[np.argsort(self.resident.item_ids[rows], kind="stable")]
        rows = rows[groups.first_of_each(rows)]
        given = self._rows[self._rows != NO_ROW]
        if len(given):
            rows = rows[~np.isin(groups.codes[rows], groups.codes[given])]
        self._items = np.concatenate([self._items, self.resident.item_ids[rows]])
        self._rows = np.concatenate([self._rows, rows])
        self._similarities = np.concatenate([self._similarities, np.zeros(len(rows), np.float32)])
        self._is_complete = True
