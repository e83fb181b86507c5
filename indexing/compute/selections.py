"""What a ranking may show: rows within filters, less what was decided, deleted or otherwise left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexing.compute.answers import NOTHING_SAID, Said
from indexing.compute.residents import Groups, Resident
from indexing.compute.sorted_rows import NO_ROWS, are_among, ascending, inside, num_within


@dataclass(frozen=True, eq=False)
class ItemSet:
    """Items that are wanted, or not. Equal sets are equal filters, whoever made them."""

    item_ids: np.ndarray  # (n,) int64
    is_wanted: bool = True

    def __hash__(self) -> int:
        return hash((self.item_ids.tobytes(), self.is_wanted))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ItemSet):
            return NotImplemented
        return self.is_wanted == other.is_wanted and np.array_equal(self.item_ids, other.item_ids)


@dataclass(frozen=True, slots=True)
class Filters:
    """What may be shown, besides answers; None: no condition."""

    is_video: bool | None = None
    media_files: frozenset[int] | None = None
    not_media_files: frozenset[int] = frozenset()
    start_seconds: float | None = None  # half-open: [start, stop)
    stop_seconds: float | None = None
    has_stack: bool | None = None  # of more than one item
    items: tuple[ItemSet, ...] = ()

    def mask(self, resident: Resident) -> np.ndarray:
        """(N,) bool of the rows that fulfil every condition and are not deleted."""
        mask = resident.live.copy()
        if self.is_video is not None:
            mask &= resident.is_video == self.is_video
        if self.media_files is not None:
            mask &= np.isin(resident.media_files, sorted(self.media_files))
        if self.not_media_files:
            mask &= ~np.isin(resident.media_files, sorted(self.not_media_files))
        if self.start_seconds is not None:
            mask &= resident.pts_seconds >= self.start_seconds
        if self.stop_seconds is not None:
            mask &= resident.pts_seconds < self.stop_seconds
        if self.has_stack is not None:
            groups = resident.by_stack
            counted = resident.live if groups.is_first is None else resident.live & groups.is_first
            sizes = np.bincount(groups.codes[counted], minlength=groups.num_groups)
            mask &= (sizes[groups.codes] > 1) == self.has_stack
        for each in self.items:
            rows, _ = resident.all_rows_of(each.item_ids)
            is_in = np.zeros(len(mask), bool)
            is_in[rows] = True
            mask &= is_in == each.is_wanted
        return mask


NO_FILTERS = Filters()


@dataclass(frozen=True, eq=False)
class Within:
    """The rows within filters, counted once for all selections that take something away from them."""

    mask: np.ndarray  # (N,) bool
    num_rows_of_parts: tuple[int, ...]
    num_groups: int
    group_sizes: np.ndarray  # (G,) int32: rows of the mask in each group

    @classmethod
    def of(cls, mask: np.ndarray, resident: Resident, *, fold: bool) -> Within:
        groups = resident.groups(fold=fold)
        sizes = np.bincount(groups.codes[mask], minlength=groups.num_groups).astype(np.int32)
        bounds = zip(resident.starts, resident.starts[1:], strict=False)
        of_parts = tuple(int(np.count_nonzero(mask[start:stop])) for start, stop in bounds)
        return cls(mask, of_parts, int(np.count_nonzero(sizes)), sizes)


@dataclass(frozen=True, eq=False)
class Selection:
    """The rows a ranking may show, and how many groups they are. To make one costs what is left out."""

    within: Within
    but: np.ndarray  # (n,) int64 ascending: rows of `within` that are left out
    only: np.ndarray | None  # (n,) int64 ascending: where not None, these rows and no others
    num_rows: int
    num_groups: int

    @classmethod
    def all_but(cls, within: Within, rows: np.ndarray, groups: Groups) -> Selection:
        """All rows of `within` less `rows` (n,) int64."""
        but = ascending(rows)
        but = but[within.mask[but]]
        emptied = len(but)
        if not groups.are_single:
            codes, sizes = np.unique(groups.codes[but], return_counts=True)
            emptied = int(np.count_nonzero(within.group_sizes[codes] == sizes))
        num_rows = sum(within.num_rows_of_parts) - len(but)
        return cls(within, but, None, num_rows, within.num_groups - emptied)

    @classmethod
    def only_of(cls, within: Within, rows: np.ndarray, groups: Groups) -> Selection:
        """Those of `rows` (n,) int64 that are within."""
        only = ascending(rows)
        only = only[within.mask[only]]
        return cls(within, NO_ROWS, only, len(only), groups.num_of(only))

    def allows(self, rows: np.ndarray) -> np.ndarray:
        """(n,) bool: which of `rows` may be shown."""
        if self.only is not None:
            return are_among(rows, self.only)
        allowed = self.within.mask[rows]
        return allowed & ~are_among(rows, self.but) if len(self.but) else allowed

    def num_rows_of(self, part: int, start: int, stop: int) -> int:
        """How many rows of that part, rows [start, stop), may be shown."""
        if self.only is not None:
            return num_within(self.only, start, stop)
        return self.within.num_rows_of_parts[part] - num_within(self.but, start, stop)

    def mask(self, start: int, stop: int) -> np.ndarray:
        """(stop - start,) bool, a new array: for scans that read every row anyway."""
        if self.only is None:
            mask = self.within.mask[start:stop].copy()
            mask[inside(self.but, start, stop)] = False
        else:
            mask = np.zeros(stop - start, bool)
            mask[inside(self.only, start, stop)] = True
        return mask


def select(
    resident: Resident,
    filters: Filters,
    *,
    fold: bool,
    said: Said = NOTHING_SAID,
    bytes_shown: np.ndarray | None = None,
    gone: np.ndarray = NO_ROWS,  # ascending
) -> Selection:
    """The rows within `filters` but `gone`, whose byte in `said` is in `bytes_shown`; None: any byte.

    The same question about the same `said` gives the same object.
    """
    shown = None if bytes_shown is None else bytes_shown.tobytes()
    key = (filters, fold, said, shown, gone.tobytes())
    kept = resident.selections.get(key)
    if kept is None:
        kept = resident.selections.put(
            key,
            _select(
                within_of(resident, filters, fold=fold), resident.groups(fold=fold), said, bytes_shown, gone
            ),
        )
    selection: Selection = kept
    return selection


def prepare(resident: Resident) -> Resident:
    """Compute what every ranking needs, before the first one waits for it."""
    resident.prepare()
    for fold in (True, False):
        within_of(resident, NO_FILTERS, fold=fold)
    return resident


def within_of(resident: Resident, filters: Filters, *, fold: bool) -> Within:
    """The rows within `filters`, made once and kept while they are in use."""
    kept = resident.within.get((filters, fold))
    if kept is None:
        kept = resident.within.put((filters, fold), Within.of(filters.mask(resident), resident, fold=fold))
    within: Within = kept
    return within


def _select(
    within: Within, groups: Groups, said: Said, bytes_shown: np.ndarray | None, gone: np.ndarray
) -> Selection:
    if bytes_shown is None:
        return Selection.all_but(within, gone, groups)
    shown = bytes_shown[said.bytes]
    if bytes_shown[0]:  # the untouched are shown: leave out the few that are not
        return Selection.all_but(within, np.concatenate([said.rows[~shown], gone]), groups)
    only = said.rows[shown]
    return Selection.only_of(within, only[~are_among(only, gone)], groups)
