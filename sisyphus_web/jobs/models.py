"""Long work as people see it: rows that say what is to be done, how far it is and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs import advice, registry
from sisyphus_web.jobs.querysets import JobQuerySet, WorkerQuerySet

if TYPE_CHECKING:
    from sisyphus_web.jobs.services.lease import Lease


class Job(models.Model):
    """One piece of long work.

        queued -> running -> done
           |         |-----> failed -> queued (retry)
           |         |-----> queued (lease lost)
           +---------+-----> cancelled

    Moved only by `services.move`. `attempt` only ever grows: it is the fencing number.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    FINAL = frozenset({Status.DONE, Status.FAILED, Status.CANCELLED})

    corpus = models.ForeignKey(Corpus, null=True, blank=True, on_delete=models.PROTECT, related_name="jobs")
    kind = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    idempotency_key = models.CharField(max_length=100, blank=True, default="")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    priority = models.SmallIntegerField(default=0, help_text="Larger runs first.")
    attempt = models.IntegerField(default=0)
    attempt_limit = models.IntegerField(default=3)
    worker_deaths = models.IntegerField(
        default=0, help_text="Attempts whose process was killed under it; two make the job poison."
    )
    owner = models.CharField(
        max_length=120, blank=True, default="", help_text="Worker of the running attempt."
    )
    lease_until = models.DateTimeField(null=True, blank=True)
    last_published_at = models.DateTimeField(null=True, blank=True)
    units_done = models.BigIntegerField(default=0)
    units_total = models.BigIntegerField(null=True, blank=True)
    unit = models.CharField(
        max_length=20, blank=True, default="", help_text="What is counted: files, items, rows."
    )
    note = models.CharField(
        max_length=300, blank=True, default="", help_text="What it is at: 'video 3 of 40'."
    )
    rate_per_second = models.FloatField(
        null=True, blank=True, help_text="Units per second, of about the last half minute."
    )
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_text = models.TextField(blank=True, default="")
    result = models.JSONField(default=dict, blank=True, help_text="Counts and ids worth showing when done.")
    depends_on = models.ManyToManyField("self", symmetrical=False, blank=True, related_name="dependants")
    unmet_deps = models.IntegerField(default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    progressed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    code_version = models.CharField(max_length=40, blank=True, default="")

    lease: Lease | None = None  # what the worker running this job holds; not a column

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["done", "failed", "cancelled"], finished_at__isnull=False)
                | Q(status__in=["queued", "running"], finished_at__isnull=True),
                name="job_is_finished_iff_final",
            ),
            models.CheckConstraint(
                condition=~Q(status="running") | Q(lease_until__isnull=False), name="job_running_has_a_lease"
            ),
            models.CheckConstraint(condition=Q(unmet_deps__gte=0), name="job_unmet_deps_is_a_count"),
            models.CheckConstraint(
                condition=Q(attempt__lte=F("attempt_limit")), name="job_attempt_is_within_limit"
            ),
            models.UniqueConstraint(
                fields=["corpus", "kind", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="job_is_one_per_idempotency_key",
            ),
        ]
        indexes = [
            # the dispatcher: what is queued and unpublished, best first
            models.Index(fields=["-priority", "id"], condition=Q(status="queued"), name="job_queued"),
            # the dispatcher: leases that ran out
            models.Index(fields=["lease_until"], condition=Q(status="running"), name="job_running"),
            # a corpus's page: its newest jobs
            models.Index(fields=["corpus", "-id"], name="job_of_corpus"),
        ]

    def __str__(self) -> str:
        return f"job {self.pk} {self.kind} {self.status}"

    @property
    def title(self) -> str:
        """What the job does, in words: "Extract features", "Extract features of clips"."""
        return registry.title_of(self.kind) + (" of clips" if self.params.get("unit") == "clip" else "")

    @property
    def is_final(self) -> bool:
        return self.status in self.FINAL

    @property
    def can_be_cancelled(self) -> bool:
        return self.status in {self.Status.QUEUED, self.Status.RUNNING}

    @property
    def can_be_retried(self) -> bool:
        return self.status == self.Status.FAILED

    @property
    def progress_share(self) -> float | None:
        """How much of it is done, 0 to 1; None while the total is unknown."""
        if self.status == self.Status.DONE:
            return 1.0
        if not self.units_total:
            return None
        return min(1.0, self.units_done / self.units_total)

    @property
    def progress_percent(self) -> int | None:
        """The share as a whole number of percent, rounded down: 100 only when everything is done."""
        share = self.progress_share
        return None if share is None else int(share * 100)

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until it is done at the present rate; None if that cannot be said."""
        if self.status != self.Status.RUNNING or not self.units_total or not self.rate_per_second:
            return None
        if self.silence_seconds is not None:
            return None
        return max(0, self.units_total - self.units_done) / self.rate_per_second

    @property
    def silence_seconds(self) -> float | None:
        """For how long nothing was heard of a running job's worker; None while it renews its lease."""
        if self.status != self.Status.RUNNING or self.lease_until is None:
            return None
        lease = settings.JOB_LEASE_SECONDS
        silent = lease - (self.lease_until - timezone.now()).total_seconds()
        return silent if silent > lease / 2 else None  # it renews every quarter; one may come late

    @property
    def advice(self) -> str:
        """What to do about a failure; empty when there is nothing to do."""
        return advice.of(self.error_code) if self.error_code else ""

    @property
    def waits_for(self) -> list[Job]:
        """The jobs that must be done before this one; prefetched by `JobQuerySet.for_people`."""
        if self.unmet_deps == 0:
            return []
        return [job for job in self.depends_on.all() if job.status != self.Status.DONE]

    @property
    def waits_because(self) -> str:
        """Why it does not start yet: "waits for job 3 (Extract features), which failed: ..."; or empty."""
        if self.status != self.Status.QUEUED:
            return ""
        reasons = []
        for parent in self.waits_for:
            reason = f"waits for job {parent.pk} ({parent.title})"
            if parent.status == self.Status.FAILED:
                why = (parent.error_text or parent.error_code).rstrip(".")
                reason += f", which failed: {why}; retry it to go on"
            reasons.append(reason)
        return "; ".join(reasons)


class JobAttempt(models.Model):
    """One try at a job by one worker process."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts")
    number = models.IntegerField()
    host = models.CharField(max_length=120)
    pid = models.IntegerField()
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True, default="")
    peak_rss_bytes = models.BigIntegerField(null=True, blank=True)
    exit_signal = models.IntegerField(null=True, blank=True, help_text="What killed its process, if that.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="job_attempt_is_one_per_number"),
            models.UniqueConstraint(
                fields=["job"], condition=Q(outcome="done"), name="job_has_one_done_attempt"
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of job {self.job_id}"


class JobEvent(models.Model):
    """A line of a job's log: what happened, who did it; append-only."""

    class Level(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        ERROR = "error"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    level = models.CharField(max_length=8, choices=Level, default=Level.INFO)
    attempt = models.IntegerField(default=0)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.CharField(max_length=1000)

    class Meta:
        indexes = [models.Index(fields=["job", "id"], name="job_event_of_job")]  # the log, in order

    def __str__(self) -> str:
        return self.text


class Worker(models.Model):
    """A worker process that has said within the last minute that it is there."""

    name = models.CharField(max_length=120, unique=True, help_text="Celery's name of it: gpu@host.")
    host = models.CharField(max_length=120)
    pid = models.IntegerField()
    queues = models.JSONField(default=list)
    concurrency = models.IntegerField(default=1)
    code_version = models.CharField(max_length=40, blank=True, default="")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    objects = WorkerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
