"""Ranking: a query vector over one corpus's resident, within a selection, folded to stacks, in pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

import numpy as np

from indexing.compute.builds import ROWS_PER_ITEM
from indexing.compute.regions import Box, box_of
from indexing.compute.residents import NO_ROW, NO_STACK, Part, Resident
from indexing.compute.selections import NO_FILTERS, Filters, Selection, within_of
from indexing.compute.sorted_rows import NO_ROWS
from indexing.compute.vectors import NOTHING, Found, RefinedIndex

EXACT_SHARE = 0.5  # selections of a smaller share of the rows are scanned one by one: it costs their number

MOST_CANDIDATES = 12_000  # beyond, one scan of the vectors is cheaper than to keep so many in order


class Hit(NamedTuple):
    """One tile: an item, how near it is, and how many items of its stack may be shown with it."""

    item: int
    stack: int | None
    count: int  # type: ignore[assignment] # hides tuple.count
    similarity: float  # of a tile less the prior on scale
    box: Box | None = None  # the tile that is nearest; None: the whole item is


@dataclass(eq=False)
class Ranking:
    """The order of one selection by one query. Pages of it never overlap, and miss nothing.

    An item is as near as the nearest of its whole and its tiles, which count SCALE_PRIOR less.

    It is worked out as deep as pages are asked for; what was given once keeps its place, also when the
    corpus it is of is replaced by a newer one: what is new comes behind what was given.
    """

    resident: Resident
    query: np.ndarray  # (D,) float32
    selection: Selection  # as it was when the ranking began
    filters: Filters = NO_FILTERS  # that `selection` is within
    fold: bool = True
    is_exact: bool = False  # never by compressed codes
    min_similarity: float | None = None
    _items: np.ndarray = field(default_factory=lambda: NO_ROWS)  # the nearest item of each group, in order
    _rows: np.ndarray = field(default_factory=lambda: NO_ROWS)  # of `_items`; NO_ROW: gone, its place is kept
    _similarities: np.ndarray = field(default_factory=lambda: NOTHING.similarities)
    _are_nearest: bool = True  # each of `_rows` is the nearest of its item, not just one of them
    _is_complete: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def total(self) -> int:
        """Number of groups in the ranking; with `min_similarity` it is known once a page was asked for."""
        if self.min_similarity is None:
            return self.selection.num_groups
        return int(np.count_nonzero(self._rows != NO_ROW))

    @property
    def num_bytes(self) -> int:
        """What it holds that nobody else does."""
        own = (self.query, self._items, self._rows, self._similarities, self.selection.but)
        return sum(array.nbytes for array in own) + (0 if self.filters == NO_FILTERS else self._within_bytes)

    @property
    def _within_bytes(self) -> int:
        return self.selection.within.mask.nbytes + self.selection.within.group_sizes.nbytes

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """(items, similarities) of all places worked out so far, also of what is gone."""
        with self._lock:
            return self._items, self._similarities

    def given(self) -> tuple[np.ndarray, np.ndarray]:
        """(items, similarities) of the places worked out so far, less those gone."""
        with self._lock:
            there = self._rows != NO_ROW
            if there.all():
                return self._items, self._similarities
            return self._items[there], self._similarities[there]

    def values_of(self, rows: np.ndarray) -> np.ndarray:
        """(n,) float32: what `rows` are ranked by."""
        return self.resident.similarities_of(rows, self.query)

    def deepen(self, wanted: int) -> None:
        """Work the order out to at least `wanted` places, or to its end."""
        with self._lock:
            if wanted > len(self._rows) and not self._is_complete:
                self._deepen(wanted)

    def move_to(self, resident: Resident) -> None:
        """Go on over `resident`, of the same encoder; what was left out stays left out."""
        with self._lock:
            if resident is self.resident:
                return
            within, groups = (
                within_of(resident, self.filters, fold=self.fold),
                resident.groups(fold=self.fold),
            )
            chosen, old = self.selection, self.resident.item_ids
            if chosen.only is None:
                but, _ = resident.all_rows_of(np.unique(old[chosen.but]))
                self.selection = Selection.all_but(within, but, groups)
            else:
                only, _ = resident.all_rows_of(np.unique(old[chosen.only]))
                self.selection = Selection.only_of(within, only, groups)
            self.resident, self._is_complete = resident, False
            self._rows, self._are_nearest = resident.row_of_each(self._items), False

    def page(
        self, offset: int, k: int, *, resident: Resident | None = None, still: Selection | None = None
    ) -> list[Hit]:
        """Places [offset, offset + k), best first, less what `still`, a selection of `resident`, leaves out.

        Places are counted before anything is taken away, so the next page begins at `offset + k`.
        """
        hits, _ = self.at(np.arange(offset, offset + k), resident=resident, still=still)
        return hits

    def at(
        self, places: np.ndarray, *, resident: Resident | None = None, still: Selection | None = None
    ) -> tuple[list[Hit], np.ndarray]:
        """What lies at `places` (n,) int64, in their order, and the places (m,) of those that are there.

        Left out is what lies beyond the end, is gone, or `still`, a selection of `resident`, leaves out.
        """
        with self._lock:
            self.move_to(resident or self.resident)
            self.deepen(int(places.max(initial=-1)) + 1)
            places = places[places < len(self._rows)]
            rows, similarities = self._rows[places], self._similarities[places]
            resident, chosen = self.resident, self.selection
        there = rows != NO_ROW
        if still is not None:
            there[there] = still.allows(rows[there])
        if not there.all():
            rows, similarities, places = rows[there], similarities[there], places[there]
        counts = self._counts(rows, resident, chosen, still)
        hits = [
            Hit(item, stack if stack != NO_STACK else None, count, similarity, box)
            for item, stack, count, similarity, box in zip(
                resident.item_ids[rows].tolist(),
                resident.stacks[rows].tolist(),
                counts.tolist(),
                similarities.tolist(),
                self._boxes(rows, resident),
                strict=True,
            )
        ]
        return hits, places

    def _boxes(self, rows: np.ndarray, resident: Resident) -> list[Box | None]:
        """Which part of the item of each of `rows` is nearest to the query."""
        if not resident.has_tiles:
            return [None] * len(rows)
        if not self._are_nearest:
            rows = resident.nearest_rows(resident.item_ids[rows], self.query)
        return [box_of(slot) for slot in resident.slots[rows].tolist()]

    def _counts(
        self, rows: np.ndarray, resident: Resident, chosen: Selection, still: Selection | None
    ) -> np.ndarray:
        if not self.fold:
            return np.ones(len(rows), np.int64)
        groups = resident.groups(fold=True)

        def allows(members: np.ndarray) -> np.ndarray:
            allowed = chosen.allows(members)
            return allowed if still is None else allowed & still.allows(members)

        return groups.num_members(groups.codes[rows], allows)

    def _deepen(self, wanted: int) -> None:
        groups = self.resident.groups(fold=self.fold)
        is_by_codes = False
        if self.min_similarity is not None:
            found, is_complete = self._at_least(self.min_similarity), True
        else:
            found = NOTHING if self.is_exact else self._by_codes(wanted)
            is_by_codes = groups.num_of(found.rows) >= min(wanted, self.selection.num_groups)
            found = found if is_by_codes else self._exactly(wanted)
            is_complete = False
        first = groups.first_of_each(found.rows)
        if is_by_codes:
            first = first[:wanted]  # further down the codes were not asked for enough
        rows, similarities = found.rows[first], found.similarities[first]
        given = self._rows[self._rows != NO_ROW]
        if len(given):
            is_new = ~np.isin(groups.codes[rows], groups.codes[given])
            rows, similarities = rows[is_new], similarities[is_new]
        self._items = np.concatenate([self._items, self.resident.item_ids[rows]])
        self._rows = np.concatenate([self._rows, rows])
        self._similarities = np.concatenate([self._similarities, similarities])
        self._is_complete = is_complete or len(given) + len(rows) >= self.selection.num_groups

    def _by_codes(self, wanted: int) -> Found:
        """What the codes of the build propose, with the delta; NOTHING where they are not to be trusted."""
        chosen = self.selection
        if not any(part.codes for part in self.resident.parts):
            return NOTHING
        if chosen.num_rows < EXACT_SHARE * len(self.resident.item_ids):
            return NOTHING
        groups = self.resident.groups(fold=self.fold)
        num_rows = self._rows_for(wanted)
        while True:
            found = self._proposed(num_rows)
            found = Found(
                found.rows[:num_rows], found.similarities[:num_rows]
            )  # to there every part was asked
            if len(found.rows) < num_rows or groups.num_of(found.rows) >= wanted:
                return found
            num_rows *= 4

    def _proposed(self, num_rows: int) -> Found:
        """The nearest rows of every part, `num_rows` of each where it has as many; NOTHING: too deep."""
        found = []
        for number, part, start, stop in self._parts():
            if part.codes is None:
                near = self._scan(number, part, start, stop, num_rows)
            else:
                proposed = self._trusted(part.codes, part, number, start, stop, num_rows)
                if proposed is None:
                    return NOTHING
                near = proposed
            found.append(near)
        return _merged(found)

    def _trusted(
        self, codes: RefinedIndex, part: Part, number: int, start: int, stop: int, num_rows: int
    ) -> Found | None:
        """The nearest `num_rows` rows of a part, at the measured recall of its build; None: too deep.

        Recall was measured for the first p of p * factor candidates. Rows that are left out take places
        among the first p, so p is counted with them, and the search is repeated where it was not wide enough.
        """
        factor = part.candidate_factor
        num_allowed = self.selection.num_rows_of(number, start, stop)
        num_rows = min(num_rows, num_allowed)
        num_candidates = (num_rows + min(num_rows, stop - start - num_allowed)) * factor
        for _ in range(3):
            near = codes.nearest(self.query, num_candidates=min(num_candidates, stop - start))
            rows = near.rows + start
            kept = self.selection.allows(rows)
            places = np.flatnonzero(kept)
            if len(places) >= num_rows:
                depth = int(places[num_rows - 1]) + 1 if num_rows else 0
                if depth * factor <= num_candidates or num_candidates >= stop - start:
                    return Found(rows[places], near.similarities[places] - np.float32(part.prior))
                num_candidates = depth * factor + num_rows
            else:
                num_candidates *= 4
            if num_candidates > MOST_CANDIDATES:
                return None
        return None

    def _exactly(self, wanted: int) -> Found:
        """The nearest rows of every part one by one, until they make `wanted` groups."""
        groups = self.resident.groups(fold=self.fold)
        wanted = min(wanted, self.selection.num_groups)
        num_rows = self._rows_for(wanted)
        while True:
            found = _merged([self._scan(*part, num_rows) for part in self._parts()])
            found = Found(found.rows[:num_rows], found.similarities[:num_rows])
            if len(found.rows) < num_rows or groups.num_of(found.rows) >= wanted:
                return found
            num_rows *= 4

    def _scan(self, number: int, part: Part, start: int, stop: int, num_rows: int) -> Found:
        """The nearest rows of a part, every vector compared."""
        found = part.exact.nearest(self.query, k=num_rows, allowed=self._allowed(number, start, stop))
        return Found(found.rows + start, found.similarities - np.float32(part.prior))

    def _at_least(self, limit: float) -> Found:
        found = []
        for number, part, start, stop in self._parts():
            allowed = self._allowed(number, start, stop)
            near = part.exact.at_least(self.query, min_similarity=limit + part.prior, allowed=allowed)
            found.append(Found(near.rows + start, near.similarities - np.float32(part.prior)))
        return _merged(found)

    def _allowed(self, number: int, start: int, stop: int) -> np.ndarray | None:
        """(stop - start,) bool of the rows of a part that may be shown; None: all."""
        is_whole = self.selection.num_rows_of(number, start, stop) == stop - start
        return None if is_whole else self.selection.mask(start, stop)

    def _parts(self) -> Iterator[tuple[int, Part, int, int]]:
        starts = self.resident.starts
        for number, part in enumerate(self.resident.parts):
            yield number, part, starts[number], starts[number + 1]

    def _rows_for(self, num_groups: int) -> int:
        """How many of the nearest rows likely make `num_groups` groups."""
        rows_per_group = self.selection.num_rows / max(1, self.selection.num_groups)
        if self.resident.has_tiles:  # of an item some are near, seldom all
            rows_per_group *= ROWS_PER_ITEM * self.resident.num_whole / len(self.resident.item_ids)
        return max(1, ceil(num_groups * rows_per_group * (1.0 if rows_per_group == 1 else 1.5)))


def _merged(parts: list[Found]) -> Found:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NOTHING
    rows = np.concatenate([part.rows for part in parts])
    similarities = np.concatenate([part.similarities for part in parts])
    order = np.lexsort((rows, -similarities))
    return Found(rows[order], similarities[order])
