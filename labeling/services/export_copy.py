"""The lines of a dataset version as PostgreSQL writes them: CSV, JSON, COCO, by COPY.

The database formats the text and this process passes it on, so an export costs about what the bare COPY costs
and memory does not grow with the lines. The connection is busy meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from labeling.compute.export_writers.coco import Row
from labeling.compute.export_writers.tables import FORMULA
from labeling.models import DatasetVersion

# In the order of the writers. Media and classes are numbered first, so that the sort compares numbers; what
# is printed is made of the sorted rows (OFFSET 0), so that the sort moves little.
LINES = """
    WITH media AS MATERIALIZED (
        SELECT id, row_number() OVER (ORDER BY sha256 COLLATE "C") AS place, sha256, kind, name,
               time_base_numerator || '/' || time_base_denominator AS time_base, width_px, height_px
        FROM indexing_mediafile WHERE corpus_id = %(corpus)s
    ), label_class AS MATERIALIZED (
        SELECT id, row_number() OVER (ORDER BY name COLLATE "C") AS place, name, category
        FROM unnest(%(classes)s::bigint[], %(names)s::text[]) WITH ORDINALITY AS named(id, name, category)
    ), line AS (
        SELECT item.id AS item, item.kind, item.start_pts, item.stop_pts, item.number, item.pts_seconds,
               item.x0_px, item.y0_px, item.x1_px, item.y1_px, entry.answer, entry.origin, entry.split,
               media.place AS media_place, media.sha256, media.kind AS media_kind,
               media.name AS media_name, media.time_base, media.width_px, media.height_px,
               label_class.place AS class_place, label_class.name AS class_name, label_class.category
        FROM labeling_datasetentry entry
        JOIN indexing_item item ON item.id = entry.item_id
        JOIN media ON media.id = item.media_file_id
        JOIN label_class ON label_class.id = entry.label_class_id
        WHERE entry.dataset_version_id = %(version)s
        ORDER BY media.place, item.start_pts, item.kind, item.x0_px, item.y0_px, item.x1_px, item.y1_px,
                 label_class.place, item.id
        OFFSET 0
    )
"""
_NEUTRAL = "CASE WHEN left({0}, 1) = ANY(%(formula)s::text[]) THEN '''' || {0} ELSE {0} END"
TABLE = """
    SELECT item, sha256 AS media_sha256, {media_name} AS media_name, media_kind, kind, start_pts, stop_pts,
           time_base, number, pts_seconds, x0_px, y0_px, x1_px, y1_px, width_px, height_px,
           {class_name} AS label_class, answer, origin, split
    FROM line
"""
CSV = TABLE.format(media_name=_NEUTRAL.format("media_name"), class_name=_NEUTRAL.format("class_name"))
PLAIN = TABLE.format(media_name="media_name", class_name="class_name")
JSON = """
    SELECT concat('{"item":', item, ',"media_sha256":"', sha256, '","media_name":', to_json(media_name),
                  ',"media_kind":"', media_kind, '","kind":"', kind, '","start_pts":', start_pts,
                  ',"stop_pts":', stop_pts, ',"time_base":"', time_base,
                  '","number":', coalesce(number::text, 'null'), ',"pts_seconds":', pts_seconds,
                  ',"x0_px":', coalesce(x0_px::text, 'null'), ',"y0_px":', coalesce(y0_px::text, 'null'),
                  ',"x1_px":', coalesce(x1_px::text, 'null'), ',"y1_px":', coalesce(y1_px::text, 'null'),
                  ',"width_px":', width_px, ',"height_px":', height_px,
                  ',"label_class":', to_json(class_name), ',"answer":"', answer, '","origin":"', origin,
                  '","split":"', split, '"}')
    FROM line
