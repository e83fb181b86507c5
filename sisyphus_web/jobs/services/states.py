"""The job's states and every way between them: compare-and-set on the seen status and attempt."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from sisyphus_web import __version__
from sisyphus_web.jobs import followers
from sisyphus_web.jobs.errors import Stopped
from sisyphus_web.jobs.models import Job, JobAttempt, JobEvent
from sisyphus_web.jobs.publish import publish_after_commit

if TYPE_CHECKING:
    from sisyphus_web.accounts.models import User

Status = Job.Status

# The whole state machine. A move that is not listed here cannot happen.
MOVES = {
    Status.QUEUED: {Status.RUNNING, Status.CANCELLED},
    Status.RUNNING: {Status.DONE, Status.FAILED, Status.CANCELLED, Status.QUEUED},
    Status.FAILED: {Status.QUEUED},
}


def lease_length() -> timedelta:
    """How long a worker may be silent before its job is given to another."""
    return timedelta(seconds=settings.JOB_LEASE_SECONDS)


def owner_of(worker_pid: int) -> str:
    """How the jobs of one worker's processes begin their `owner`: host and the worker's process id."""
    return f"{socket.gethostname()[:80]}:{worker_pid}:"


def _worker_pid() -> int:
    """The worker this process belongs to; see celery.py."""
    return int(os.environ.get("SISYPHUS_WORKER_PID", os.getpid()))


def log(job: Job, text: str, level: str = JobEvent.Level.INFO, *, by: "User | None" = None) -> None:
    """Append a line to the job's log; longer than 1000 characters is cut."""
    JobEvent.objects.create(job_id=job.pk, attempt=job.attempt, level=level, text=text[:1000], by=by)


def move(job: Job, after: str, *, outcome: str = "", only: Q | None = None, **fields: Any) -> bool:
    """Move a job on from what the caller saw of it; False if it has changed since.

    One UPDATE with the seen status and attempt (and `only`) in its WHERE: a message delivered twice
    finds the job taken, and a worker given up for lost cannot write. The attempt that was running
    is closed in the same transaction with `outcome` (the new status, if not given).
    """
    if after not in MOVES.get(Status(job.status), set()):
        raise ValueError(f"a job cannot go from {job.status} to {after}")
    fields |= {"status": after, "finished_at": Now() if after in Job.FINAL else None}
    if after != Status.RUNNING:
        fields["lease_until"] = None
    seen = Job.objects.filter(only or Q(), id=job.pk, status=job.status, attempt=job.attempt)
    with transaction.atomic():
        if seen.update(**fields) == 0:
            return False
        if job.status == Status.RUNNING:
            JobAttempt.objects.filter(job_id=job.pk, number=job.attempt).update(
                ended_at=Now(), outcome=outcome or after
            )
    job.status, job.attempt = after, fields.get("attempt", job.attempt)
    return True


def claim(job_id: int) -> Job | None:
    """Take a queued job whose dependencies are met: running, attempt + 1, a lease. None: nothing to run."""
    job = Job.objects.ready().filter(pk=job_id).first()
    if job is None or job.attempt >= job.attempt_limit:
        return None
    pid = os.getpid()
    number = job.attempt + 1
    with transaction.atomic():
        taken = move(
            job,
            Status.RUNNING,
            attempt=number,
            lease_until=Now() + lease_length(),
            owner=f"{owner_of(_worker_pid())}{pid}",
            started_at=Coalesce(F("started_at"), Now()),
            progressed_at=Now(),
            rate_per_second=None,
            error_code="",
            error_text="",
            code_version=__version__,
        )
        if not taken:
            return None
        JobAttempt.objects.create(job=job, number=number, host=socket.gethostname()[:120], pid=pid)
        log(job, f"Attempt {number} started on {socket.gethostname()} (process {pid}).")
    job.refresh_from_db()
    return job


def finish(job: Job) -> None:
    """Move a running job to done and let go what waited for it; Stopped if it is no longer the caller's."""
    with transaction.atomic():
        # What it was at is over: a job that is done shows its result.
        if not move(job, Status.DONE, result=job.result, **(_unwritten(job) | {"note": ""})):
            raise Stopped
        log(job, "Done.")
        waiting = list(Job.objects.waiting().filter(depends_on=job).order_by("id"))
        for dependant in waiting:
            Job.objects.filter(pk=dependant.pk).update(unmet_deps=F("unmet_deps") - 1)
            if dependant.unmet_deps == 1:
                publish_after_commit(dependant)
        followers.tell(job)


def _unwritten(job: Job) -> dict[str, Any]:
    """The last words of the worker, held back because reports are written once a second at most."""
    return job.lease.unwritten() if job.lease else {}


@contextmanager
def finishing(job: Job) -> Iterator[None]:
    """What the block writes and the job's end, in one transaction: both, or neither.

    Set `job.result` in the block to keep counts and ids worth showing.
    """
    status = job.status
    try:
        with transaction.atomic():
            yield
            finish(job)
    except BaseException:
        job.status = status  # a failed commit moved nothing
        raise


def fail(job: Job, code: str, text: str) -> bool:
    """Move a running job to failed with its reason; what waits for it stays queued and says why."""
    with transaction.atomic():
        if not move(job, Status.FAILED, error_code=code, error_text=text[:4000], **_unwritten(job)):
            return False
        log(job, f"Failed ({code}): {text}", JobEvent.Level.ERROR)
    return True


def give_back(job: Job, text: str) -> bool:
    """Queue a running job again through no fault of its own: the attempt is not counted against it."""
    with transaction.atomic():
        back: dict[str, Any] = {"attempt_limit": F("attempt_limit") + 1, "last_published_at": None}
        if not move(job, Status.QUEUED, outcome="given-back", **back, **_unwritten(job)):
            return False
        log(job, text, JobEvent.Level.WARNING)
        publish_after_commit(job)
    return True


def take_back(job: Job, text: str, *, exit_signal: int | None = None, only: Q | None = None) -> bool:
    """Take a running job from a worker that is lost; False if it has moved on.

    Queued again, or failed: `poison` when its process was killed for the second time, `worker-lost`
    when its attempts are used up.
    """
    deaths = job.worker_deaths + (exit_signal is not None)
    fields: dict[str, Any] = {"worker_deaths": deaths}
    if deaths >= 2:
        after, code = Status.FAILED, "poison"
    elif job.attempt >= job.attempt_limit:
        after, code = Status.FAILED, "worker-lost"
    else:
        after, code = Status.QUEUED, ""
        fields["last_published_at"] = None
    if code:
        fields |= {"error_code": code, "error_text": text}
    with transaction.atomic():
        if not move(job, after, outcome="lost", only=only, **fields):
            return False
        JobAttempt.objects.filter(job_id=job.pk, number=job.attempt).update(exit_signal=exit_signal)
        log(job, text, JobEvent.Level.ERROR if code else JobEvent.Level.WARNING)
        if not code:
            publish_after_commit(job)
    return True
