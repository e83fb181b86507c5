"""Stored scores, read back by item at memory speed and counted. Pages use it, so no torch here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

NUM_BINS = 200  # of [0, 1], of equal width


class Scores(NamedTuple):
    """The scores of items, in order of their ids, each once."""

    item_ids: np.ndarray  # (n,) int64 ascending
    values: np.ndarray  # (n, C) float32

    @classmethod
    def merged(
        cls, item_ids: Sequence[np.ndarray], values: Sequence[np.ndarray], *, num_classes: int
    ) -> Self:
        """Of parts (n,) and (n, C), the newest first: of an item that is in several, the newest counts."""
        if not item_ids:
            return cls(np.zeros(0, np.int64), np.zeros((0, num_classes), np.float32))
        ids, rows = np.concatenate(item_ids), np.concatenate(values)
        if len(ids) and not (ids[1:] > ids[:-1]).all():
            order = np.argsort(ids, kind="stable")
            ids = ids[order]
            is_first = np.concatenate([[True], ids[1:] != ids[:-1]])
            ids, rows = ids[is_first], rows[order[is_first]]
        return cls(ids, rows)

    def of(self, item_ids: np.ndarray) -> np.ndarray:
        """(K, C) float32 of these items (K,); NaN for one that was not scored."""
        result = np.full((len(item_ids), self.values.shape[1]), np.nan, np.float32)
        if len(self.item_ids):
            places = np.minimum(np.searchsorted(self.item_ids, item_ids), len(self.item_ids) - 1)
            is_there = self.item_ids[places] == item_ids
            result[is_there] = self.values[places[is_there]]
        return result

    def top(self, column: int, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(ids, scores) of the k best items of a class, best first; of equals the lower id."""
        values = self.values[:, column]
        k = min(k, len(values))
        if k == 0:
            return self.item_ids[:0], values[:0]
        least = np.partition(values, len(values) - k)[len(values) - k]
        places = np.flatnonzero(values >= least)
        places = places[np.argsort(-values[places], kind="stable")][:k]
        return self.item_ids[places], values[places]


def histogram_of(scores: np.ndarray) -> np.ndarray:
    """(C, NUM_BINS) int64 counts of probabilities (n, C); bin b is [b, b + 1) / NUM_BINS, the last also 1."""
    c = scores.shape[1]
    places = np.minimum((scores * np.float32(NUM_BINS)).astype(np.int32), NUM_BINS - 1)
    places += np.arange(c, dtype=np.int32) * NUM_BINS
    return np.bincount(places.ravel(), minlength=c * NUM_BINS).reshape(c, NUM_BINS)
