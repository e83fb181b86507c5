"""Dataset versions of a corpus: freeze one, see what is in it, export it."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from labeling.forms import DatasetVersionForm
from labeling.models import DatasetVersion, Export
from labeling.services.datasets import create_version
from labeling.services.exports import request_export
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.pages import respond

SHOWN = 30  # versions; the older ones are over REST


@require_http_methods(["GET", "HEAD", "POST"])
def datasets(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """The versions, newest first, with their exports; a POST freezes a new one."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    form = DatasetVersionForm(request.POST or None, corpus=corpus)
    if request.method == "POST" and form.is_valid():
        try:
            version = create_version(corpus=corpus, by=request.user, **form.cleaned_data)
        except (JobError, ValidationError) as error:
            form.add_error(None, str(error) if isinstance(error, JobError) else " ".join(error.messages))
        else:
            messages.success(request, f"Frozen: {version}. Export it in any format, as often as you like.")
            return redirect(f"{reverse('datasets', args=[corpus_id])}#version-{version.pk}")
    context = _versions_context(corpus) | {"form": form}
    return respond(
        request,
        page="labeling/datasets.html",
        part="labeling/partials/versions_live.html",
        context=context,
        status=422 if form.is_bound else 200,
    )


@require_POST
def export_start(request: HttpRequest, corpus_id: int, dataset_version_id: int) -> HttpResponse:
    """Write a version in one format, as a job."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    version = get_object_or_404(corpus.dataset_versions, pk=dataset_version_id)
    chosen = request.POST.get("format", "")
    if chosen not in Export.Format.values:
        messages.error(
            request, f"There is no format {chosen!r}; choose from {', '.join(Export.Format.values)}."
        )
    else:
        has_pixels = bool(request.POST.get("with_pixels"))
        export = request_export(version=version, format=chosen, with_pixels=has_pixels, by=request.user)
        messages.success(request, f"Writing {export.get_format_display()} of {version}.")
    if not request.headers.get("HX-Request"):
        return redirect("datasets", corpus_id)
    part = "labeling/partials/versions_live.html"
    return respond(request, page=part, part=part, context=_versions_context(corpus))


def _versions_context(corpus: Corpus) -> dict[str, Any]:
    exports = Export.objects.select_related("job").order_by("-id")
    versions = list(
        DatasetVersion.objects.filter(corpus=corpus)
        .select_related("created_by")
        .prefetch_related("label_classes", Prefetch("exports", queryset=exports))
        .order_by("-number")[:SHOWN]
    )
    jobs = [export.job for version in versions for export in version.exports.all() if export.job]
    return {
        "corpus": corpus,
        "versions": versions,
        "formats": Export.Format.choices,
        "is_moving": any(not job.is_final for job in jobs),
    }
