"""Ranking: a query vector over one corpus's residents, filtered, folded to stacks, in stable pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

import numpy as np

from indexing.compute.residents import NO_STACK, Part, Resident, Selection
from indexing.compute.vectors import NOTHING, Found, RefinedIndex

EXACT_SHARE = 0.5  # selections of a smaller share of the rows are scanned one by one: it costs their number
MOST_CANDIDATES = 12_000  # beyond, one scan of the vectors is cheaper than to keep so many in order
KEPT_SELECTIONS = 8  # filters in use, of one Resident


@dataclass(frozen=True, slots=True)
class Filters:
    """What may be shown, besides answers; None: no condition."""

    is_video: bool | None = None
    media_files: frozenset[int] | None = None
    start_seconds: float | None = None  # half-open: [start, stop)
    stop_seconds: float | None = None

    def mask(self, resident: Resident) -> np.ndarray:
        """(N,) bool of the rows that fulfil every condition and are not deleted."""
        mask = resident.live.copy()
        if self.is_video is not None:
            mask &= resident.is_video == self.is_video
        if self.media_files is not None:
            mask &= np.isin(resident.media_files, sorted(self.media_files))
        if self.start_seconds is not None:
            mask &= resident.pts_seconds >= self.start_seconds
        if self.stop_seconds is not None:
            mask &= resident.pts_seconds < self.stop_seconds
        return mask


NO_FILTERS = Filters()


class Hit(NamedTuple):
    """One tile: an item, how near it is, and how many items of its stack may be shown with it."""

    item: int
    stack: int | None
    count: int  # type: ignore[assignment] # hides tuple.count
    similarity: float


def select(
    resident: Resident,
    filters: Filters,
    *,
    fold: bool,
    answers: np.ndarray | None = None,
    bytes_shown: np.ndarray | None = None,
    gone: np.ndarray | None = None,
) -> Selection:
    """The rows within `filters` but `gone`, whose byte of `answers` (N,) is in `bytes_shown` (16,) bool."""
    gone = NOTHING.rows if gone is None else gone
    groups = resident.groups(fold=fold)
    key = (filters, fold)
    base = resident.everything(fold=fold) if filters == NO_FILTERS else resident._selections.get(key)
    if base is None:
        while len(resident._selections) >= KEPT_SELECTIONS:
            resident._selections.pop(next(iter(resident._selections)), None)
        base = resident._selections[key] = Selection.of(filters.mask(resident), groups)
    if answers is None or bytes_shown is None:
        return base.without(gone, groups)
    touched = np.flatnonzero(answers != 0)  # of bytes it would take ten times as long
    shown = bytes_shown[answers[touched]]
    if bytes_shown[0]:  # the untouched are shown: leave out the few that are not
        return base.without(np.union1d(touched[~shown], gone), groups)
    mask = np.zeros_like(base.mask)
    mask[touched[shown]] = base.mask[touched[shown]]
    mask[gone] = False
    return Selection.of(mask, groups)


@dataclass
class Ranking:
    """The order of one selection by one query. Pages of it never overlap, and miss nothing.

    It is worked out as deep as pages are asked for; what was given once keeps its place.
    """

    resident: Resident
    query: np.ndarray  # (D,) float32
    selection: Selection
    fold: bool = True
    is_exact: bool = False  # never by compressed codes
    min_similarity: float | None = None
    _rows: np.ndarray = field(default_factory=lambda: NOTHING.rows)  # the nearest row of each group, in order
    _similarities: np.ndarray = field(default_factory=lambda: NOTHING.similarities)
    _is_complete: bool = False
    _deepening: threading.Lock = field(default_factory=threading.Lock)

    @property
    def total(self) -> int:
        """Number of groups in the ranking; with `min_similarity` it is known once a page was asked for."""
        return len(self._rows) if self.min_similarity is not None else self.selection.num_groups

    def page(self, offset: int, k: int, *, still: np.ndarray | None = None) -> list[Hit]:
        """Places [offset, offset + k), best first, less the rows that `still` (N,) bool no longer allows."""
        with self._deepening:
            if offset + k > len(self._rows) and not self._is_complete:
                self._deepen(offset + k)
        rows = self._rows[offset : offset + k]
        similarities = self._similarities[offset : offset + k]
        mask = self.selection.mask
        if still is not None:
            kept = still[rows]
            rows, similarities, mask = rows[kept], similarities[kept], mask & still
        groups = self.resident.groups(fold=self.fold)
        counts = groups.num_members(groups.codes[rows], mask) if self.fold else np.ones(len(rows), np.int64)
        stacks = self.resident.stacks[rows].tolist()
        return [
            Hit(item, stack if stack != NO_STACK else None, count, similarity)
            for item, stack, count, similarity in zip(
                self.resident.item_ids[rows].tolist(),
                stacks,
                counts.tolist(),
                similarities.tolist(),
                strict=True,
            )
        ]

    def _deepen(self, wanted: int) -> None:
        """Work the order out to at least `wanted` groups, or to its end."""
        codes = self.resident.groups(fold=self.fold).codes
        is_by_codes = False
        if self.min_similarity is not None:
            found, self._is_complete = self._at_least(self.min_similarity), True
        else:
            found = NOTHING if self.is_exact else self._by_codes(wanted)
            is_by_codes = _num_groups(codes[found.rows]) >= min(wanted, self.selection.num_groups)
            found = found if is_by_codes else self._exactly(wanted)
        _, first = np.unique(codes[found.rows], return_index=True)
        first.sort()  # the best row of each group, in order
        if is_by_codes:
            first = first[:wanted]  # further down the codes were not asked for enough
        rows, similarities = found.rows[first], found.similarities[first]
        if len(self._rows):
            is_new = ~np.isin(codes[rows], codes[self._rows])
            rows = np.concatenate([self._rows, rows[is_new]])
            similarities = np.concatenate([self._similarities, similarities[is_new]])
        self._rows, self._similarities = rows, similarities
        self._is_complete = self._is_complete or len(rows) >= self.selection.num_groups

    def _by_codes(self, wanted: int) -> Found:
        """What the codes of the build propose, with the delta; NOTHING where they are not to be trusted."""
        chosen = self.selection
        if not any(part.codes for part in self.resident.parts):
            return NOTHING
        if chosen.num_rows < EXACT_SHARE * len(self.resident.item_ids):
            return NOTHING
        num_rows = self._rows_for(wanted)
        found = []
        for part, start, mask in self._masked_parts():
            if part.codes is None:
                found.append(_moved(part.exact.nearest(self.query, k=num_rows, allowed=_or_all(mask)), start))
                continue
            near = self._trusted(part.codes, part.candidate_factor, mask, num_rows)
            if near is None:
                return NOTHING
            found.append(_moved(near, start))
        return _merged(found)

    def _trusted(self, codes: RefinedIndex, factor: int, mask: np.ndarray, num_rows: int) -> Found | None:
        """The nearest `num_rows` rows within `mask`, at the measured recall of the build; None: too deep.

        Recall was measured for the first p of p * factor candidates. Rows that are left out take places
        among the first p, so p is counted with them, and the search is repeated where it was not wide enough.
        """
        num_rows = min(num_rows, int(np.count_nonzero(mask)))
        num_candidates = (num_rows + min(num_rows, len(mask) - int(np.count_nonzero(mask)))) * factor
        for _ in range(3):
            near = codes.nearest(self.query, num_candidates=min(num_candidates, len(mask)))
            kept = mask[near.rows]
            places = np.flatnonzero(kept)
            if len(places) >= num_rows:
                depth = int(places[num_rows - 1]) + 1 if num_rows else 0
                if depth * factor <= num_candidates or num_candidates >= len(mask):
                    return Found(near.rows[kept], near.similarities[kept])
                num_candidates = depth * factor + num_rows
            else:
                num_candidates *= 4
            if num_candidates > MOST_CANDIDATES:
                return None
        return None

    def _exactly(self, wanted: int) -> Found:
        """The nearest rows of every part one by one, until they make `wanted` groups."""
        codes = self.resident.groups(fold=self.fold).codes
        wanted = min(wanted, self.selection.num_groups)
        num_rows = self._rows_for(wanted)
        while True:
            found = _merged(
                [
                    _moved(part.exact.nearest(self.query, k=num_rows, allowed=_or_all(mask)), start)
                    for part, start, mask in self._masked_parts()
                ]
            )
            found = Found(found.rows[:num_rows], found.similarities[:num_rows])
            if len(found.rows) < num_rows or _num_groups(codes[found.rows]) >= wanted:
                return found
            num_rows *= 4

    def _at_least(self, limit: float) -> Found:
        return _merged(
            [
                _moved(part.exact.at_least(self.query, min_similarity=limit, allowed=_or_all(mask)), start)
                for part, start, mask in self._masked_parts()
            ]
        )

    def _masked_parts(self) -> Iterator[tuple[Part, int, np.ndarray]]:
        for part, start in zip(self.resident.parts, self.resident.starts, strict=False):
            yield part, start, self.selection.mask[start : start + len(part.item_ids)]

    def _rows_for(self, num_groups: int) -> int:
        """How many of the nearest rows likely make `num_groups` groups."""
        rows_per_group = self.selection.num_rows / max(1, self.selection.num_groups)
        return max(1, ceil(num_groups * rows_per_group * (1.0 if rows_per_group == 1 else 1.5)))


def _or_all(mask: np.ndarray) -> np.ndarray | None:
    return None if mask.all() else mask


def _moved(found: Found, start: int) -> Found:
    return Found(found.rows + start, found.similarities)


def _merged(parts: list[Found]) -> Found:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NOTHING
    rows = np.concatenate([part.rows for part in parts])
    similarities = np.concatenate([part.similarities for part in parts])
    order = np.lexsort((rows, -similarities))
    return Found(rows[order], similarities[order])


def _num_groups(codes: np.ndarray) -> int:
    return len(np.unique(codes))
