"""Jobs over REST: of a corpus for its members, of the site for operators."""

from dataclasses import asdict
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import NewestFirst, Refused
from sisyphus_web.jobs import services, system
from sisyphus_web.jobs.api.serializers import (
    CancelAnswer,
    JobAnswer,
    JobEventAnswer,
    SystemAnswer,
    WorkerAnswer,
)
from sisyphus_web.jobs.models import Job, JobEvent
from sisyphus_web.jobs.registry import KINDS

FILTERS = [
    OpenApiParameter("status", OpenApiTypes.STR, enum=Job.Status.values),
    OpenApiParameter("kind", OpenApiTypes.STR, enum=sorted(KINDS)),
]


class SiteJobView(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Job]):
    """Every job of the site; for operators."""

    serializer_class = JobAnswer
    queryset = Job.objects.none()
    lookup_url_kwarg = "job_id"

    def get_queryset(self) -> QuerySet[Job]:
        return Job.objects.for_people()

    @extend_schema(parameters=FILTERS)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    def filter_queryset(self, queryset: QuerySet[Job]) -> QuerySet[Job]:
        allowed: dict[str, list[str]] = {"status": Job.Status.values, "kind": sorted(KINDS)}
        for name, values in allowed.items():
            if (wanted := self.request.query_params.get(name)) is None:
                continue
            if wanted not in values:
                raise Refused("filter", f"{name} must be one of {', '.join(values)}; got {wanted!r}.")
            queryset = queryset.filter(**{name: wanted})
        return queryset

    def job_to_change(self) -> Job:
        """The job, if the asker may cancel or retry it."""
        return self.get_object()

    @extend_schema(request=None, responses=CancelAnswer)
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        """Cancel the job and everything that waits for it."""
        cancelled = services.cancel(self.job_to_change(), by=user_of(request))
        job = self.get_object()
        if not cancelled:
            raise Refused("job-is-over", f"Job {job.pk} is {job.status}: nothing to cancel.", status_code=409)
        return Response({"job": JobAnswer(job).data, "cancelled": [each.pk for each in cancelled]})

    @extend_schema(request=None, responses=JobAnswer)
    def retry(self, request: Request, **kwargs: Any) -> Response:
        """Queue a failed job again; finished parts are kept."""
        job = self.job_to_change()
        if not services.retry(job, by=user_of(request)):
            raise Refused("job-has-not-failed", f"Job {job.pk} is {job.status}, not failed.", status_code=409)
        return Response(JobAnswer(self.get_object()).data)


class CorpusJobView(SiteJobView):
    """The jobs of a corpus. Members see them; an annotator cancels and retries their own, a manager all."""

    def get_queryset(self) -> QuerySet[Job]:
        return Job.objects.for_people().filter(corpus_id=self.kwargs["corpus_id"])

    def job_to_change(self) -> Job:
        job = self.get_object()
        refuse_unless_own(job, self.request)
        return job


class SiteJobLogView(mixins.ListModelMixin, viewsets.GenericViewSet[JobEvent]):
    """The log of any job, newest line first; for operators."""

    serializer_class = JobEventAnswer
    queryset = JobEvent.objects.none()
    pagination_class: ClassVar = NewestFirst

    def get_job(self) -> Job:
        return get_object_or_404(Job, pk=self.kwargs["job_id"])

    def get_queryset(self) -> QuerySet[JobEvent]:
        if getattr(self, "swagger_fake_view", False):
            return JobEvent.objects.none()
        return self.get_job().events.select_related("by")


class CorpusJobLogView(SiteJobLogView):
    """The log of a corpus's job, newest line first: for its author and the managers."""

    def get_job(self) -> Job:
        job = get_object_or_404(Job, pk=self.kwargs["job_id"], corpus_id=self.kwargs["corpus_id"])
        refuse_unless_own(job, self.request)
        return job


class SystemView(APIView):
    """Workers, queues, disk, dispatcher; for operators."""

    @extend_schema(responses=SystemAnswer)
    def get(self, request: Request) -> Response:
        state = system.state()
        return Response(
            {
                "workers": WorkerAnswer(state.workers, many=True).data,
                "queues": [asdict(queue) for queue in state.queues],
                "disk": asdict(state.disk),
                "is_dispatcher_active": state.is_dispatcher_active,
                "num_stuck_jobs": state.num_stuck_jobs,
                "num_lost_jobs": state.num_lost_jobs,
            }
        )


def refuse_unless_own(job: Job, request: Request) -> None:
    """403 unless the asker made the job or manages its corpus."""
    if not services.is_own(job, user_of(request)):
        detail = "Only its author or a manager of the corpus may do this."
        raise Refused("permission_denied", detail, status_code=403)
