"""The list to freeze, as a temporary table `frozen` of the running transaction: one moment, one unit."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from indexing.models import Unit
from labeling.models import LabelClass
from sisyphus_web.jobs.errors import JobError

# One statement, so one moment of the projection. What nobody is sure of is not in it.
# The box of an answer to a stack is of the member it was given to, not of the others.
FREEZE = """
    CREATE TEMPORARY TABLE frozen ON COMMIT DROP AS
    SELECT item.id AS item, item.media_file_id AS media_file, state.label_class_id AS label_class,
           state.answer::text AS answer,
           CASE WHEN state.is_derived THEN 'derived' WHEN said.mode = 'import' THEN 'import'
                ELSE 'verdict' END AS origin,
           state.verdict_id AS verdict,
           CASE WHEN NOT state.is_derived AND said.item_id = state.item_id THEN said.box END AS box
    FROM labeling_currentverdict state
    JOIN labeling_verdict said ON said.id = state.verdict_id
    JOIN indexing_item item ON item.id = state.item_id AND item.deleted_at IS NULL
    JOIN indexing_mediafile media ON media.id = item.media_file_id AND media.deleted_at IS NULL
    WHERE state.label_class_id = ANY(%(classes)s) AND state.answer IN ('accept', 'reject')
      AND NOT state.is_disputed
    UNION ALL
    SELECT DISTINCT item.id, item.media_file_id, weak.label_class_id, 'accept', 'weak',
           NULL::bigint, NULL::float8[]
    FROM labeling_weaklabel weak
    JOIN labeling_weakbatch batch ON batch.id = weak.batch_id AND batch.reverted_at IS NULL
    JOIN indexing_item item ON item.id = weak.item_id AND item.deleted_at IS NULL
    JOIN indexing_mediafile media ON media.id = item.media_file_id AND media.deleted_at IS NULL
    WHERE %(includes_weak)s AND weak.label_class_id = ANY(%(classes)s) AND NOT EXISTS (
        SELECT FROM labeling_currentverdict state
        WHERE state.item_id = weak.item_id AND state.label_class_id = weak.label_class_id
          AND state.answer <> ''
    )
"""
# An undo brings an earlier answer back: back to the event that said it, which may have been an import.
BROUGHT_BACK = """
    WITH RECURSIVE back AS (
        SELECT frozen.item, frozen.label_class, said.id AS verdict, said.reverts_id, said.mode
        FROM frozen JOIN labeling_verdict said ON said.id = frozen.verdict
        WHERE frozen.origin = 'verdict' AND said.reverts_id IS NOT NULL
        UNION ALL
        SELECT back.item, back.label_class, earlier.id, earlier.reverts_id, earlier.mode
        FROM back
        CROSS JOIN LATERAL (
            SELECT said.id, said.reverts_id, said.mode FROM labeling_verdict said
            WHERE said.item_id = back.item AND said.label_class_id = back.label_class
              AND said.id < back.reverts_id AND NOT said.is_blind
            ORDER BY said.id DESC LIMIT 1
        ) earlier
        WHERE back.reverts_id IS NOT NULL
    )
    UPDATE frozen SET origin = 'import' FROM back
    WHERE back.item = frozen.item AND back.label_class = frozen.label_class
      AND back.reverts_id IS NULL AND back.mode = 'import'
"""
# Of one unit what is of the other says nothing: its items are left out.
UNITS = "SELECT DISTINCT item.kind = 'clip' FROM frozen JOIN indexing_item item ON item.id = frozen.item"
LEAVE_OUT_OTHERS = """
    DELETE FROM frozen USING indexing_item item WHERE item.id = frozen.item AND (item.kind = 'clip') <> %s
"""


class NothingToFreeze(JobError):
    code = "no-items"


class MixedUnits(JobError):
    """A dataset version would hold frames and clips."""

    code = "mixed-units"


def freeze(label_classes: Sequence[LabelClass], *, includes_weak: bool, unit: str | None) -> tuple[str, int]:
    """Fill `frozen` with what is accepted and rejected for the classes; (unit, newest verdict or 0).

    NothingToFreeze where nothing of the unit is accepted, MixedUnits without `unit` where both were answered.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS frozen")
        cursor.execute(
            FREEZE, {"classes": [each.pk for each in label_classes], "includes_weak": includes_weak}
        )
        unit = _only_unit(unit)
        cursor.execute(BROUGHT_BACK)
        cursor.execute("SELECT count(*) FILTER (WHERE answer = 'accept'), max(verdict) FROM frozen")
        num_accepted, last_verdict_id = cursor.fetchone()
    if not num_accepted:
        raise NothingToFreeze(
            "Nothing is accepted yet: accept some items, or take weak labels and include them."
        )
    return unit, last_verdict_id or 0


def _only_unit(asked: str | None) -> str:
    """The unit of what `frozen` holds from now on."""
    with connection.cursor() as cursor:
        if asked is None:
            cursor.execute(UNITS)
            are_clips = {is_clip for (is_clip,) in cursor.fetchall()}
            if len(are_clips) > 1:
                raise MixedUnits(
                    "These classes were answered for frames and for clips, and a dataset version is of one "
                    "of them: choose frames or clips, or where you train the features of one of them."
                )
            return Unit.CLIP.value if are_clips == {True} else Unit.FRAME.value
        cursor.execute(LEAVE_OUT_OTHERS, [asked == Unit.CLIP])
    return asked
