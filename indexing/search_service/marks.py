"""What PostgreSQL says of a corpus in one statement, to see whether anything has changed."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection

# Transactions live at most a minute (idle_in_transaction_session_timeout): what was stamped before is there.
LATE = timedelta(minutes=2)


class Marks(NamedTuple):
    """Of the active feature set; equal marks mean that nothing was added."""

    feature_set: int
    encoder: str
    weights_sha256: str
    width: int
    build: UUID | None  # the published one
    has_regions: bool  # tiles of frames are searched too
    region_build: UUID | None  # the published one of tiles
    num_shards: int
    newest_shard: int | None


_MARKS = """
    SELECT own.id, own.encoder, own.weights_sha256, own.width,
           (SELECT build.id FROM indexing_featureindex build
            WHERE build.feature_set_id = own.id AND build.is_published AND NOT build.has_regions),
           chosen.has_regions,
           (SELECT build.id FROM indexing_featureindex build
            WHERE build.feature_set_id = own.id AND build.is_published AND build.has_regions
              AND chosen.has_regions),
           shards.number, shards.newest,
           ARRAY(SELECT item.id FROM indexing_item item
                 WHERE item.corpus_id = own.corpus_id AND item.deleted_at >= %(since)s
                 UNION
                 SELECT item.id FROM indexing_mediafile file
                 JOIN indexing_item item ON item.media_file_id = file.id
                 WHERE file.corpus_id = own.corpus_id AND file.deleted_at >= %(since)s)
    FROM indexing_featureset own,
         LATERAL (SELECT EXISTS (SELECT FROM indexing_indexingsettings own_settings
                                 WHERE own_settings.corpus_id = own.corpus_id AND own.unit = 'frame'
                                   AND own_settings.regions = 'tiles') AS has_regions) chosen,
         LATERAL (SELECT count(*) AS number, max(shard.id) AS newest FROM indexing_featureshard shard
                  WHERE shard.feature_set_id = own.id
                    AND (chosen.has_regions OR NOT shard.has_regions)) shards
    WHERE own.corpus_id = %(corpus)s AND own.is_active AND own.unit = %(unit)s
"""
_ITEMS = """
    SELECT (SELECT max(stack.id) FROM indexing_stack stack WHERE stack.corpus_id = %s),
           (SELECT max(job.finished_at) FROM jobs_job job
            WHERE job.corpus_id = %s AND job.kind = 'stacks_build' AND job.status = 'done'),
           (SELECT count(*) FROM indexing_item WHERE corpus_id = %s AND deleted_at IS NOT NULL),
           (SELECT count(*) FROM indexing_mediafile WHERE corpus_id = %s AND deleted_at IS NOT NULL)
"""
_CORPORA = "SELECT corpus_id, unit FROM indexing_featureset WHERE is_active ORDER BY corpus_id, unit"
_SOURCES = """
    SELECT DISTINCT path.media_file_id FROM indexing_mediapath path
    JOIN indexing_source source ON source.id = path.source_id
    WHERE source.corpus_id = %s AND source.id = ANY(%s)
"""
_NAMED = """
    SELECT id FROM indexing_mediafile WHERE corpus_id = %s AND deleted_at IS NULL AND name ILIKE ANY(%s)
"""
_BOXES = """
    SELECT id FROM indexing_item WHERE corpus_id = %s AND deleted_at IS NULL AND x0_px IS NOT NULL ORDER BY id
"""


def marks_of(corpus_id: int, unit: str, items_read_at: datetime) -> tuple[Marks, frozenset[int]] | None:
    """The marks, and the items deleted (alone or with their file) by whom `items_read_at` may not show.

    None: the corpus has no active feature set of the unit. Deletions are stamped before they are committed,
    so a window is read again, not only what is newer.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MARKS, {"corpus": corpus_id, "unit": unit, "since": items_read_at - LATE})
        row = cursor.fetchone()
    return (Marks(*row[:-1]), frozenset(row[-1])) if row else None


def item_marks(corpus_id: int) -> tuple[object, ...]:
    """Changes when stacks were built or split, or items deleted or restored."""
    with connection.cursor() as cursor:
        cursor.execute(_ITEMS, [corpus_id] * 4)
        return tuple(cursor.fetchone())


def corpora_with_features() -> list[tuple[int, str]]:
    """The corpora that queries can be asked of, each with a unit that it has features of."""
    with connection.cursor() as cursor:
        cursor.execute(_CORPORA)
        return [(corpus_id, unit) for corpus_id, unit in cursor.fetchall()]


def media_files_of(corpus_id: int, sources: list[int]) -> frozenset[int]:
    """Media files that were seen in one of these sources of the corpus."""
    with connection.cursor() as cursor:
        cursor.execute(_SOURCES, [corpus_id, sources])
        return frozenset(media_file for (media_file,) in cursor.fetchall())


def media_files_named(corpus_id: int, patterns: list[str]) -> frozenset[int]:
    """Media files whose name has one of these in it; with a *, whose whole name is like it."""
    like = [_like(pattern) for pattern in patterns]
    with connection.cursor() as cursor:
        cursor.execute(_NAMED, [corpus_id, like])
        return frozenset(media_file for (media_file,) in cursor.fetchall())


def items_with_box(corpus_id: int) -> list[int]:
    """Items that are a part of their picture, ascending."""
    with connection.cursor() as cursor:
        cursor.execute(_BOXES, [corpus_id])
        return [item for (item,) in cursor.fetchall()]


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%") if "*" in pattern else f"%{escaped}%"
