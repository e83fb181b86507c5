"""A queue made of several presets: each gets its share, evenly spread, and limits hold per media file."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from indexing.compute.engine import Ranking
from indexing.compute.residents import NO_ROW, NO_STACK, Resident
from indexing.compute.streams import Stream

HARVEST = "harvest"
WINDOW = 200  # places that a limit counts over: a page
PATIENCE = 2_000  # candidates over their limits that wait for the next window; with more it begins at once


@dataclass(frozen=True, slots=True)
class Limits:
    """How many places of a window one media file, or one stack, may have; None: any number."""

    per_file: int | None = None
    per_stack: int | None = None


class _Candidate(NamedTuple):
    item: int
    similarity: float
    preset: str
    key: int  # of its group: its stack, or minus its id; 0: it may not be shown
    media_file: int
    stack: int


@dataclass(eq=False)
class Mixture(Ranking):
    """The ranking `base` with what `streams` propose mixed into it. Every group has one place, as in `base`.

    Place p goes to the preset that is furthest behind its share; one that has nothing more leaves its share
    to the others, the base ranking last of all. What is over a limit comes at the beginning of the next
    window. The same query over the same answers gives the same queue.
    """

    base: Ranking = field(kw_only=True)
    streams: Mapping[str, Stream] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)  # of HARVEST and the streams; they make 1
    limits: Limits = Limits()
    _preset_of: dict[int, str] = field(default_factory=dict)  # item -> what it came by
    _taken: set[int] = field(default_factory=set)  # keys of groups that have a place
    _read: dict[str, list[_Candidate]] = field(default_factory=dict)  # preset -> candidates looked up so far
    _at: Counter[str] = field(default_factory=Counter)  # preset -> candidates it has proposed
    _num_of: Counter[str] = field(default_factory=Counter)  # preset -> places it has
    _in_window: Counter[tuple[str, int]] = field(default_factory=Counter)
    _num_in_window: int = 0
    _waiting: deque[_Candidate] = field(default_factory=deque)  # of the windows before, to be placed first
    _held: deque[_Candidate] = field(default_factory=deque)  # over a limit of this window

    def preset_of(self, item: int) -> str:
        """What an item with a place came by."""
        return self._preset_of.get(item, HARVEST)

    @property
    def total(self) -> int:
        return self.base.total

    @property
    def num_bytes(self) -> int:
        return super().num_bytes + self.base.num_bytes + 200 * len(self._preset_of)

    def move_to(self, resident: Resident) -> None:
        with self._lock:
            if resident is self.resident:
                return
            self.base.move_to(resident)
            super().move_to(resident)
            self._read.clear()
            self._taken = {each.key for each in self._looked_up("", self._items, self._similarities)}
            for queue in (self._waiting, self._held):
                items = np.array([each.item for each in queue], np.int64)
                again = self._looked_up("", items, np.zeros(len(items)))
                known = [
                    new._replace(similarity=old.similarity, preset=old.preset)
                    for new, old in zip(again, queue, strict=True)
                ]
                queue.clear()
                queue.extend(known)

    def _deepen(self, wanted: int) -> None:
        added: list[_Candidate] = []
        while len(self._items) + len(added) < wanted:
            candidate = self._next()
            if candidate is None:
                self._is_complete = True
                break
            added.append(candidate)
        items = np.array([each.item for each in added], np.int64)
        self._items = np.concatenate([self._items, items])
        self._rows = np.concatenate([self._rows, self.resident.row_of_each(items)])
        self._are_nearest = False
        similarities = np.array([each.similarity for each in added], np.float32)
        self._similarities = np.concatenate([self._similarities, similarities])

    def _next(self) -> _Candidate | None:
        """Gives the next place away; None when every group has one."""
        while True:
            if self._num_in_window >= WINDOW:
                self._begin_window()
            while self._waiting:
                if self._place(candidate := self._waiting.popleft()):
                    return candidate
            while len(self._held) < PATIENCE and (proposed := self._propose()) is not None:
                if self._place(proposed):
                    return proposed
            if not self._held:
                return None
            self._begin_window()

    def _begin_window(self) -> None:
        self._in_window.clear()
        self._num_in_window = 0
        self._waiting.extend(self._held)
        self._held.clear()

    def _place(self, candidate: _Candidate) -> bool:
        """Give it the place, or hold it where it is over a limit; False for no place now."""
        if candidate.key == 0 or candidate.key in self._taken:
            return False
        counted = [("file", candidate.media_file, self.limits.per_file)]
        if not self.fold and candidate.stack != NO_STACK:
            counted.append(("stack", candidate.stack, self.limits.per_stack))
        if any(limit and self._in_window[what, which] >= limit for what, which, limit in counted):
            self._held.append(candidate)
            return False
        self._in_window.update((what, which) for what, which, _ in counted)
        self._num_in_window += 1
        self._taken.add(candidate.key)
        self._preset_of[candidate.item] = candidate.preset
        self._num_of[candidate.preset] += 1
        return True

    def _propose(self) -> _Candidate | None:
        """The next candidate of the preset that is furthest behind its share."""
        place = len(self._taken) + 1
        behind = sorted(
            (preset for preset, share in self.shares.items() if share > 0),
            key=lambda preset: (self._num_of[preset] - self.shares[preset] * place, preset != HARVEST),
        )
        for preset in (*behind, HARVEST):
            read, at = self._read.setdefault(preset, []), self._at[preset]
            if at >= len(read):
                self._read_on(preset, len(read))
            if at < len(read):
                self._at[preset] += 1
                return read[at]
        return None

    def _read_on(self, preset: str, start: int) -> None:
        """Look up what the preset proposes from `start` on; of the base ranking, a window more."""
        if preset == HARVEST:
            self.base.deepen(start + WINDOW)
            items, similarities = self.base.places()
        else:
            items, similarities = self.streams[preset].items, self.streams[preset].similarities
        self._read[preset].extend(self._looked_up(preset, items[start:], similarities[start:]))

    def _looked_up(self, preset: str, items: np.ndarray, similarities: np.ndarray) -> list[_Candidate]:
        resident = self.resident
        rows = resident.row_of_each(items)
        may = rows != NO_ROW
        may[may] = self.selection.allows(rows[may])
        if not may.any():
            stacks = media_files = np.zeros(len(items), np.int64)
        else:
            rows = np.where(may, rows, rows[may][0])
            stacks, media_files = resident.stacks[rows], resident.media_files[rows]
        keys = np.where(self.fold & (stacks != NO_STACK), stacks, -items)
        columns = (similarities, np.where(may, keys, 0), media_files, stacks)
        listed = zip(items.tolist(), *(column.tolist() for column in columns), strict=True)
        return [_Candidate(item, similarity, preset, *more) for item, similarity, *more in listed]
