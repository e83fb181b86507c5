"""Long work as people see it: rows that say what is to be done, how far it is and how it ended."""

import json

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from sisyphus_web.accounts.models import Corpus


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
    worker_deaths = models.IntegerField(default=0, help_text="Attempts ended by a lost worker.")
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
        return f"job {self.pk} {self.kind} {self.status} {json.dumps(self.params)[:80]}"


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

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="job_attempt_is_one_per_number")
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
