"""Exports: asked for, read line by line, published whole."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from indexing.compute.files import sync_folder
from indexing.models import Unit
from labeling.compute.export_writers.lines import SHORTEST_SHA, Line, sha_length
from labeling.models import DatasetVersion, Export
from sisyphus_web.accounts.models import User
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import JobError, Stopped
from sisyphus_web.jobs.models import Job

Format, ImageFormat, ClipFormat = Export.Format, Export.ImageFormat, Export.ClipFormat
ORPHAN_SECONDS = 24 * 3600  # a folder without a row may be one whose publication is on its way
WITHOUT_PIXELS = {Format.CSV, Format.JSONL, Format.PARQUET, Format.SPANS_CSV, Format.ACTIVITYNET}
OF_FRAMES = {Format.COCO, Format.YOLO, Format.VOC, Format.FIFTYONE}  # of boxes in pictures: clips have none
ALWAYS_PIXELS = {Format.IMAGE_FOLDER}  # its labels are where its pictures lie
SUFFIX = {
    Format.CSV: "csv",
    Format.JSONL: "jsonl",
    Format.PARQUET: "parquet",
    Format.WEBDATASET: "tar",
    Format.SPANS_CSV: "csv",
}

# In the order that decodes a video once, from its start to its end.
LINES = """
    SELECT item.id, media.sha256, media.name, media.kind, media.path,
           item.kind, item.start_pts, item.stop_pts,
           media.time_base_numerator || '/' || media.time_base_denominator, item.number, item.pts_seconds,
           item.x0_px, item.y0_px, item.x1_px, item.y1_px, media.width_px, media.height_px,
           label_class.name, entry.answer, entry.origin, entry.split, entry.box
    FROM labeling_datasetentry entry
    JOIN indexing_item item ON item.id = entry.item_id
    JOIN indexing_mediafile media ON media.id = item.media_file_id
    JOIN unnest(%(classes)s::bigint[], %(names)s::text[]) AS label_class(id, name)
      ON label_class.id = entry.label_class_id
    WHERE entry.dataset_version_id = %(version)s
    ORDER BY media.sha256 COLLATE "C", item.start_pts, item.kind,
             CASE item.kind WHEN 'clip' THEN item.stop_pts END,
             item.x0_px, item.y0_px, item.x1_px, item.y1_px, label_class.name COLLATE "C", item.id
"""
NUM_FRAMES = """
    SELECT count(*) FROM (
        SELECT DISTINCT item.media_file_id, item.start_pts, CASE item.kind WHEN 'clip' THEN item.stop_pts END
        FROM labeling_datasetentry entry JOIN indexing_item item ON item.id = entry.item_id
        WHERE entry.dataset_version_id = %s
    ) frame
"""
ARE_TOLD_APART = """
    SELECT count(*) = count(DISTINCT left(sha256, %s)) FROM indexing_mediafile WHERE corpus_id = %s
"""
MEDIA = """
    SELECT media.sha256, media.name, media.duration_seconds FROM indexing_mediafile media
    WHERE media.id IN (
        SELECT item.media_file_id
        FROM labeling_datasetentry entry JOIN indexing_item item ON item.id = entry.item_id
        WHERE entry.dataset_version_id = %s
    )
"""


class OnlyFrames(JobError):
    """A format of boxes in pictures was asked for clips."""

    code = "only-frames"


@transaction.atomic
def request_export(
    *,
    version: DatasetVersion,
    format: str,
    with_pixels: bool = True,
    image_format: str = ImageFormat.JPEG,
    clip_format: str = ClipFormat.H264,
    by: User,
) -> Export:
    """A new export and the job that writes it; OnlyFrames where the format cannot hold clips.

    ImageFolder always has pixels, tables and lists of spans never. Pascal VOC has JPEG only.
    """
    if version.unit == Unit.CLIP and format in OF_FRAMES:
        told = ", ".join(name for _, name in formats_of(Unit.CLIP))
        raise OnlyFrames(
            f"{Format(format).label} holds boxes in pictures, and this version is of clips: {told}."
        )
    has_pixels = format in ALWAYS_PIXELS or (with_pixels and format not in WITHOUT_PIXELS)
    export = Export.objects.create(
        dataset_version=version,
        format=format,
        with_pixels=has_pixels,
        image_format=ImageFormat.JPEG if format == Format.VOC else image_format,
        clip_format=clip_format,
        created_by=by,
    )
    export.job = jobs.enqueue("dataset_export", corpus=version.corpus, created_by=by, export=export.pk)
    export.file_name = name_of(export)
    export.save(update_fields=["job", "file_name"])
    return export


def formats_of(unit: str) -> list[tuple[str, str]]:
    """(format, its name) of those that can hold a version of frames or of clips."""
    if unit != Unit.CLIP:
        return list(Format.choices)
    names = dict(Format.choices) | {Format.IMAGE_FOLDER: "Folders of mp4 by class (zip)"}
    return [(value, name) for value, name in names.items() if value not in OF_FRAMES]


def media_of(version: DatasetVersion) -> list[tuple[str, str, float | None]]:
    """(sha256, name, seconds) of every media file of the version."""
    with connection.cursor() as cursor:
        cursor.execute(MEDIA, [version.pk])
        return list(cursor.fetchall())


def lines_of(version: DatasetVersion) -> Iterator[Line]:
    """The lines of a version in the order of the writers, from a cursor of the server's: flat memory."""
    arguments: dict[str, Any] = {"version": version.pk, **_classes(version)}
    with connection.chunked_cursor() as cursor:
        cursor.execute(LINES, arguments)
        while rows := cursor.fetchmany(2_000):
            yield from map(Line._make, rows)


