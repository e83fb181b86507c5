"""Later: tiles that somebody put off, theirs alone, and neither a verdict nor an answer."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

from indexing.models import Item
from labeling.models import LabelClass, PutOff
from sisyphus_web.accounts.models import User

OF_PUT_OFF = "(item.stack_id = putoff.tile OR item.id = -putoff.tile) AND item.deleted_at IS NULL"
_NUMBER = f"""
    SELECT count(*) FROM labeling_putoff putoff JOIN indexing_item item ON {OF_PUT_OFF}
    WHERE putoff.label_class_id = %s AND putoff.annotator_id = %s
      AND NOT EXISTS (
          SELECT FROM labeling_currentverdict state
          WHERE state.item_id = item.id AND state.label_class_id = putoff.label_class_id
            AND state.answer <> ''
      )
"""  # noqa: S608 - our own text


def put_off(label_class: LabelClass, items: Collection[int], *, by: User, is_later: bool) -> int:
    """Put off the tiles of `items`, or take them back; how many tiles. Twice is once.

    Items that are not of the corpus are passed over.
    """
    rows = Item.objects.live().filter(corpus=label_class.corpus_id, pk__in=items).values_list("pk", "stack")
    tiles = {stack or -item for item, stack in rows}
    if is_later:
        PutOff.objects.bulk_create(
            [
                PutOff(corpus_id=label_class.corpus_id, label_class=label_class, tile=tile, annotator=by)
                for tile in sorted(tiles)
            ],
            ignore_conflicts=True,
        )
    else:
        PutOff.objects.filter(label_class=label_class, annotator=by, tile__in=tiles).delete()
    return len(tiles)


def num_put_off(label_class: LabelClass, *, by: User) -> int:
    """Live items of the tiles that `by` put off and nobody has decided."""
    with connection.cursor() as cursor:
        cursor.execute(_NUMBER, [label_class.pk, by.pk])
        (number,) = cursor.fetchone()
    return int(number)
