"""The page of one media file: its facts, its items in order of time, and taking it out of the corpus."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from indexing.models import Item, MediaFile
from indexing.services.media import delete_media
from sisyphus_web.pages import query_without

ITEMS_PER_PAGE = 120


@require_safe
def media_file(request: HttpRequest, corpus_id: int, media_file_id: int) -> HttpResponse:
    """What we know of a file, and its frames in order of time; `?item=` opens the page with that one."""
    found = get_object_or_404(MediaFile.objects.live().filter(corpus=corpus_id), pk=media_file_id)
    items = Item.objects.live().filter(media_file=found).order_by("start_pts", "id")
    here = items.filter(pk=request.GET["item"]).first() if request.GET.get("item", "").isdecimal() else None
    page = request.GET.get("page") or (_page_of(here, items) if here else None)
    context = {
        "here": here,
        "media_file": found,
        "paths": found.paths.select_related("source").order_by("id")[:20],
        "page_of_items": Paginator(items, ITEMS_PER_PAGE).get_page(page),
        "query": query_without(request, "page"),
        "corpus_id": corpus_id,
    }
    return render(request, "indexing/media_file.html", context)


def _page_of(item: Item, items: QuerySet[Item]) -> int:
    before = Q(start_pts__lt=item.start_pts) | Q(start_pts=item.start_pts, pk__lt=item.pk)
    return items.filter(before).count() // ITEMS_PER_PAGE + 1


@require_POST
def media_file_delete(request: HttpRequest, corpus_id: int, media_file_id: int) -> HttpResponse:
    """Take a file and its items out of the corpus; what was said about them stays in the ledger."""
    found = get_object_or_404(MediaFile.objects.live().filter(corpus=corpus_id), pk=media_file_id)
    delete_media(found)
    messages.success(request, f"{found.name} is out of the corpus.")
    return redirect("corpus", corpus_id)
