"""Which draws nobody has looked at yet."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.core.cache import cache
from django.db import connection

from labeling.models import LabelClass
from labeling.services.tiles import Box

NEWEST = 8  # audits of a kind that are looked through: one of recall runs at a time, several of weak batches
QUIET_SECONDS = 10  # for so long a class without open draws is not asked about again: every ranking asks

# A draw is looked at once the item that stands for it is answered, or a member is not rejected. `as_of`: what
# was answered since then is listed still, so that every page of a ranking sees the same list.
PENDING = """
    SELECT draw.id, draw.audit_id, audit.kind, audit.one_in, audit.seed, audit.ranking_id, draw.item_id,
           draw.stack_id, cardinality(draw.member_ids), draw.box, looked.at IS NULL
    FROM (
        SELECT recent.*, row_number() OVER (PARTITION BY recent.kind ORDER BY recent.id DESC) AS age
        FROM labeling_audit recent
        WHERE recent.label_class_id = %(label_class)s
          AND NOT EXISTS (SELECT FROM labeling_auditstop stop WHERE stop.audit_id = recent.id)
    ) audit
    JOIN labeling_auditdraw draw ON draw.audit_id = audit.id
    JOIN indexing_item item ON item.id = draw.item_id AND item.deleted_at IS NULL
    LEFT JOIN LATERAL (
        SELECT min(verdict.created_at) AS at
        FROM labeling_currentverdict state JOIN labeling_verdict verdict ON verdict.id = state.verdict_id
        WHERE state.label_class_id = %(label_class)s AND state.item_id = ANY(draw.member_ids)
          AND (state.answer IN ('accept', 'unsure') OR state.is_disputed
               OR (state.item_id = draw.item_id AND state.answer <> ''))
    ) looked ON true
    WHERE audit.age <= %(newest)s
      AND (looked.at IS NULL OR looked.at > %(as_of)s)
      AND (%(kind)s::text IS NULL OR audit.kind = %(kind)s::text)
    ORDER BY audit.id, draw.position
    LIMIT %(limit)s
"""


class Pending(NamedTuple):
    """A draw to be shown; `is_open`: nobody has looked at it."""

    draw: int
    audit: int
    kind: str
    one_in: int
    seed: int
    ranking: int | None
    item: int
    stack: int | None
    count: int  # type: ignore[assignment] # hides tuple.count
    box: Box | None
    is_open: bool

    @property
    def tile(self) -> int:
        """The stack, or minus the item of one in none."""
        return self.stack or -self.item


def pending_draws(
    label_class_id: int, *, as_of: datetime | None = None, kind: str | None = None, limit: int = 50_000
) -> list[Pending]:
    """The draws of running audits of the class that nobody had looked at at `as_of`, or has at all."""
    values = {
        "label_class": label_class_id,
        "newest": NEWEST,
        "as_of": as_of or "infinity",
        "kind": kind,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(PENDING, values)
        rows = cursor.fetchall()
    return [Pending._make((*row[:9], tuple(row[9]) if row[9] else None, row[10])) for row in rows]


def draws_to_mix(label_class_id: int, *, as_of: datetime) -> list[Pending]:
    """What a page of a ranking made `as_of` mixes in; mostly nothing, for a look into the cache."""
    key = f"audit-quiet-{label_class_id}"
    if cache.get(key):
        return []
    found = pending_draws(label_class_id, as_of=as_of)
    if not found:
        cache.set(key, 1, QUIET_SECONDS)
    return found


def wake(label_class_id: int) -> None:
    """Draws were made: rankings mix them in from now on."""
    cache.delete(f"audit-quiet-{label_class_id}")


def has_open_audit(label_class: LabelClass, *, kind: str) -> bool:
    """Whether an audit of that kind waits for somebody to look."""
    return bool(pending_draws(label_class.pk, kind=kind, limit=1))
