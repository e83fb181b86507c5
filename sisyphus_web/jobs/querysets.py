"""Reads over jobs and workers, shared by pages, API, dispatcher and audit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

if TYPE_CHECKING:
    from sisyphus_web.jobs.models import Job, Worker  # noqa: F401 - named in the bases below

REPUBLISH_AFTER = timedelta(seconds=10)
SEEN_WITHIN = timedelta(seconds=60)


class JobQuerySet(models.QuerySet["Job"]):
    def for_people(self) -> Self:
        """Newest first with what a page or an answer shows: corpus, author, the jobs it waits for."""
        return self.select_related("corpus", "created_by").prefetch_related("depends_on").order_by("-id")

    def queued(self) -> Self:
        return self.filter(status="queued")

    def running(self) -> Self:
        return self.filter(status="running")

    def failed(self) -> Self:
        return self.filter(status="failed")

    def unfinished(self) -> Self:
        return self.filter(status__in=["queued", "running"])

    def ready(self) -> Self:
        """Queued with everything it waits for done, best first."""
        return self.queued().filter(unmet_deps=0).order_by("-priority", "id")

    def waiting(self) -> Self:
        """Queued behind other jobs."""
        return self.queued().filter(unmet_deps__gt=0)

    def unpublished(self) -> Self:
        """Ready, and no worker was told of it in the last ten seconds."""
        return self.ready().filter(
            Q(last_published_at=None) | Q(last_published_at__lt=Now() - REPUBLISH_AFTER)
        )

    def lost(self) -> Self:
        """Running by the row, but the worker's lease is over."""
        return self.running().filter(lease_until__lt=Now())

    def stuck(self, *, minutes: int = 10) -> Self:
        """Running with a lease, without progress for `minutes`: worth a look."""
        long_ago = Now() - timedelta(minutes=minutes)
        return self.running().filter(
            Q(progressed_at__lt=long_ago) | Q(progressed_at=None, started_at__lt=long_ago)
        )


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> Self:
        """The workers heard of in the last minute, by name."""
        return self.filter(seen_at__gt=Now() - SEEN_WITHIN).order_by("name")

    def gone(self) -> Self:
        return self.filter(seen_at__lt=Now() - timedelta(hours=1))
