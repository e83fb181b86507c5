"""Pages of jobs: the operator's board over the whole site, and the jobs of one corpus."""

import shutil
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from sisyphus_web.accounts.models import Corpus
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import is_id
from sisyphus_web.jobs import services
from sisyphus_web.jobs.models import Job, Worker
from sisyphus_web.jobs.querysets import JobQuerySet
from sisyphus_web.jobs.registry import KINDS, kind_of, queues
from sisyphus_web.pages import query_without, respond

PER_PAGE = 30
LOG_LINES = 500


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """Every job of the site, workers, queues and disk; for operators."""
    found = _filtered(request, Job.objects.for_people())
    if is_id(corpus_id := request.GET.get("corpus", "")):
        found = found.filter(corpus=int(corpus_id))
    context = _list_context(request, found) | {
        "queues": _queues(),
        "workers": Worker.objects.alive(),
        "disk": _disk(),
        "corpora": Corpus.objects.filter(archived_at=None).order_by("name"),
        "is_site": True,
    }
    return respond(request, page="jobs/jobs.html", part="jobs/partials/board.html", context=context)


@require_safe
def corpus_jobs(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """The jobs of one corpus, newest first."""
    found = _filtered(request, Job.objects.for_people().filter(corpus=corpus_id))
    context = _list_context(request, found)
    return respond(
        request, page="jobs/corpus_jobs.html", part="jobs/partials/list_live.html", context=context
    )


def _filtered(request: HttpRequest, found: JobQuerySet) -> JobQuerySet:
    if (status := request.GET.get("status", "")) in Job.Status.values:
        found = found.filter(status=status)
    if (kind := request.GET.get("kind", "")) in KINDS:
        found = found.filter(kind=kind)
    return found


def _list_context(request: HttpRequest, found: JobQuerySet) -> dict[str, Any]:
    page: Page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return {
        "page_of_jobs": page,
        "is_moving": any(not job.is_final for job in page),
        "statuses": Job.Status.choices,
        "kinds": [(name, kind.title) for name, kind in KINDS.items()],
        "query": query_without(request, "page"),
    }


def _queues() -> list[dict[str, Any]]:
    """What runs, is ready and waits, per queue."""
    totals = {name: {"name": name, "running": 0, "ready": 0, "waiting": 0} for name in queues()}
    by_kind = (
        Job.objects.unfinished()
        .values("kind")
        .annotate(
            running=Count("pk", filter=Q(status="running")),
            ready=Count("pk", filter=Q(status="queued", unmet_deps=0)),
            waiting=Count("pk", filter=Q(status="queued", unmet_deps__gt=0)),
        )
    )
    for row in by_kind.order_by():
        if row["kind"] in KINDS:
            total = totals[kind_of(row["kind"]).queue]
            for name in ("running", "ready", "waiting"):
                total[name] += row[name]
    return list(totals.values())


def _disk() -> dict[str, Any]:
    """Room on the disk of the data directory; `is_low` below the floor where uploads and jobs stop."""
    usage = shutil.disk_usage(settings.DATA_DIR if settings.DATA_DIR.is_dir() else "/")
    floor = settings.FREE_SPACE_FLOOR_BYTES
    return {
        "total": usage.total,
        "used": usage.total - usage.free,  # with what is reserved for root
        "free": usage.free,
        "floor": floor,
        "is_low": usage.free < floor,
    }


@require_POST
def cancel(request: HttpRequest, job_id: int, corpus_id: int | None = None) -> HttpResponse:
    """Cancel a job and what waits for it."""
    job = _job(job_id, corpus_id)
    cancelled = services.cancel(job, by=request.user)
    if not cancelled:
        messages.warning(request, f"Job {job.pk} was over already.")
    elif len(cancelled) == 1:
        messages.success(request, f"Job {job.pk} is cancelled.")
    else:
        messages.success(request, f"Job {job.pk} and {len(cancelled) - 1} that waited for it are cancelled.")
    return _one_job(request, job_id, corpus_id)


@require_POST
def retry(request: HttpRequest, job_id: int, corpus_id: int | None = None) -> HttpResponse:
    """Queue a failed job again; what it had finished is kept."""
    job = _job(job_id, corpus_id)
    if services.retry(job, by=request.user):
        messages.success(request, f"Job {job.pk} is queued again.")
    else:
        messages.warning(request, f"Job {job.pk} is {job.status}; only a failed job can be tried again.")
    return _one_job(request, job_id, corpus_id)


@require_safe
def log(request: HttpRequest, job_id: int, corpus_id: int | None = None) -> HttpResponse:
    """What a job did, line by line: a dialog for htmx, a page otherwise.

    In a corpus it is for the job's author and the managers: it names places of the server.
    """
    job = _job(job_id, corpus_id)
    if corpus_id is not None and not services.is_own(job, user_of(request)):
        raise PermissionDenied
    events = list(job.events.select_related("by").order_by("-id")[:LOG_LINES])[::-1]
    context = {
        "job": job,
        "events": events,
        "attempts": job.attempts.order_by("number"),
        "is_site": corpus_id is None,
    }
    return respond(request, page="jobs/log.html", part="jobs/partials/log.html", context=context)


def _job(job_id: int, corpus_id: int | None) -> Job:
    every = Job.objects.for_people()
    return get_object_or_404(every if corpus_id is None else every.filter(corpus=corpus_id), pk=job_id)


def _one_job(request: HttpRequest, job_id: int, corpus_id: int | None) -> HttpResponse:
    """The job as it is now, in place of the one on the page; back to the list without a script."""
    if not request.headers.get("HX-Request"):
        return redirect("jobs") if corpus_id is None else redirect("corpus-jobs-page", corpus_id)
    context = {"job": _job(job_id, corpus_id), "is_site": corpus_id is None}
    return respond(request, page="jobs/partials/job.html", part="jobs/partials/job.html", context=context)
