"""What the search service holds of a corpus, as values that never change: items, vectors, groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np

from indexing.compute.builds import OpenBuild
from indexing.compute.newest import Newest
from indexing.compute.regions import SCALE_PRIOR, WHOLE, Box, slot_like
from indexing.compute.vectors import LoadedIndex, RefinedIndex

NO_STACK = 0
NO_ROW = -1


@dataclass(frozen=True, slots=True)
class Items:
    """The live items of a corpus, in order of id; position i of every array is the same item."""

    item_ids: np.ndarray  # (M,) int64, ascending
    media_files: np.ndarray  # (M,) int64
    stacks: np.ndarray  # (M,) int64; NO_STACK: none
    pts_seconds: np.ndarray  # (M,) float64
    is_video: np.ndarray  # (M,) bool

    def __post_init__(self) -> None:
        n = len(self.item_ids)
        for name in ("media_files", "stacks", "pts_seconds", "is_video"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} must have {n} entries, got {len(getattr(self, name))}")
        if n and (np.diff(self.item_ids) <= 0).any():
            raise ValueError("item_ids must be ascending and distinct")

    def positions(self, item_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(where each id is, whether it is there at all); the place of an absent one means nothing."""
        if len(self.item_ids) == 0:
            return np.zeros(len(item_ids), np.int64), np.zeros(len(item_ids), bool)
        at = np.minimum(np.searchsorted(self.item_ids, item_ids), len(self.item_ids) - 1)
        return at, self.item_ids[at] == item_ids

    def without(self, item_ids: np.ndarray) -> Items:
        """The same items but those named."""
        keep = ~np.isin(self.item_ids, item_ids)
        return Items(**{field.name: getattr(self, field.name)[keep] for field in fields(self)})


_NONE = np.zeros(0, np.int64)
NO_ITEMS = Items(_NONE, _NONE, _NONE, np.zeros(0), np.zeros(0, bool))


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive rows searched by one structure: a build, or a piece of the delta beside it."""

    item_ids: np.ndarray  # (n,) int64
    exact: LoadedIndex
    codes: RefinedIndex | None = None
    candidate_factor: int = 1
    slots: np.ndarray | None = None  # (n,) int16, of tiles of frames; None: whole items, slot 0

    @property
    def prior(self) -> float:
        """What is taken from the similarities of its rows."""
        return 0.0 if self.slots is None else SCALE_PRIOR

    @classmethod
    def of_build(cls, build: OpenBuild) -> Part:
        return cls(build.item_ids, build.exact, build.codes, build.manifest.candidate_factor, build.slots)


@dataclass(frozen=True)
class Groups:
    """Rows put together: members of a stack, or the rows of an item; a row is in one group."""

    codes: np.ndarray  # (N,) int32, the group of every row
    num_groups: int
    is_first: np.ndarray | None  # (N,) bool: the first row of its item; None: every row is

    @cached_property
    def order(self) -> np.ndarray:
        """(N,) rows sorted by group; group g is order[starts[g]:starts[g + 1]]."""
        return np.argsort(self.codes, kind="stable").astype(np.int32)

    @cached_property
    def starts(self) -> np.ndarray:
        sizes = np.bincount(self.codes, minlength=self.num_groups)
        return np.concatenate([[0], np.cumsum(sizes)])

    @property
    def are_single(self) -> bool:
        """Whether every row is a group of its own."""
        return self.num_groups == len(self.codes)

    def num_of(self, rows: np.ndarray) -> int:
        """How many groups `rows` (distinct) are of."""
        return len(rows) if self.are_single else len(np.unique(self.codes[rows]))

    def first_of_each(self, rows: np.ndarray) -> np.ndarray:
        """Places among `rows` (distinct) of the first of each group, in order."""
        if self.are_single:
            return np.arange(len(rows))
        _, first = np.unique(self.codes[rows], return_index=True)
        first.sort()
        return first

    def num_members(self, codes: np.ndarray, allows: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """How many items of each named group `allows` (rows -> bool) lets through; costs the groups' size."""
        if len(codes) == 0 or self.are_single:
            return np.ones(len(codes), np.int64)
        sizes = self.starts[codes + 1] - self.starts[codes]
        stops = np.cumsum(sizes)
        within = np.arange(stops[-1]) - np.repeat(stops - sizes, sizes)
        rows = self.order[np.repeat(self.starts[codes], sizes) + within]
        chosen = allows(rows) if self.is_first is None else allows(rows) & self.is_first[rows]
        counts: np.ndarray = np.add.reduceat(chosen.astype(np.int64), stops - sizes)
        return counts


