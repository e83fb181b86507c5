"""A dataset version as Parquet, from lines of CSV: parsed and compressed in flat memory."""

import io
from collections.abc import Iterable, Iterator
from typing import IO

import pyarrow as pa
from pyarrow import csv
from pyarrow.parquet import ParquetWriter

GROUP_ROWS = 32_768  # of a row group: some megabytes before they are compressed
BLOCK_BYTES = 1 << 20
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


def write_parquet(out: IO[bytes], blocks: Iterable[bytes]) -> int:
    """Write the lines of CSV in `blocks`, without a header, in the columns of SCHEMA; the number of rows.

    An empty field is null, an empty quoted one is empty text. zstd; statistics of every column.
    """
    reading = csv.ReadOptions(column_names=SCHEMA.names, block_size=BLOCK_BYTES, use_threads=False)
    meaning = csv.ConvertOptions(
        column_types=SCHEMA, null_values=[""], strings_can_be_null=False, quoted_strings_can_be_null=False
    )
    parsing = csv.ParseOptions(newlines_in_values=True)
    source = io.BufferedReader(_Stream(iter(blocks)), BLOCK_BYTES)
    count = 0
    with ParquetWriter(out, SCHEMA, compression="zstd") as writer:
        if not source.peek(1):  # the reader refuses an empty file
            return 0
        waiting: list[pa.RecordBatch] = []
        for batch in csv.open_csv(source, reading, parsing, meaning):
            waiting.append(batch)
            count += len(batch)
            if sum(map(len, waiting)) >= GROUP_ROWS:
                writer.write_table(_table(waiting))
                waiting.clear()
        if waiting:
            writer.write_table(_table(waiting))
    return count


def _table(batches: list[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches(batches).cast(SCHEMA)


class _Stream(io.RawIOBase):
    """Blocks of any size as a file that is read once."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
