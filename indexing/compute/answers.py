"""What people have said of a corpus's items, held for ranking: one byte per row and class."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from indexing.compute.residents import Resident

ANSWERS = {"": 0, "accept": 1, "reject": 2, "unsure": 3}
WEAK, DERIVED = 4, 8
STATES = ("untouched", "weak", "accept", "reject", "unsure")
# The state of every byte: an answer counts before a weak label, a weak label before nothing.
_STATE_OF_BYTE = [
    ("untouched", "accept", "reject", "unsure")[byte & 3] if byte & 3 or not byte & WEAK else "weak"
    for byte in range(16)
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


class Answers:
    """The answers of a corpus by class. Not safe for two writers; readers copy what they use."""

    def __init__(self) -> None:
        self._by_class: dict[int, dict[int, int]] = {}  # class -> item -> byte, never 0
        self._dense: dict[int, np.ndarray] = {}  # class -> (N,) uint8 over the rows of `_resident`
        self._resident: Resident | None = None

    def apply(self, changes: Iterable[Change]) -> None:
        """Take over what now counts; the same change twice is harmless."""
        for item, label_class, answer, is_derived in changes:
            weak = self._by_class.get(label_class, {}).get(item, 0) & WEAK
            self._set(label_class, item, weak | ANSWERS[answer] | (DERIVED if answer and is_derived else 0))

    def set_weak(self, weak: Iterable[Weak]) -> None:
        """Exactly these items are weak from now on."""
        wanted: dict[int, set[int]] = {}
        for item, label_class in weak:
            wanted.setdefault(label_class, set()).add(item)
        for label_class in {*wanted, *self._by_class}:
            items = wanted.get(label_class, set())
            known = self._by_class.get(label_class, {})
            for item in items | {item for item, byte in known.items() if byte & WEAK}:
                self._set(label_class, item, known.get(item, 0) & ~WEAK | (WEAK if item in items else 0))

    def of_rows(self, resident: Resident, label_class: int) -> np.ndarray:
        """(N,) uint8: the byte of every row of `resident`."""
        if resident is not self._resident:
            self._dense, self._resident = {}, resident
        if label_class not in self._dense:
            known = self._by_class.get(label_class, {})
            items = np.fromiter(known, np.int64, len(known))
            bytes_ = np.fromiter(known.values(), np.uint8, len(known))
            order = np.argsort(items)
            dense = np.zeros(len(resident.item_ids), np.uint8)
            if len(items):
                at = np.minimum(np.searchsorted(items[order], resident.item_ids), len(items) - 1)
                there = items[order][at] == resident.item_ids
                dense[there] = bytes_[order][at[there]]
            self._dense[label_class] = dense
        return self._dense[label_class]

    def said(self, label_class: int, answer: str) -> list[int]:
        """Items with this answer, ascending; those it was derived for only where there are no others."""
        known = self._by_class.get(label_class, {})
        items = sorted(item for item, byte in known.items() if byte & 3 == ANSWERS[answer])
        return [item for item in items if not known[item] & DERIVED] or items

    def _set(self, label_class: int, item: int, byte: int) -> None:
        known = self._by_class.setdefault(label_class, {})
        if known.get(item, 0) == byte:  # most of what is read again
            return
        if byte:
            known[item] = byte
        else:
            known.pop(item, None)
        if self._resident is not None and label_class in self._dense:
            # All rows of the item: an item rarely has more than one.
            rows = self._resident.rows_of(np.array([item]))
            if len(rows) and self._resident.by_item.is_first is not None:
                rows = np.flatnonzero(self._resident.item_ids == item)
            self._dense[label_class][rows] = byte


def bytes_of_states(states: Iterable[str]) -> np.ndarray:
    """(16,) bool: which bytes are in one of `states`; LookupError lists the known states."""
    states = set(states)
    if unknown := states - set(STATES):
        raise LookupError(f"there is no state {sorted(unknown)[0]!r}; the states are {', '.join(STATES)}")
    return np.array([state in states for state in _STATE_OF_BYTE])
