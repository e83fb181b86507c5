"""Plain indices: NAME.idx (faiss), NAME.json (the file of every row), NAME.idx.meta.json (what it is).

The first two are the old sfi's own, read and written as they are; the third binds them: checksums, encoder,
what a row is, measured recall. Without it the pair is still searched, and what is not known is said.
"""

import json
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from indexing.compute import vectors
from indexing.compute.files import sha256_of
from indexing.compute.plain import side_files
from indexing.compute.plain.feature_files import FeaturesRefused, QuickReader
from indexing.compute.plain.source_pictures import SourcePictures
from indexing.compute.plain.whole_files import as_json, writing_whole
from indexing.compute.vectors import DistanceIndex, VectorsRefused

LAYOUTS = ("pooled", "windows", "map")  # one row per file; rows of a file are windows; ... are positions
EXACT_BELOW = 256  # vectors: product quantizers want as many to be trained


class IndexRefused(ValueError):
    """An index, or features for one, that cannot be used; says why."""


class PlainIndex:
    """An index in memory and the names of its rows."""

    def __init__(
        self, index: DistanceIndex, paths: Sequence[str], meta: Mapping[str, Any] | None, folder: Path
    ) -> None:
        self.index, self.paths, self.meta = index, paths, dict(meta or {})
        self.has_meta = meta is not None
        self.layout: str = self.meta.get("layout", "pooled")
        self.features_size: int | None = self.meta.get("features_size")
        self.files: Sequence[str] = paths
        self.starts = np.zeros(0, np.int64)  # first row of every file; of the pooled layout it is its number
        if self.layout != "pooled":
            self.starts, self.files = _runs(paths)
        self._bases = [Path.cwd(), Path(self.meta.get("working_folder", ".")), folder]
        self._prefix = self._common_prefix()
        self._reader = QuickReader()
        self.has_vectors = self._has_vectors()
        self.pictures: SourcePictures | None = None  # where feature files without side files come from

    @property
    def encoder(self) -> str | None:
        return self.meta.get("encoder")

    @property
    def weights_sha256(self) -> str | None:
        return self.meta.get("weights_sha256")

    @property
    def num_units(self) -> int:
        """Of what results are: files of a map, else rows."""
        return len(self.files) if self.layout == "map" else len(self.paths)

    def units_of(self, rows: np.ndarray) -> np.ndarray:
        """The unit of each row."""
        if self.layout != "map":
            return rows
        return np.searchsorted(self.starts, rows, side="right") - 1

    def place_of(self, row: int) -> tuple[int, int]:
        """(file, row within it) of a row."""
        if self.layout == "pooled":
            return row, 0
        file = int(np.searchsorted(self.starts, row, side="right")) - 1
        return file, row - int(self.starts[file])

    def vectors_of_file(self, file: int) -> np.ndarray | None:
        """(R, D) of a feature file; None where it is gone or has become another."""
        try:
            rows = self._reader.rows(self._prefix + self.files[file])
        except FeaturesRefused:
            return None
        return rows if rows.shape[1] == self.index.width else None

    def path_of(self, file: int) -> Path:
        """Where a feature file is: as named, else from where the index was built, else beside the index."""
        return self._located(self.files[file])

    def meta_of_file(self, file: int) -> dict[str, Any] | None:
        return side_files.read_meta(self.path_of(file))

    @property
    def has_media(self) -> bool:
        """Whether results can be expected to name what they are of."""
        are_pictures = self.meta.get("rows_are") == "images"
        return are_pictures or self.encoder is not None or self.pictures is not None

    def media_of(self, file: int, meta: Mapping[str, Any]) -> str | None:
        """The picture or video a feature file is of: as its side file says, else by its name."""
        said: str | None = meta.get("source")
        if self.pictures is None or (said is not None and Path(said).exists()):
            return said
        return self.pictures.of(self.files[file]) or said

    def _common_prefix(self) -> str:
        """What makes the first name a path that is there; the others are taken to be there too."""
        if not len(self.files):
            return ""
        return str(self.path_of(0)).removesuffix(str(Path(self.files[0])))

    def _located(self, name: str) -> Path:
        path = Path(name)
        if path.is_absolute():
            return path
        return next((base / path for base in self._bases if (base / path).exists()), path)

    def _has_vectors(self) -> bool:
        if self.meta.get("rows_are") == "images" or not len(self.files):
            return False
        return self.vectors_of_file(0) is not None


