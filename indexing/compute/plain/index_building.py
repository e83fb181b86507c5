"""Feature files to a plain index: surveyed before work, trained with a seed, all of them added, measured."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexing.compute import vectors
from indexing.compute.plain import index_files, side_files
from indexing.compute.plain.feature_files import FeaturesRefused, QuickReader, read_shape
from indexing.compute.plain.index_files import EXACT_BELOW, IndexRefused, PlainIndex
from indexing.compute.plain.report import Report
from indexing.compute.vectors import DistanceIndex, VectorsRefused

NUM_CELLS, MAX_CODES = 100, 256
MOST_TRAINING = 25_600  # 256 per cell: more changes nothing
BLOCK_ROWS = 4096
RECALL_QUERIES, RECALL_AT, CANDIDATES = 100, 10, 512


@dataclass(frozen=True, slots=True)
class Survey:
    """What the headers and side files say of all features together."""

    paths: Sequence[str]  # as they will be named
    num_rows: np.ndarray  # (F,) int64
    width: int
    layout: str
    facts: dict[str, Any]  # encoder, weights_sha256, settings, preprocessing where all agree
    digest: str  # of names, sizes and times: the same features give the same

    @property
    def total(self) -> int:
        return int(self.num_rows.sum())


def survey(
    paths: Sequence[str], report: Report, *, dim: int | None = None, features_size: int | None = None
) -> Survey:
    """Look at every file before any work; files that hold no features are rejected in `report`.

    IndexRefused when the others do not belong together: widths, encoders, weights, numbers of positions.
    """
    kept: list[str] = []
    rows: list[int] = []
    first: tuple[str, int] | None = None
    agreed: dict[str, tuple[str, Any]] = {}
    num_bare, are_maps = 0, []
    digest = hashlib.sha256()
    for name in paths:
        path = Path(name)
        try:
            num_rows, width = read_shape(path)
        except FeaturesRefused as refusal:
            report.rejected(name, refusal.code, refusal.sentence)
            continue
        if first is None:
            first = name, width
        if width != first[1]:
            raise IndexRefused(
                f"{name} has {width} numbers per row, {first[0]} has {first[1]}: one index is of one width"
            )
        if features_size and num_rows != features_size**2:
            raise IndexRefused(
                f"{name} has {num_rows} rows; with --features-size {features_size} each must have "
                f"{features_size**2}"
            )
        meta = side_files.read_meta(path)
        if meta is None:
            num_bare += 1
        else:
            for key in ("encoder", "weights_sha256", "settings"):
                _agree(agreed, key, name, meta.get(key))
            agreed.setdefault("preprocessing", (name, meta.get("preprocessing")))
        are_maps.append(meta is not None and "grid" in meta)
        stat = path.stat()
        digest.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        kept.append(name)
        rows.append(num_rows)
    if first is None or not sum(rows):
        raise IndexRefused("there is not one feature to index")
    if dim is not None and dim != first[1]:
        raise IndexRefused(f"--dim is {dim}, the features have {first[1]}")
    if num_bare:
        report.notices.append(
            f"{num_bare:,} of {len(kept):,} feature files have no side file: "
            "their encoder and source are unknown"
        )
    if any(are_maps) and not all(are_maps):
        raise IndexRefused(
            f"{kept[are_maps.index(True)]} has a row per position, {kept[are_maps.index(False)]} has not: "
            "they do not go into one index"
        )
    layout = "map" if features_size or all(are_maps) else "windows" if max(rows) > 1 else "pooled"
    facts = {key: value for key, (_, value) in agreed.items()}
    return Survey(kept, np.array(rows, np.int64), first[1], layout, facts, digest.hexdigest())


def default_factory(width: int, num_rows: int) -> str:
    """The old sfi's IVF100,PQ256x8 where D divides by it; all vectors as they are when there are few.

    2048 -> IVF100,PQ256x8np; 1280 -> IVF100,PQ256x8np; 1000 -> IVF100,PQ250x8np
    """
    if num_rows < EXACT_BELOW:
        return "Flat"
    num_codes = next(m for m in range(min(MAX_CODES, width), 0, -1) if width % m == 0)
    return f"IVF{NUM_CELLS},PQ{num_codes}x8np"


def trained(found: Survey, *, factory: str, num_train: int, seed: int) -> DistanceIndex:
    """An empty index trained on `num_train` rows drawn by `seed`; IndexRefused where they do not suffice."""
    if factory == "Flat":
        return _made(factory, np.zeros((1, found.width), np.float32), seed)  # nothing to learn
    if min(num_train, found.total) < EXACT_BELOW:
        raise IndexRefused(
            f"{factory} is trained on at least {EXACT_BELOW} vectors (--num-train), "
            f"these would be {min(num_train, found.total)}"
        )
    chance = np.random.default_rng(seed)
    chosen = np.sort(chance.choice(found.total, min(num_train, found.total), replace=False))
    starts = np.concatenate([[0], np.cumsum(found.num_rows)])
    files = np.searchsorted(starts, chosen, side="right") - 1
    reader, parts = QuickReader(), []
    for file in np.unique(files):
        rows = _finite(reader, found.paths[file])
        if rows is not None:
            parts.append(rows[chosen[files == file] - starts[file]])
    if not parts:
        raise IndexRefused("not one feature to train on can be read")
    return _made(factory, np.concatenate(parts), seed)


def reused(old: Path, found: Survey) -> DistanceIndex:
    """The trained structure of another index, emptied; IndexRefused if it is of another width or encoder."""
    given = index_files.load(old)
    if given.index.width != found.width:
        raise IndexRefused(f"{old} is of width {given.index.width}, the features are of {found.width}")
    encoder = found.facts.get("encoder")
    if given.encoder and encoder and given.encoder != encoder:
        raise IndexRefused(f"{old} is of {given.encoder}, the features are of {encoder}")
    return given.index.emptied()


def fill(
    index: DistanceIndex, found: Survey, report: Report, on_progress: Callable[[int], None]
) -> list[str]:
    """Add the rows of every file, also those it was trained on; the name of each row.

    A file with numbers that are not finite is rejected whole.
    """
    names: list[str] = []
    for name, rows in _blocks(found, report, on_progress):
        index.add(rows)
        names.extend(name)
    if not names:
        raise IndexRefused("there is not one feature to index")
    return names


def recall(
    opened: PlainIndex, seed: int, read: Callable[[], Iterator[np.ndarray]]
) -> dict[str, dict[str, float]]:
    """Per number of cells probed: the share of the 10 nearest by brute force that is found.

    `codes`: in the first 10; `reranked`: once the candidates are ordered by their exact distances.
    `read` gives all vectors in blocks; the queries are some of them.
    """
    total = len(opened.paths)
    chosen = np.sort(np.random.default_rng(seed).choice(total, min(RECALL_QUERIES, total), replace=False))
    queries = _rows_at(read(), chosen)
    true = _nearest(read(), queries, min(RECALL_AT, total))
    cells = opened.index.num_cells
    measured = {}
    for probes in sorted({1, min(8, cells), min(32, cells), cells}):
        near = opened.index.near(queries, k=CANDIDATES, num_probes=probes)
        shares = [
            (np.isin(true[i], rows[:RECALL_AT]).mean(), np.isin(true[i], rows).mean())
            for i, (rows, _) in enumerate(near)
        ]
        codes, reranked = np.mean(shares, axis=0)
        measured[str(probes)] = {"codes": round(float(codes), 4), "reranked": round(float(reranked), 4)}
    return measured


def blocks_of(opened: PlainIndex) -> Iterator[np.ndarray]:
    """All vectors of an index from its feature files, in the order of its rows."""
    waiting: list[np.ndarray] = []
    for file in range(len(opened.files)):
        rows = opened.vectors_of_file(file)
        if rows is None:
            raise IndexRefused(f"{opened.files[file]} has gone while its index was built")
        waiting.append(rows)
        if sum(map(len, waiting)) >= BLOCK_ROWS:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


def _made(factory: str, training: np.ndarray, seed: int) -> DistanceIndex:
    try:
        return vectors.make_distance_index(factory, training=training, seed=seed)
    except VectorsRefused as error:
        raise IndexRefused(str(error)) from None


def _agree(agreed: dict[str, tuple[str, Any]], key: str, name: str, value: Any) -> None:
    other, before = agreed.setdefault(key, (name, value))
    if before != value:
        raise IndexRefused(f"{name} was made with {key} {value}, {other} with {before}: one index is of one")


def _finite(reader: QuickReader, name: str) -> np.ndarray | None:
    try:
        rows = reader.rows(name)
    except FeaturesRefused:
        return None
    return rows if np.isfinite(rows).all() else None


def _blocks(
    found: Survey, report: Report, on_progress: Callable[[int], None]
) -> Iterator[tuple[list[str], np.ndarray]]:
    reader = QuickReader()
    names: list[str] = []
    waiting: list[np.ndarray] = []
    for name, num_rows in zip(found.paths, found.num_rows, strict=True):
        rows = _finite(reader, name)
        if rows is None or rows.shape != (num_rows, found.width):
            report.rejected(name, "not-finite", f"{name} holds NaN or infinity, or has just changed.")
        else:
            report.done(name)
            waiting.append(rows)
            names.extend([name] * len(rows))
        on_progress(1)
        if len(names) >= BLOCK_ROWS:
            yield names, np.concatenate(waiting)
            names, waiting = [], []
    if names:
        yield names, np.concatenate(waiting)


def _rows_at(blocks: Iterator[np.ndarray], chosen: np.ndarray) -> np.ndarray:
    parts, start = [], 0
    for block in blocks:
        here = chosen[(chosen >= start) & (chosen < start + len(block))]
        parts.append(block[here - start])
        start += len(block)
    return np.concatenate(parts)


def _nearest(blocks: Iterator[np.ndarray], queries: np.ndarray, k: int) -> np.ndarray:
    """(Q, k) rows nearest by brute force."""
    best = np.full((len(queries), 0), np.inf, np.float32)
    rows = np.zeros((len(queries), 0), np.int64)
    start = 0
    for block in blocks:
        # |q|^2 is the same for all of a query's distances
        distances = (block**2).sum(axis=1) - 2 * (queries @ block.T)
        best = np.concatenate([best, distances], axis=1)
        rows = np.concatenate(
            [rows, np.broadcast_to(np.arange(start, start + len(block)), distances.shape)], axis=1
        )
        kept = np.argsort(best, axis=1, kind="stable")[:, :k]
        best, rows = np.take_along_axis(best, kept, 1), np.take_along_axis(rows, kept, 1)
        start += len(block)
    return rows
