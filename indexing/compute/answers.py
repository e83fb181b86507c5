"""What people have said of a corpus's items, held for ranking: one byte per item, class and row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from indexing.compute.residents import Resident
from indexing.compute.sorted_rows import NO_ROWS, places_of

ANSWERS = {"": 0, "accept": 1, "reject": 2, "unsure": 3}
WEAK, DERIVED = 4, 8
STATES = ("untouched", "weak", "accept", "reject", "unsure", "disputed", "later")
MARKS = {"disputed": 16, "later": 32}  # states beside the answer; later: of what has none
NUM_BYTES = 64
# The state of every byte: an answer counts before a weak label, a weak label before nothing.
_STATE_OF_BYTE = [
    ("untouched", "accept", "reject", "unsure")[byte & 3] if byte & 3 or not byte & WEAK else "weak"
    for byte in range(NUM_BYTES)
]


class Change(NamedTuple):
    """What now counts for (item, class)."""

    item: int
    label_class: int
    answer: str  # accept, reject, unsure; '' = none again
    is_derived: bool = False  # from the answer to its stack, not to itself


class Weak(NamedTuple):
    """An item with a weak label that was not taken back."""

    item: int
    label_class: int


@dataclass(frozen=True, eq=False)
class Said:
    """The rows of one class that somebody touched, at one moment. Never changed: an answer makes another."""

    rows: np.ndarray  # (T,) int64, ascending
    bytes: np.ndarray  # (T,) uint8, never 0

    def at(self, rows: np.ndarray) -> np.ndarray:
        """(n,) uint8: the byte of each of `rows`; 0 where nobody has touched it."""
        at, is_there = places_of(rows, self.rows)
        found = np.zeros(len(rows), np.uint8)
        found[is_there] = self.bytes[at[is_there]]
        return found

    def rows_with(self, answer: str) -> np.ndarray:
        """Rows with this answer, ascending; those it was derived for only where there are no others."""
        has = (self.bytes & 3) == ANSWERS[answer]
        is_own = has & ((self.bytes & DERIVED) == 0)
        rows: np.ndarray = self.rows[is_own if is_own.any() else has]
        return rows

    def marked(self, rows: np.ndarray, mark: str) -> Said:
        """The same, but with a mark of MARKS at `rows` (distinct)."""
        return self.changed(rows, self.at(rows) | np.uint8(MARKS[mark]))

    def changed(self, rows: np.ndarray, bytes_: np.ndarray) -> Said:
        """The same, but with `bytes_` at `rows` (distinct); costs one copy of what was touched."""
        at, is_there = places_of(rows, self.rows)
        kept_rows, kept_bytes = np.delete(self.rows, at[is_there]), np.delete(self.bytes, at[is_there])
        rows, bytes_ = rows[bytes_ != 0], bytes_[bytes_ != 0]
        order = np.argsort(rows)
        at = np.searchsorted(kept_rows, rows[order])
        return Said(np.insert(kept_rows, at, rows[order]), np.insert(kept_bytes, at, bytes_[order]))


NOTHING_SAID = Said(NO_ROWS, np.zeros(0, np.uint8))


@dataclass(slots=True)
class _OfClass:
    """What is known of one class; `said` lags behind by `changed`."""

    by_item: dict[int, int] = field(default_factory=dict)  # item -> byte, never 0
    said: Said | None = None  # over the rows of the resident that was asked for last
    changed: set[int] = field(default_factory=set)  # items since `said` was made


class Answers:
    """The answers of a corpus by class. One caller at a time; what `said_of` gives out never changes."""

    def __init__(self) -> None:
        self._by_class: dict[int, _OfClass] = {}
        self._resident: Resident | None = None

    def apply(self, changes: Iterable[Change]) -> None:
        """Take over what now counts; the same change twice is harmless."""
        for item, label_class, answer, is_derived in changes:
            known = self._of(label_class)
            weak = known.by_item.get(item, 0) & WEAK
            self._set(known, item, weak | ANSWERS[answer] | (DERIVED if answer and is_derived else 0))

    def set_weak(self, weak: Iterable[Weak]) -> None:
        """Exactly these items are weak from now on."""
        wanted: dict[int, set[int]] = {}
        for item, label_class in weak:
            wanted.setdefault(label_class, set()).add(item)
        for label_class in {*wanted, *self._by_class}:
            items, known = wanted.get(label_class, set()), self._of(label_class)
            for item in items | {item for item, byte in known.by_item.items() if byte & WEAK}:
                byte = known.by_item.get(item, 0) & ~WEAK | (WEAK if item in items else 0)
                self._set(known, item, byte)

    def said_of(self, label_class: int | None, resident: Resident) -> Said:
        """What counts for the rows of `resident` now; the same object until something is said.

        Costs what was said since the last call, and one copy of what was touched.
        """
        if label_class is None:
            return NOTHING_SAID
        if resident is not self._resident:
            for each in self._by_class.values():
                each.said = None
            self._resident = resident
        known = self._by_class.get(label_class)
        if known is None:
            return NOTHING_SAID
        if known.said is None:
            known.said, known.changed = NOTHING_SAID, set(known.by_item)
        if known.changed:
            items = np.fromiter(known.changed, np.int64, len(known.changed))
            bytes_ = np.fromiter((known.by_item.get(item, 0) for item in known.changed), np.uint8, len(items))
            rows, of_item = resident.all_rows_of(items)
            known.said, known.changed = known.said.changed(rows, bytes_[of_item]), set()
        return known.said

    def accepted(self, label_class: int) -> list[int]:
        """Items that are accepted now, for themselves or with their stack, ascending."""
        known = self._by_class.get(label_class)
        by_item = known.by_item if known else {}
        return sorted(item for item, byte in by_item.items() if byte & 3 == ANSWERS["accept"])

    def _of(self, label_class: int) -> _OfClass:
        return self._by_class.setdefault(label_class, _OfClass())

    @staticmethod
    def _set(known: _OfClass, item: int, byte: int) -> None:
        if known.by_item.get(item, 0) == byte:  # most of what is read again
            return
        if byte:
            known.by_item[item] = byte
        else:
            known.by_item.pop(item, None)
        known.changed.add(item)


def bytes_of_states(states: Iterable[str], but: Iterable[str] = ()) -> np.ndarray:
    """(NUM_BYTES,) bool: which bytes are in one of `states`, in none of `but`; LookupError lists all."""
    states, but = set(states), set(but)
    if unknown := (states | but) - set(STATES):
        raise LookupError(f"there is no state {sorted(unknown)[0]!r}; the states are {', '.join(STATES)}")
    names = [_names_of(byte) for byte in range(NUM_BYTES)]
    return np.array([bool(each & states) and not each & but for each in names])


def _names_of(byte: int) -> set[str]:
    """The state of a byte, and its marks."""
    names = {_STATE_OF_BYTE[byte]}
    if byte & MARKS["disputed"]:
        names.add("disputed")
    if byte & MARKS["later"] and not byte & 3:
        names.add("later")
    return names
