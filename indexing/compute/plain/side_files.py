"""Side files: what an output was made of (<file>.meta.json) and what its rows are (<file>.rows.csv)."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexing.compute.plain.whole_files import as_json, write_whole

META, ROWS = ".meta.json", ".rows.csv"
ROW_FIELDS = ("row", "number", "start_pts", "stop_pts", "pts_seconds", "stop_number")


@dataclass(frozen=True, slots=True)
class Row:
    """Which part of a video a row of features is: frames [number, stop_number), [start_pts, stop_pts)."""

    row: int
    number: int | None
    start_pts: int
    stop_pts: int
    pts_seconds: float
    stop_number: int | None = None


def meta_path(output: Path) -> Path:
    return output.with_name(output.name + META)


def rows_path(output: Path) -> Path:
    return output.with_name(output.name + ROWS)


def write_meta(output: Path, meta: Mapping[str, Any]) -> None:
    """What `output` was made of, whole or not at all."""
    write_whole(meta_path(output), as_json(meta) + b"\n")


def read_meta(output: Path) -> dict[str, Any] | None:
    """The side file of `output`; None where there is none that can be read (an original's file)."""
    try:
        read = json.loads(meta_path(output).read_bytes())
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None


def write_rows(output: Path, rows: Sequence[Row]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ROW_FIELDS)
    writer.writerows(row_line(row) for row in rows)
    write_whole(rows_path(output), text.getvalue().encode())


def row_line(row: Row) -> list[str | int]:
    """A row as the fields of `ROW_FIELDS`."""
    times = (row.start_pts, row.stop_pts, f"{row.pts_seconds:.6f}")
    return [row.row, _text(row.number), *times, _text(row.stop_number)]


def read_rows(output: Path) -> list[Row]:
    """The rows of `output` in their order; none where the side file is missing or damaged."""
    try:
        with rows_path(output).open(encoding="utf-8", newline="") as file:
            return [
                Row(
                    int(line["row"]),
                    _number(line["number"]),
                    int(line["start_pts"]),
                    int(line["stop_pts"]),
                    float(line["pts_seconds"]),
                    _number(line.get("stop_number")),
                )
                for line in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def matches(meta: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Whether a side file says of all the `wanted` facts what they say."""
    return meta is not None and all(meta.get(name) == value for name, value in wanted.items())


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _number(text: str | None) -> int | None:
    return int(text) if text else None
