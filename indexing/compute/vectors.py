"""The one place that calls faiss: structures over vectors, in memory and in files.

Rows are numbered from 0 in the order they were added; whose they are is `item_ids` of the same order.
Similarity is the inner product, which for unit vectors is the cosine; larger is nearer.
"""

import errno
import os
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np

FAISS_VERSION = faiss.__version__
EXACT_FACTORIES = ("Flat", "SQfp16")  # they hold every vector; their similarities are exact
# faiss compares its BLAS threshold with nq * d: from 2 to 249 queries at 512-d its default is 5-8x too slow.
faiss.cvar.distance_compute_blas_threshold = 1
# One query uses one core; a second thread gave nothing at 1 M and ruins the tail beside other work.
faiss.omp_set_num_threads(1)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# A header lies at most this much about its lengths: bounds on what reading a file may allocate.
HEADER_BYTES = 1 << 20
TABLE_BYTES = 1 << 30  # what an IVFPQ file makes faiss compute beside what it holds


class VectorsRefused(ValueError):
    """Vectors or a file that faiss must not be given, or would not take."""


class Found(NamedTuple):
    """Rows near a query, best first; of equal similarity the lower row first."""

    rows: np.ndarray  # (K,) int64
    similarities: np.ndarray  # (K,) float32


NOTHING = Found(np.zeros(0, np.int64), np.zeros(0, np.float32))


