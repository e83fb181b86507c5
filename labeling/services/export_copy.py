"""The lines of a dataset version as PostgreSQL writes them: CSV, JSON, COCO, by COPY.

The database formats the text and this process passes it on, so an export costs about what the bare COPY costs
and memory does not grow with the lines. The connection is busy meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection, transaction

from labeling.compute.export_writers.tables import BOX_COLUMNS, FORMULA
from labeling.models import DatasetVersion
from labeling.services.exports import has_boxes

# In the order of the writers. Media and classes are numbered first, so that the sort compares numbers; what
# is the same for all lines of a media file is formatted once; and what is printed is made of the sorted rows
# (OFFSET 0), so that the sort moves little.
LINES = """
    WITH media AS MATERIALIZED (
        SELECT id AS media_id, row_number() OVER (ORDER BY sha256 COLLATE "C") AS media_place, {media}
        FROM indexing_mediafile WHERE corpus_id = %(corpus)s
    ), label_class AS MATERIALIZED (
        SELECT id AS class_id, row_number() OVER (ORDER BY name COLLATE "C") AS class_place, {name}, category
        FROM unnest(%(classes)s::bigint[], %(names)s::text[]) WITH ORDINALITY AS named(id, name, category)
    ), line AS (
        SELECT item.id AS item, item.kind, item.start_pts, item.stop_pts, item.number, item.pts_seconds,
               item.x0_px, item.y0_px, item.x1_px, item.y1_px, entry.answer, entry.origin, entry.split,{box}
               media.*, label_class.*
        FROM labeling_datasetentry entry
        JOIN indexing_item item ON item.id = entry.item_id
        JOIN media ON media_id = item.media_file_id
        JOIN label_class ON class_id = entry.label_class_id
        WHERE entry.dataset_version_id = %(version)s
        ORDER BY media_place, item.start_pts, item.kind,
                 CASE item.kind WHEN 'clip' THEN item.stop_pts END,
                 item.x0_px, item.y0_px, item.x1_px, item.y1_px,
                 class_place, item.id
        OFFSET 0
    )
    SELECT {printed} FROM {lines}
"""
_NEUTRAL = "CASE WHEN left(name, 1) = ANY(%(formula)s::text[]) THEN '''' || name ELSE name END AS {}"
_OF_MEDIA = """
    sha256 AS media_sha256, kind AS media_kind, width_px, height_px,
    time_base_numerator || '/' || time_base_denominator AS time_base, {}
"""
_COLUMNS = """
    item, media_sha256, media_name, media_kind, kind, start_pts, stop_pts, time_base, number, pts_seconds,
    x0_px, y0_px, x1_px, y1_px, width_px, height_px, label_class, answer, origin, split
"""
_BOX_COLUMNS = ", ".join(f"box[{side}] AS {name}" for side, name in enumerate(BOX_COLUMNS, 1))


class Statement(NamedTuple):
    """How lines are printed: what of a media file and of a class, and what of a line.

    A version without boxes is printed without their columns, so its bytes are what they were before.
    """

    media: str
    name: str
    printed: str
    printed_with_boxes: str
    lines_with_boxes: str = "line"

    def of(self, version: DatasetVersion) -> str:
        """The whole statement for a version."""
        is_with = has_boxes(version)
        return LINES.format(
            media=self.media,
            name=self.name,
            box=" entry.box," if is_with else "",
            printed=self.printed_with_boxes if is_with else self.printed,
            lines=self.lines_with_boxes if is_with else "line",
        )


_TABLE = (_COLUMNS, f"{_COLUMNS}, {_BOX_COLUMNS}")
CSV = Statement(_OF_MEDIA.format(_NEUTRAL.format("media_name")), _NEUTRAL.format("label_class"), *_TABLE)
PLAIN = Statement(_OF_MEDIA.format("name AS media_name"), "name AS label_class", *_TABLE)
_JSON_LINE = """
    '{"item":', item, ',', media_json, ',"kind":"', kind, '","start_pts":', start_pts,
    ',"stop_pts":', stop_pts, ',"number":', coalesce(number::text, 'null'), ',"pts_seconds":', pts_seconds,
    CASE WHEN x0_px IS NULL THEN ',"x0_px":null,"y0_px":null,"x1_px":null,"y1_px":null,'
         ELSE concat(',"x0_px":', x0_px, ',"y0_px":', y0_px, ',"x1_px":', x1_px, ',"y1_px":', y1_px, ',') END,
    class_json, ',"answer":"', answer, '","origin":"', origin, '","split":"', split
"""
_JSON_BOX = ", ".join(
    f"""',"{name}":', coalesce(box[{side}]::text, 'null')""" for side, name in enumerate(BOX_COLUMNS, 1)
)
JSON = Statement(
    media="""
        concat('"media_sha256":"', sha256, '","media_name":', to_json(name), ',"media_kind":"', kind,
               '","time_base":"', time_base_numerator, '/', time_base_denominator,
               '","width_px":', width_px, ',"height_px":', height_px) AS media_json
    """,
    name="concat('\"label_class\":', to_json(name)) AS class_json",
    printed=f"concat({_JSON_LINE}, '\"}}')",
    printed_with_boxes=f"concat({_JSON_LINE}, '\"', {_JSON_BOX}, '}}')",
)
# Every line as coco.write_coco puts it together: what is said of its frame, and what of the line itself.
_COCO_IMAGE = """
    concat(',"file_name":"', split, '/', sha, '_', start_pts, %(suffix)s::text, media_json,
           ',"split":"', split, '","pts":', start_pts, ',"pts_seconds":', pts_seconds),
    split,
    CASE WHEN answer = 'accept' THEN 'a' WHEN x0_px IS NULL THEN 'r' ELSE 'b' END
