"""Media from a folder of this server: choose one below the allowed roots, start the ingest."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from indexing.services.folders import list_folder
from indexing.services.ingest import start_ingest
from indexing.services.sources import FolderNotAllowed
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.pages import respond


@require_safe
def folders(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """The folders in ?path=, or the allowed roots; nothing outside the roots is ever listed."""
    try:
        listing = list_folder(request.GET.get("path", ""))
    except FolderNotAllowed as error:
        raise Http404(str(error)) from None
    context = {"corpus": get_object_or_404(Corpus, pk=corpus_id), "listing": listing}
    return respond(
        request, page="indexing/folders.html", part="indexing/partials/folders.html", context=context
    )


@require_POST
def ingest_folder(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """Start the ingest of a server folder and what follows from it."""
    this = get_object_or_404(Corpus, pk=corpus_id)
    path = request.POST.get("path", "").strip()
    try:
        start_ingest(this, path=path, created_by=request.user)
    except JobError as error:
        messages.error(request, str(error))
        # What was typed comes back, to be corrected.
        return redirect(f"{reverse('corpus', args=[corpus_id])}?{urlencode({'path': path})}#add-media")
    messages.success(request, f"Ingesting {path}. You may close this page; the work goes on.")
    return redirect("corpus", corpus_id)
