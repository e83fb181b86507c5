"""Blind looks: drawn when an answer is recorded, served among others later, recognized by who answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from labeling.models import BlindLook
from labeling.services.derivation import SHARE
from labeling.services.entries import Entry
from labeling.services.states import Held, Key
from sisyphus_web.accounts.models import Corpus, User

Kind = BlindLook.Kind
# A derived answer is checked once its stack was left: its exceptions have been said, and nobody remembers it.
REST = timedelta(minutes=5)
SHARE_OF_AUDITS = 0.1  # of the draws of an audit: looked at again by somebody else
GOOD_FOR = timedelta(hours=24)  # after that, an answer to what was served blind is an answer like any other


def looks_of(annotator: User, keys: Iterable[Key]) -> dict[Key, BlindLook]:
    """What this annotator was served blind lately, by (item, class)."""
    items, classes = {item for item, _ in keys}, {label_class for _, label_class in keys}
    served = BlindLook.objects.filter(
        annotator=annotator,
        label_class__in=classes,
        item__in=items,
        served_at__gt=timezone.now() - GOOD_FOR,
    )
    return {(look.item_id, look.label_class_id): look for look in served}


def vote_of(look: BlindLook, state: Held) -> BlindLook.Kind | None:
    """What an answer to `look` is now; None: an answer like any other, since nothing counts any more.

    A derived answer that somebody has confirmed or contradicted meanwhile is a decided item like others.
    """
    if state.answer == "":
        return None
    if look.kind == Kind.DERIVED and not state.is_derived:
        return Kind.SECOND
    return Kind(look.kind)


def draw_looks(
    corpus: Corpus,
    entries: Sequence[Entry],
    second_shares: dict[int, float],
    audited: dict[Key, datetime],
    *,
    said_at: datetime,
) -> None:
    """Draw, of the answers just recorded, those that somebody is to look at again.

    By a hash of operation and item: the same draw at every retry, and nobody can choose it. A bound assumes
    right answers: of the draws of audits (`audited`: since when) a tenth at least, and those before others.
    """
    due: list[BlindLook] = []
    for entry in entries:
        if entry.is_blind or entry.reverts_id is not None or entry.mode == "derived":
            continue
        common = {"corpus": corpus, "label_class_id": entry.label_class_id, "looks_at_id": entry.id}
        share, due_at = second_shares.get(entry.label_class_id, 0.0), said_at
        if (drawn_at := audited.get((entry.item_id, entry.label_class_id))) is not None:
            share, due_at = max(share, SHARE_OF_AUDITS), drawn_at
        if share and _lot(entry.operation_id, entry.item_id) < share:
            due.append(BlindLook(**common, kind=Kind.SECOND, item_id=entry.item_id, due_at=due_at))
        due += [
            BlindLook(**common, kind=Kind.DERIVED, item_id=item, due_at=said_at + REST)
            for item in entry.member_ids
            if _lot(entry.operation_id, item) < SHARE
        ]
    if due:
        BlindLook.objects.bulk_create(due)


def _lot(operation_id: UUID, item: int) -> float:
    """A number in [0, 1), uniform over operations and items."""
    digest = hashlib.blake2b(b"%d" % item, key=operation_id.bytes, digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
