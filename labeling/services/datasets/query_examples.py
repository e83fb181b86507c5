"""What was searched by: the query was made to find it, so it may not be what a classifier is tested on."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from indexing.models import Unit
from labeling.compute.splits import Plan
from sisyphus_web.accounts.models import Corpus

# Of the other unit, and of spans, what was seen at the same time in the same video.
EXAMPLES = """
    WITH searched AS (
        SELECT DISTINCT (term ->> 'item')::bigint AS item, (term -> 'span' ->> 'media_file')::bigint AS file,
               (term -> 'span' ->> 'start_pts')::bigint AS start_pts,
               (term -> 'span' ->> 'stop_pts')::bigint AS stop_pts
        FROM labeling_queryround round, jsonb_array_elements(round.terms) term
        WHERE round.corpus_id = %(corpus)s AND term ->> 'kind' IN ('item', 'span')
    ), seen AS (
        SELECT file, start_pts, stop_pts FROM searched WHERE item IS NULL
        UNION ALL
        SELECT item.media_file_id, item.start_pts, item.stop_pts
        FROM searched JOIN indexing_item item ON item.id = searched.item
        WHERE (item.kind = 'clip') <> %(are_clips)s
    )
    SELECT item.id, item.media_file_id, coalesce(item.stack_id, 0)
    FROM searched JOIN indexing_item item ON item.id = searched.item AND item.corpus_id = %(corpus)s
    WHERE (item.kind = 'clip') = %(are_clips)s
    UNION
    SELECT item.id, item.media_file_id, coalesce(item.stack_id, 0)
    FROM seen JOIN indexing_item item
      ON item.media_file_id = seen.file AND item.start_pts < seen.stop_pts AND item.stop_pts > seen.start_pts
    WHERE item.corpus_id = %(corpus)s AND (item.kind = 'clip') = %(are_clips)s
"""
LEAVE_OUT_EXAMPLES = """
    DELETE FROM frozen USING indexing_item item
    WHERE item.id = frozen.item AND frozen.media_file = ANY(%s)
      AND (item.id = ANY(%s) OR item.stack_id = ANY(%s))
"""


def query_examples(corpus: Corpus, unit: str) -> list[tuple[int, int, int]]:
    """(item, media file, stack or 0) of everything of the unit that was searched by."""
    with connection.cursor() as cursor:
        cursor.execute(EXAMPLES, {"corpus": corpus.pk, "are_clips": unit == Unit.CLIP})
        return cursor.fetchall()


def leave_out_of_test(examples: Sequence[tuple[int, int, int]], plan: Plan) -> int:
    """Take examples that are in test, and their stacks, out of `frozen`; how many lines that were."""
    in_test = [each for each in plan.sides if plan.sides[each] == "test"]
    stacks = [stack for _, _, stack in examples if stack]
    if not examples or not in_test:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(LEAVE_OUT_EXAMPLES, [in_test, [item for item, _, _ in examples], stacks])
        return int(cursor.rowcount)
