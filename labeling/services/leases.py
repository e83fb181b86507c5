"""Leases of tiles: who is served a tile holds it, so that two annotators never look at the same one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db import connection

from labeling.models import LabelClass
from sisyphus_web.accounts.models import User

SECONDS = 90  # without a heart-beat

# In the order of tiles, so that two pages cannot wait for each other.
CLAIM = """
    INSERT INTO labeling_lease AS lease (corpus_id, label_class_id, tile, annotator_id, page, expires_at)
    SELECT %(corpus)s, %(label_class)s, wanted.tile, %(annotator)s, %(page)s,
           clock_timestamp() + make_interval(secs => %(seconds)s)
    FROM (SELECT DISTINCT unnest(%(tiles)s::bigint[]) AS tile ORDER BY 1) wanted
    ON CONFLICT (label_class_id, tile) DO UPDATE
    SET annotator_id = excluded.annotator_id, page = excluded.page, expires_at = excluded.expires_at
    WHERE lease.annotator_id = excluded.annotator_id OR lease.expires_at < clock_timestamp()
    RETURNING tile
"""
HELD = """
    SELECT tile FROM labeling_lease
    WHERE label_class_id = %(label_class)s AND annotator_id <> %(annotator)s
      AND expires_at >= clock_timestamp()
"""
# What another transaction is about to take or let go is none of ours: skipped, and expired at the latest.
RELEASE = """
    DELETE FROM labeling_lease WHERE id IN (
        SELECT id FROM labeling_lease
        WHERE annotator_id = %(annotator)s AND label_class_id = %(label_class)s AND page = %(page)s
          AND NOT tile = ANY(%(tiles)s::bigint[])
        ORDER BY tile FOR UPDATE SKIP LOCKED
    )
"""
CLAIM_INSTEAD = f"WITH released AS ({RELEASE}) {CLAIM}"
ANSWERED = """
    DELETE FROM labeling_lease WHERE id IN (
        SELECT lease.id FROM labeling_lease lease
        JOIN unnest(%s::bigint[], %s::bigint[]) AS answered(label_class, tile)
          ON lease.label_class_id = answered.label_class AND lease.tile = answered.tile
        ORDER BY lease.tile FOR UPDATE OF lease SKIP LOCKED
    )
"""
FORGET = "DELETE FROM labeling_lease WHERE expires_at < clock_timestamp() - interval '10 minutes'"


def claim_tiles(
    label_class: LabelClass, tiles: Collection[int], *, by: User, page: str = "", instead: bool = False
) -> set[int]:
    """Hold `tiles` for 90 s more; those that are had: all but what somebody else holds. Own pages share.

    `instead`: and let go what else this page holds.
    """
    if not tiles:
        if instead:
            release_page(label_class, by=by, page=page)
        return set()
    values: dict[str, Any] = {
        "corpus": label_class.corpus_id,
        "label_class": label_class.pk,
        "annotator": by.pk,
        "page": page,
        "seconds": SECONDS,
        "tiles": list(tiles),
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_INSTEAD if instead else CLAIM, values)
        return {tile for (tile,) in cursor.fetchall()}


def held_by_others(label_class: LabelClass, *, by: User) -> set[int]:
    """The tiles of this class that somebody else has in front of them."""
    with connection.cursor() as cursor:
        cursor.execute(HELD, {"label_class": label_class.pk, "annotator": by.pk})
        return {tile for (tile,) in cursor.fetchall()}


def release_page(label_class: LabelClass, *, by: User, page: str = "", keep: Collection[int] = ()) -> None:
    """Let go what this page of this annotator holds, but for `keep`."""
    values: dict[str, Any] = {
        "annotator": by.pk,
        "label_class": label_class.pk,
        "page": page,
        "tiles": list(keep),
    }
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, values)


def release_tiles(answered: Iterable[tuple[int, int]]) -> None:
    """Let go tiles by (class, tile), whoever holds them: they were answered."""
    pairs = sorted(answered)
    if not pairs:
        return
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED, [[pair[0] for pair in pairs], [pair[1] for pair in pairs]])


def forget_expired() -> int:
    """Remove leases that ran out a while ago; how many."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)
        return cursor.rowcount
