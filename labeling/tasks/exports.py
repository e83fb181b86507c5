"""The job dataset_export: a dataset version out, as one file that is whole or not there."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from celery import shared_task
from django.conf import settings

from indexing.compute.files import free_bytes, sha256_of, text_to_path, write_beside
from indexing.compute.media_facts import MediaRefused
from indexing.models import Unit
from labeling.compute.export_writers import coco, pictures, spans
from labeling.compute.export_writers.archives import Archive, TarArchive, ZipArchive
from labeling.compute.export_writers.digests import Digested
from labeling.compute.export_writers.fiftyone import FiftyOne
from labeling.compute.export_writers.layouts import Layout, Picture
from labeling.compute.export_writers.lines import Line, frames_of
from labeling.compute.export_writers.pieces import Pieces
from labeling.compute.export_writers.samples import HuggingFace, WebDataset
from labeling.compute.export_writers.voc import Voc
from labeling.compute.export_writers.yolo import Yolo
from labeling.models import Export
from labeling.services import export_copy, exports
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import JobError, NoSpace
from sisyphus_web.jobs.models import Job

if TYPE_CHECKING:
    import numpy as np

    from indexing.compute.decoder import Decoder

CHUNK_FRAMES = 100  # what a killed worker loses at most: some seconds of decoding
SPLITS = ("train", "val", "test")
Format = Export.Format
LAYOUTS: dict[str, type[Layout]] = {
    Format.IMAGE_FOLDER: pictures.ImageFolder,
    Format.COCO: coco.Coco,
    Format.YOLO: Yolo,
    Format.VOC: Voc,
    Format.WEBDATASET: WebDataset,
    Format.FIFTYONE: FiftyOne,
    Format.HUGGINGFACE: HuggingFace,
}


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
        _check_space()
        with write_beside(out) as file:
            digested = Digested(file)
            if exports.is_archive(export):
                _write_archive(job, export, digested, runs)
            else:
                _write_lines(job, export, digested, runs)
        jobs.report(job, note="publishing", force=True)
        with jobs.finishing(job):
            size_bytes, sha256 = digested.size_bytes, digested.sha256
            exports.publish(export, out, job=job, size_bytes=size_bytes, sha256=sha256)
            job.result = {"export": export.pk, "size_bytes": size_bytes, "sha256": sha256}
        shutil.rmtree(runs, ignore_errors=True)


def _write_lines(job: Job, export: Export, out: Any, runs: Path) -> None:
    """CSV, JSONL, Parquet or one COCO file, as PostgreSQL writes their lines."""
    version = export.dataset_version
    jobs.report(job, units_total=version.entries.count(), unit="lines", force=True)
    if export.format == Format.COCO:
        _write_coco(job, out, export, runs)
    elif export.format in (Format.SPANS_CSV, Format.ACTIVITYNET):
        _write_spans(job, out, export)
    elif export.format == Format.PARQUET:
        from labeling.compute.export_writers.parquet import SCHEMA, SCHEMA_WITH_BOXES, write_parquet

        schema = SCHEMA_WITH_BOXES if exports.has_boxes(version) else SCHEMA
        write_parquet(out, _heard(job, export_copy.plain_blocks(version)), schema=schema)
    else:
        blocks = export_copy.csv_blocks if export.format == Format.CSV else export_copy.json_blocks
        for block in _heard(job, blocks(version)):
            out.write(block)
    jobs.report(job, units_done=job.units_total or 0, force=True)


def _write_spans(job: Job, out: IO[bytes], export: Export) -> None:
    version = export.dataset_version
    lines = exports.lines_of(version)
    if export.format == Format.SPANS_CSV:
        blocks = spans.spans_csv(lines)
    else:
        media = exports.media_of(version)
        blocks = spans.activitynet(
            lines,
            info=exports.info_of(version),
            label_classes=exports.class_names(version),
            names=spans.video_names((sha256, name) for sha256, name, _ in media),
            durations={sha256: seconds for sha256, _, seconds in media},
        )
    done = 0
    for data, num_lines in blocks:
        out.write(data)
        done += num_lines
        jobs.hear(job, units_done=done)


def _heard(job: Job, blocks: Iterable[export_copy.Block]) -> Iterator[bytes]:
    """The bytes as they come; the connection is busy, so the lease's thread says how far it is."""
    done = 0
    for block in blocks:
        jobs.hear(job, units_done=done)
        yield block.data
        done += block.num_rows


def _write_coco(job: Job, out: IO[bytes], export: Export, runs: Path, *, split: str | None = None) -> None:
    version = export.dataset_version
    length, suffix = exports.sha_length_of(version), pictures.SUFFIX[export.image_format]
    blocks = export_copy.coco_blocks(version, length=length, suffix=suffix)
    with tempfile.TemporaryFile(dir=runs) as later:
        coco.write_coco(
            out,
            later,
            _heard(job, blocks) if split is None else (block.data for block in blocks),
            info=exports.info_of(version),
            label_classes=exports.class_names(version),
            split=split,
        )