def names_path(idx: Path) -> Path:
    """NAME.json beside NAME.idx."""
    return idx.with_suffix(".json")


def index_path(given: Path) -> Path:
    """NAME.idx for NAME, NAME.idx and NAME.json alike."""
    if given.suffix in (".idx", ".json"):
        return given.with_suffix(".idx")
    return given.with_name(given.name + ".idx")


def save(idx: Path, index: DistanceIndex, paths: Sequence[str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write the pair and what binds it; the side file's content.

    When the disk takes no more the index before is still there, whole. A kill between the two renames
    leaves a pair that its side file does not speak of: it is refused, never searched.
    """
    idx.parent.mkdir(parents=True, exist_ok=True)
    part = idx.with_name(f".{idx.name}.{os.getpid()}.part")
    try:
        index.save(part)
        with writing_whole(names_path(idx)) as names:
            names.write(as_json(list(paths)))
            names.flush()
            part.replace(idx)
    except OSError as error:
        if error.filename == str(part):
            error.filename = str(idx)
        raise
    finally:
        part.unlink(missing_ok=True)
    meta = {
        **facts,
        "count": len(paths),
        "width": index.width,
        "cells": index.num_cells,
        "is_exact": index.is_exact,
        "faiss_version": vectors.FAISS_VERSION,
        "working_folder": str(Path.cwd()),
        "idx_sha256": sha256_of(idx),
        "json_sha256": sha256_of(names_path(idx)),
    }
    side_files.write_meta(idx, meta)
    return meta


def opened_if(idx: Path, facts: Mapping[str, Any]) -> PlainIndex | None:
    """The index at `idx` where its side file says all of `facts` and it is whole; else None."""
    if not side_files.matches(side_files.read_meta(idx), facts):
        return None
    try:
        return load(idx)
    except IndexRefused:
        return None


def load(given: Path) -> PlainIndex:
    """The index at NAME (or NAME.idx), ours or the old sfi's; IndexRefused names what is wrong with it."""
    idx = index_path(given)
    names = names_path(idx)
    for path in (idx, names):
        if not path.is_file():
            raise IndexRefused(f"{path} does not exist; an index is a pair NAME.idx and NAME.json")
    meta = side_files.read_meta(idx)
    if meta is not None:
        for path, key in ((idx, "idx_sha256"), (names, "json_sha256")):
            if sha256_of(path) != meta.get(key):
                raise IndexRefused(
                    f"{path} is not the one that {side_files.meta_path(idx).name} speaks of: it was changed, "
                    "or a build was cut off. Build the index again"
                )
    try:
        paths = json.loads(names.read_bytes())
    except ValueError as error:
        raise IndexRefused(f"{names} is not JSON: {error}") from None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise IndexRefused(f"{names} must be a list of file names")
    try:
        index = vectors.load_distance_index(idx)
    except VectorsRefused as error:
        raise IndexRefused(str(error)) from None
    if len(index) != len(paths):
        raise IndexRefused(f"{idx} holds {len(index)} vectors, {names} names {len(paths)}: they are no pair")
    return PlainIndex(index, paths, meta, idx.parent)


def _runs(paths: Sequence[str]) -> tuple[np.ndarray, Sequence[str]]:
    """First row of every file, and the files: equal names one after the other are the rows of one."""
    is_first = [i for i, path in enumerate(paths) if i == 0 or path != paths[i - 1]]
    return np.array(is_first, np.int64), [paths[i] for i in is_first]


@lru_cache(maxsize=4096)
def rows_of(output: Path) -> tuple[side_files.Row, ...]:
    """What the rows of a feature file are, kept for the next result from it."""
    return tuple(side_files.read_rows(output))


def save_recall(idx: Path, measured: Mapping[str, Any]) -> None:
    """Add what was measured to the side file."""
    meta = side_files.read_meta(idx)
    if meta is not None:
        side_files.write_meta(idx, meta | {"recall_at_10": measured})
