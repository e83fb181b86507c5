"""Builds: a folder with a structure over one feature set, checksummed, reopened and measured before use.

index.faiss     the structure that is searched: all vectors (Flat, SQfp16) or compressed codes (PQ..x4fs)
vectors.faiss   beside compressed codes: the vectors, which decide what the codes propose
ids.npy         (N,) int64, the item of every row
slots.npy       (N,) int16, only of tiles: which part of its item every row is
manifest.json   what it is: sizes, sha256, width, encoder, measured recall
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from indexing.compute import vectors
from indexing.compute.files import sha256_of, sync_folder
from indexing.compute.manifests import (
    FORMAT,
    BuildRefused,
    FileFacts,
    Manifest,
    distinct,
    read_manifest,
    set_hash,
    verify_files,
)
from indexing.compute.stored_rows import BLOCK_ROWS, StoredRows, write_rows
from indexing.compute.vectors import LoadedIndex, RefinedIndex

FLAT_UP_TO = 50_000  # vectors; one scan of 50 k x 512 takes 3 ms, so there is nothing to win by codes
RECALL_WANTED = 0.97  # the factor of candidates is raised until R@100 reaches this, or the last
RECALL_FLOOR = 0.95  # below it a stronger factory is taken
FILES = ("index.faiss", "vectors.faiss", "ids.npy", "slots.npy")
CANDIDATE_FACTORS = (4, 10, 20)  # candidates per wanted neighbor
ROWS_PER_ITEM = 4  # of an item with tiles, as many as are likely among the nearest rows
TRAINING_ROWS = 40_000  # 16 centroids per code want no more
NUM_QUERIES, NUM_QUERIES_LARGE, LARGE = 200, 64, 200_000  # a brute-force query of 1 M costs 20 ms


Block = tuple[np.ndarray, ...]  # item ids (n,), vectors (n, D); of tiles also slots (n,)


@dataclass(frozen=True, slots=True)
class OpenBuild:
    """A build in memory; `codes` is None when the structure holds the vectors themselves."""

    manifest: Manifest
    item_ids: np.ndarray  # (N,) int64, of every row
    exact: LoadedIndex
    codes: RefinedIndex | None
    slots: np.ndarray | None = None  # (N,) int16, of tiles; None: whole items


def factories_for(num_vectors: int, width: int) -> list[str]:
    """What to try, best first; the last always has full recall."""
    if num_vectors <= FLAT_UP_TO:
        return ["Flat"]
    compressed = [vectors.compressed_factory(width, width_per_code=per_code) for per_code in (4, 2)]
    return [factory for factory in compressed if factory] + ["SQfp16"]


def write_build(
    folder: Path,
    blocks: Iterable[Block],
    *,
    encoder: str,
    weights_sha256: str,
    shard_ids: Sequence[int],
    factories: Callable[[int, int], list[str]] = factories_for,
    on_progress: Callable[[int], None] = lambda rows: None,
) -> Manifest:
    """Make a build of `blocks` of (item ids (n,), vectors (n, D)) in the empty `folder`, tested and synced.

    Of tiles each block has slots (n,) too; an item then has several rows, and recall is that of items.
    Factories are tried in order until one has R@100 >= RECALL_FLOOR. `on_progress` gets the rows read
    so far and may raise to stop. BuildRefused when what was written does not read back the same.
    Memory: the compressed codes and some blocks; the vectors pass through.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, item_ids, slots = _write_vectors(folder / "vectors.faiss", blocks, on_progress)
    np.save(folder / "ids.npy", item_ids, allow_pickle=False)
    if slots is not None:
        np.save(folder / "slots.npy", slots, allow_pickle=False)
    for factory in factories(rows.num_rows, rows.width):
        manifest = Manifest(
            format=FORMAT,
            files={},
            num_vectors=rows.num_rows,
            num_items=len(distinct(item_ids)),
            width=rows.width,
            metric="inner product",
            factory=factory,
            faiss_version=vectors.FAISS_VERSION,
            encoder=encoder,
            weights_sha256=weights_sha256,
            shard_ids=tuple(shard_ids),
            item_ids_sha256=set_hash(item_ids),
            candidate_factor=1,
            recall_at_10=0.0,
            recall_at_100=0.0,
            recall_num_queries=0,
        )
        _write_structure(folder / "index.faiss", rows, factory, on_progress)
        opened = _open_files(folder, manifest)
        manifest = _measured(opened, rows)
        if manifest.recall_at_100 >= RECALL_FLOOR:
            break
    else:
        raise BuildRefused(
            f"no structure reaches a recall of {RECALL_FLOOR}: got {manifest.recall_at_100:.3f}"
        )
    _check_selves(opened, manifest)
    if opened.codes is None:
        rows.path.unlink()
    names = [name for name in FILES if (folder / name).exists()]
    for name in names:
        _sync(folder / name)
    facts = {name: FileFacts(sha256_of(folder / name), (folder / name).stat().st_size) for name in names}
    manifest = msgspec.structs.replace(manifest, files=facts)
    (folder / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    _sync(folder / "manifest.json")
    sync_folder(folder)
    return manifest


def open_build(folder: Path, *, manifest_sha256: str | None = None) -> OpenBuild:
    """The build in `folder`, checksums first; BuildRefused rather than a wrong answer."""
    manifest = read_manifest(folder, sha256=manifest_sha256)
    if manifest.faiss_version != vectors.FAISS_VERSION:  # formats have changed between versions (faiss#4841)
        raise BuildRefused(
            f"{folder} is of faiss {manifest.faiss_version}, this is {vectors.FAISS_VERSION}; build anew"
        )
    verify_files(folder, manifest)
    return _open_files(folder, manifest)


def brute_force(exact: LoadedIndex, queries: np.ndarray, *, k: int) -> np.ndarray:
    """The k largest similarities (Q, k) of `queries` (Q, D), best first, by plain multiplication."""
    num = len(exact)
    starts = range(0, num, BLOCK_ROWS)
    blocks = (exact.vectors_of(np.arange(start, min(start + BLOCK_ROWS, num))) for start in starts)
    return _largest(blocks, queries, k=k)


def _largest(
    blocks: Iterable[np.ndarray], queries: np.ndarray, *, k: int, item_ids: np.ndarray | None = None
) -> np.ndarray:
    """The k largest similarities (Q, k), best first; with `item_ids` (N,) those of items, not of rows.

    Rows of an item follow one another; one that lies across two blocks counts twice: that asks for more.
    """
    best = np.full((len(queries), k), -np.inf, np.float32)  # in no order; the first is the least
    done = 0
    for block in blocks:
        similarities = queries @ block.T  # (Q, n)
        if item_ids is not None:
            own = item_ids[done : done + len(block)]
            done += len(block)
            begins = np.flatnonzero(np.concatenate([[True], own[1:] != own[:-1]]))
            similarities = np.maximum.reduceat(similarities, begins, axis=1)
        is_better = similarities > best[:, :1]  # few are, after the first blocks
        for query in np.flatnonzero(is_better.any(axis=1)):
            better = similarities[query, is_better[query]]
            best[query] = np.partition(np.concatenate([best[query], better]), len(better))[len(better) :]
    return -np.sort(-best, axis=1)


def _write_vectors(
    path: Path, blocks: Iterable[Block], on_progress: Callable[[int], None]
) -> tuple[StoredRows, np.ndarray, np.ndarray | None]:
    """All vectors into `path`, whose they are (N,), and which part of their item (N,) where blocks say so."""
    ids: list[np.ndarray] = []
    slots: list[np.ndarray] = []

    def passing() -> Iterator[np.ndarray]:
        num_rows = 0
        for block_ids, block, *block_slots in blocks:
            if len(block_ids) == 0:
                continue
            yield block
            ids.append(np.asarray(block_ids, np.int64))
            slots.extend(np.asarray(each, np.int16) for each in block_slots)
            num_rows += len(block_ids)
            on_progress(num_rows)

    rows = write_rows(path, passing())
    if rows.num_rows == 0:
        raise BuildRefused("there are no vectors to build from")
    return rows, np.concatenate(ids), np.concatenate(slots) if slots else None


def _write_structure(path: Path, rows: StoredRows, factory: str, on_progress: Callable[[int], None]) -> None:
    path.unlink(missing_ok=True)  # never written over: a weaker one may still be mapped
    if factory == "SQfp16":
        path.hardlink_to(rows.path)
        return
    num_rows = rows.num_rows
    sample = np.random.default_rng(0).choice(num_rows, min(TRAINING_ROWS, num_rows), replace=False)
    index = vectors.make_index(factory, training=rows.at(np.sort(sample)))
    for block in rows.blocks():
        vectors.add(index, [block])
        on_progress(num_rows)
    vectors.save(index, path)


def _open_files(folder: Path, manifest: Manifest) -> OpenBuild:
    shape = {"num_vectors": manifest.num_vectors, "width": manifest.width}
    try:
        item_ids = np.load(folder / "ids.npy", allow_pickle=False)
        has_slots = (folder / "slots.npy").exists()
        slots = np.load(folder / "slots.npy", allow_pickle=False) if has_slots else None
        index = vectors.load(folder / "index.faiss", factory=manifest.factory, **shape)
        exact, codes = index, None
        if not index.is_exact:
            exact = vectors.load(folder / "vectors.faiss", factory="SQfp16", **shape)
            codes = RefinedIndex(index, exact)
    except ValueError as error:  # numpy's and ours
        raise BuildRefused(str(error)) from None
    if item_ids.shape != (manifest.num_vectors,) or set_hash(item_ids) != manifest.item_ids_sha256:
        raise BuildRefused(f"{folder / 'ids.npy'} does not hold the ids of this build")
    if slots is not None and (slots.shape != item_ids.shape or slots.dtype != np.int16):
        raise BuildRefused(f"{folder / 'slots.npy'} does not hold the slots of this build")
    return OpenBuild(manifest, item_ids, exact, codes, slots)


def _measured(build: OpenBuild, rows: StoredRows) -> Manifest:
    """The manifest with recall measured against brute force, at the smallest sufficient candidate factor."""
    num_queries = NUM_QUERIES if len(build.exact) <= LARGE else NUM_QUERIES_LARGE
    queries = build.exact.vectors_of(_spread(len(build.exact), num_queries))
    by_item = None if build.slots is None else build.item_ids
    k = min(100, build.manifest.num_items)
    truth = _largest(rows.blocks(), queries, k=k, item_ids=by_item)  # (Q, k)
    for factor in CANDIDATE_FACTORS if build.codes else (1,):
        at_10, at_100 = _recall(build, queries, truth, factor)
        if at_100 >= RECALL_WANTED:
            break
    return msgspec.structs.replace(
        build.manifest,
        candidate_factor=factor,
        recall_at_10=at_10,
        recall_at_100=at_100,
        recall_num_queries=len(queries),
    )


def _recall(build: OpenBuild, queries: np.ndarray, truth: np.ndarray, factor: int) -> tuple[float, float]:
    """R@10 and R@100; a neighbor counts if it is as near as the last true one, so doubles do not matter."""
    k = truth.shape[1]
    num_rows = k
    if build.slots is not None:  # so many rows have k items among them, of an exact structure for certain
        num_rows *= ROWS_PER_ITEM if build.codes else int(build.slots.max())
    hits_10 = hits_100 = 0
    for query, best in zip(queries, truth, strict=True):
        if build.codes:
            found = build.codes.nearest(query, num_candidates=num_rows * factor)
        else:
            found = build.exact.nearest(query, k=num_rows)
        got = found.similarities
        if build.slots is not None:
            got = got[np.sort(np.unique(build.item_ids[found.rows], return_index=True)[1])]
        got = got[:k]
        first = min(10, k)
        hits_10 += int((got[:first] >= best[first - 1] - 1e-4).sum())
        hits_100 += int((got >= best[-1] - 1e-4).sum())
    return hits_10 / (len(queries) * min(10, k)), hits_100 / (len(queries) * k)


def _check_selves(build: OpenBuild, manifest: Manifest) -> None:
    for row in _spread(len(build.exact), manifest.recall_num_queries):
        vector = build.exact.vectors_of(np.array([row]))[0]
        if build.codes:
            found = build.codes.nearest(vector, num_candidates=100 * manifest.candidate_factor)
        else:
            found = build.exact.nearest(vector, k=1)
        # Its own place, or a double's: as near as it is to itself.
        if len(found.rows) == 0 or found.similarities[0] < float(vector @ vector) - 1e-3:
            raise BuildRefused(f"row {row} does not find itself in the new build")


def _spread(num_rows: int, wanted: int) -> np.ndarray:
    return np.unique(np.linspace(0, num_rows - 1, min(wanted, num_rows)).astype(np.int64))


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