def count_frames(version: DatasetVersion) -> int:
    """How many pictures have to be decoded."""
    with connection.cursor() as cursor:
        cursor.execute(NUM_FRAMES, [version.pk])
        return int(cursor.fetchone()[0])


def sha_length_of(version: DatasetVersion) -> int:
    """How many digits of a sha256 tell this version's media files apart."""
    with connection.cursor() as cursor:
        cursor.execute(ARE_TOLD_APART, [SHORTEST_SHA, version.corpus_id])
        if cursor.fetchone()[0]:  # all of the corpus, which is quicker to see
            return SHORTEST_SHA
        cursor.execute(MEDIA, [version.pk])
        return sha_length(sha256 for sha256, _, _ in cursor.fetchall())


def has_boxes(version: DatasetVersion) -> bool:
    """Whether some of its answers were about a part of their frame."""
    return bool(version.card.get("boxes"))


def class_names(version: DatasetVersion) -> list[str]:
    """The classes as they were named when the version was frozen."""
    return [each["name"] for each in version.card["classes"]]


def info_of(version: DatasetVersion) -> dict[str, Any]:
    """What every export says of the version it holds; nothing in it depends on when it was written."""
    return {
        "description": version.name or f"{version.corpus.name}, dataset version {version.number}",
        "corpus": version.corpus.name,
        "dataset_version": version.number,
        "sha256": version.sha256,
        "classes": class_names(version),
        "last_verdict": version.last_verdict_id,
        "includes_weak": version.includes_weak,
        "seed": version.seed,
        "date_created": version.created_at.isoformat(),
        "counts": version.counts,
        "card": version.card,
    }


def path_of(export: Export) -> Path:
    """Where the finished file is."""
    return Path(settings.DATA_DIR) / "exports" / str(export.pk) / export.file_name


def name_of(export: Export) -> str:
    """A file name that says corpus, version, classes and format, and is safe anywhere."""
    version = export.dataset_version
    classes = "-".join(class_names(version))
    stem = "_".join(
        re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-")[:40] or "x"
        for part in (version.corpus.name, f"v{version.number}", classes, export.format.replace("_", "-"))
    )
    suffix = SUFFIX.get(Format(export.format), "zip" if is_archive(export) else "json")
    return f"{stem}.{suffix}"


def is_archive(export: Export) -> bool:
    """Whether the file holds other files; COCO alone is one file or many."""
    return export.with_pixels or export.format not in {*WITHOUT_PIXELS, Format.COCO}


def publish(export: Export, file: Path, *, job: Job, size_bytes: int, sha256: str) -> None:
    """Move the whole `file` to its place and say so; call it in the transaction that ends the job.

    The job's row is locked first, so a cancelled job leaves no file: it was cancelled before, and this
    is Stopped, or it is too late to cancel it.
    """
    mine = Job.objects.filter(pk=job.pk, status=Job.Status.RUNNING, attempt=job.attempt)
    if not mine.select_for_update(no_key=True).exists():
        raise Stopped
    final = path_of(export)
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.replace(final)
    sync_folder(final.parent)
    export.size_bytes, export.sha256 = size_bytes, sha256
    export.save(update_fields=["size_bytes", "sha256"])


def remove_orphans() -> list[str]:
    """Remove export folders whose export has had no file for a day: what a crash left; their names."""
    place = Path(settings.DATA_DIR) / "exports"
    if not place.is_dir():
        return []
    whole = {str(pk) for pk in Export.objects.exclude(sha256="").values_list("pk", flat=True)}
    limit = time.time() - ORPHAN_SECONDS
    orphans = [each for each in place.iterdir() if each.name not in whole and each.stat().st_mtime < limit]
    for orphan in orphans:
        shutil.rmtree(orphan, ignore_errors=True)
    return [orphan.name for orphan in orphans]


def _classes(version: DatasetVersion) -> dict[str, list[Any]]:
    classes = version.card["classes"]
    return {"classes": [each["id"] for each in classes], "names": [each["name"] for each in classes]}
