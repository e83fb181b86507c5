"""Probabilities of every row of a feature set, chunk by chunk, as immutable shards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import msgspec
import numpy as np

from indexing.compute.arrays import put_array
from indexing.compute.features import IDS, open_vectors
from indexing.compute.files import write_beside
from training.compute.answers import NotFinite, check_width
from training.compute.linear_losses import sigmoid, softmax
from training.compute.score_shards import CHUNK, ScoreChunk, histogram_of, read_chunks

CHUNK_ROWS = 65536
BLOCK_ROWS = 512  # of 2048 numbers in single precision: what stays in the cache of a core


class Head(Protocol):
    """A matrix and a bias on features, as Probe has them."""

    kind: str
    class_names: tuple[str, ...]

    def head(self) -> tuple[np.ndarray, np.ndarray]: ...


class FeatureShard(NamedTuple):
    """A shard of a feature set as `indexing.compute.features.write_shard` left it."""

    sha256: str
    ids_sha256: str
    num_rows: int


class ShardReader(NamedTuple):
    """Reads the shards of a feature set from their folder."""

    folder: Path
    shards: Sequence[FeatureShard]
    is_checked: bool = False  # their checksums were compared before

    def vectors(self, shard: FeatureShard) -> np.ndarray:
        """(n, D) as stored, memory-mapped."""
        return open_vectors(self.folder, shard.sha256, is_checked=self.is_checked)

    def item_ids(self, shard: FeatureShard) -> np.ndarray:
        """(n,) int64"""
        from indexing.compute.arrays import open_array

        ids = open_array(self.folder, shard.ids_sha256, suffix=IDS, is_checked=self.is_checked)
        return ids[0]


def score_shards(
    reader: ShardReader,
    head: Head,
    folder: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> list[ScoreChunk]:
    """Score every shard of `reader` that `folder` has no scores of; all chunks of the folder.

    A chunk is written whole or not at all, so a stopped run goes on where it was, and shards that came
    later are scored alone. `on_progress(rows done, rows in all)` is called after each chunk; what it raises
    ends the run. One folder belongs to one head.
    """
    weights, bias = head.head()
    done = {name for chunk in read_chunks(folder) for name in chunk.shards}
    todo = [shard for shard in reader.shards if shard.sha256 not in done]
    num_all = sum(shard.num_rows for shard in reader.shards)
    num_done = num_all - sum(shard.num_rows for shard in todo)
    if on_progress is not None:
        on_progress(num_done, num_all)
    for shards in grouped(todo, chunk_rows):
        scores = np.empty((sum(shard.num_rows for shard in shards), len(bias)), np.float32)
        item_ids = np.empty(len(scores), np.int64)
        start = 0
        for shard in shards:
            stop = start + shard.num_rows
            item_ids[start:stop] = reader.item_ids(shard)
            write_scores(reader.vectors(shard), weights, bias, head.kind, out=scores[start:stop])
            start = stop
        write_chunk(folder, [shard.sha256 for shard in shards], item_ids, scores)
        num_done += len(scores)
        if on_progress is not None:
            on_progress(num_done, num_all)
    return read_chunks(folder)


def write_scores(
    vectors: np.ndarray, weights: np.ndarray, bias: np.ndarray, kind: str, *, out: np.ndarray
) -> None:
    """Probabilities `out` (n, C) of stored vectors (n, D), half or single precision, in blocks."""
    check_width(vectors, weights.shape[1])
    transposed = np.ascontiguousarray(weights.T)
    for start in range(0, len(vectors), BLOCK_ROWS):
        part = out[start : start + BLOCK_ROWS]
        np.matmul(_single(vectors[start : start + BLOCK_ROWS]), transposed, out=part)
    out += bias
    if not np.isfinite(out).all():
        raise NotFinite("a stored feature is NaN or infinite: run the feature job again to make it anew")
    out[:] = softmax(out) if kind == "multi_class" else sigmoid(out)


def write_chunk(folder: Path, shards: Sequence[str], item_ids: np.ndarray, scores: np.ndarray) -> ScoreChunk:
    """Put scores (n, C) float32 of items (n,) int64 into `folder`: arrays first, then what names them."""
    chunk = ScoreChunk(
        shards=tuple(shards),
        num_rows=len(scores),
        scores_sha256=put_array(folder, scores),
        ids_sha256=put_array(folder, item_ids, suffix=IDS),
        histogram=histogram_of(scores).tolist(),
    )
    name = hashlib.sha256("".join(shards).encode()).hexdigest()
    with write_beside(folder / f"{name}{CHUNK}") as file:
        file.write(msgspec.json.encode(chunk))
    return chunk


def grouped(shards: Iterable[FeatureShard], chunk_rows: int) -> Iterator[list[FeatureShard]]:
    """Shards in their order, as many together as make at least `chunk_rows` rows."""
    group: list[FeatureShard] = []
    for shard in shards:
        group.append(shard)
        if sum(each.num_rows for each in group) >= chunk_rows:
            yield group
            group = []
    if group:
        yield group


def _single(rows: np.ndarray) -> np.ndarray:
    """Rows in single precision; of half precision many times as fast as numpy's conversion."""
    if rows.dtype == np.float32:
        return rows
    return cv2.convertFp16(np.ascontiguousarray(rows).view(np.int16)).reshape(rows.shape)
