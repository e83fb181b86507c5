"""The job dataset_export: a dataset version out, as one file that is whole or not there."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from celery import shared_task
from django.conf import settings

from indexing.compute.files import free_bytes, sha256_of, text_to_path, write_beside
from indexing.compute.media_facts import MediaRefused
from labeling.compute.export_writers import coco, pictures, tables, zips
from labeling.compute.export_writers.lines import Line, folders_of, frames_of
from labeling.models import Export
from labeling.services import exports
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import JobError, NoSpace
from sisyphus_web.jobs.models import Job

if TYPE_CHECKING:
    import numpy as np

    from indexing.compute.decoder import Decoder

CHUNK_FRAMES = 100  # what a killed worker loses at most: some seconds of decoding
SPLITS = ("train", "val", "test")


class MediaGone(JobError):
    """A media file of the dataset can no longer be read: the export would not be what was frozen."""

    code = "media-gone"


@shared_task(name="labeling.export_dataset", ignore_result=True)
def export_dataset(job_id: int) -> None:
    """Write the export of the job. Safe to run twice, stop half-way, continue: the bytes are the same."""
    with jobs.running(job_id) as job:
        if job is None:
            return
        export = Export.objects.select_related("dataset_version__corpus").get(pk=job.params["export"])
        runs = Path(settings.DATA_DIR) / "runs" / str(job.pk)
        out = runs / str(job.attempt) / export.file_name
        out.parent.mkdir(parents=True, exist_ok=True)
        if export.with_pixels:
            _write_archive(job, export, out, chunks=runs / "chunks")
        else:
            _write_labels(job, export, out)
        size_bytes, sha256 = out.stat().st_size, sha256_of(out)
        jobs.report(job, note="publishing", force=True)
        with jobs.finishing(job):
            exports.publish(export, out, job=job, size_bytes=size_bytes, sha256=sha256)
            job.result = {"export": export.pk, "size_bytes": size_bytes, "sha256": sha256}
        shutil.rmtree(runs, ignore_errors=True)


def _write_labels(job: Job, export: Export, out: Path) -> None:
    """CSV, JSONL or one COCO file, straight from the server's cursor."""
    version = export.dataset_version
    jobs.report(job, units_total=version.entries.count(), unit="lines", force=True)
    lines = partial(_reported, job, partial(exports.lines_of, version))
    with write_beside(out) as file:
        if export.format == Export.Format.CSV:
            tables.write_csv(file, lines())
        elif export.format == Export.Format.JSONL:
            tables.write_jsonl(file, lines())
        else:
            _write_coco(file, export, lines)


def _write_coco(file: Any, export: Export, lines: Callable[[], Iterator[Line]], **of: str) -> None:
    version = export.dataset_version
    coco.write_coco(
        file,
        lines,
        info=exports.info_of(version),
        label_classes=exports.class_names(version),
        length=exports.sha_length_of(version),
        suffix=pictures.SUFFIX[export.image_format],
        **of,
    )


def _write_archive(job: Job, export: Export, out: Path, *, chunks: Path) -> None:
    """Pictures in chunks, each written once for all attempts, then the archive of all of them."""
    from indexing.compute.decoder import Decoder

    version = export.dataset_version
    total = exports.count_frames(version)
    jobs.report(job, units_total=total, unit="frames", force=True)
    places = _places(export)
    frames = frames_of(exports.lines_of(version))
    made: list[Path] = []
    done = 0
    checked: set[str] = set()
    with Decoder() as decoder:
        while chunk := list(islice(frames, CHUNK_FRAMES)):
            path = chunks / f"{len(made):06}.zip"
            if not path.exists():
                _check_space()
                with write_beside(path) as file, zipfile.ZipFile(file, "w") as archive:
                    for number, (frame, pixels) in enumerate(_decoded(decoder, chunk, checked)):
                        for place, data in pictures.pictures_of(pixels, places(frame), export.image_format):
                            zips.add_entry(archive, place, data)
                        jobs.report(job, units_done=done + number + 1, note=frame[0].media_name)
            made.append(path)
            done += len(chunk)
            jobs.report(job, units_done=done)
    _check_space()
    with write_beside(out) as file, zipfile.ZipFile(file, "w") as archive:
        zips.add_entry(
            archive, "dataset.json", orjson.dumps(exports.info_of(version), option=orjson.OPT_INDENT_2)
        )
        if export.format == Export.Format.IMAGE_FOLDER:
            for folder in pictures.image_folders(exports.lines_of(version), _folders(export)):
                zips.add_folder(archive, folder)
        if export.format == Export.Format.COCO:
            for split in SPLITS:
                with zips.entry_open(archive, f"annotations/instances_{split}.json") as entry:
                    _write_coco(entry, export, partial(exports.lines_of, version), split=split)
        for number, path in enumerate(made):
            with path.open("rb") as chunk_file:
                zips.copy_entries(archive, chunk_file)
            jobs.report(job, units_done=total, note=f"packing part {number + 1} of {len(made)}")