class LoadedIndex:
    """A faiss structure in memory, of one width; what it cannot answer is an error with a name."""

    def __init__(self, index: Any, factory: str, *, is_mapped: bool = False) -> None:
        self._index = index
        self.factory = factory
        self.width = int(index.d)
        self._is_mapped = is_mapped

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def is_exact(self) -> bool:
        """Whether it holds the vectors themselves, and may be asked for them and with `allowed`."""
        return self.factory in EXACT_FACTORIES

    def nearest(self, query: np.ndarray, *, k: int, allowed: np.ndarray | None = None) -> Found:
        """The k rows nearest to `query` (D,), best first; fewer when the structure yields fewer.

        `allowed` (N,) bool leaves out rows, in exact structures only. faiss marks missing places
        with -1, and they are dropped here.
        """
        query = self._checked(query)
        k = min(k, len(self))
        if k <= 0:
            return NOTHING
        params = None if allowed is None else self._selecting(allowed)
        similarities, rows = self._index.search(query, k, params=params)
        return _sorted(rows[0], similarities[0])

    def at_least(
        self, query: np.ndarray, *, min_similarity: float, allowed: np.ndarray | None = None
    ) -> Found:
        """Every row with a similarity of at least `min_similarity`, best first; exact structures only."""
        query = self._checked(query)
        if len(self) == 0:
            return NOTHING
        params = None if allowed is None else self._selecting(allowed)
        # faiss compares with >; the next smaller number makes it >=.
        radius = float(np.nextafter(np.float32(min_similarity), np.float32(-np.inf)))
        _, similarities, rows = self._index.range_search(query, radius, params=params)
        return _sorted(rows, similarities)

    def vectors_of(self, rows: np.ndarray) -> np.ndarray:
        """The stored vectors (n, D) float32 of `rows`; exact structures only."""
        self._must_be_exact("give back vectors")
        rows = np.ascontiguousarray(rows, np.int64)
        if len(rows) == 0:
            return np.zeros((0, self.width), np.float32)
        if rows.min() < 0 or rows.max() >= len(self):
            raise VectorsRefused(f"rows must be within [0, {len(self)}), got {rows.min()} to {rows.max()}")
        return np.asarray(self._index.reconstruct_batch(rows))

    def grown_by(self, vectors: np.ndarray) -> "LoadedIndex":
        """Another index with `vectors` (n, D) after the rows of this one, which stays as it is."""
        if self._is_mapped:  # faiss ends the whole process on an attempt
            raise VectorsRefused("an index mapped from a file does not grow; put new vectors beside it")
        grown = faiss.clone_index(self._index)
        grown.add(_matrix(vectors, self.width))
        return LoadedIndex(grown, self.factory)

    def _checked(self, query: np.ndarray) -> np.ndarray:
        if query.shape != (self.width,):
            raise VectorsRefused(f"a query must be ({self.width},) for this index, got {query.shape}")
        if not np.isfinite(query).all():
            raise VectorsRefused("a query must be finite numbers, got NaN or infinity")
        return np.ascontiguousarray(query[None], np.float32)

    def _selecting(self, allowed: np.ndarray) -> Any:
        self._must_be_exact("leave out rows")
        if allowed.shape != (len(self),) or allowed.dtype != bool:
            raise VectorsRefused(f"allowed must be ({len(self)},) bool, got {allowed.shape} {allowed.dtype}")
        return faiss.SearchParameters(sel=faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little")))

    def _must_be_exact(self, what: str) -> None:
        if not self.is_exact:
            raise VectorsRefused(f"{self.factory} cannot {what}; one of {', '.join(EXACT_FACTORIES)} can")


class RefinedIndex:
    """Compressed codes that propose, exact vectors that decide: two structures over the same rows."""

    def __init__(self, codes: LoadedIndex, exact: LoadedIndex) -> None:
        exact._must_be_exact("refine")
        if (len(codes), codes.width) != (len(exact), exact.width):
            raise VectorsRefused(
                f"codes of {len(codes)} x {codes.width} do not go "
                f"with vectors of {len(exact)} x {exact.width}"
            )
        self.codes, self.exact = codes, exact
        self._refine = faiss.IndexRefine(codes._index, exact._index)

    def nearest(self, query: np.ndarray, *, num_candidates: int) -> Found:
        """The rows the codes find nearest to `query` (D,), with their exact similarities, best first."""
        query = self.codes._checked(query)
        num_candidates = min(num_candidates, len(self.codes))
        if num_candidates <= 0:
            return NOTHING
        params = faiss.IndexRefineSearchParameters(k_factor=1.0)
        similarities, rows = self._refine.search(query, num_candidates, params=params)
        return _sorted(rows[0], similarities[0])


def compressed_factory(width: int, *, width_per_code: int) -> str | None:
    """The fastscan factory with about `width_per_code` numbers per 4-bit code; None if nothing divides.

    512, 4 -> PQ128x4fs; 510, 4 -> PQ102x4fs (127 does not divide 510, 102 does); a prime width -> None.
    """
    wanted = width // width_per_code
    fitting = [m for m in range(wanted, wanted // 2, -1) if width % m == 0]
    return f"PQ{fitting[0]}x4fs" if fitting else None


def make_index(factory: str, *, training: np.ndarray) -> LoadedIndex:
    """An empty, trained structure; `training` (n, D) also gives the width."""
    xt = _matrix(training, training.shape[1] if training.ndim == 2 else 0)
    try:
        index = faiss.index_factory(xt.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        if not index.is_trained:
            index.train(xt)
    except RuntimeError as error:
        raise VectorsRefused(f"faiss cannot make {factory} of width {xt.shape[1]}: {error}") from None
    return LoadedIndex(index, factory)


def add(index: LoadedIndex, blocks: Iterable[np.ndarray]) -> None:
    """Append blocks (n, D) to a structure nobody else reads yet."""
    for block in blocks:
        index._index.add(_matrix(block, index.width))


def exact_index(vectors: np.ndarray) -> LoadedIndex:
    """The given vectors (N, D) in half precision, searched one by one."""
    index = make_index("SQfp16", training=vectors)
    add(index, [vectors])
    return index


def exact_file_head(num_rows: int, width: int) -> bytes:
    """What comes before the rows (half precision, little-endian) in the file of an exact index, SQfp16.

    So a file of any size is written block by block; whatever reads it gets it through `load`.
    """
    empty = faiss.index_factory(width, "SQfp16", faiss.METRIC_INNER_PRODUCT)
    head = bytearray(faiss.serialize_index(empty).tobytes())
    head[8:16] = num_rows.to_bytes(8, "little")  # after the four letters and the width
    head[-8:] = (num_rows * width * 2).to_bytes(8, "little")
    return bytes(head)


def save(index: LoadedIndex, path: Path) -> None:
    """Write the structure to `path`, or OSError. Checksum and fsync are the part of `builds`."""
    _write(index._index, path)


def _write(index: Any, path: Path) -> None:
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:  # says it in words only
        number = next((each for each in NO_ROOM if os.strerror(each) in str(error)), None)
        words = os.strerror(number) if number else _reason(error)
        raise OSError(number or errno.EIO, words, str(path)) from error


def load(path: Path, *, factory: str, num_vectors: int, width: int) -> LoadedIndex:
    """The structure in the file at `path`, memory-mapped where it can be; VectorsRefused if it is another.

    Check the file's sha256 first: faiss notices a file cut short, not one with changed bytes.
    """
    faiss.set_deserialization_vector_byte_limit(path.stat().st_size + HEADER_BYTES)
    faiss.set_deserialization_loop_limit(max(num_vectors, 1 << 16))
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise VectorsRefused(f"{path} is not a whole index: {error}") from None
    got = (index.ntotal, index.d, index.metric_type)
    if got != (num_vectors, width, faiss.METRIC_INNER_PRODUCT):
        raise VectorsRefused(
            f"{path} should hold {num_vectors} x {width} by inner product, "
            f"it holds {got[0]} x {got[1]}, metric {got[2]}"
        )
    return LoadedIndex(index, factory, is_mapped=True)


def _matrix(vectors: np.ndarray, width: int) -> np.ndarray:
    if vectors.ndim != 2 or vectors.shape[1] != width or width == 0:
        raise VectorsRefused(f"vectors must be (N, {width}), got {vectors.shape}")
    return np.ascontiguousarray(vectors, np.float32)


def _sorted(rows: np.ndarray, similarities: np.ndarray) -> Found:
    there = rows != -1
    rows, similarities = rows[there], similarities[there]
    order = np.lexsort((rows, -similarities))
    return Found(rows[order], similarities[order])


class DistanceIndex:
    """A faiss structure searched by squared Euclidean distance, smaller is nearer: the plain .idx files."""

    def __init__(self, index: Any) -> None:
        self._index, self._lock = index, threading.Lock()
        self._cells = _inverted_file(index)
        self.width = int(index.d)
        self.is_exact = isinstance(index, faiss.IndexFlat)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def num_cells(self) -> int:
        """Of an inverted file; 1 for a structure that always looks at everything."""
        return int(self._cells.nlist) if self._cells is not None else 1

    def near(self, queries: np.ndarray, *, k: int, num_probes: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Per query (Q, D) its rows (n,) int64 and squared distances (n,), nearest first; n <= k.

        Looks into `num_probes` cells. faiss marks missing places with -1, and they are dropped here.
        """
        queries = _matrix(queries, self.width)
        if not np.isfinite(queries).all():
            raise VectorsRefused("a query must be finite numbers, got NaN or infinity")
        k = min(k, len(self))
        if k <= 0:
            return [(np.zeros(0, np.int64), np.zeros(0, np.float32))] * len(queries)
        with self._lock:
            if self._cells is not None:
                self._cells.nprobe = max(1, min(num_probes, self.num_cells))
            distances, rows = self._index.search(queries, k)
        return [_ascending(rows[i], distances[i]) for i in range(len(queries))]

    def add(self, block: np.ndarray) -> None:
        """Append (n, D) to a structure nobody else reads yet."""
        self._index.add(_matrix(block, self.width))

    def emptied(self) -> "DistanceIndex":
        """Another one with what this one was trained to, and no rows."""
        copy = faiss.clone_index(self._index)
        copy.reset()
        return DistanceIndex(copy)

    def save(self, path: Path) -> None:
        """Write the structure to `path`, or OSError."""
        _write(self._index, path)


def make_distance_index(factory: str, *, training: np.ndarray, seed: int = 0) -> DistanceIndex:
    """An empty, trained structure for squared distances; the same training and seed give the same one.

    Polysemous training is off: it takes minutes to hours with many codes, and nothing here uses it.
    """
    xt = _matrix(training, training.shape[1] if training.ndim == 2 else 0)
    try:
        index = faiss.index_factory(xt.shape[1], factory, faiss.METRIC_L2)
        _prepare_training(index, seed)
        if not index.is_trained:
            index.train(xt)
    except RuntimeError as error:
        raise VectorsRefused(
            f"faiss cannot make {factory} of {len(xt)} x {xt.shape[1]} numbers: {_reason(error)}"
        ) from None
    return DistanceIndex(index)


def load_distance_index(path: Path) -> DistanceIndex:
    """The structure in a plain .idx file, whoever wrote it; VectorsRefused for what is none."""
    faiss.set_deserialization_vector_byte_limit(path.stat().st_size + HEADER_BYTES + TABLE_BYTES)
    faiss.set_deserialization_loop_limit(1 << 24)
    try:
        index = faiss.read_index(str(path))
    except RuntimeError as error:
        raise VectorsRefused(f"{path} is not a whole index: {_reason(error)}") from None
    if index.metric_type != faiss.METRIC_L2:
        raise VectorsRefused(
            f"{path} must be searched by Euclidean distance, its metric is {index.metric_type}"
        )
    return DistanceIndex(index)


def _reason(error: RuntimeError) -> str:
    """What faiss says, without the names of its functions and files."""
    said = re.sub(r"^Error in .*? at \S+:\d+: ", "", str(error), flags=re.DOTALL)
    return (said.rpartition("Error: ")[2] or said).strip()[:300]


def _inverted_file(index: Any) -> Any:
    """The part with cells of a structure, also inside a transform; None where there is none."""
    found = faiss.try_extract_index_ivf(index)
    return None if found is None else faiss.downcast_index(found)


def _prepare_training(index: Any, seed: int) -> None:
    part = _inverted_file(index) or index
    part = faiss.downcast_index(part)
    for clustering in (getattr(part, "cp", None), getattr(getattr(part, "pq", None), "cp", None)):
        if clustering is not None:
            clustering.seed = seed
            clustering.min_points_per_centroid = 1  # few are a sentence of ours, not a line of faiss's
    if hasattr(part, "do_polysemous_training"):
        part.do_polysemous_training = False


def _ascending(rows: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    there = rows != -1
    rows, distances = rows[there], distances[there]
    order = np.lexsort((rows, distances))
    return rows[order], np.maximum(distances[order], 0)
