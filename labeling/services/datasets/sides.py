"""On which side of the split each media file is: planned by group, kept for ever."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from indexing.models import MediaFile
from labeling.compute.splits import BACKGROUND_CLASS, Media, Plan, plan_splits
from labeling.models import SplitAssignment
from sisyphus_web.accounts.models import Corpus

MEDIA_OF = """
    SELECT media_file, array_agg(DISTINCT label_class) FILTER (WHERE answer = 'accept'),
           bool_or(NOT is_accepted)
    FROM (SELECT *, bool_or(answer = 'accept') OVER (PARTITION BY item) AS is_accepted FROM frozen) listed
    GROUP BY media_file
"""
# Stacks of one video are inside one media file: only the others join files.
LINKS = """
    SELECT DISTINCT coalesce(stack.split_from_id, stack.id), item.media_file_id
    FROM indexing_item item
    JOIN indexing_stack stack ON stack.id = item.stack_id AND stack.media_file_id IS NULL
    WHERE item.corpus_id = %s AND item.deleted_at IS NULL
"""
# What lies in one folder of a source, or in one source, joins the files that lie there.
FOLDERS = """
    SELECT concat(path.source_id, ':', regexp_replace(path.relative_path, '[^/]*$', '')), path.media_file_id
    FROM indexing_mediapath path JOIN indexing_source source ON source.id = path.source_id
    WHERE source.corpus_id = %s
"""
SOURCES = """
    SELECT concat('source ', path.source_id), path.media_file_id
    FROM indexing_mediapath path JOIN indexing_source source ON source.id = path.source_id
    WHERE source.corpus_id = %s
"""
FURTHER_LINKS = {"folder": FOLDERS, "source": SOURCES}
EXPORTED = """
    SELECT DISTINCT item.media_file_id
    FROM labeling_datasetentry entry
    JOIN labeling_datasetversion version ON version.id = entry.dataset_version_id
    JOIN indexing_item item ON item.id = entry.item_id
    WHERE version.corpus_id = %s
      AND EXISTS (SELECT FROM labeling_export export WHERE export.dataset_version_id = version.id)
"""


def assign_sides(
    corpus: Corpus,
    examples: Sequence[tuple[int, int, int]],
    *,
    group_by: str,
    val_share: float,
    test_share: float,
    seed: int,
) -> Plan:
    """The sides of the media files of `frozen`, saved where they are new or moved."""
    with connection.cursor() as cursor:
        cursor.execute(MEDIA_OF)
        accepted = {
            media_file: frozenset([*(classes or ()), *([BACKGROUND_CLASS] if has_background else ())])
            for media_file, classes, has_background in cursor.fetchall()
        }
        cursor.execute(LINKS, [corpus.pk])
        links: list[tuple[Any, int]] = cursor.fetchall()
        if group_by in FURTHER_LINKS:
            cursor.execute(FURTHER_LINKS[group_by], [corpus.pk])
            # Only of what is listed: a folder's other files need no side.
            links += [(place, media) for place, media in cursor.fetchall() if media in accepted]
        cursor.execute(EXPORTED, [corpus.pk])
        exported = {media_file for (media_file,) in cursor.fetchall()}
    sides = dict(SplitAssignment.objects.filter(corpus=corpus).values_list("media_file", "split"))
    wanted = accepted.keys() | {media_file for _, media_file in links}
    searched = {media_file for _, media_file, _ in examples}
    media = [
        Media(
            pk,
            sha256,
            sides.get(pk, ""),
            pk in exported and pk in sides,
            accepted.get(pk, frozenset()),
            pk in searched,
        )
        for pk, sha256 in MediaFile.objects.filter(corpus=corpus).values_list("pk", "sha256").iterator()
        if pk in wanted
    ]
    plan = plan_splits(media, links, val_share=val_share, test_share=test_share, seed=seed)
    fresh = [
        SplitAssignment(media_file_id=pk, corpus=corpus, split=side)
        for pk, side in plan.sides.items()
        if sides.get(pk) != side and (pk in accepted or pk in sides)
    ]
    SplitAssignment.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["media_file"],
        update_fields=["split"],
        batch_size=5000,
    )
    return plan
