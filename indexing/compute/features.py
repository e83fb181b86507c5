"""Features and the shards that hold them: a pair of .npy files named by their sha256, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from indexing.compute.arrays import ArrayDamaged, open_array, put_array

PRECISIONS = {"float16": np.float16, "float32": np.float32}
# Half precision moves the length of a unit vector of 2048 numbers by some 1e-4.
UNIT_TOLERANCE = 2e-3
IDS = ".ids.npy"
REMEDY = "run the feature job again to make it anew"


class ShardDamaged(OSError):
    """A shard's file is missing, cut short or not the one that was written."""


@dataclass(frozen=True, slots=True)
class Features:
    """L2-normalized features of N items; row i belongs to `item_ids[i]`, in its place `slots[i]`."""

    vectors: np.ndarray  # (N, D) float32, every row of length 1
    item_ids: np.ndarray  # (N,) int64
    encoder: str  # registry key, e.g. "resnet50-mac@1"
    slots: np.ndarray = field(default=None)  # type: ignore[arg-type]  # (N,) int16; zeros when left out

    def __post_init__(self) -> None:
        n = len(self.item_ids)
        if self.slots is None:
            object.__setattr__(self, "slots", np.zeros(n, np.int16))
        if self.vectors.ndim != 2 or len(self.vectors) != n or self.vectors.dtype != np.float32:
            raise ValueError(
                f"vectors must be ({n}, D) float32, got {self.vectors.shape} {self.vectors.dtype}"
            )
        if self.item_ids.shape != (n,) or self.item_ids.dtype != np.int64:
            raise ValueError(
                f"item_ids must be ({n},) int64, got {self.item_ids.shape} {self.item_ids.dtype}"
            )
        if self.slots.shape != (n,) or self.slots.dtype != np.int16:
            raise ValueError(f"slots must be ({n},) int16, got {_of(self.slots)}")
        if n and not np.allclose(np.linalg.norm(self.vectors, axis=1), 1, atol=UNIT_TOLERANCE):
            raise ValueError("vectors must be L2-normalized; call normalize() on what the encoder returns")

    def __len__(self) -> int:
        return len(self.item_ids)


class ShardFiles(NamedTuple):
    """What names a shard, and its number of rows."""

    sha256: str  # of <sha256>.npy, the vectors
    ids_sha256: str  # of <ids_sha256>.ids.npy, the item ids and slots
    num_rows: int


def normalize(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32; a row of zeros becomes the first axis, so that every row has a direction."""
    rows = np.array(vectors, np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    empty = lengths[:, 0] < 1e-12
    rows[empty, :1], lengths[empty] = 1, 1
    return rows / lengths


def write_shard(folder: Path, features: Features, *, precision: str = "float16") -> ShardFiles:
    """Put `features` into `folder` as two immutable files; the same features give the same files."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    ids = np.stack([features.item_ids, features.slots.astype(np.int64)])
    sha256 = put_array(folder, features.vectors.astype(PRECISIONS[precision]))
    return ShardFiles(sha256, put_array(folder, ids, suffix=IDS), len(features))


def read_shard(
    folder: Path, sha256: str, ids_sha256: str, *, encoder: str = "", is_checked: bool = False
) -> Features:
    """The features of one shard, after comparing both files with their names (unless `is_checked` before)."""
    vectors = open_vectors(folder, sha256, is_checked=is_checked)
    ids = _open(folder, ids_sha256, suffix=IDS, is_checked=is_checked)
    if ids.ndim != 2 or ids.shape[0] != 2 or ids.shape[1] != len(vectors):
        raise ShardDamaged(f"{ids_sha256}.ids.npy holds {ids.shape} ids for {len(vectors)} vectors")
    return Features(np.asarray(vectors, np.float32), ids[0].copy(), encoder, ids[1].astype(np.int16))


def open_vectors(folder: Path, sha256: str, *, is_checked: bool = False) -> np.ndarray:
    """The stored vectors (N, D) of a shard, memory-mapped as they lie on disk (float16 or float32)."""
    vectors = _open(folder, sha256, is_checked=is_checked)
    if vectors.ndim != 2 or vectors.dtype not in (np.float16, np.float32):
        raise ShardDamaged(
            f"{sha256}.npy must hold (N, D) float vectors, got {vectors.shape} {vectors.dtype}"
        )
    return vectors


def merge(parts: Sequence[Features]) -> Features:
    """One Features of several by the same encoder, in their order."""
    if not parts or len({part.encoder for part in parts}) != 1:
        raise ValueError(f"features of one encoder are wanted, got {sorted({p.encoder for p in parts})}")
    return Features(
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.item_ids for part in parts]),
        parts[0].encoder,
        np.concatenate([part.slots for part in parts]),
    )


def _of(array: np.ndarray) -> str:
    return f"{array.shape} {array.dtype}"


def _open(folder: Path, sha256: str, *, suffix: str = ".npy", is_checked: bool) -> np.ndarray:
    try:
        return open_array(folder, sha256, suffix=suffix, is_checked=is_checked)
    except ArrayDamaged as error:
        raise ShardDamaged(f"{error}; {REMEDY}") from None
