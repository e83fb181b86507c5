"""What was answered with one key press, newest first: the history panel, each batch undoable."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from django.db import connection

from sisyphus_web.accounts.models import Corpus, User

LOOK_BACK = 20_000  # events: what a history of 50 batches of any usual size fits in

BATCHES = """
    WITH recent AS (
        SELECT * FROM labeling_verdict
        WHERE corpus_id = %(corpus)s AND id < %(before)s
          AND (%(annotator)s::bigint IS NULL OR annotator_id = %(annotator)s::bigint)
        ORDER BY id DESC LIMIT %(look_back)s
    ), batch AS (
        SELECT batch, annotator_id, max(id) AS last, max(created_at) AS at,
               min(label_class_id) AS label_class, count(*) AS decisions,
               sum(1 + cardinality(member_ids)) AS items,
               count(*) FILTER (WHERE answer = 'accept') AS accepted,
               count(*) FILTER (WHERE answer = 'reject') AS rejected,
               count(*) FILTER (WHERE answer = 'unsure') AS unsure,
               bool_or(reverts_id IS NOT NULL) AS is_undo, max(mode) AS mode, min(item_id) AS item
        FROM recent GROUP BY batch, annotator_id ORDER BY max(id) DESC LIMIT %(limit)s
    )
    SELECT batch.batch, account.username, batch.at, batch.label_class, batch.decisions, batch.items,
           batch.accepted, batch.rejected, batch.unsure, batch.is_undo,
           EXISTS (
               SELECT FROM labeling_verdict later
               JOIN labeling_verdict said ON said.id = later.reverts_id
               WHERE said.batch = batch.batch AND said.annotator_id = batch.annotator_id
           ) AS is_undone,
           batch.mode, batch.item, batch.last
    FROM batch JOIN accounts_user account ON account.id = batch.annotator_id
    ORDER BY batch.last DESC
"""


class Batch(msgspec.Struct):
    """One batch of answers, or an undo of one."""

    batch: UUID
    by: str
    at: datetime
    label_class: int = msgspec.field(name="class")
    decisions: int
    items: int  # with the members of the stacks answered
    accepted: int
    rejected: int
    unsure: int
    is_undo: bool
    is_undone: bool  # at least in part
    mode: str
    item: int  # one of them, to show
    last: int  # the cursor: /?before=<last> gives the ones before


def recent_batches(
    corpus: Corpus, *, annotator: User | None = None, before: int = 2**63 - 1, limit: int = 50
) -> list[Batch]:
    """The newest batches of `corpus`, or of one annotator, as of the ledger before event `before`."""
    arguments = {
        "corpus": corpus.pk,
        "annotator": annotator.pk if annotator else None,
        "before": before,
        "look_back": LOOK_BACK,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(BATCHES, arguments)
        return [Batch(*row) for row in cursor.fetchall()]
