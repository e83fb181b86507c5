"""The job media_ingest: files of a folder, or finished uploads, to media files with items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import shared_task
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from indexing.models import IndexingSettings, Source
from indexing.services import intake as services
from indexing.services import uploads
from indexing.services.features import key_to_extract
from indexing.services.sources import allowed_folder, indexing_settings
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.params import IngestMedia
from sisyphus_web.jobs.registry import params_of

if TYPE_CHECKING:
    from indexing.compute.walk import Walk

LINES_LOGGED = 50


@shared_task(name="indexing.ingest_media", ignore_result=True)
def ingest_media(job_id: int) -> None:
    """Take in what is new. Safe to run twice, stop half-way, continue: content is taken in once."""
    from indexing.compute.decoder import Decoder

    with jobs.running(job_id) as job:
        if job is None:
            return
        params = params_of(job.params, IngestMedia)
        source = Source.objects.select_related("corpus").get(pk=params.source, corpus=job.corpus_id)
        chosen = indexing_settings(source.corpus)
        with Decoder() as decoder:
            intake = services.Intake(
                job, source.corpus_id, source.pk, chosen, decoder, **_encoder_for(chosen)
            )
            if source.kind == Source.Kind.FOLDER:
                counts = _take_folder(intake, source)
            else:
                counts = uploads.take_uploads(intake, params.uploads)
        with jobs.finishing(job):
            Source.objects.filter(pk=source.pk).update(scanned_at=Now())
            job.result = {
                "new": intake.num_new,
                "already_known": intake.num_known,
                "unreadable": len(intake.unreadable),
                **counts,
                **services.counts_of(source.pk),
            }


def _take_folder(intake: services.Intake, source: Source) -> dict[str, int]:
    """Scan the folder and take in what is new or has changed; what it met, counted."""
    from indexing.compute.walk import Walk

    folder = allowed_folder(source.path)  # the roots may have changed since it was registered
    walk = Walk(str(folder), _known_paths(source))
    found = list(walk.new_or_changed())
    intake.num_done = walk.num_unchanged
    jobs.report(
        intake.job, units_done=walk.num_unchanged, units_total=walk.num_files, unit="files", force=True
    )
    files = []
    for at in found:
        files.append(services.Given(uploads.display_name(at.relative_path), *at))
    intake.take(files)
    jobs.report(intake.job, note="Looking for what is gone", force=True)
    gone = walk.gone()
    num_lost = services.forget_gone(source, gone)
    _log(intake, walk)
    return {
        "files": walk.num_files,
        "unchanged": walk.num_unchanged,
        "gone": len(gone),
        "lost": num_lost,
        "links": walk.num_links,
        "special": walk.num_special,
        "hidden": walk.num_hidden,
    }


def _known_paths(source: Source) -> dict[str, tuple[int, int]]:
    """Relative path -> (size, mtime) of everything seen before, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relative_path, size_bytes, mtime_ns FROM indexing_mediapath WHERE source_id = %s",
            [source.pk],
        )
        return {path: (size, mtime) for path, size, mtime in cursor.fetchall()}


def _log(intake: services.Intake, walk: Walk) -> None:
    """What was left out, in the job's log."""
    for line in (*walk.unreadable, *intake.unreadable)[:LINES_LOGGED]:
        jobs.log(intake.job, f"Not readable: {line}", "warning")
    if walk.num_links or walk.num_special:
        jobs.log(intake.job, f"Left out: {walk.num_links} links and {walk.num_special} pipes or devices.")


def _encoder_for(chosen: IndexingSettings) -> dict[str, Any]:
    """The encoder by which frames are kept, for the one policy that needs it."""
    if chosen.frame_policy != IndexingSettings.FramePolicy.FEATURE_SIMILARITY:
        return {}
    from indexing.compute import encoders

    key = key_to_extract(chosen.corpus, chosen.encoder)
    encoder = encoders.load(key, device=settings.DEVICE, model_dir=settings.MODEL_DIR)
    return {"encode": encoder.encode, "encode_side_px": encoder.input_size}
