"""Disputed items with everything that was said about them, newest dispute first."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Count

from labeling.models import CurrentVerdict, LabelClass, Verdict
from labeling.services.parties import agreement_of, answers_on, others_than, who_settles
from labeling.services.tiles import Shown, Tile, describe_tiles
from sisyphus_web.accounts.models import Corpus, User

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
    """An item two people answered differently; what counts is on its tile.

    One of those who disagree may settle it only where nobody else may: then `settlers` is empty. With the
    answer of all the others they may agree at any time.
    """

    tile: Tile
    votes: list[Vote]  # oldest first
    is_own: bool  # who asks is one of those who disagree
    agreement: str  # the answer with which who asks would agree with all the others; '' where there is none
    settlers: list[str]  # who may settle it: they answer in this corpus and are no party


class Disputes(msgspec.Struct):
    """A page of them; `next` is the `before` of the next page, null at the end."""

    results: list[Dispute]
    next: int | None


def disputed_counts(corpus: Corpus) -> dict[int, int]:
    """Class -> how many of its live items are disputed; classes without any are left out."""
    states = CurrentVerdict.objects.filter(corpus=corpus, is_disputed=True, item__deleted_at=None)
    return dict(states.values_list("label_class").annotate(Count("pk")).order_by())


def settled_by(label_class: LabelClass, *, batch: UUID, by: User) -> Verdict | None:
    """What this person settled with that operation, while it can be taken back."""
    said = Verdict.objects.filter(label_class=label_class, batch=batch, annotator=by, is_settling=True)
    return said.filter(reverted_by=None).select_related("item__media_file").first()


def disputes_of(
    label_class: LabelClass, *, by: User, before: int | None = None, limit: int = PAGE
) -> Disputes:
    """The disputed items of a class, newest first, after row `before` of the projection; five statements."""
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
    said = answers_on([(item, label_class.pk) for _, item, _ in page])
    settlers = who_settles(label_class.corpus) if page else {}
    return Disputes(
        results=[
            _dispute(tile, votes.get(tile.item, []), said[tile.item, label_class.pk], settlers, by=by.pk)
            for tile in tiles
        ],
        next=page[-1][0] if len(rows) > limit else None,
    )


def _dispute(
    tile: Tile, votes: list[Vote], said: dict[int, str], settlers: dict[int, str], *, by: int
) -> Dispute:
    return Dispute(
        tile,
        votes,
        is_own=by in said,
        agreement=agreement_of(by, said) if by in said else "",
        settlers=others_than(said, settlers),
    )