def _places(export: Export) -> Callable[[Sequence[Line]], list[Any]]:
    """Frame -> its places in the archive."""
    version = export.dataset_version
    length, suffix = exports.sha_length_of(version), pictures.SUFFIX[export.image_format]
    if export.format == Export.Format.COCO:
        return partial(pictures.coco_places, length=length, suffix=suffix)
    return partial(pictures.image_folder_places, folders=_folders(export), length=length, suffix=suffix)


def _folders(export: Export) -> dict[str, str]:
    return folders_of(exports.class_names(export.dataset_version))


def _decoded(
    decoder: Decoder, chunk: Sequence[list[Line]], checked: set[str]
) -> Iterator[tuple[list[Line], np.ndarray]]:
    """Each frame with its pixels, decoded by the decoder that made its thumbnail and its feature.

    `checked` are the media files that were found to have the bytes they were taken in with.
    """
    start = 0
    while start < len(chunk):
        first = chunk[start][0]
        stop = start
        while stop < len(chunk) and chunk[stop][0].media_sha256 == first.media_sha256:
            stop += 1
        if first.media_sha256 not in checked:
            _check_bytes(first)
            checked.add(first.media_sha256)
        yield from _decoded_of(decoder, first, chunk[start:stop])
        start = stop


def _check_bytes(line: Line) -> None:
    """MediaGone where other pixels would be exported than were shown."""
    path = text_to_path(line.media_path)
    if not path.is_file():
        raise MediaGone(f"{line.media_name} is no longer at {line.media_path}: bring it back, then retry.")
    if sha256_of(path) != line.media_sha256:
        raise MediaGone(
            f"{line.media_path} holds other bytes than {line.media_name} had: bring it back, then retry."
        )


def _decoded_of(
    decoder: Decoder, first: Line, frames: Sequence[list[Line]]
) -> Iterator[tuple[list[Line], np.ndarray]]:
    """The frames of one media file."""
    try:
        if first.media_kind == "image":
            pixels = decoder.image(first.media_path).pixels
            for frame in frames:
                yield frame, pixels
            return
        of_pts = {frame[0].start_pts: frame for frame in frames}
        for picture in decoder.frames_at(first.media_path, sorted(of_pts)):
            yield of_pts.pop(picture.pts), picture.pixels
    except MediaRefused as error:
        raise MediaGone(f"{first.media_name} can no longer be read: {error}") from error
    if of_pts:
        missing = ", ".join(str(pts) for pts in list(of_pts)[:5])
        raise MediaGone(f"{first.media_name} has no frame at pts {missing} any more: was it replaced?")


def _reported(job: Job, lines: Callable[[], Iterator[Line]]) -> Iterator[Line]:
    for number, line in enumerate(lines(), 1):
        if number % 1_000 == 0:
            jobs.report(job, units_done=number)
        yield line
    jobs.report(job, units_done=job.units_total or 0, force=True)


def _check_space() -> None:
    folder = Path(settings.DATA_DIR)
    if free_bytes(folder) < settings.FREE_SPACE_FLOOR_BYTES:
        raise NoSpace(f"Less than {settings.FREE_SPACE_FLOOR_BYTES:,} bytes are free in {folder}.")
