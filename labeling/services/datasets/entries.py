"""The frozen list of a version: its lines, its hash, and whether a group of it crosses the split."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import connection

from labeling.compute.splits import Plan
from labeling.models import DatasetVersion

INSERT_ENTRIES = """
    INSERT INTO labeling_datasetentry
        (dataset_version_id, item_id, label_class_id, answer, origin, split, "group", box)
    SELECT %s, frozen.item, frozen.label_class, frozen.answer, frozen.origin, side.split, side.name,
           frozen.box
    FROM frozen
    JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS side(media_file, split, name)
      ON side.media_file = frozen.media_file
"""
CROSSINGS = """
    SELECT count(*) FROM (
        SELECT FROM labeling_datasetentry entry JOIN indexing_item item ON item.id = entry.item_id
        WHERE entry.dataset_version_id = %(version)s
        GROUP BY item.media_file_id HAVING count(DISTINCT split) > 1
        UNION ALL
        SELECT FROM labeling_datasetentry entry JOIN indexing_item item ON item.id = entry.item_id
        JOIN indexing_stack stack ON stack.id = item.stack_id
        WHERE entry.dataset_version_id = %(version)s
        GROUP BY coalesce(stack.split_from_id, stack.id) HAVING count(DISTINCT split) > 1
    ) crossing
"""
# What the hash is made of: content, not row numbers, so that the same list has the same hash anywhere.
CANONICAL = """
    SELECT line FROM (SELECT concat_ws(E'\\t', media.sha256, item.kind, item.start_pts, item.stop_pts,
                     concat_ws(',', item.x0_px, item.y0_px, item.x1_px, item.y1_px),
                     label_class.name, entry.answer, entry.origin, entry.split,
                     array_to_string(entry.box, ',')) AS line
    FROM labeling_datasetentry entry
    JOIN indexing_item item ON item.id = entry.item_id
    JOIN indexing_mediafile media ON media.id = item.media_file_id
    JOIN unnest(%s::bigint[], %s::text[]) AS label_class(id, name) ON label_class.id = entry.label_class_id
    WHERE entry.dataset_version_id = %s) listed
    ORDER BY line COLLATE "C"
"""


def insert_entries(version: DatasetVersion, plan: Plan) -> None:
    ids = list(plan.sides)
    columns: list[Any] = [ids, [plan.sides[each] for each in ids], [plan.groups[each][:40] for each in ids]]
    with connection.cursor() as cursor:
        cursor.execute(INSERT_ENTRIES, [version.pk, *columns])


def canonical_sha256(version: DatasetVersion) -> str:
    """The sha256 of the frozen list: media by sha256, windows, classes, answers, origins, sides, boxes."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        classes = version.card["classes"]
        names = [[each["id"] for each in classes], [each["name"] for each in classes]]
        cursor.execute(CANONICAL, [*names, version.pk])
        while rows := cursor.fetchmany(10_000):
            digest.update("".join(f"{line}\n" for (line,) in rows).encode())
    return digest.hexdigest()


def num_crossings(version: DatasetVersion) -> int:
    """How many media files and stacks, as they are now, have lines on several sides of the version."""
    with connection.cursor() as cursor:
        cursor.execute(CROSSINGS, {"version": version.pk})
        return int(cursor.fetchone()[0])
