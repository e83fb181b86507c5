"""Labels in lines: CSV, JSONL and Parquet, ours or anybody's with a class and a name for the media."""

import csv
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from labeling.compute.export_writers.tables import BOX_COLUMNS, intact
from labeling.compute.imports.rows import ANSWERS, FileUnreadable, ImportRefused, Row, named, part_of
from labeling.compute.imports.trees import Tree, refused_line

# What others call our columns.
ALIASES = {
    "class": "label_class",
    "label": "label_class",
    "file_name": "media_name",
    "filename": "media_name",
    "path": "media_name",
    "sha256": "media_sha256",
    "pts": "start_pts",
    "seconds": "pts_seconds",
    "video": "media_name",
    "start_seconds": "pts_seconds",
}
MEDIA = ("media_sha256", "media_name")
CORNERS = ("x0_px", "y0_px", "x1_px", "y1_px")


def csv_rows(tree: Tree) -> Iterator[Row]:
    """The lines of every .csv; names that we made neutral for spreadsheets are as they were."""
    yield from _of_each(tree, _csv_lines, ".csv")


def jsonl_rows(tree: Tree) -> Iterator[Row]:
    """The lines of every .jsonl."""
    yield from _of_each(tree, _jsonl_lines, ".jsonl", ".ndjson")


def parquet_rows(tree: Tree) -> Iterator[Row]:
    """The rows of every .parquet."""
    yield from _of_each(tree, _parquet_lines, ".parquet")


def _of_each(tree: Tree, lines_of: Callable[[Tree, str], Iterator[Row]], *suffixes: str) -> Iterator[Row]:
    """The lines of every file; one line for a file that cannot be read."""
    for name in _files(tree, *suffixes):
        try:
            yield from lines_of(tree, name)
        except FileUnreadable as error:
            yield refused_line(tree, name, error)


def _csv_lines(tree: Tree, name: str) -> Iterator[Row]:
    with tree.text(name) as text:
        reader = csv.DictReader(text)
        try:
            _check_columns(name, reader.fieldnames or ())
            for record in reader:
                given = {key: intact(value or "") for key, value in record.items() if isinstance(key, str)}
                yield _row(_place(tree, name, f"line {reader.line_num}"), given)
        except (csv.Error, UnicodeDecodeError) as error:
            place = _place(tree, name, f"after line {reader.line_num}")
            yield Row(place, problem="unreadable", detail=str(error))


def _jsonl_lines(tree: Tree, name: str) -> Iterator[Row]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with tree.open(name) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            place = _place(tree, name, f"line {number}")
            try:
                yield _row(place, decoder.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                yield Row(place, problem="unreadable", detail=str(error))


def _parquet_lines(tree: Tree, name: str) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet

    with tree.open(name) as file:
        try:
            read = pyarrow.parquet.ParquetFile(file)
            _check_columns(name, read.schema_arrow.names)
            number = 0
            for batch in read.iter_batches(1_000):
                for record in batch.to_pylist():
                    number += 1
                    yield _row(_place(tree, name, f"row {number}"), record)
        except pa.ArrowException as error:
            raise FileUnreadable(f"{name} is no Parquet file that can be read: {error}") from error


def _row(place: str, record: Mapping[str, Any]) -> Row:
    """A record as a row; a missing answer is accept."""
    given = {ALIASES.get(key, key): value for key, value in record.items() if value not in (None, "")}
    try:
        label_class, answer = str(given.get("label_class", "")), str(given.get("answer", "accept")).lower()
        if not label_class.strip():
            return Row(place, problem="no-class", detail="There is no class on this line.")
        if answer not in ANSWERS:
            return Row(place, problem="unknown-answer", detail=f"{answer!r} is none of {', '.join(ANSWERS)}.")
        if not any(given.get(key) for key in MEDIA):
            return Row(place, problem="no-media", detail="Nothing on this line names a media file.")
        corners = [float(given[key]) for key in CORNERS if key in given]
        if len(corners) not in (0, 4):
            return Row(place, problem="bad-box", detail="A box has four corners.")
        sides = [given[key] for key in BOX_COLUMNS if key in given]
        said_of = part_of(sides)
        if sides and said_of is None:
            detail = f"{', '.join(BOX_COLUMNS)} are a box in shares of the frame, from 0 to 1."
            return Row(place, problem="bad-box", detail=detail)
        facts = named(str(given.get("media_name", ""))) if "media_sha256" not in given else {}
        facts |= {key: str(given[key]) for key in MEDIA if key in given}
        facts |= {key: int(given[key]) for key in ("start_pts", "number") if key in given}
        if "pts_seconds" in given:
            facts["pts_seconds"] = float(given["pts_seconds"])
        kind = given.get("kind", "clip" if "stop_seconds" in given else "")
        if kind == "clip":
            facts |= {"stop_pts": int(given["stop_pts"])} if "stop_pts" in given else {}
            facts |= {"stop_seconds": float(given["stop_seconds"])} if "stop_seconds" in given else {}
        if corners:
            facts["box"] = tuple(corners)
        if said_of:
            facts["said_of"] = said_of
        is_weak = given.get("origin") == "weak"
        return Row(place, label_class=label_class, answer=answer, is_weak=is_weak, **facts)
    except (TypeError, ValueError, OverflowError) as error:
        return Row(place, problem="unreadable", detail=str(error))


def _check_columns(name: str, columns: Any) -> None:
    known = {ALIASES.get(column, column) for column in columns}
    if "label_class" not in known or not known & set(MEDIA):
        raise ImportRefused(
            f"{name} needs a column label_class and one of {', '.join(MEDIA)}; it has: "
            f"{', '.join(map(str, columns)) or 'none'}."
        )


def _files(tree: Tree, *suffixes: str) -> list[str]:
    if tree.is_one_file:
        return tree.names
    found = [name for name in tree.names if name.lower().endswith(suffixes)]
    if not found:
        raise ImportRefused(f"There is no file {' or '.join(suffixes)} in it.")
    return found


def _place(tree: Tree, name: str, where: str) -> str:
    return where if tree.is_one_file else f"{name}, {where}"
