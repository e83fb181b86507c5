"""Start an ingest, and everything that follows from it."""

from collections.abc import Sequence

from django.db import transaction

from indexing.models import FeatureProjection, Source, Upload
from indexing.services.clip_jobs import enqueue_clips
from indexing.services.clips import has_clips
from indexing.services.projections import start_map
from indexing.services.sources import folder_source, upload_source
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.jobs.models import Job


class NothingToIngest(JobError):
    """Neither a folder nor a finished upload was given."""

    code = "nothing-to-ingest"


def start_ingest(
    corpus: Corpus,
    *,
    path: str = "",
    source: Source | None = None,
    uploads: Sequence[Upload] = (),
    created_by: User,
) -> Job:
    """Enqueue the ingest of a folder or of finished uploads, then features, stacks, index; the first job.

    A scan of a folder that is already waiting is not enqueued twice.
    """
    with transaction.atomic():
        if path:
            source = folder_source(corpus, path=path, created_by=created_by)
        if source is not None and source.kind == Source.Kind.FOLDER:
            waiting = corpus.jobs.filter(
                kind="media_ingest", status=Job.Status.QUEUED, params={"source": source.pk}
            ).first()
            if waiting is not None:
                return waiting
            first = jobs.enqueue("media_ingest", corpus=corpus, created_by=created_by, source=source.pk)
        elif uploads:
            source = upload_source(corpus, created_by=created_by)
            ids = [str(upload.pk) for upload in uploads]
            first = jobs.enqueue(
                "media_ingest", corpus=corpus, created_by=created_by, source=source.pk, uploads=ids
            )
        else:
            raise NothingToIngest("Give a folder of this server, or finish an upload first.")
        enqueue_indexing(corpus, created_by=created_by, after=first)
    return first


def enqueue_indexing(corpus: Corpus, *, created_by: User | None, after: Job) -> list[Job]:
    """Enqueue what new items need: features, stacks, index, their places where there is a map, and clips."""
    chain = [after]
    for kind in ("features_extract", "stacks_build", "index_build"):
        chain.append(jobs.enqueue(kind, corpus=corpus, created_by=created_by, after=[chain[-1]]))
    if FeatureProjection.objects.filter(feature_set__corpus=corpus, is_current=True).exists():
        chain.append(start_map(corpus, created_by=created_by, after=[chain[1]]))  # only features are needed
    if has_clips(corpus):
        chain += enqueue_clips(corpus, created_by=created_by, after=[after])
    return chain[1:]
