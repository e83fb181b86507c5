"""A dataset version as CSV or JSONL: one line per item and class."""

import csv
import io
from collections.abc import Iterable
from typing import IO, Any

import orjson

from labeling.compute.export_writers.lines import Line

COLUMNS = tuple(name for name in Line._fields if name != "media_path")  # where it lies is nobody's business
_KEPT = [Line._fields.index(name) for name in COLUMNS]
_TEXT = [COLUMNS.index(name) for name in ("media_name", "label_class")]  # what people chose
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet runs what starts so
BLOCK_LINES = 1_000


def write_csv(out: IO[bytes], lines: Iterable[Line]) -> int:
    """Write a header and the lines, UTF-8; the number of lines.

    Names that a spreadsheet would run are written after a ' (https://owasp.org/www-community/attacks/
    CSV_Injection); JSONL has them as they are.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180; it also quotes names with \r
    writer.writerow(COLUMNS)
    count = 0
    for line in lines:
        row: list[Any] = [line[position] for position in _KEPT]
        for position in _TEXT:
            row[position] = neutral(row[position])
        writer.writerow(row)
        count += 1
        if count % BLOCK_LINES == 0:
            _flush(text, out)
    _flush(text, out)
    return count


def write_jsonl(out: IO[bytes], lines: Iterable[Line]) -> int:
    """Write an object per line, names untouched; the number of lines."""
    block: list[bytes] = []
    count = 0
    for line in lines:
        values = [line[position] for position in _KEPT]
        block.append(orjson.dumps(dict(zip(COLUMNS, values, strict=True))))
        count += 1
        if count % BLOCK_LINES == 0:
            out.write(b"\n".join(block) + b"\n")
            block.clear()
    if block:
        out.write(b"\n".join(block) + b"\n")
    return count


def neutral(text: str) -> str:
    """Text that no spreadsheet runs."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _flush(text: io.StringIO, out: IO[bytes]) -> None:
    out.write(text.getvalue().encode("utf-8", "replace"))
    text.seek(0)
    text.truncate()