"""
COCO = Statement(
    media="""
        left(sha256, %(length)s) AS sha, width_px, height_px,
        concat(',"width":', width_px, ',"height":', height_px, ',"media_name":', to_json(name),
               ',"media_sha256":"', sha256,
               '","time_base":"', time_base_numerator, '/', time_base_denominator, '"') AS media_json,
        concat(',"bbox":[0,0,', width_px, ',', height_px, '],"area":', width_px::bigint * height_px,
               ',"iscrowd":0,"item":') AS whole_json
    """,
    name="NULL AS no_name",
    printed=f"""
        {_COCO_IMAGE},
        CASE WHEN answer = 'accept' AND x0_px IS NULL THEN
            concat(',"category_id":', category, whole_json, item, ',"origin":"', origin, '"}}')
        WHEN answer = 'accept' THEN
            concat(',"category_id":', category, ',"bbox":[', x0_px, ',', y0_px, ',',
                   x1_px - x0_px, ',', y1_px - y0_px,
                   '],"area":', (x1_px - x0_px)::bigint * (y1_px - y0_px),
                   ',"iscrowd":0,"item":', item, ',"origin":"', origin, '"}}')
        WHEN x0_px IS NULL THEN category::text
        ELSE concat('{{"category_id":', category, ',"bbox":[', x0_px, ',', y0_px, ',',
                    x1_px - x0_px, ',', y1_px - y0_px, ']}}')
        END
    """,
    printed_with_boxes=f"""
        {_COCO_IMAGE},
        CASE WHEN answer = 'accept' AND x0 IS NULL THEN
            concat(',"category_id":', category, whole_json, item, ',"origin":"', origin, '"}}')
        WHEN answer = 'accept' THEN
            concat(',"category_id":', category, ',"bbox":[', x0, ',', y0, ',', x1 - x0, ',', y1 - y0,
                   '],"area":', (x1 - x0)::bigint * (y1 - y0), ',"iscrowd":0,"item":', item,
                   ',"origin":"', origin, '"', ',"kind":"' || kind || '"' || exact, '}}')
        WHEN x0_px IS NULL THEN category::text
        ELSE concat('{{"category_id":', category, ',"bbox":[', x0, ',', y0, ',', x1 - x0, ',', y1 - y0,
                    ']', exact, '}}')
        END,
        CASE WHEN answer <> 'accept' AND x0_px IS NULL THEN
            '{{"category_id":' || category || exact || '}}'
        END
    """,
    # A box in shares as it was said, and in whole pixels as lines.pixels_of rounds it: made once (OFFSET 0).
    lines_with_boxes="""
        (
            SELECT *, CASE WHEN is_drawn THEN greatest(floor(box[3] * width_px + 0.5)::integer, x0 + 1)
                           ELSE x1_px END AS x1,
                   CASE WHEN is_drawn THEN greatest(floor(box[4] * height_px + 0.5)::integer, y0 + 1)
                        ELSE y1_px END AS y1
            FROM (
                SELECT *, CASE WHEN is_drawn THEN least(floor(box[1] * width_px + 0.5)::integer, width_px - 1)
                               ELSE x0_px END AS x0,
                       CASE WHEN is_drawn THEN least(floor(box[2] * height_px + 0.5)::integer, height_px - 1)
                            ELSE y0_px END AS y0
                FROM (
                    SELECT *, x0_px IS NULL AND box IS NOT NULL AS is_drawn,
                           ',"box":[' || array_to_string(box, ',') || ']' AS exact
                    FROM line
                ) told OFFSET 0
            ) begun OFFSET 0
        ) drawn
    """,
)
# Rows as they are, with a byte between columns, coco.SEPARATOR, that no JSON holds.
RAW = "(FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02', ESCAPE E'\\x02', ENCODING 'UTF8')"
BLOCK_BYTES = 1 << 18


class Block(NamedTuple):
    """Some rows, one after the other, each with its line end."""

    data: bytes
    num_rows: int


def csv_blocks(version: DatasetVersion) -> Iterator[Block]:
    """The version as CSV, header first; no name in it is run by a spreadsheet."""
    return _copied(CSV, "(FORMAT csv, HEADER, ENCODING 'UTF8')", version)


def plain_blocks(version: DatasetVersion) -> Iterator[Block]:
    """The same rows without a header, names untouched: for writers that parse them."""
    return _copied(PLAIN, "(FORMAT csv, ENCODING 'UTF8')", version)


def json_blocks(version: DatasetVersion) -> Iterator[Block]:
    """The version as JSONL, an object per line."""
    return _copied(JSON, RAW, version)


def coco_blocks(version: DatasetVersion, *, length: int, suffix: str) -> Iterator[Block]:
    """The lines as `write_coco` takes them."""
    return _copied(COCO, RAW, version, length=length, suffix=f'.{suffix}"')


def _copied(statement: Statement, options: str, version: DatasetVersion, **arguments: Any) -> Iterator[Block]:
    classes = version.card["classes"]
    arguments |= {
        "corpus": version.corpus_id,
        "version": version.pk,
        "classes": [each["id"] for each in classes],
        "names": [each["name"] for each in classes],
        "formula": list(FORMULA),
    }
    rows: list[bytes] = []
    size = 0
    with _patient_cursor() as cursor:
        select = cursor.mogrify(statement.of(version), arguments)
        with cursor.copy(f"COPY ({select}) TO STDOUT WITH {options}") as copy:
            for row in copy:
                rows.append(row)
                size += len(row)
                if size >= BLOCK_BYTES:
                    yield Block(b"".join(rows), len(rows))
                    rows.clear()
                    size = 0
    yield Block(b"".join(rows), len(rows))


@contextmanager
def _patient_cursor() -> Iterator[Any]:
    """A cursor whose statement may take as long as the lines take."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        yield cursor