"""
# An image on the first line of its frame, an annotation on every accepted one. Ids are counted in order, over
# all sides, so an image has the same id in the file of its side and in that of all.
COCO = """
    , listed AS (
        SELECT *, dense_rank() OVER (ORDER BY media_place, start_pts) AS frame,
               row_number() OVER (
                   PARTITION BY media_place, start_pts
                   ORDER BY kind, x0_px, y0_px, x1_px, y1_px, class_place, item
               ) AS nth,
               count(*) FILTER (WHERE answer = 'accept') OVER (
                   ORDER BY media_place, start_pts, kind, x0_px, y0_px, x1_px, y1_px, class_place, item
                   ROWS UNBOUNDED PRECEDING
               ) AS num_accepted,
               string_agg(category::text, ',') FILTER (WHERE answer = 'reject') OVER (
                   PARTITION BY media_place, start_pts
               ) AS rejected
        FROM line
    )
    SELECT CASE WHEN nth = 1 THEN
               concat('{"id":', frame, ',"file_name":"', split, '/', left(sha256, %(length)s), '_',
                      start_pts, '.', %(suffix)s::text, '","width":', width_px, ',"height":', height_px,
                      ',"split":"', split, '","media_name":', to_json(media_name),
                      ',"media_sha256":"', sha256, '","pts":', start_pts, ',"time_base":"', time_base,
                      '","pts_seconds":', pts_seconds, ',"rejected":[', rejected, ']}')
           END,
           CASE WHEN answer = 'accept' THEN
               concat('{"id":', num_accepted, ',"image_id":', frame, ',"category_id":', category,
                      ',"bbox":[', coalesce(x0_px, 0), ',', coalesce(y0_px, 0), ',',
                      coalesce(x1_px - x0_px, width_px), ',', coalesce(y1_px - y0_px, height_px),
                      '],"area":', coalesce((x1_px - x0_px)::bigint * (y1_px - y0_px),
                                            width_px::bigint * height_px),
                      ',"iscrowd":0,"item":', item, ',"origin":"', origin, '"}')
           END
    FROM listed WHERE %(split)s::text IS NULL OR split = %(split)s::text
"""
# Rows as they are, with a byte between columns that neither JSON nor UTF-8 text can hold.
SEPARATOR = b"\x01"
RAW = "(FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02', ESCAPE E'\\x02', ENCODING 'UTF8')"


def csv_rows(version: DatasetVersion) -> Iterator[bytes]:
    """The version as CSV, header first, a row at a time; no name in it is run by a spreadsheet."""
    yield from _copied(CSV, "(FORMAT csv, HEADER, ENCODING 'UTF8')", version)


def plain_rows(version: DatasetVersion) -> Iterator[bytes]:
    """The same rows without a header, names untouched: for writers that parse them."""
    yield from _copied(PLAIN, "(FORMAT csv, ENCODING 'UTF8')", version)


def json_rows(version: DatasetVersion) -> Iterator[bytes]:
    """The version as JSONL, an object per line."""
    yield from _copied(JSON, RAW, version)


def coco_rows(
    version: DatasetVersion, *, length: int, suffix: str, split: str | None = None
) -> Iterator[Row]:
    """The images and annotations of one side, or of all, as `write_coco` takes them."""
    for row in _copied(COCO, RAW, version, length=length, suffix=suffix, split=split):
        image, _, annotation = bytes(row).rstrip(b"\n").partition(SEPARATOR)
        yield image, annotation


def _copied(statement: str, options: str, version: DatasetVersion, **arguments: Any) -> Iterator[bytes]:
    classes = version.card["classes"]
    arguments |= {
        "corpus": version.corpus_id,
        "version": version.pk,
        "classes": [each["id"] for each in classes],
        "names": [each["name"] for each in classes],
        "formula": list(FORMULA),
    }
    with _patient_cursor() as cursor:
        select = cursor.mogrify(LINES + statement, arguments)
        with cursor.copy(f"COPY ({select}) TO STDOUT WITH {options}") as copy:
            yield from copy


@contextmanager
def _patient_cursor() -> Iterator[Any]:
    """A cursor whose statement may take as long as the lines take."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        yield cursor
