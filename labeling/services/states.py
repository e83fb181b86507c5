"""The rows of the projection under a lock: taken in one order, so that two batches cannot deadlock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q

from labeling.compute.ledger import Event, is_disputed
from labeling.services.entries import Entry
from sisyphus_web.accounts.models import Corpus

Key = tuple[int, int]  # item id, label class id
IS_GOLD = Q(mode="gold", is_blind=True)

LOCK = """
    SELECT state.id, state.item_id, state.label_class_id, state.answer, state.version, state.verdict_id,
           state.is_derived, state.is_disputed
    FROM labeling_currentverdict state
    JOIN unnest(%s::bigint[], %s::bigint[]) AS wanted(item, label_class)
      ON state.item_id = wanted.item AND state.label_class_id = wanted.label_class
    ORDER BY state.item_id, state.label_class_id
    FOR UPDATE OF state
"""
ADD = """
    INSERT INTO labeling_currentverdict
        (corpus_id, item_id, label_class_id, answer, version, verdict_id, is_derived, is_disputed)
    SELECT %s, added.item, added.label_class, added.answer, added.version, added.verdict, added.is_derived,
           false
    FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::int[], %s::bigint[], %s::bool[])
        AS added(item, label_class, answer, version, verdict, is_derived)
    ORDER BY added.item, added.label_class
    ON CONFLICT DO NOTHING
"""
SAVE = """
    UPDATE labeling_currentverdict AS state
    SET answer = moved.answer, version = moved.version, verdict_id = moved.verdict,
        is_derived = moved.is_derived, is_disputed = moved.is_disputed
    FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::bigint[], %s::bool[], %s::bool[])
        AS moved(id, answer, version, verdict, is_derived, is_disputed)
    WHERE state.id = moved.id
"""
SAID = """
    SELECT said.id, said.item_id, said.label_class_id, said.answer, said.annotator_id, said.reverts_id,
           said.is_blind, said.is_blind AND said.mode = 'gold', said.is_settling
    FROM labeling_verdict said
    JOIN unnest(%s::bigint[], %s::bigint[]) AS wanted(item, label_class)
      ON said.item_id = wanted.item AND said.label_class_id = wanted.label_class
    ORDER BY said.id
"""


class Raced(Exception):
    """Somebody else answered one of the items for the first time, just now."""


@dataclass(slots=True)
class Held:
    """A row of the projection that this transaction has locked, or (`id` None) is to add."""

    id: int | None
    item: int
    label_class: int
    answer: str = ""
    version: int = 0
    verdict_id: int | None = None
    is_derived: bool = False
    is_disputed: bool = False
    entry: Entry | None = None  # the event of this transaction that moved it last
    is_voted: bool = False  # in this transaction, blindly: another version, the same answer
    is_new: bool = True  # nothing was ever said about it before this transaction

    def __post_init__(self) -> None:
        self.is_new = self.version == 0

    @property
    def mark(self) -> str:
        """What counts, as `Verdict.replaced` writes it."""
        return f"{self.answer}*" if self.is_derived else self.answer

    def move(self, entry: Entry, answer: str, *, is_derived: bool) -> None:
        """One version on; the row is written by `add_states` or `save_states`."""
        self.answer, self.is_derived, self.entry = answer, is_derived, entry
        self.version += 1

    def vote(self) -> None:
        """One version on, by a blind vote or what takes one back: what counts stays."""
        self.is_voted = True
        self.version += 1


def lock_states(keys: Iterable[Key]) -> dict[Key, Held]:
    """The locked states of `keys`, held until the transaction ends; what is missing has no id.

    Deadlocks cannot be: every transaction first locks what there is, in the order of (item, class), and then
    adds what there is not, in the same order. Who locks has added nothing that others wait for; who adds
    waits for others that add, and for nobody's lock. A row that is missing cannot be locked: `add_states`
    finds out whether somebody else has added it since.
    """
    ordered = sorted(set(keys))
    if not ordered:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [[item for item, _ in ordered], [label_class for _, label_class in ordered]])
        held = {(row[1], row[2]): Held(*row) for row in cursor.fetchall()}
    return {key: held.get(key) or Held(None, *key) for key in ordered}


def add_states(corpus: Corpus, states: Iterable[Held]) -> None:
    """Add the rows that were missing and have moved; Raced where one is there by now.

    Before the events are appended: from here on their items are locked. The foreign key to the event waits
    for the end of the transaction.
    """
    added = [state for state in states if state.id is None and state.entry is not None]
    if not added:
        return
    columns: list[Any] = [
        corpus.pk,
        [state.item for state in added],
        [state.label_class for state in added],
        [state.answer for state in added],
        [state.version for state in added],
        [state.entry.id for state in added if state.entry is not None],
        [state.is_derived for state in added],
    ]
    with connection.cursor() as cursor:
        cursor.execute(ADD, columns)
        if cursor.rowcount < len(added):
            raise Raced


def save_states(states: Iterable[Held]) -> None:
    """Write the locked states that an event of this transaction moved, in one statement."""
    moved = [
        state for state in states if state.id is not None and (state.entry is not None or state.is_voted)
    ]
    if not moved:
        return
    columns: list[Any] = [
        [state.id for state in moved],
        [state.answer for state in moved],
        [state.version for state in moved],
        [state.entry.id if state.entry is not None else state.verdict_id for state in moved],
        [state.is_derived for state in moved],
        [state.is_disputed for state in moved],
    ]
    with connection.cursor() as cursor:
        cursor.execute(SAVE, columns)


def settle_disputes(states: dict[Key, Held], entries: Sequence[Entry]) -> None:
    """Set `is_disputed` of the items that `entries`, already in the ledger, were said about directly.

    What is new has been answered by one person alone.
    """
    touched = {(entry.item_id, entry.label_class_id) for entry in entries}
    for key, direct in events_on({key for key in touched if not states[key].is_new}).items():
        states[key].is_disputed = is_disputed(direct)


def events_on(keys: Collection[Key]) -> dict[Key, list[Event]]:
    """(item, class) -> the events on the item itself, in order; at most one statement."""
    said: dict[Key, list[Event]] = {key: [] for key in keys}
    if not said:
        return said
    with connection.cursor() as cursor:
        cursor.execute(SAID, [[item for item, _ in said], [label_class for _, label_class in said]])
        for pk, item, label_class, *rest in cursor.fetchall():
            said[item, label_class].append(Event(pk, item, (), label_class, *rest))
    return said
