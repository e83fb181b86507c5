"""The map: one page, filled by its widget from the REST API."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from labeling.views.deck import config
from sisyphus_web.accounts.models import Corpus


@require_safe
@ensure_csrf_cookie
def corpus_map(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """Looking at all of it: points, colors, lasso."""
    corpus = get_object_or_404(Corpus.objects.visible_to(request.user), pk=corpus_id)
    return render(request, "labeling/map.html", {"corpus": corpus, "config": config(request, corpus)})
