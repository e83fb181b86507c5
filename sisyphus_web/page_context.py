"""What the bar of every page shows, in one query, and only if the page draws a bar."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from indexing.models import FeatureSet
from sisyphus_web.accounts.models import Corpus, Membership, Role


@dataclass(frozen=True, slots=True)
class Navigation:
    """The corpus one is in, if any, and what one may do there."""

    corpus: Corpus | None = None
    role: str = ""
    encoder: str = ""  # key of the active feature set; '' while nothing is encoded
    num_active_jobs: int = 0
    here: str = ""  # name of the route
    has_clips: bool = False  # clips are searched, beside frames

    @property
    def is_manager(self) -> bool:
        return self.role == Role.MANAGER

    @property
    def is_builtin(self) -> bool:
        return self.encoder.startswith("builtin")


def navigation(request: HttpRequest) -> dict[str, Any]:
    """`nav` for base.html."""
    return {"nav": SimpleLazyObject(lambda: _navigation(request))}


def _navigation(request: HttpRequest) -> Navigation:
    match = request.resolver_match
    here = match.view_name if match else ""
    corpus_id = match.kwargs.get("corpus_id") if match else None
    if corpus_id is None or not request.user.is_authenticated:
        return Navigation(here=here)
    mine = Membership.objects.filter(corpus=OuterRef("pk"), user=request.user)
    active = FeatureSet.objects.filter(corpus=OuterRef("pk"), is_active=True)
    corpus = (
        Corpus.objects.filter(archived_at=None)
        .annotate(
            role=Subquery(mine.values("role")[:1]),
            encoder=Subquery(active.order_by("-unit").values("encoder")[:1]),  # of frames before clips
            has_clips=Exists(active.filter(unit="clip")),
            num_active_jobs=Count("jobs", filter=Q(jobs__status__in=["queued", "running"])),
        )
        .filter(pk=corpus_id)
        .exclude(role=None)
        .first()
    )
    if corpus is None:
        return Navigation(here=here)
    return Navigation(
        corpus, corpus.role, corpus.encoder or "", corpus.num_active_jobs, here, has_clips=corpus.has_clips
    )
