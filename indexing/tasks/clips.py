"""The job clips_cut: videos in, clip items of the corpus's policy out; what no policy asks for is retired."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from celery import shared_task

from indexing.compute.media_facts import MediaRefused
from indexing.services import clips as services
from indexing.services.sources import indexing_settings
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job

if TYPE_CHECKING:
    from indexing.compute.cutting import ClipPolicy
    from indexing.compute.decoder import Decoder, Thumbnail
    from indexing.models import MediaFile

CHUNK_SECONDS = 1.5  # between commits: what a killed worker does again
FAILURES_LOGGED = 50


@shared_task(name="indexing.cut_clips", ignore_result=True)
def cut_clips(job_id: int) -> None:
    """Cut every video that is not cut by the corpus's policy. Safe to run twice, stop half-way, continue."""
    from indexing.compute.decoder import Decoder

    with jobs.running(job_id) as job:
        if job is None:
            return
        if job.corpus is None:
            raise LookupError(f"job {job.pk} has no corpus")
        policy = services.policy_of(indexing_settings(job.corpus))
        videos = list(services.videos_to_cut(job.corpus.pk, policy))
        total = sum(policy.num_clips(video.duration_seconds or 0) for video in videos) if policy else 0
        jobs.report(job, units_done=0, units_total=total, unit="clips", force=True)
        counts = {"videos": len(videos), "clips": 0, "retired": 0, "failed": 0}
        with Decoder() as decoder:
            for number, video in enumerate(videos, 1):
                _cut(job, video, policy, decoder, counts)
                jobs.report(job, note=f"{number} of {len(videos)} videos", units_done=counts["clips"])
        jobs.report(job, note="", units_done=counts["clips"], force=True)
        with jobs.finishing(job):
            job.result = {"policy": policy.name if policy else "", **counts}


def _cut(
    job: Job, video: MediaFile, policy: ClipPolicy | None, decoder: Decoder, counts: dict[str, int]
) -> None:
    """One video: its clips chunk by chunk, then what is not among them; one that fails stays for a retry."""
    ids: list[int] = []
    try:
        if policy is not None:
            for chunk in _chunks(decoder.clips(video.path, policy)):
                ids += services.store_clips(job, video, chunk)
                jobs.report(job, units_done=counts["clips"] + len(ids))
    except MediaRefused as refusal:  # what came before it is kept
        if counts["failed"] < FAILURES_LOGGED:
            jobs.log(job, f"{video.name}: {len(ids)} clips. {refusal.sentence}", "warning")
        counts["failed"] += 1
        if not ids:
            return
    counts["clips"] += len(ids)
    counts["retired"] += services.settle_clips(job, video, policy, ids)


def _chunks(clips: Iterable[Thumbnail]) -> Iterator[list[Thumbnail]]:
    """Those of about CHUNK_SECONDS at a time, also where the last of them is a refusal."""
    from indexing.services.intake import check_space

    waiting: list[Thumbnail] = []
    begun = time.monotonic()
    try:
        for made in clips:
            waiting.append(made)
            if time.monotonic() - begun > CHUNK_SECONDS:
                check_space()
                yield waiting
                waiting, begun = [], time.monotonic()
    except MediaRefused:
        if waiting:
            yield waiting
        raise
    if waiting:
        yield waiting
