"""What has changed from one dataset version to another."""

from __future__ import annotations

import msgspec
from django.db import connection

from labeling.models import DatasetVersion

SHOWN = 1_000  # lines in an answer; the counts are of all

DIFF = """
    WITH changed AS (
        SELECT coalesce(new.item_id, old.item_id) AS item,
               coalesce(new.label_class_id, old.label_class_id) AS label_class,
               old.answer AS old_answer, new.answer AS new_answer,
               old.split AS old_split, new.split AS new_split,
               CASE WHEN old.id IS NULL THEN 'added' WHEN new.id IS NULL THEN 'removed'
                    WHEN old.answer <> new.answer THEN 'answered_otherwise'
                    WHEN old.split <> new.split THEN 'moved'
                    WHEN old.origin <> new.origin THEN 'confirmed' ELSE 'outlined' END AS change
        FROM (SELECT * FROM labeling_datasetentry WHERE dataset_version_id = %(old)s) old
        FULL JOIN (SELECT * FROM labeling_datasetentry WHERE dataset_version_id = %(new)s) new
          ON new.item_id = old.item_id AND new.label_class_id = old.label_class_id
        WHERE (old.answer, old.split, old.origin, old.box)
              IS DISTINCT FROM (new.answer, new.split, new.origin, new.box)
    )
    SELECT *, count(*) OVER (PARTITION BY change) FROM changed ORDER BY change, item, label_class
"""


class Change(msgspec.Struct):
    """One line; `confirmed`: the same answer from another origin (weak or derived, now a verdict).

    `outlined`: the same answer, about another part of its frame; counted only where there are such lines.
    """

    item: int
    label_class: int = msgspec.field(name="class")
    old_answer: str | None
    new_answer: str | None
    old_split: str | None
    new_split: str | None
    change: str


class Difference(msgspec.Struct):
    """How many lines changed in which way, and the first of them."""

    counts: dict[str, int]
    changes: list[Change]


def compare_versions(old: DatasetVersion, new: DatasetVersion) -> Difference:
    """What makes `new` of `old`: counts of every kind of change, and at most 1000 lines."""
    with connection.cursor() as cursor:
        cursor.execute(DIFF, {"old": old.pk, "new": new.pk})
        counts = dict.fromkeys(("added", "removed", "answered_otherwise", "moved", "confirmed"), 0)
        changes: list[Change] = []
        while rows := cursor.fetchmany(5_000):
            for *line, count in rows:
                change = Change(*line)
                counts[change.change] = count
                if len(changes) < SHOWN:
                    changes.append(change)
    return Difference(counts, changes)
