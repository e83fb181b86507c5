"""How much of a class is decided: the numbers on the workbench and the review page."""

from __future__ import annotations

import msgspec
from django.core.cache import cache
from django.db import connection

from indexing.models import Item
from labeling.models import LabelClass
from labeling.services.put_off import num_put_off
from sisyphus_web.accounts.models import Corpus, User

TOTALS_SECONDS = 5  # how old the totals may be: items come and go by the job, not by the answer

COUNTS = """
    SELECT count(*) FILTER (WHERE state.answer = 'accept'),
           count(*) FILTER (WHERE state.answer = 'reject'),
           count(*) FILTER (WHERE state.answer = 'unsure'),
           count(*) FILTER (WHERE state.is_disputed),
           (
               SELECT count(DISTINCT weak.item_id)
               FROM labeling_weaklabel weak
               JOIN labeling_weakbatch batch ON batch.id = weak.batch_id AND batch.reverted_at IS NULL
               JOIN indexing_item item ON item.id = weak.item_id AND item.deleted_at IS NULL
               WHERE weak.label_class_id = %(label_class)s AND NOT EXISTS (
                   SELECT FROM labeling_currentverdict state
                   WHERE state.item_id = weak.item_id AND state.label_class_id = weak.label_class_id
                     AND state.answer <> ''
               )
           )
    FROM labeling_currentverdict state
    JOIN indexing_item item ON item.id = state.item_id AND item.deleted_at IS NULL
    WHERE state.label_class_id = %(label_class)s AND (state.answer <> '' OR state.is_disputed)
"""


class Counts(msgspec.Struct):
    """Live items by what counts for one class. Disputed ones are in their answer's number too."""

    label_class: int = msgspec.field(name="class")
    accepted: int
    rejected: int
    unsure: int
    weak: int  # and not decided
    disputed: int
    later: int  # put off by who asks and not decided; untouched or weak as well
    untouched: int
    items: int
    stacks: int  # tiles: stacks, and items in none


def count_states(label_class: LabelClass, *, by: User | None = None) -> Counts:
    """The counts of `label_class`: one statement, and three more once the totals are too old."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, {"label_class": label_class.pk})
        accepted, rejected, unsure, disputed, weak = cursor.fetchone()
    items, stacks = _totals(label_class.corpus)
    return Counts(
        label_class=label_class.pk,
        accepted=accepted,
        rejected=rejected,
        unsure=unsure,
        weak=weak,
        disputed=disputed,
        later=num_put_off(label_class, by=by) if by else 0,
        untouched=max(0, items - accepted - rejected - unsure - weak),
        items=items,
        stacks=stacks,
    )


def _totals(corpus: Corpus) -> tuple[int, int]:
    key = f"labeling-totals-{corpus.pk}"
    found = cache.get(key)
    if found is None:
        live = Item.objects.live().filter(corpus=corpus)
        in_stacks = live.filter(stack__isnull=False)
        items = live.count()
        found = (items, items - in_stacks.count() + in_stacks.values("stack").distinct().count())
        cache.set(key, found, TOTALS_SECONDS)
    return found
