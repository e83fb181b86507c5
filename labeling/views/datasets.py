"""Dataset versions of a corpus: freeze one, see what is in it, export it."""

from typing import Any
from urllib.parse import urlencode

import msgspec
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from indexing.models import Item, Unit
from labeling.compute.grammar import ANY_STATE
from labeling.forms import DatasetVersionForm
from labeling.models import DatasetVersion, Export
from labeling.services.dataset_diff import Difference, compare_versions
from labeling.services.datasets import create_version
from labeling.services.exports import formats_of, request_export
from labeling.views.imports import imports_context
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.pages import respond

SHOWN = 30  # versions; the older ones are over REST
SHOWN_CHANGES = 200  # lines of a difference; the first thousand are over REST


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
    context = _versions_context(corpus) | imports_context(corpus) | {"form": form}
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
        clip_format = request.POST.get("clip_format", "")
        if clip_format not in Export.ClipFormat.values:
            clip_format = Export.ClipFormat.H264
        try:
            export = request_export(
                version=version,
                format=chosen,
                with_pixels=has_pixels,
                clip_format=clip_format,
                by=request.user,
            )
            messages.success(request, f"Writing {export.get_format_display()} of {version}.")
        except JobError as error:
            messages.error(request, str(error))
    if not request.headers.get("HX-Request"):
        return redirect("datasets", corpus_id)
    part = "labeling/partials/versions_live.html"
    return respond(request, page=part, part=part, context=_versions_context(corpus))


@require_http_methods(["GET", "HEAD"])
def dataset_diff(request: HttpRequest, corpus_id: int, dataset_version_id: int) -> HttpResponse:
    """What has changed in a version since an older one: ?older=, else the one before it."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    version = get_object_or_404(corpus.dataset_versions, pk=dataset_version_id)
    others = corpus.dataset_versions.exclude(pk=version.pk).order_by("-number")
    asked = request.GET.get("older", "")
    if asked:
        older = get_object_or_404(others, pk=int(asked) if asked.isascii() and asked.isdigit() else 0)
    else:
        older = others.filter(number__lt=version.number).first() or others.first()
    context = {"corpus": corpus, "version": version, "older": older, "others": others[:SHOWN]}
    if older is not None:
        context |= _changes(compare_versions(older, version), older, version)
    return render(request, "labeling/dataset_diff.html", context)


def _changes(difference: Difference, older: DatasetVersion, newer: DatasetVersion) -> dict[str, Any]:
    """The counts, and the first changed lines with the names of their media files and classes."""
    shown = difference.changes[:SHOWN_CHANGES]
    items = Item.objects.filter(pk__in={change.item for change in shown})
    names = dict(items.values_list("pk", "media_file__name"))
    classes = {each["id"]: each["name"] for of in (older, newer) for each in of.card["classes"]}
    rows = [
        msgspec.structs.asdict(change)
        | {
            "words": change.change.replace("_", " "),
            "name": names.get(change.item, f"item {change.item}"),
            "label_class": classes.get(change.label_class, ""),
            "query": urlencode({"class": change.label_class, "q": f"{ANY_STATE} item:#{change.item}"}),
        }
        for change in shown
    ]
    counts = [(change.replace("_", " "), num) for change, num in difference.counts.items()]
    return {"changes": rows, "counts": counts, "num_changes": sum(difference.counts.values())}


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
        "formats": formats_of(Unit.FRAME),
        "formats_of_clips": formats_of(Unit.CLIP),
        "clip_formats": Export.ClipFormat.choices,
        "is_moving": any(not job.is_final for job in jobs),
    }
