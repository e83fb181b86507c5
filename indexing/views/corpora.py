"""The home page: the corpora one is a member of, and a new one."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from indexing.forms import CorpusForm
from indexing.services.corpora import create_indexed_corpus
from indexing.views.reads import corpora_for_home


@require_safe
def corpora(request: HttpRequest) -> HttpResponse:
    """Cards of the corpora of whoever asks, last used first."""
    return render(request, "indexing/corpora.html", {"corpora": corpora_for_home(request.user)})


@require_http_methods(["GET", "HEAD", "POST"])
def corpus_new(request: HttpRequest) -> HttpResponse:
    """Make a corpus and go to its page; who makes it manages it."""
    form = CorpusForm(request.POST or None, model_dir=settings.MODEL_DIR)
    if request.method == "POST" and form.is_valid():
        try:
            corpus = create_indexed_corpus(**form.cleaned_data, created_by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"{corpus.name} is there. Add media to begin.")
            return redirect("corpus", corpus.pk)
    return render(request, "indexing/corpus_new.html", {"form": form}, status=422 if form.is_bound else 200)
