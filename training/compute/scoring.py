"""Probabilities of every row of a feature set, chunk by chunk, at the speed of reading it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

import cv2
import numpy as np

from indexing.compute.arrays import ArrayDamaged, open_array
from indexing.compute.features import IDS, REMEDY, ShardDamaged, open_vectors
from training.compute.answers import NotFinite, check_width
from training.compute.linear_losses import sigmoid, softmax

BLOCK_ROWS = 1024  # of 512 numbers in single precision: what stays in the cache of a core


class Head(Protocol):
    """A matrix and a bias on features, as Probe has them."""

    @property
    def kind(self) -> str: ...

    def head(self) -> tuple[np.ndarray, np.ndarray]: ...


class FeatureShard(Protocol):
    """What names a shard of a feature set: `ShardFiles` as it was written, or a row of the database."""

    @property
    def sha256(self) -> str: ...

    @property
    def ids_sha256(self) -> str: ...

    @property
    def num_rows(self) -> int: ...


Shard = TypeVar("Shard", bound=FeatureShard)


class ScoredChunk(NamedTuple, Generic[Shard]):
    """Some shards and the scores of their rows, in their order: what is stored together, or not at all."""

    shards: list[Shard]
    item_ids: np.ndarray  # (n,) int64
    values: np.ndarray  # (n, C) float32 probabilities


def score_shards(
    folder: Path,
    shards: Iterable[Shard],
    head: Head,
    *,
    chunk_rows: int,
    is_checked: bool = False,
) -> Iterator[ScoredChunk[Shard]]:
    """Score `shards` of `folder` in their order, several together; the caller keeps each chunk and goes on.

    The same shards give the same chunks, bit by bit. Their checksums are compared unless `is_checked` before.
    ShardDamaged for one that is not as it was written, WidthMismatch for one of another encoder.
    """
    weights, bias = head.head()
    for group in grouped(shards, chunk_rows):
        values = np.empty((sum(shard.num_rows for shard in group), len(bias)), np.float32)
        item_ids = np.empty(len(values), np.int64)
        start = 0
        for shard in group:
            stop = start + shard.num_rows
            vectors = open_vectors(folder, shard.sha256, is_checked=is_checked)
            item_ids[start:stop] = _item_ids(folder, shard, len(vectors), is_checked=is_checked)
            write_scores(vectors, weights, bias, head.kind, out=values[start:stop])
            start = stop
        yield ScoredChunk(group, item_ids, values)


def write_scores(
    vectors: np.ndarray, weights: np.ndarray, bias: np.ndarray, kind: str, *, out: np.ndarray
) -> None:
    """Probabilities `out` (n, C) of stored vectors (n, D), half or single precision, block by block."""
    check_width(vectors, weights.shape[1])
    transposed = np.ascontiguousarray(weights.T)
    for start in range(0, len(vectors), BLOCK_ROWS):
        part = out[start : start + BLOCK_ROWS]
        np.matmul(_single(vectors[start : start + BLOCK_ROWS]), transposed, out=part)
        part += bias
        part[:] = softmax(part) if kind == "multi_class" else sigmoid(part)
    if not np.isfinite(out).all():
        raise NotFinite("a stored feature is NaN or infinite: run the feature job again to make it anew")


def grouped(shards: Iterable[Shard], chunk_rows: int) -> Iterator[list[Shard]]:
    """Shards in their order, as many together as make at least `chunk_rows` rows."""
    group: list[Shard] = []
    num_rows = 0
    for shard in shards:
        group.append(shard)
        num_rows += shard.num_rows
        if num_rows >= chunk_rows:
            yield group
            group, num_rows = [], 0
    if group:
        yield group


def _item_ids(folder: Path, shard: FeatureShard, num_rows: int, *, is_checked: bool) -> Sequence[int]:
    try:
        ids = open_array(folder, shard.ids_sha256, suffix=IDS, is_checked=is_checked)
    except ArrayDamaged as error:
        raise ShardDamaged(f"{error}; {REMEDY}") from None
    if ids.ndim != 2 or ids.shape != (2, num_rows) or num_rows != shard.num_rows:
        raise ShardDamaged(f"{shard.ids_sha256}{IDS} holds {ids.shape} ids for {num_rows} vectors; {REMEDY}")
    result: Sequence[int] = ids[0]
    return result


def _single(rows: np.ndarray) -> np.ndarray:
    """Rows in single precision; of half precision five times as fast as numpy's conversion."""
    if rows.dtype == np.float32:
        return rows
    return cv2.convertFp16(np.ascontiguousarray(rows).view(np.int16)).reshape(rows.shape)