def layout_of(export: Export) -> Layout:
    """How the archive of an export is laid out."""
    version = export.dataset_version
    facts: dict[str, Any] = {"with_pixels": export.with_pixels} if export.format == Format.HUGGINGFACE else {}
    return LAYOUTS[export.format](
        label_classes=exports.class_names(version),
        info=exports.info_of(version),
        length=exports.sha_length_of(version),
        suffix="mp4" if version.unit == Unit.CLIP else pictures.SUFFIX[export.image_format],
        **facts,
    )


def _write_archive(job: Job, export: Export, out: Any, runs: Path) -> None:
    """What lists frames first, then the frames: their pictures in chunks, each made once for all attempts."""
    version = export.dataset_version
    layout = layout_of(export)
    total = exports.count_frames(version)
    unit = "clips" if version.unit == Unit.CLIP else "frames"
    jobs.report(job, units_total=total, unit=unit, force=True)
    made = _make_chunks(job, export, layout, runs / "chunks", total=total) if export.with_pixels else []
    _check_space()
    archive = TarArchive(out) if export.format == Format.WEBDATASET else ZipArchive(out)
    with archive:
        for name, data in layout.head(partial(_frames, version)):
            archive.add(name, data)
        _add_lists(job, export, layout, archive, runs)
        if not export.with_pixels:
            for number, frame in enumerate(_frames(version), 1):
                for name, data in layout.files(frame, None):
                    archive.add(name, data)
                if number % 1_000 == 0:
                    jobs.report(job, units_done=number)
        for number, path in enumerate(made, 1):
            with zipfile.ZipFile(path) as chunk:
                for name in chunk.namelist():
                    archive.add(name, chunk.read(name))
            jobs.report(job, units_done=total, note=f"packing part {number} of {len(made)}")
    jobs.report(job, units_done=total)


def _frames(version: Any) -> Iterator[list[Line]]:
    return frames_of(exports.lines_of(version))


def _add_lists(job: Job, export: Export, layout: Layout, archive: Archive, runs: Path) -> None:
    """The files that list many frames, put together on disk."""
    jobs.report(job, note="listing")
    if export.format == Format.COCO:
        for split in SPLITS:
            with tempfile.NamedTemporaryFile(dir=runs) as file:
                _write_coco(job, file, export, runs, split=split)
                file.flush()
                archive.add_file(f"annotations/instances_{split}.json", Path(file.name))
    with tempfile.TemporaryDirectory(dir=runs) as folder, Pieces(Path(folder)) as pieces:
        for name, data in layout.lists(_frames(export.dataset_version)):
            pieces.append(name, data)
        for name, path in pieces.files():
            archive.add_file(name, path)


def _make_chunks(job: Job, export: Export, layout: Layout, folder: Path, *, total: int) -> list[Path]:
    """The pictures, some frames to a file; what an earlier attempt has made is not made again."""
    from indexing.compute.decoder import Decoder

    frames = _frames(export.dataset_version)
    made: list[Path] = []
    done = 0
    checked: set[str] = set()
    with Decoder() as decoder:
        while chunk := list(islice(frames, CHUNK_FRAMES)):
            path = folder / f"{len(made):06}.zip"
            if not path.exists():
                _check_space()
                with write_beside(path) as file, ZipArchive(file) as archive:
                    for number, (frame, picture) in enumerate(_pictures(export, decoder, chunk, checked)):
                        for name, data in layout.files(frame, picture):
                            archive.add(name, data)
                        jobs.report(job, units_done=done + number + 1, note=frame[0].media_name)
            made.append(path)
            done += len(chunk)
            jobs.report(job, units_done=done)
    return made


def _pictures(
    export: Export, decoder: Decoder, chunk: Sequence[list[Line]], checked: set[str]
) -> Iterator[tuple[list[Line], Picture]]:
    """Each frame with its picture, or each clip with its mp4."""
    if export.dataset_version.unit != Unit.CLIP:
        for frame, pixels in _decoded(decoder, chunk, checked):
            yield frame, pictures.pictures_of(pixels, export.image_format)
        return
    for clip in chunk:
        if clip[0].media_sha256 not in checked:
            _check_bytes(clip[0])
            checked.add(clip[0].media_sha256)
        yield clip, _clip(decoder, clip[0], export.clip_format)


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


def _clip(decoder: Decoder, line: Line, clip_format: str) -> Picture:
    """The mp4 of a clip: the frames that are shown for it, and no others."""
    from indexing.compute.clip_files import clip_file

    span = (line.media_path, line.start_pts, line.stop_pts)
    content = b""
    try:
        if clip_format == Export.ClipFormat.COPY:
            content, _ = decoder.copy_span(*span)
        if not content:
            quality: Literal["h264", "lossless"] = (
                "lossless" if clip_format == Export.ClipFormat.LOSSLESS else "h264"
            )
            content = clip_file(decoder.span(*span), stop_pts=line.stop_pts, quality=quality)
    except MediaRefused as error:
        raise MediaGone(f"{line.media_name} can no longer be read: {error}") from error
    return lambda box: content


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


def _check_space() -> None:
    folder = Path(settings.DATA_DIR)
    if free_bytes(folder) < settings.FREE_SPACE_FLOOR_BYTES:
        raise NoSpace(f"Less than {settings.FREE_SPACE_FLOOR_BYTES:,} bytes are free in {folder}.")
