"""The page of a video: one page, filled by its widgets from the REST API."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from indexing.models import MediaFile
from labeling.views.deck import config
from sisyphus_web.accounts.models import Corpus

OF_VIDEO = {
    "frames": "frames",
    "frame": "frame",
    "frame_run": "frame-run",
    "video_bytes": "video-bytes",
    "timeline": "timeline",
    "similarities": "timeline-similarities",
    "spans": "spans",
}


@require_safe
@ensure_csrf_cookie
def video(request: HttpRequest, corpus_id: int, media_file_id: int) -> HttpResponse:
    """Playing frame by frame, and its time line; `?item=` or `?pts=` opens it there."""
    corpus = get_object_or_404(Corpus.objects.visible_to(request.user), pk=corpus_id)
    live = MediaFile.objects.live().filter(corpus=corpus, kind=MediaFile.Kind.VIDEO)
    media_file = get_object_or_404(live, pk=media_file_id)
    context = {
        "corpus": corpus,
        "media_file": media_file,
        "config": config(request, corpus) | {"video": _facts(corpus, media_file)},
    }
    return render(request, "labeling/video.html", context)


def _facts(corpus: Corpus, media_file: MediaFile) -> dict[str, Any]:
    """What the page's script knows of the video, its addresses among it."""
    urls = {
        name: reverse(f"api:{route}", args=[corpus.pk, media_file.pk]) for name, route in OF_VIDEO.items()
    }
    urls["datasets"] = reverse("datasets", args=[corpus.pk])
    return {
        "id": media_file.pk,
        "name": media_file.name,
        "container": media_file.container,
        "codec": media_file.codec,
        "width_px": media_file.width_px,
        "height_px": media_file.height_px,
        "duration_seconds": media_file.duration_seconds,
        "urls": urls | {"scores": _scores_url(corpus, media_file)},
    }


def _scores_url(corpus: Corpus, media_file: MediaFile) -> str:
    """With {id} in the place of the classifier's."""
    any_id = 9_999_999_999
    return reverse("api:media-scores", args=[corpus.pk, any_id, media_file.pk]).replace(str(any_id), "{id}")
