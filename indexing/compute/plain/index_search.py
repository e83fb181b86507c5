"""A query of one or several rows to neighbors: candidates merged per item, exactly re-ranked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from indexing.compute.plain import frame_files
from indexing.compute.plain.index_files import IndexRefused, PlainIndex, rows_of

CANDIDATES = 512  # per row of the query
RERANKED_MAPS = 100  # files with a row per position are large: at least so many are read again
AGGREGATES = ("min", "mean", "votes")


@dataclass(frozen=True, slots=True)
class Neighbor:
    """An item near the query; `distance` is squared Euclidean, `similarity` the cosine where it is known."""

    path: str  # of the feature file, as the index names it
    distance: float
    similarity: float | None = None
    media: str | None = None  # the picture or video
    video: str | None = None  # where the picture is a frame of one
    number: int | None = None
    pts: int | None = None
    pts_seconds: float | None = None
    position: tuple[int, int] | None = None  # row, column of the cell that is nearest
    grid: tuple[int, int] | None = None  # rows, columns that the picture has

    def to_json(self) -> dict[str, Any]:
        """The two fields of the old wire format, and what else is known."""
        found: dict[str, Any] = {"distance": round(self.distance, 3), "path": self.path}
        if self.similarity is not None:
            found["similarity"] = round(self.similarity, 4)
        for name in ("media", "video", "number", "pts", "pts_seconds", "position", "grid"):
            if (value := getattr(self, name)) is not None:
                found[name] = value
        return found


class Answer(NamedTuple):
    """Neighbors, nearest first, and how they were found."""

    neighbors: list[Neighbor]
    num_probes: int
    is_exact: bool  # distances are those of the vectors, not of their codes


class _Candidates(NamedTuple):
    units: np.ndarray  # (U,) int64
    best: np.ndarray  # (n, U) float32, per row of the query its distance to the unit; inf where not met
    rows: np.ndarray  # (n, U) int64, the row of the index it is to


def search(
    opened: PlainIndex,
    query: np.ndarray,
    *,
    num_results: int,
    num_probes: int = 1,
    aggregate: str = "min",
    expand: int = 0,
) -> Answer:
    """The `num_results` items nearest to `query` (n, D), or all there are.

    More cells are looked into until that many are found. Several rows are aggregated per item: by the
    smallest distance, by the mean over rows of each one's smallest, or by the number of rows that met the
    item. `expand` > 0 asks again with the mean of the query and its first so many neighbors.
    """
    if aggregate not in AGGREGATES:
        raise ValueError(f"aggregate must be one of {', '.join(AGGREGATES)}, got {aggregate!r}")
    query = np.ascontiguousarray(query, np.float32)
    if expand:
        query = _expanded(opened, query, num_probes, aggregate, expand)
    found, probes = _candidates(opened, query, num_results, num_probes)
    least = CANDIDATES if opened.layout != "map" else RERANKED_MAPS
    order = _order(found, aggregate)[: max(least, 4 * num_results)]
    found = _Candidates(found.units[order], found.best[:, order], found.rows[:, order])
    cosines = np.full(len(found.units), np.nan)
    if opened.has_vectors:
        found, cosines = _exact(opened, query, found, aggregate)
    order = _order(found, aggregate)[:num_results]
    distances = _aggregated(found, "mean" if aggregate == "votes" else aggregate)
    neighbors = []
    for place in order:
        row = int(found.rows[found.best[:, place].argmin(), place])
        cosine = None if np.isnan(cosines[place]) else float(cosines[place])
        neighbors.append(_named(opened, row, float(distances[place]), cosine))
    return Answer(neighbors, probes, opened.has_vectors or opened.index.is_exact)


def _candidates(
    opened: PlainIndex, query: np.ndarray, num_results: int, num_probes: int
) -> tuple[_Candidates, int]:
    index = opened.index
    wanted = min(num_results, opened.num_units)
    k, probes = min(len(index), max(CANDIDATES, num_results)), min(max(1, num_probes), index.num_cells)
    while True:
        near = index.near(query, k=k, num_probes=probes)
        units = np.unique(opened.units_of(np.concatenate([rows for rows, _ in near])))
        if len(units) >= wanted or (probes >= index.num_cells and k >= len(index)):
            break
        if probes < index.num_cells:
            probes = min(index.num_cells, 2 * probes)
        else:
            k = min(len(index), 2 * k)
    best = np.full((len(query), len(units)), np.inf, np.float32)
    best_rows = np.zeros((len(query), len(units)), np.int64)
    for i, (rows, distances) in enumerate(near):
        places = np.searchsorted(units, opened.units_of(rows))
        # Nearest first, so the first of each place is its best.
        first, at = np.unique(places, return_index=True)
        best[i, first], best_rows[i, first] = distances[at], rows[at]
    return _Candidates(units, best, best_rows), probes


def _aggregated(found: _Candidates, aggregate: str) -> np.ndarray:
    """(U,) the distance by which items are ordered."""
    if aggregate == "min":
        return found.best.min(axis=0)
    # A row that did not meet an item counts as the farthest that it met.
    met = np.where(np.isfinite(found.best), found.best, -np.inf)
    worst = met.max(axis=1, keepdims=True, initial=0)
    return np.where(np.isfinite(found.best), found.best, worst).mean(axis=0)


def _order(found: _Candidates, aggregate: str) -> np.ndarray:
    if aggregate == "votes":
        votes = np.isfinite(found.best).sum(axis=0)
        return np.lexsort((found.units, _aggregated(found, "mean"), -votes))
    return np.lexsort((found.units, _aggregated(found, aggregate)))


def _exact(
    opened: PlainIndex, query: np.ndarray, found: _Candidates, aggregate: str
) -> tuple[_Candidates, np.ndarray]:
    """The same candidates with the distances of the stored vectors; the cosine of each one's best pair.

    What cannot be read keeps the distance of its codes, and no cosine.
    """
    measured = _exact_maps if opened.layout == "map" else _exact_rows
    distances, rows, vectors = measured(opened, query, found)
    is_read = np.isfinite(distances)
    if aggregate == "votes":
        is_read &= np.isfinite(found.best)
    best, best_rows = np.where(is_read, distances, found.best), np.where(is_read, rows, found.rows)
    nearest = best.argmin(axis=0), np.arange(len(found.units))
    near = vectors[nearest]  # (U, D), to the row of the query that is nearest
    lengths = np.linalg.norm(query[nearest[0]], axis=1) * np.linalg.norm(near, axis=1)
    cosines = (query[nearest[0]] * near).sum(axis=1) / np.maximum(lengths, 1e-12)
    return _Candidates(found.units, best, best_rows), np.where(is_read[nearest], cosines, np.nan)


class _Vectors:
    """(n, U) -> the stored row nearest to a row of the query in a unit, without n copies of one."""

    def __init__(self, rows: np.ndarray, of: np.ndarray) -> None:
        self._rows, self._of = rows, of

    def __getitem__(self, places: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return self._rows[self._of[places]]


Measured = tuple[np.ndarray, np.ndarray, _Vectors]  # distances (n, U), rows of the index (n, U), vectors


def _exact_rows(opened: PlainIndex, query: np.ndarray, found: _Candidates) -> Measured:
    """Where a unit is a row of the index."""
    stored = np.zeros((len(found.units), opened.index.width), np.float32)
    distances = np.full((len(query), len(found.units)), np.inf, np.float32)
    is_read = np.zeros(len(found.units), bool)
    last, vectors = -1, None
    for place in np.argsort(found.units):  # rows of one file come one after the other: it is read once
        file, within = opened.place_of(int(found.units[place]))
        if file != last:
            last, vectors = file, opened.vectors_of_file(file)
        if vectors is not None and within < len(vectors):
            stored[place], is_read[place] = vectors[within], True
    for i, row in enumerate(query):
        distances[i, is_read] = ((stored[is_read] - row) ** 2).sum(axis=1)
    units = np.broadcast_to(np.arange(len(found.units)), distances.shape)
    return distances, np.broadcast_to(found.units, distances.shape), _Vectors(stored, units)


def _exact_maps(opened: PlainIndex, query: np.ndarray, found: _Candidates) -> Measured:
    """Where a unit is a file with a row per position: of each only the nearest rows are kept."""
    shape = len(query), len(found.units)
    distances, rows = np.full(shape, np.inf, np.float32), np.zeros(shape, np.int64)
    kept, of = [np.zeros((1, opened.index.width), np.float32)], np.zeros(shape, np.int64)
    num_kept = 1
    for place, unit in enumerate(found.units):
        vectors = opened.vectors_of_file(int(unit))
        if vectors is None:
            continue
        squared = _squared(query, vectors)  # (n, R)
        nearest = squared.argmin(axis=1)
        distances[:, place] = squared[np.arange(len(query)), nearest]
        rows[:, place] = int(opened.starts[unit]) + nearest
        best = int(distances[:, place].argmin())
        kept.append(vectors[nearest[best] : nearest[best] + 1])
        of[:, place], num_kept = num_kept, num_kept + 1
    return distances, rows, _Vectors(np.concatenate(kept), of)


def _squared(query: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n, R) squared distances, exact also where they are small."""
    if len(query) * len(rows) <= 64:
        return np.asarray(((query[:, None] - rows[None]) ** 2).sum(axis=2))
    products = (query**2).sum(axis=1)[:, None] + (rows**2).sum(axis=1)[None] - 2 * (query @ rows.T)
    return np.asarray(np.maximum(products, 0))


