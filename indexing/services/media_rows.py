"""Many rows of media in one statement each; what is already there stays as it is, so a repeat is harmless."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction

from indexing.compute.thumbnails import Place
from indexing.models import Item, MediaFile, MediaPath, ThumbnailPack
from indexing.services import places
from sisyphus_web.jobs.errors import Stopped
from sisyphus_web.jobs.models import Job

SEPARATOR = "\x1f"  # between notes, which are lines of text


class MediaRow(NamedTuple):
    """A media file to be inserted, or completed if it was left pending."""

    sha256: str
    name: str
    size_bytes: int
    path: str
    kind: str = MediaFile.Kind.UNKNOWN
    state: str = MediaFile.State.DONE
    reason_code: str = ""
    reason: str = ""
    notes: str = ""  # joined by SEPARATOR
    container: str = ""
    codec: str = ""
    width_px: int = 0
    height_px: int = 0
    rotation_degrees: int = 0
    duration_seconds: float | None = None
    num_frames: int | None = None
    time_base_numerator: int = 1
    time_base_denominator: int = 1
    is_variable_rate: bool = False


class ItemRow(NamedTuple):
    """A frame with its thumbnail, of the media file with that sha256."""

    sha256: str
    start_pts: int
    number: int | None
    pts_seconds: float
    perceptual_hash: int
    thumbnail: Place
    width_px: int
    height_px: int


class PathRow(NamedTuple):
    """Where a media file was seen."""

    sha256: str
    relative_path: str
    size_bytes: int
    mtime_ns: int


class PackFile(NamedTuple):
    """A pack that lies on disk whole."""

    sha256: str
    size_bytes: int


def store_media(
    job: Job,
    *,
    source_id: int,
    media: Sequence[MediaRow] = (),
    items: Sequence[ItemRow] = (),
    paths: Sequence[PathRow] = (),
    pack: PackFile | None = None,
) -> None:
    """Write a chunk's rows, all or none; Stopped if the job is no longer the caller's."""
    corpus_id = job.corpus_id
    if corpus_id is None:
        raise ValueError("media belong to a corpus, the job has none")
    with transaction.atomic():
        mine = Job.objects.filter(pk=job.pk, status=Job.Status.RUNNING, attempt=job.attempt)
        if not mine.select_for_update(no_key=True).exists():
            raise Stopped
        if media:
            _insert_media(corpus_id, media)
        ids = _ids_by_sha256(corpus_id, {row.sha256 for row in items} | {row.sha256 for row in paths})
        if items and pack is not None:
            pack_row, _ = ThumbnailPack.objects.get_or_create(
                corpus_id=corpus_id, sha256=pack.sha256, defaults={"size_bytes": pack.size_bytes}
            )
            _insert_items(corpus_id, items, ids, pack_row.pk)
        if paths:
            now = {row.relative_path: ids[row.sha256] for row in paths}
            before = places.media_at(source_id, list(now))
            _upsert_paths(source_id, paths, ids)
            places.follow(source_id, before, now)


def _ids_by_sha256(corpus_id: int, wanted: set[str]) -> dict[str, int]:
    found = MediaFile.objects.filter(corpus_id=corpus_id, sha256__in=wanted)
    return dict(found.values_list("sha256", "pk"))


def _insert_media(corpus_id: int, rows: Sequence[MediaRow]) -> None:
    names = MediaRow._fields
    types = {**dict.fromkeys(names, "text"), **_INTEGERS, "duration_seconds": "double precision"}
    values = ", ".join("string_to_array(notes, chr(31))" if name == "notes" else name for name in names)
    settled = ", ".join(f"{name} = EXCLUDED.{name}" for name in names if name not in ("sha256", "name"))
    _run(
        f"INSERT INTO {MediaFile._meta.db_table} (corpus_id, created_at, {', '.join(names)}) "  # noqa: S608 - own names
        f"SELECT %s, now(), {values} FROM {_rows(types)} "
        f"ON CONFLICT (corpus_id, sha256) DO UPDATE SET {settled} "
        f"WHERE {MediaFile._meta.db_table}.state = 'pending'",
        [corpus_id, _json(types, rows)],
    )


_INTEGERS = dict.fromkeys(
    (
        "size_bytes",
        "width_px",
        "height_px",
        "rotation_degrees",
        "num_frames",
        "time_base_numerator",
        "time_base_denominator",
    ),
    "bigint",
) | {"is_variable_rate": "boolean"}
_ITEM = {
    "media_file_id": "bigint",
    "start_pts": "bigint",
    "stop_pts": "bigint",
    "number": "bigint",
    "pts_seconds": "double precision",
    "perceptual_hash": "bigint",
    "thumbnail_offset": "bigint",
    "thumbnail_bytes": "bigint",
    "thumbnail_width_px": "bigint",
    "thumbnail_height_px": "bigint",
}
_PATH = {"relative_path": "text", "size_bytes": "bigint", "mtime_ns": "bigint", "media_file_id": "bigint"}


def _insert_items(corpus_id: int, rows: Sequence[ItemRow], ids: dict[str, int], pack_id: int) -> None:
    values = (
        (
            ids[row.sha256],
            row.start_pts,
            row.start_pts + 1,
            row.number,
            row.pts_seconds,
            row.perceptual_hash,
            *row.thumbnail,
            row.width_px,
            row.height_px,
        )
        for row in rows
    )
    names = ", ".join(_ITEM)
    _run(
        f"INSERT INTO {Item._meta.db_table} (corpus_id, kind, stack_revision, thumbnail_pack_id, {names}) "  # noqa: S608 - own names
        f"SELECT %s, 'frame', 0, %s, {names} FROM {_rows(_ITEM)} ON CONFLICT DO NOTHING",
        [corpus_id, pack_id, _json(_ITEM, values)],
    )


def _upsert_paths(source_id: int, rows: Sequence[PathRow], ids: dict[str, int]) -> None:
    newest = {row.relative_path: row for row in rows}.values()  # one statement may touch a row once
    values = ((row.relative_path, row.size_bytes, row.mtime_ns, ids[row.sha256]) for row in newest)
    names = ", ".join(_PATH)
    fresh = ", ".join(f"{name} = EXCLUDED.{name}" for name in _PATH if name != "relative_path")
    _run(
        f"INSERT INTO {MediaPath._meta.db_table} (source_id, {names}) "  # noqa: S608 - own names
        f"SELECT %s, {names} FROM {_rows(_PATH)} "
        f"ON CONFLICT (source_id, relative_path) DO UPDATE SET {fresh}",
        [source_id, _json(_PATH, values)],
    )


def _rows(types: dict[str, str]) -> str:
    columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
    return f"json_to_recordset(%s::json) AS rows ({columns})"


def _json(names: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> str:
    """The rows as one parameter: a third of the cost of an array of each column."""
    return orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode()


def _run(statement: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
