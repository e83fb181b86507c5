"""Imports of labels on the page of datasets: begin one, take it in, take it back; each shows its progress."""

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from indexing.models import Upload
from indexing.services.uploads import MAX_CHUNK_BYTES, add_chunk, begin_upload
from labeling.compute.imports.reasons import in_words
from labeling.forms import LabelImportForm
from labeling.models import LabelImport
from labeling.services.imports import request_import, take_import, undo_import
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.pages import respond

SHOWN = 20  # imports; the older ones are over REST
PART = "labeling/partials/imports.html"


@require_http_methods(["GET", "HEAD", "POST"])
def label_imports(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """The imports, newest first; a POST looks through a file or folder and says what would be taken."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    if request.method != "POST":
        return _answer(request, corpus)
    form = LabelImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _answer(request, corpus, form)
    wanted = dict(form.cleaned_data)
    file, path = wanted.pop("file"), wanted.pop("path")
    try:
        source = {"upload": _received(corpus, file, by=request.user).pk} if file else {"path": path}
        made = request_import(corpus=corpus, by=request.user, **source, **wanted)
    except JobError as error:
        form.add_error(None, str(error))
        return _answer(request, corpus, form)
    messages.success(request, f"Looking through {made.name}. Nothing is taken until you say so.")
    return _answer(request, corpus)


@require_POST
def label_import_take(request: HttpRequest, corpus_id: int, import_id: int) -> HttpResponse:
    """Take in what was looked through."""
    return _step(request, corpus_id, import_id, take_import, "Taking in {}.")


@require_POST
def label_import_undo(request: HttpRequest, corpus_id: int, import_id: int) -> HttpResponse:
    """Take back what it took."""
    return _step(request, corpus_id, import_id, undo_import, "Taking back {}.")


def _step(request: HttpRequest, corpus_id: int, import_id: int, step: Any, words: str) -> HttpResponse:
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    found = get_object_or_404(corpus.label_imports, pk=import_id)
    try:
        step(found, by=request.user)
    except JobError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, words.format(found.name))
    return _answer(request, corpus)


def _received(corpus: Corpus, file: UploadedFile, *, by: User) -> Upload:
    """The file as an upload like any other, with the limits and the room that uploads have."""
    upload = begin_upload(corpus, name=file.name or "labels", size_bytes=file.size or 0, created_by=by)
    offset = 0
    for chunk in file.chunks(MAX_CHUNK_BYTES):
        upload = add_chunk(upload, offset=offset, chunk=chunk)
        offset += len(chunk)
    return upload


def _answer(request: HttpRequest, corpus: Corpus, form: LabelImportForm | None = None) -> HttpResponse:
    if not request.headers.get("HX-Request") and form is None:
        return redirect("datasets", corpus.pk)
    context = {"corpus": corpus} | imports_context(corpus, form)
    page = "labeling/import_refused.html"
    return respond(request, page=page, part=PART, context=context, status=422 if form else 200)


def _reasons(label_import: LabelImport) -> list[tuple[str, int, str]]:
    """(skipped or rejected, how many lines, why) of what the section shows of an import."""
    is_seen = label_import.state == LabelImport.State.PREVIEWED
    counts = label_import.preview if is_seen else label_import.counts
    return [
        (outcome, num, in_words(code))
        for outcome in ("skipped", "rejected")
        for code, num in counts.get(outcome, {}).items()
    ]


def imports_context(corpus: Corpus, form: LabelImportForm | None = None) -> dict[str, Any]:
    """What the section of imports shows."""
    found = list(
        LabelImport.objects.filter(corpus=corpus).select_related("created_by", "job").order_by("-id")[:SHOWN]
    )
    return {
        "imports": [(each, _reasons(each)) for each in found],
        "import_form": form or LabelImportForm(),
        "is_importing": any(each.job and not each.job.is_final for each in found),
    }
