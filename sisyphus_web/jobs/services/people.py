"""What people do with jobs: ask for one, cancel it, try it again."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction

from sisyphus_web.accounts.models import Corpus, Membership, Role, User
from sisyphus_web.jobs.models import Job
from sisyphus_web.jobs.publish import publish_after_commit
from sisyphus_web.jobs.registry import check_params
from sisyphus_web.jobs.services.states import Status, log, move

ATTEMPTS = 3  # before a job whose workers get lost is given up


def enqueue(
    kind: str,
    *,
    corpus: Corpus | None = None,
    created_by: User | None = None,
    after: Sequence[Job] = (),
    idempotency_key: str = "",
    priority: int = 0,
    **params: Any,
) -> Job:
    """Insert a job in the caller's transaction and ring for it after commit.

    It starts when every job of `after` is done. A second call with the same corpus, kind and
    `idempotency_key` gives the first call's job. ValueError for params that are not the kind's.
    """
    check_params(kind, params)
    of_key = {"corpus": corpus, "kind": kind, "idempotency_key": idempotency_key}
    with transaction.atomic():
        if idempotency_key and (known := Job.objects.filter(**of_key).first()):
            return known
        # Locked, so that a parent that ends just now either is seen as done or sees its new dependant.
        parents = list(
            Job.objects.select_for_update().filter(pk__in=[job.pk for job in after]).order_by("id")
        )
        if any(parent.status == Status.CANCELLED for parent in parents):
            raise ValueError("a job cannot wait for a cancelled one: it would never start")
        waiting_for = sum(parent.status != Status.DONE for parent in parents)
        job = Job(
            **of_key,
            params=params,
            priority=priority,
            created_by=created_by,
            attempt_limit=ATTEMPTS,
            unmet_deps=waiting_for,
        )
        try:
            with transaction.atomic():
                job.save()
        except IntegrityError:
            if not idempotency_key:
                raise
            return Job.objects.get(**of_key)  # another was first with this key
        job.depends_on.set(parents)
        if waiting_for == 0:
            publish_after_commit(job)
    return job


def is_own(job: Job, user: User) -> bool:
    """Whether `user` made the job or manages its corpus, and so may change it and read its log."""
    if job.created_by_id == user.pk:
        return True
    if job.corpus_id is None:
        return False
    return Membership.objects.filter(corpus_id=job.corpus_id, user=user, role=Role.MANAGER).exists()


def cancel(job: Job, *, by: User | None) -> list[Job]:
    """Cancel a job that is not over, and everything that waits for it; the cancelled jobs, it first.

    A running one stops at its next report, at the latest ten seconds after its next lease renewal.
    """
    cancelled: list[Job] = []
    with transaction.atomic():
        _cancel(job.pk, by, cancelled, because="")
    return cancelled


def _cancel(job_id: int, by: User | None, cancelled: list[Job], because: str) -> None:
    job = Job.objects.select_for_update().get(pk=job_id)
    if not job.can_be_cancelled or not move(job, Status.CANCELLED):
        return
    who = f" by {by.get_username()}" if by else ""
    log(job, f"Cancelled{who}{because}.", by=by)
    cancelled.append(job)
    for dependant_id in job.dependants.order_by("id").values_list("pk", flat=True):
        _cancel(dependant_id, by, cancelled, because=f", because it waits for job {job.pk}")


def retry(job: Job, *, by: User | None) -> bool:
    """Queue a failed job again with fresh attempts; finished chunks are kept. False if it is not failed."""
    with transaction.atomic():
        seen = Job.objects.select_for_update().get(pk=job.pk)
        if not seen.can_be_retried:
            return False
        fresh: dict[str, Any] = {"worker_deaths": 0, "last_published_at": None}
        fresh["attempt_limit"] = seen.attempt + ATTEMPTS
        if not move(seen, Status.QUEUED, error_code="", error_text="", note="", **fresh):
            return False
        log(seen, f"Tried again{f' by {by.get_username()}' if by else ''}.", by=by)
        if seen.unmet_deps == 0:
            publish_after_commit(seen)
    job.refresh_from_db()
    return True
