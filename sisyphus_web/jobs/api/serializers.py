"""A job as REST shows it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sisyphus_web.jobs.models import Job, JobEvent, Worker
from sisyphus_web.server_paths import sees_paths, without_paths


class JobAnswer(serializers.ModelSerializer[Job]):
    """A job: what it is, how far, what became of it, what to do."""

    title = serializers.CharField(read_only=True)
    created_by = serializers.CharField(
        source="created_by.username", read_only=True, allow_null=True, default=None
    )
    progress_share = serializers.FloatField(read_only=True, allow_null=True, help_text="0 to 1.")
    eta_seconds = serializers.FloatField(read_only=True, allow_null=True)
    silence_seconds = serializers.FloatField(
        read_only=True,
        allow_null=True,
        help_text="For how long nothing was heard of its worker; null while it is heard of.",
    )
    lease_until = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When it is taken from a worker that stays silent."
    )
    advice = serializers.CharField(read_only=True, help_text="What to do about a failure.")
    waits_for = serializers.SerializerMethodField(help_text="Ids of the jobs that must be done before it.")
    waits_because = serializers.CharField(read_only=True)

    class Meta:
        model = Job
        fields = [
            "id", "corpus", "kind", "title", "status", "units_done", "units_total", "unit", "note",
            "progress_share", "rate_per_second", "eta_seconds", "silence_seconds", "lease_until",
            "error_code", "error_text", "advice", "result", "attempt", "created_by",
            "created_at", "started_at", "finished_at", "unmet_deps", "waits_for", "waits_because",
        ]  # fmt: skip
        read_only_fields = fields

    def to_representation(self, job: Job) -> dict[str, Any]:
        """Paths of this server only to who may know them."""
        shown: dict[str, Any] = super().to_representation(job)
        return shown if _sees_paths(self) else _without_paths(shown)

    @extend_schema_field(serializers.ListField(child=serializers.IntegerField()))
    def get_waits_for(self, job: Job) -> list[int]:
        return [parent.pk for parent in job.waits_for]


class CancelAnswer(serializers.Serializer[Any]):
    """The job, and everything that was cancelled with it because it waited for it."""

    job = JobAnswer()
    cancelled = serializers.ListField(
        child=serializers.IntegerField(), help_text="Ids, the job itself first."
    )


class JobEventAnswer(serializers.ModelSerializer[JobEvent]):
    """A line of a job's log."""

    by = serializers.CharField(source="by.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = JobEvent
        fields = ["id", "at", "level", "attempt", "by", "text"]
        read_only_fields = fields

    def to_representation(self, event: JobEvent) -> dict[str, Any]:
        """Paths of this server only to who may know them."""
        shown: dict[str, Any] = super().to_representation(event)
        return shown if _sees_paths(self) else _without_paths(shown)


class WorkerAnswer(serializers.ModelSerializer[Worker]):
    """A worker that was heard of in the last minute."""

    queues = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Worker
        fields = ["name", "host", "pid", "queues", "concurrency", "code_version", "started_at", "seen_at"]
        read_only_fields = fields


class QueueAnswer(serializers.Serializer[Any]):
    name = serializers.CharField()
    messages = serializers.IntegerField(allow_null=True, help_text="In the broker; null: it does not answer.")
    ready = serializers.IntegerField(help_text="Jobs that could start now.")
    waiting = serializers.IntegerField(help_text="Jobs behind other jobs.")
    running = serializers.IntegerField()
    workers = serializers.IntegerField()


class DiskAnswer(serializers.Serializer[Any]):
    total_bytes = serializers.IntegerField()
    free_bytes = serializers.IntegerField()
    floor_bytes = serializers.IntegerField(help_text="Below this, uploads and jobs stop.")


class SystemAnswer(serializers.Serializer[Any]):
    """What an operator looks at first."""

    workers = WorkerAnswer(many=True)
    queues = QueueAnswer(many=True)
    disk = DiskAnswer()
    is_dispatcher_active = serializers.BooleanField()
    num_stuck_jobs = serializers.IntegerField(help_text="Running without progress for ten minutes.")
    num_lost_jobs = serializers.IntegerField(help_text="Running by their rows, without a live lease.")


def _sees_paths(serializer: serializers.BaseSerializer[Any]) -> bool:
    """Asked once per request; an answer that no view makes (of a cancel, a retry) shows none."""
    view = serializer.context.get("view")
    if view is None:
        return False
    if not hasattr(view, "sees_paths"):
        view.sees_paths = sees_paths(view.request.user, view.kwargs.get("corpus_id"))
    return bool(view.sees_paths)


def _without_paths(value: Any) -> Any:
    """Every text in `value`, however deep."""
    if isinstance(value, str):
        return without_paths(value)
    if isinstance(value, dict):
        return {key: _without_paths(each) for key, each in value.items()}
    return [_without_paths(each) for each in value] if isinstance(value, list) else value
