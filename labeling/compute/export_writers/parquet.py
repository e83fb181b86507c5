"""A dataset version as Parquet, from lines of CSV: parsed and compressed in flat memory."""

from collections.abc import Iterable, Iterator
from typing import IO

import pyarrow as pa
from pyarrow import csv
from pyarrow.parquet import ParquetWriter

from labeling.compute.export_writers.tables import BOX_COLUMNS

GROUP_BYTES = 768 << 10  # of CSV in a row group, about 4 000 lines; a megabyte more costs ten of memory
TEXT = pa.string()
SCHEMA = pa.schema(
    [
        pa.field("item", pa.int64(), nullable=False),
        pa.field("media_sha256", TEXT, nullable=False),
        pa.field("media_name", TEXT, nullable=False),
        pa.field("media_kind", TEXT, nullable=False),
        pa.field("kind", TEXT, nullable=False),
        pa.field("start_pts", pa.int64(), nullable=False),
        pa.field("stop_pts", pa.int64(), nullable=False),
        pa.field("time_base", TEXT, nullable=False),
        pa.field("number", pa.int32()),
        pa.field("pts_seconds", pa.float64(), nullable=False),
        *(pa.field(name, pa.int32()) for name in ("x0_px", "y0_px", "x1_px", "y1_px")),
        pa.field("width_px", pa.int32(), nullable=False),
        pa.field("height_px", pa.int32(), nullable=False),
        *(pa.field(name, TEXT, nullable=False) for name in ("label_class", "answer", "origin", "split")),
    ]
)
SCHEMA_WITH_BOXES = pa.schema([*SCHEMA, *(pa.field(name, pa.float64()) for name in BOX_COLUMNS)])


def write_parquet(out: IO[bytes], blocks: Iterable[bytes], *, schema: pa.Schema = SCHEMA) -> int:
    """Write the CSV in `blocks` of whole rows, without a header, in the columns of `schema`; the rows.

    An empty field is null, an empty quoted one is empty text. zstd; statistics of every column.
    """
    count = 0
    with ParquetWriter(out, schema, compression="zstd") as writer:
        for part in _parts(blocks):
            table = _parsed(part, schema)
            writer.write_table(table)
            count += len(table)
    return count


def _parts(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks together, as many as make a row group."""
    held: list[bytes] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if size >= GROUP_BYTES:
            yield b"".join(held)
            held.clear()
            size = 0
    if size:
        yield b"".join(held)


def _parsed(lines: bytes, schema: pa.Schema) -> pa.Table:
    """Parsed at once: the streaming reader runs ahead of the writer, and memory with it."""
    return csv.read_csv(
        pa.BufferReader(lines),
        csv.ReadOptions(column_names=schema.names, use_threads=False),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    ).cast(schema)
