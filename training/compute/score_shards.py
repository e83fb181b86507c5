"""Scores on disk, read back at memory speed: by item id, as a histogram, as the best of a class.

Needs neither torch nor faiss, so that pages and the search service can read it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from indexing.compute.arrays import ArrayDamaged, open_array
from indexing.compute.features import IDS

NUM_BINS = 200  # of [0, 1], of equal width
CHUNK = ".scores.json"


class ScoresDamaged(OSError):
    """A file of scores is missing or not the one that was written."""


class ScoreChunk(msgspec.Struct, frozen=True):
    """What a chunk of scores holds; written last, so one that is there is whole."""

    shards: tuple[str, ...]  # sha256 of the feature shards it is of
    num_rows: int
    scores_sha256: str  # <sha256>.npy (n, C) float32 probabilities
    ids_sha256: str  # <sha256>.ids.npy (n,) int64
    histogram: list[list[int]]  # (C, NUM_BINS)


def read_chunks(folder: Path) -> list[ScoreChunk]:
    """Every chunk in `folder`, in the order of their names; ScoresDamaged for one that cannot be read."""
    chunks = []
    for path in sorted(folder.glob(f"*{CHUNK}")):
        try:
            chunks.append(msgspec.json.decode(path.read_bytes(), type=ScoreChunk))
        except msgspec.DecodeError as error:
            raise ScoresDamaged(f"{path} cannot be read: {error}; remove it and score again") from None
    return chunks


def histogram_of(scores: np.ndarray) -> np.ndarray:
    """(C, NUM_BINS) int64 counts of probabilities (n, C); bin b is [b, b + 1) / NUM_BINS, the last also 1."""
    c = scores.shape[1]
    places = np.minimum((scores * np.float32(NUM_BINS)).astype(np.int32), NUM_BINS - 1)
    places += np.arange(c, dtype=np.int32) * NUM_BINS
    return np.bincount(places.ravel(), minlength=c * NUM_BINS).reshape(c, NUM_BINS)


class Scores:
    """All scores of a head over a feature set. An item with several rows (tiles) has the highest of them."""

    def __init__(self, folder: Path, *, is_checked: bool = False) -> None:
        """Open `folder`; `is_checked`: its checksums were compared before. ScoresDamaged otherwise."""
        self.chunks = read_chunks(folder)
        try:
            parts = [open_array(folder, chunk.scores_sha256, is_checked=is_checked) for chunk in self.chunks]
            ids = [
                open_array(folder, chunk.ids_sha256, suffix=IDS, is_checked=is_checked)
                for chunk in self.chunks
            ]
        except ArrayDamaged as error:
            raise ScoresDamaged(f"{error}; remove the folder and score again") from None
        self.num_classes = parts[0].shape[1] if parts else 0
        rows = np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)
        item_ids = np.concatenate(ids) if ids else np.zeros(0, np.int64)
        self.item_ids, self.scores = _one_per_item(item_ids, rows)

    def __len__(self) -> int:
        return len(self.item_ids)

    def of(self, item_ids: np.ndarray) -> np.ndarray:
        """(K, C) float32 of these items (K,); NaN for an item that was not scored."""
        result = np.full((len(item_ids), self.num_classes), np.nan, np.float32)
        if len(self):
            places = np.minimum(np.searchsorted(self.item_ids, item_ids), len(self) - 1)
            is_there = self.item_ids[places] == item_ids
            result[is_there] = self.scores[places[is_there]]
        return result

    def top(
        self, class_place: int, k: int, *, without: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(ids, scores) of the k best items of a class, best first, of equals the lower id; not `without`."""
        column = self.scores[:, class_place] if len(self) else np.zeros(0, np.float32)
        if without is not None and len(without):
            column = np.where(np.isin(self.item_ids, without), np.float32(-1), column)
        k = min(k, int((column >= 0).sum()))
        if k == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        least = np.partition(column, len(column) - k)[len(column) - k]
        places = np.flatnonzero(column >= least)
        places = places[np.lexsort((self.item_ids[places], -column[places]))][:k]
        return self.item_ids[places], column[places]

    def histogram(self, class_place: int) -> np.ndarray:
        """(NUM_BINS,) int64 how many items have a score in each bin."""
        if not len(self):
            return np.zeros(NUM_BINS, np.int64)
        return histogram_of(self.scores[:, class_place : class_place + 1])[0]

    def num_at_least(self, class_place: int, threshold: float) -> int:
        """How many items a threshold predicts."""
        return int((self.scores[:, class_place] >= threshold).sum()) if len(self) else 0


def _one_per_item(item_ids: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ids ascending, each once, and the highest row of each, column by column."""
    if len(item_ids) and not (item_ids[1:] > item_ids[:-1]).all():
        order = np.argsort(item_ids, kind="stable")
        item_ids, rows = item_ids[order], rows[order]
        is_first = np.concatenate([[True], item_ids[1:] != item_ids[:-1]])
        if not is_first.all():
            starts = np.flatnonzero(is_first)
            return item_ids[starts], np.maximum.reduceat(rows, starts, axis=0)
    return item_ids, rows
