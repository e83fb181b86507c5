"""The rows of the projection under a lock: taken in one order, so that two batches cannot deadlock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q

from labeling.compute.ledger import Event, is_disputed
from labeling.models import Verdict
from sisyphus_web.accounts.models import Corpus

Key = tuple[int, int]  # item id, label class id
IS_GOLD = Q(mode="gold", is_blind=True)

INSERT_MISSING = """
    INSERT INTO labeling_currentverdict
        (corpus_id, item_id, label_class_id, answer, version, is_derived, is_disputed)
    SELECT %s, wanted.item, wanted.label_class, '', 0, false, false
    FROM unnest(%s::bigint[], %s::bigint[]) AS wanted(item, label_class)
    WHERE NOT EXISTS (
        SELECT FROM labeling_currentverdict state
        WHERE state.item_id = wanted.item AND state.label_class_id = wanted.label_class
    )
    ORDER BY wanted.item, wanted.label_class
    ON CONFLICT DO NOTHING
"""
LOCK = """
    SELECT state.id, state.item_id, state.label_class_id, state.answer, state.version, state.verdict_id,
           state.is_derived, state.is_disputed
    FROM labeling_currentverdict state
    JOIN unnest(%s::bigint[], %s::bigint[]) AS wanted(item, label_class)
      ON state.item_id = wanted.item AND state.label_class_id = wanted.label_class
    ORDER BY state.item_id, state.label_class_id
    FOR UPDATE OF state
"""
SAVE = """
    UPDATE labeling_currentverdict AS state
    SET answer = moved.answer, version = moved.version, verdict_id = moved.verdict,
        is_derived = moved.is_derived, is_disputed = moved.is_disputed
    FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::bigint[], %s::bool[], %s::bool[])
        AS moved(id, answer, version, verdict, is_derived, is_disputed)
    WHERE state.id = moved.id
"""


@dataclass(slots=True)
class Held:
    """A row of the projection that this transaction has locked."""

    id: int
    item: int
    label_class: int
    answer: str
    version: int
    verdict_id: int | None
    is_derived: bool
    is_disputed: bool
    verdict: Verdict | None = None  # the event of this transaction that moved it last
    is_voted: bool = False  # in this transaction, blindly: another version, the same answer

    @property
    def mark(self) -> str:
        """What counts, as `Verdict.replaced` writes it."""
        return f"{self.answer}*" if self.is_derived else self.answer

    def move(self, verdict: Verdict, answer: str, *, is_derived: bool) -> None:
        """One version on; the row is written by `save_states`."""
        self.answer, self.is_derived, self.verdict = answer, is_derived, verdict
        self.version += 1

    def vote(self) -> None:
        """One version on, by a blind vote or what takes one back: what counts stays."""
        self.is_voted = True
        self.version += 1


def lock_states(corpus: Corpus, keys: Iterable[Key]) -> dict[Key, Held]:
    """The locked states of `keys`, made where missing (version 0); held until the transaction ends.

    Rows are made first and locked second, both in the order of (item, class): a transaction that waits
    for a row holds none that another, waiting for it, has already passed.
    """
    ordered = sorted(set(keys))
    if not ordered:
        return {}
    items, classes = [key[0] for key in ordered], [key[1] for key in ordered]
    with connection.cursor() as cursor:
        cursor.execute(INSERT_MISSING, [corpus.pk, items, classes])
        cursor.execute(LOCK, [items, classes])
        return {(row[1], row[2]): Held(*row) for row in cursor.fetchall()}


def save_states(states: Iterable[Held]) -> None:
    """Write the states that an event of this transaction moved, in one statement."""
    moved = [state for state in states if state.verdict is not None or state.is_voted]
    if not moved:
        return
    columns: list[Any] = [
        [state.id for state in moved],
        [state.answer for state in moved],
        [state.version for state in moved],
        [state.verdict.pk if state.verdict is not None else state.verdict_id for state in moved],
        [state.is_derived for state in moved],
        [state.is_disputed for state in moved],
    ]
    with connection.cursor() as cursor:
        cursor.execute(SAVE, columns)


def settle_disputes(states: dict[Key, Held], events: Sequence[Verdict]) -> None:
    """Set `is_disputed` of the items that `events`, already in the ledger, were said about directly."""
    touched = {(event.item_id, event.label_class_id) for event in events}
    said: dict[Key, list[Event]] = {key: [] for key in touched}
    rows = (
        Verdict.objects.filter(
            item__in={item for item, _ in touched},
            label_class__in={label_class for _, label_class in touched},
        )
        .order_by("id")
        .annotate(is_gold=IS_GOLD)
        .values_list(
            "id", "item_id", "label_class_id", "answer", "annotator_id", "reverts_id",
            "is_blind", "is_gold", "is_settling",
        )
    )  # fmt: skip
    for pk, item, label_class, *rest in rows:
        if (item, label_class) in said:
            said[item, label_class].append(Event(pk, item, (), label_class, *rest))
    for key, direct in said.items():
        states[key].is_disputed = is_disputed(direct)
