"""The projection against the ledger: compare it, rebuild it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db import connection, transaction

from labeling.compute.ledger import Event, State, fold
from labeling.models import CurrentVerdict, LabelClass, Verdict
from labeling.services.counts import correct_counts
from labeling.services.states import IS_GOLD
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.accounts.services import note

REBUILT = "projection-rebuild"  # what the audit log calls it


class Difference(NamedTuple):
    """An item whose row in the projection is not what the ledger says (None: no event, no row)."""

    item: int
    label_class: int
    expected: State | None
    found: State | None


def projection_differences(corpus: Corpus) -> list[Difference]:
    """Every (item, class) of `corpus` whose projection differs from the fold of the ledger; [] when sound.

    Reads both in one snapshot, so that answers given meanwhile are no difference.
    """
    if connection.in_atomic_block:  # the caller's transaction decides what is seen
        return list(_differences(corpus))
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return list(_differences(corpus))


@transaction.atomic
def rebuild_projection(corpus: Corpus) -> int:
    """Make the projection and its counts what the ledger says; the number of rows that were wrong.

    Answers wait while it runs: it locks the projection against writers. What was wrong is noted in the
    audit log, by which the search service sees that it has to read the projection again.
    """
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE labeling_currentverdict IN SHARE ROW EXCLUSIVE MODE")
    wrong = list(_differences(corpus))
    for item, label_class, expected, _ in wrong:
        row = CurrentVerdict.objects.filter(item=item, label_class=label_class)
        if expected is None:
            row.update(answer="", version=0, verdict=None, is_derived=False, is_disputed=False)
            continue
        values = {
            "answer": expected.answer,
            "version": expected.version,
            "verdict_id": expected.verdict,
            "is_derived": expected.is_derived,
            "is_disputed": expected.is_disputed,
        }
        CurrentVerdict.objects.update_or_create(
            item_id=item,
            label_class_id=label_class,
            defaults=values,
            create_defaults={"corpus_id": corpus.pk} | values,
        )
    correct_counts(corpus)
    if wrong:
        note(REBUILT, by=None, corpus=corpus, detail=f"{len(wrong)} rows were wrong")
    return len(wrong)


def _differences(corpus: Corpus) -> Iterator[Difference]:
    """One class at a time: events of different classes have nothing to do with each other."""
    for label_class in LabelClass.objects.filter(corpus=corpus):
        expected = fold(_events(label_class))
        found = {
            (row.item_id, label_class.pk): State(
                row.answer, row.version, row.verdict_id, row.is_derived, row.is_disputed
            )
            for row in CurrentVerdict.objects.filter(label_class=label_class, version__gt=0).iterator()
        }
        for key in sorted(expected.keys() | found.keys()):
            if expected.get(key) != found.get(key):
                yield Difference(*key, expected.get(key), found.get(key))


def _events(label_class: LabelClass) -> Iterator[Event]:
    events = Verdict.objects.of_class(label_class).annotate(is_gold=IS_GOLD)
    rows = events.values_list(
        "id", "item_id", "member_ids", "label_class_id", "answer", "annotator_id", "reverts_id",
        "is_blind", "is_gold", "is_settling",
    )  # fmt: skip
    for row in rows.iterator(chunk_size=5000):
        yield Event(*row)
