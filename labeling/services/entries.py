"""Entries of the ledger as they are written: one statement for a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from sisyphus_web.accounts.models import Corpus, User

NEXT_IDS = "SELECT nextval(pg_get_serial_sequence('labeling_verdict', 'id')) FROM generate_series(1, %s)"
# What an entry leaves out is null, as json_to_recordset has it.
APPEND = """
    INSERT INTO labeling_verdict (
        id, corpus_id, annotator_id, created_at, item_id, stack_id, member_ids, replaced, label_class_id,
        answer, version, operation_id, batch, reverts_id, query_round_id, rank, mode, is_forced, is_blind,
        is_settling, reason, box, left_stack, client_time
    )
    SELECT said.id, %(corpus)s, %(annotator)s, %(created_at)s, said.item_id, said.stack_id,
           coalesce(said.member_ids, '{}'), said.replaced, said.label_class_id, said.answer, said.version,
           said.operation_id, said.batch, said.reverts_id, said.query_round_id, said.rank,
           coalesce(said.mode, ''), coalesce(said.is_forced, false), coalesce(said.is_blind, false),
           coalesce(said.is_settling, false), coalesce(said.reason, ''), said.box, said.left_stack,
           said.client_time
    FROM json_to_recordset(%(entries)s) AS said(
        id bigint, item_id bigint, stack_id bigint, member_ids bigint[], replaced text[],
        label_class_id bigint, answer text, version int, operation_id uuid, batch uuid, reverts_id bigint,
        query_round_id bigint, rank int, mode text, is_forced bool, is_blind bool, is_settling bool,
        reason text, box float8[], left_stack bigint, client_time timestamptz
    )
"""


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A verdict before it is in the ledger; the fields are those of `Verdict`."""

    item_id: int
    label_class_id: int
    answer: str
    version: int
    replaced: list[str]
    operation_id: UUID
    batch: UUID
    id: int = 0  # given by `number`
    stack_id: int | None = None
    member_ids: list[int] = []
    reverts_id: int | None = None
    query_round_id: int | None = None
    rank: int | None = None
    mode: str = ""
    is_forced: bool = False
    is_blind: bool = False
    is_settling: bool = False
    reason: str = ""
    box: Sequence[float] | None = None
    left_stack: int | None = None
    client_time: datetime | None = None


def number(entries: Sequence[Entry]) -> None:
    """Give every entry its id, ascending.

    Under the locks of all states they touch: of one item, the later event has the higher id.
    """
    with connection.cursor() as cursor:
        cursor.execute(NEXT_IDS, [len(entries)])
        for entry, (pk,) in zip(entries, sorted(cursor.fetchall()), strict=True):
            entry.id = pk


def append(corpus: Corpus, annotator: User, entries: Sequence[Entry], *, created_at: datetime) -> None:
    """Write numbered entries into the ledger; IntegrityError where an operation id is there already."""
    values: dict[str, Any] = {
        "corpus": corpus.pk,
        "annotator": annotator.pk,
        "created_at": created_at,
        "entries": msgspec.json.encode(entries).decode(),
    }
    with connection.cursor() as cursor:
        cursor.execute(APPEND, values)