def _apart(num_rows: int) -> Groups:
    return Groups(np.arange(num_rows, dtype=np.int32), num_rows, None)


@dataclass(frozen=True)
class Resident:
    """One corpus's vectors with what is known of their items. Never changed: a change is a new one.

    Parts of whole items come first, parts of tiles after them; the first row of an item is its whole.
    """

    parts: tuple[Part, ...]
    items: Items
    encoder: str
    width: int
    build: str = ""  # id of the build in use; empty: none, everything is searched one by one
    within: Newest[Any] = field(default_factory=lambda: Newest(8), repr=False, compare=False)
    selections: Newest[Any] = field(default_factory=lambda: Newest(16), repr=False, compare=False)

    @cached_property
    def item_ids(self) -> np.ndarray:
        """(N,) int64, of every row of all parts."""
        return np.concatenate([np.zeros(0, np.int64), *(part.item_ids for part in self.parts)])

    @cached_property
    def starts(self) -> list[int]:
        """The first row of every part, and the number of rows."""
        return [0, *np.cumsum([len(part.item_ids) for part in self.parts]).tolist()]

    @cached_property
    def num_whole(self) -> int:
        """Rows [0, num_whole) are of whole items, the others of tiles of frames."""
        return sum(len(part.item_ids) for part in self.parts if part.slots is None)

    @property
    def has_tiles(self) -> bool:
        return self.num_whole < len(self.item_ids)

    @cached_property
    def slots(self) -> np.ndarray:
        """(N,) int16, of every row."""
        own = [
            np.zeros(len(part.item_ids), np.int16) if part.slots is None else part.slots
            for part in self.parts
        ]
        return np.concatenate([np.zeros(0, np.int16), *own])

    @cached_property
    def _in_items(self) -> tuple[np.ndarray, np.ndarray]:
        if np.array_equal(self.item_ids, self.items.item_ids):
            return np.arange(len(self.item_ids)), np.ones(len(self.item_ids), bool)
        return self.items.positions(self.item_ids)

    @cached_property
    def live(self) -> np.ndarray:
        """(N,) bool: rows of items that are there; an old build may still hold deleted ones."""
        return self._in_items[1]

    @cached_property
    def media_files(self) -> np.ndarray:
        return self._of_rows(self.items.media_files)

    @cached_property
    def pts_seconds(self) -> np.ndarray:
        return self._of_rows(self.items.pts_seconds)

    @cached_property
    def is_video(self) -> np.ndarray:
        return self._of_rows(self.items.is_video)

    @cached_property
    def stacks(self) -> np.ndarray:
        return self._of_rows(self.items.stacks)

    @cached_property
    def by_item(self) -> Groups:
        """Every item for itself."""
        if self._is_ascending:
            return _apart(len(self.item_ids))
        distinct, first, codes = np.unique(self.item_ids, return_index=True, return_inverse=True)
        is_first = None
        if len(distinct) != len(self.item_ids):
            is_first = np.zeros(len(self.item_ids), bool)
            is_first[first] = True
        return Groups(codes.astype(np.int32), len(distinct), is_first)

    @cached_property
    def by_stack(self) -> Groups:
        """Stacks together, every other item for itself."""
        if not (self.stacks != NO_STACK).any():
            return self.by_item
        keys = np.where(self.stacks == NO_STACK, -self.item_ids, self.stacks)
        distinct, codes = np.unique(keys, return_inverse=True)
        return Groups(codes.astype(np.int32), len(distinct), self.by_item.is_first)

    @cached_property
    def _is_ascending(self) -> bool:
        """Whether rows are in order of item, one of each, as they are where nothing was encoded late."""
        return bool((self.item_ids[1:] > self.item_ids[:-1]).all())

    @cached_property
    def _row_order(self) -> np.ndarray | None:
        """(N,) rows in order of item; None: they are."""
        return None if self._is_ascending else np.argsort(self.item_ids, kind="stable")

    def _places(self, item_ids: np.ndarray, side: Literal["left", "right"]) -> np.ndarray:
        return np.searchsorted(self.item_ids, item_ids, side, sorter=self._row_order)

    def _rows_at(self, places: np.ndarray) -> np.ndarray:
        return places if self._row_order is None else self._row_order[places]

    def all_rows_of(self, item_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(all rows of these items, which of `item_ids` each is of); items without a vector have none."""
        first, last = self._places(item_ids, "left"), self._places(item_ids, "right")
        numbers = last - first
        of_item = np.repeat(np.arange(len(item_ids)), numbers)
        within = np.arange(len(of_item)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
        return self._rows_at(first[of_item] + within), of_item

    def row_of_each(self, item_ids: np.ndarray) -> np.ndarray:
        """(n,) int64: the first row of each item, NO_ROW where it has none."""
        if len(self.item_ids) == 0 or len(item_ids) == 0:
            return np.full(len(item_ids), NO_ROW)
        rows = self._rows_at(np.minimum(self._places(item_ids, "left"), len(self.item_ids) - 1))
        return np.where(self.item_ids[rows] == item_ids, rows, NO_ROW)

    def rows_of(self, item_ids: np.ndarray) -> np.ndarray:
        """The first row of each item that has one; items without a vector are left out."""
        rows = self.row_of_each(item_ids)
        return rows[rows != NO_ROW]

    def vectors_of(self, rows: np.ndarray) -> np.ndarray:
        """The vectors (n, D) float32 of `rows`, in their order."""
        vectors = np.empty((len(rows), self.width), np.float32)
        for part, start in zip(self.parts, self.starts, strict=False):
            inside = (rows >= start) & (rows < start + len(part.item_ids))
            if inside.any():
                vectors[inside] = part.exact.vectors_of(rows[inside] - start)
        return vectors

    def similarities_of(self, rows: np.ndarray, query: np.ndarray) -> np.ndarray:
        """(n,) float32: how near `rows` are to `query` (D,), tiles less the prior."""
        near: np.ndarray = self.vectors_of(rows) @ query
        return near - self.priors_of(rows) if self.has_tiles else near

    def priors_of(self, rows: np.ndarray) -> np.ndarray:
        """(n,) float32: what is taken from the similarities of `rows`."""
        return np.float32(SCALE_PRIOR) * (self.slots[rows] != WHOLE)

    def nearest_rows(self, item_ids: np.ndarray, query: np.ndarray) -> np.ndarray:
        """(n,) int64: of each item the row that stands for it to `query` (D,): its whole, or the tile that is
        nearer by more than the prior; NO_ROW where it has none."""
        first = self.row_of_each(item_ids)
        if not self.has_tiles or len(item_ids) == 0:
            return first
        rows, of_item = self.all_rows_of(item_ids)
        similarities = self.similarities_of(rows, query)
        order = np.lexsort((rows, -similarities, of_item))  # best first within each item
        places, best = np.unique(of_item[order], return_index=True)
        first[places] = rows[order][best]
        return first

    def rows_like(self, rows: np.ndarray, boxes: Mapping[int, Box]) -> np.ndarray:
        """(n,) int64: `rows`, one of each item; where `boxes` says which part of an item is meant, the row of
        the tile that is most like it, if there is one."""
        outlined = np.isin(self.item_ids[rows], list(boxes))
        if not outlined.any():
            return rows
        rows = rows.copy()
        item_ids = self.item_ids[rows[outlined]]
        every, of_item = self.all_rows_of(item_ids)
        slots = np.array([slot_like(boxes[item]) for item in item_ids.tolist()])
        found = self.slots[every] == slots[of_item]
        rows[np.flatnonzero(outlined)[of_item[found]]] = every[found]
        return rows

    def prepare(self) -> Resident:
        """Compute what every ranking needs, before the first one waits for it."""
        for groups in (self.by_stack, self.by_item):
            if not groups.are_single:
                groups.order, groups.starts  # noqa: B018 - kept from now on
        self._row_order, self.stacks, self.media_files  # noqa: B018
        return self

    def groups(self, *, fold: bool) -> Groups:
        return self.by_stack if fold else self.by_item

    def _of_rows(self, values: np.ndarray) -> np.ndarray:
        at, _ = self._in_items
        return values[at] if len(values) else np.zeros(len(at), values.dtype)
