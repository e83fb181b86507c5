"""The operator's look at jobs; moving them is done on the jobs page."""

from django.contrib import admin

from sisyphus_web.accounts.admin import ReadOnlyAdmin
from sisyphus_web.jobs.models import Job, JobAttempt, JobEvent, Worker


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "status", "corpus", "attempt", "units_done", "units_total", "error_code")
    list_filter = ("status", "kind")
    list_select_related = ("corpus",)


@admin.register(JobAttempt)
class JobAttemptAdmin(ReadOnlyAdmin):
    list_display = ("job", "number", "host", "pid", "started_at", "ended_at", "outcome")
    list_select_related = ("job",)


@admin.register(JobEvent)
class JobEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "job", "level", "text")
    list_filter = ("level",)
    list_select_related = ("job",)


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ("name", "queues", "concurrency", "seen_at", "code_version")
