"""What the workbench and the review page tell their scripts: who looks, at what, and every URL they use."""

from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest
from django.urls import reverse

from indexing.models import FeatureShard, Unit
from labeling.services.query_check import reads_text
from sisyphus_web.accounts.models import Corpus

PAGES = {
    "corpus_page": "corpus",
    "review_page": "review",
    "workbench_page": "workbench",
    "map": "map",
    "training": "training",
}
OF_CORPUS = {
    "classes": "label-classes",
    "query_images": "query-images",
    "rank": "rank",
    "rounds": "rounds",
    "verdicts": "verdicts",
    "leases": "leases",
    "later": "later",
    "undo": "undo",
    "batches": "batches",
    "weak": "weak-batches",
    "review": "review",
    "label_errors": "label-errors",
    "boxes": "boxes",
    "counts": "counts",
    "audits": "audits",
    "audit_plan": "audit-plan",
    "forecast": "forecast",
    "stack_errors": "stack-errors",
    "items": "items",
    "thumbnails": "thumbnails",
    "media_files": "media-files",
    "sources": "sources",
    "classifiers": "classifiers",
    "map_status": "map",
    "map_points": "map-points",
    "map_states": "map-states",
    "map_scores": "map-scores",
    "map_regions": "map-regions",
}
PAGES_OF_OBJECT = {"media_page": ("media-file-page", "0"), "video_page": ("video", "0")}
OF_OBJECT = {
    "media_file": ("media-file", "0"),
    "query_image": ("query-image", "00000000-0000-0000-0000-000000000000"),
    "weak_revert": ("weak-batch-revert", "00000000-0000-0000-0000-000000000000"),
    "weak_purity": ("weak-batch-purity", "00000000-0000-0000-0000-000000000000"),
    "audit": ("audit", "0"),
    "audit_stop": ("audit-stop", "0"),
    "item_thumbnail": ("item-thumbnail", "0"),
    "item_frame": ("item-frame", "0"),
    "item_preview": ("item-preview", "0"),
    "frame": ("frame", "0"),
    "stack": ("stack-tiles", "0"),
}


def config(request: HttpRequest, corpus: Corpus) -> dict[str, Any]:
    """Scripts build no URL: those of an object have {id} in the place of its id."""
    active = {each.unit: each for each in corpus.feature_sets.filter(is_active=True)}
    of_frames = active.get(Unit.FRAME)
    in_use = of_frames or active.get(Unit.CLIP)
    return {
        "corpus": corpus.pk,
        "corpus_name": corpus.name,
        "user": {"id": request.user.pk, "name": request.user.get_username()},
        "role": corpus.memberships.get(user=request.user).role,
        "num_items": corpus.items.live().count(),
        "num_encoded": _num_encoded(corpus),
        "encoder": in_use.encoder if in_use else None,
        "units": [unit for unit in Unit.values if unit in active],
        "reads_text": of_frames is not None and reads_text(of_frames.encoder),
        "csrf_cookie": settings.CSRF_COOKIE_NAME,
        "urls": _urls(corpus),
    }


def _num_encoded(corpus: Corpus) -> int:
    """Items that a search can find, those deleted since among them: what is not encoded is found by none."""
    shards = FeatureShard.objects.filter(
        feature_set__corpus=corpus, feature_set__is_active=True, has_regions=False
    )
    return int(shards.aggregate(rows=Sum("num_rows"))["rows"] or 0)


def _urls(corpus: Corpus) -> dict[str, str]:
    urls = {"login": reverse("login"), "me": reverse("api:me"), "grid_settings": reverse("api:grid-settings")}
    for name, route in PAGES.items():
        urls[name] = reverse(route, args=[corpus.pk])
    for name, route in OF_CORPUS.items():
        urls[name] = reverse(f"api:{route}", args=[corpus.pk])
    for name, (route, some_id) in PAGES_OF_OBJECT.items():
        urls[name] = _pattern(route, corpus, some_id)
    for name, (route, some_id) in OF_OBJECT.items():
        urls[name] = _pattern(f"api:{route}", corpus, some_id)
    return urls


def _pattern(route: str, corpus: Corpus, some_id: str) -> str:
    before, _, after = reverse(route, args=[corpus.pk, some_id]).rpartition(f"/{some_id}/")
    return f"{before}/{{id}}/{after}"
