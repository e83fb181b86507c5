"""Disputed items with everything that was said about them, newest dispute first."""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.db import connection

from labeling.models import CurrentVerdict, LabelClass
from labeling.services.tiles import Shown, Tile, describe_tiles

PAGE = 30

# What was said about the item itself and stands; gold checks are about people, not about the item.
VOTES = """
    SELECT said.item_id, account.username, said.answer, said.created_at, said.is_blind, said.reason, said.mode
    FROM labeling_verdict said
    JOIN accounts_user account ON account.id = said.annotator_id
    WHERE said.label_class_id = %s AND said.item_id = ANY(%s) AND said.reverts_id IS NULL
      AND NOT (said.is_blind AND said.mode = 'gold')
      AND NOT EXISTS (
          SELECT FROM labeling_verdict undo WHERE undo.reverts_id = said.id
            AND NOT EXISTS (SELECT FROM labeling_verdict redo WHERE redo.reverts_id = undo.id)
      )
    ORDER BY said.id
"""


class Vote(msgspec.Struct):
    """What one person said about an item."""

    by: str
    answer: str
    at: datetime
    is_blind: bool  # without seeing what counted
    reason: str
    mode: str


class Dispute(msgspec.Struct):
    """An item two people answered differently; what counts is on its tile."""

    tile: Tile
    votes: list[Vote]  # oldest first


class Disputes(msgspec.Struct):
    """A page of them; `next` is the `before` of the next page, null at the end."""

    results: list[Dispute]
    next: int | None


def disputes_of(label_class: LabelClass, *, before: int | None = None, limit: int = PAGE) -> Disputes:
    """The disputed items of a class, newest first, after row `before` of the projection; three statements."""
    states = CurrentVerdict.objects.filter(
        label_class=label_class, is_disputed=True, item__deleted_at=None
    ).order_by("-id")
    if before is not None:
        states = states.filter(id__lt=before)
    rows = list(states.values_list("pk", "item", "item__stack")[: limit + 1])
    page = rows[:limit]
    shown = [Shown(item, stack, 1, None, place) for place, (_, item, stack) in enumerate(page)]
    tiles = describe_tiles(label_class.corpus, shown, label_class_id=label_class.pk)
    votes: dict[int, list[Vote]] = {}
    with connection.cursor() as cursor:
        cursor.execute(VOTES, [label_class.pk, [item for _, item, _ in page]])
        for item, *rest in cursor.fetchall():
            votes.setdefault(item, []).append(Vote(*rest))
    return Disputes(
        results=[Dispute(tile, votes.get(tile.item, [])) for tile in tiles],
        next=page[-1][0] if len(rows) > limit else None,
    )