def _expanded(
    opened: PlainIndex, query: np.ndarray, num_probes: int, aggregate: str, expand: int
) -> np.ndarray:
    """Each row of the query averaged with the nearest row of each of the first `expand` neighbors."""
    if not opened.has_vectors:
        raise IndexRefused("expand needs the feature files, and they are not where the index names them")
    found, _ = _candidates(opened, query, max(expand, 10), num_probes)
    found, _ = _exact(opened, query, found, aggregate)
    terms = [query]
    for place in _order(found, aggregate)[:expand]:
        unit = int(found.units[place])
        file, within = (unit, None) if opened.layout == "map" else opened.place_of(unit)
        vectors = opened.vectors_of_file(file)
        if vectors is None:
            continue
        rows = vectors if within is None else vectors[within : within + 1]
        terms.append(rows[_squared(query, rows).argmin(axis=1)])
    return np.asarray(np.mean(terms, axis=0, dtype=np.float32))


def _named(opened: PlainIndex, row: int, distance: float, similarity: float | None) -> Neighbor:
    """What a row of the index is of: the picture, or the video and the time."""
    file, within = opened.place_of(row)
    path = opened.files[file]
    if opened.meta.get("rows_are") == "images":
        return Neighbor(path, distance, similarity, media=path, **_frame_facts(Path(path)))
    meta = opened.meta_of_file(file) or {}
    media = opened.media_of(file, meta)
    if opened.layout == "map":
        size = opened.features_size
        rows, columns = meta.get("grid") or ([size, size] if size else [1, 1])
        place = (within // columns, within % columns)
        return Neighbor(
            path, distance, similarity, media, position=place, grid=(rows, columns), **_frame_facts(media)
        )
    if meta.get("kind") == "video":
        listed = rows_of(opened.path_of(file))
        if within < len(listed):
            is_ = listed[within]
            return Neighbor(
                path, distance, similarity, media, None, is_.number, is_.start_pts, is_.pts_seconds
            )
    return Neighbor(path, distance, similarity, media, **_frame_facts(media))


def _frame_facts(media: str | Path | None) -> dict[str, Any]:
    """Of a picture that a verb wrote from a video: which frame it is, by the listing beside it."""
    if media is None:
        return {}
    frame, video = frame_files.frame_of(Path(media))
    if frame is None:
        return {}
    return {"video": video, "number": frame.number, "pts": frame.pts, "pts_seconds": frame.pts_seconds}
