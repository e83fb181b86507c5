"""The page of one corpus: what is in it, what is being done to it, how it is indexed."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from indexing.compute.cutting import ClipPolicy
from indexing.compute.encoders import catalog
from indexing.compute.encoders.specs import EncoderState
from indexing.forms import OF_CLIPS, IndexingForm
from indexing.models import IndexingSettings, MediaFile, Unit
from indexing.services.builds import start_build
from indexing.services.clip_jobs import costs_of_clips, time_of
from indexing.services.clips import policy_of
from indexing.services.corpora import change_settings
from indexing.services.features import best_encoder, start_switch, units_of
from indexing.services.regions import cost_of
from indexing.views import reads
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.jobs.models import Job
from sisyphus_web.pages import query_without, respond

MEDIA_PER_PAGE = 25
RECENT_JOBS = 4


class NothingToRebuild(JobError):
    """A rebuild of something that cannot be rebuilt."""

    code = "nothing-to-rebuild"


@require_safe
def corpus(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """The whole page; to htmx only the media table, filtered and paged."""
    media = _media_context(request, corpus_id)
    if request.headers.get("HX-Request"):
        return respond(request, page="", part="indexing/partials/media_table.html", context=media)
    this = get_object_or_404(Corpus, pk=corpus_id)
    context = (
        media
        | _activity_context(corpus_id)
        | _index_context(this)
        | {
            "corpus": this,
            "totals": reads.totals_of(corpus_id),
            "media_roots": settings.MEDIA_ROOTS,
            "refused_path": request.GET.get("path", ""),
            "max_upload_bytes": settings.MAX_UPLOAD_BYTES,
        }
    )
    response = render(request, "indexing/corpus.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
def activity(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """The jobs that move and the last that ended, with the counts: polled while something moves."""
    context = _activity_context(corpus_id) | {
        "corpus": get_object_or_404(Corpus, pk=corpus_id),
        "totals": reads.totals_of(corpus_id),
    }
    was_moving = request.GET.get("was") == "moving"
    response = render(request, "indexing/partials/activity_live.html", context)
    if was_moving:  # the table follows the ingest, and once more when it has ended
        response["HX-Trigger"] = "media:changed"
    return response


@require_safe
def features(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """Feature sets, builds and the encoder in use."""
    this = get_object_or_404(Corpus, pk=corpus_id)
    return render(request, "indexing/partials/features.html", _index_context(this) | {"corpus": this})


@require_POST
def settings_change(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """Change how the corpus is indexed; what is indexed already stays until it is rebuilt."""
    this = get_object_or_404(Corpus, pk=corpus_id)
    form = _form(this, _chosen(this), request.POST)
    if not form.is_valid():
        context = {"corpus": this, "form": form} | _clips_context(this, _chosen(this))
        return respond(
            request,
            page="indexing/settings.html",
            part="indexing/partials/settings.html",
            context=context,
            status=422,
        )
    before = _chosen(this)
    chosen = change_settings(this, by=request.user, **form.cleaned_data)
    messages.success(request, _saved(before, chosen))
    if not request.headers.get("HX-Request"):
        return redirect("corpus", corpus_id)
    context = {"corpus": this, "form": form} | _clips_context(this, chosen)
    return respond(
        request,
        page="indexing/settings.html",
        part="indexing/partials/settings.html",
        context=context,
        tell=("media:changed",),  # the features say whether they follow the settings
    )


@require_POST
def rebuild(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """Enqueue features, stacks or the feature index anew."""
    this = get_object_or_404(Corpus, pk=corpus_id)
    try:
        job = _start_rebuild(this, request.POST.get("what", ""), request.user)
    except JobError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Queued as job {job.pk}: {job.title}.")
    return _to_corpus(request, corpus_id)


def _start_rebuild(this: Corpus, what: str, user: User) -> Job:
    if what == "features":
        return start_switch(this, encoder=_wanted(_chosen(this)), created_by=user)
    has_clips = Unit.CLIP in units_of(this)
    if what == "index":
        if has_clips:
            start_build(this, created_by=user, unit=Unit.CLIP)
        return start_build(this, created_by=user)
    if what == "clips":
        return start_switch(this, encoder=_wanted_of_clips(_chosen(this)), created_by=user, unit=Unit.CLIP)
    if what == "stacks" and has_clips:
        jobs.enqueue("stacks_build", corpus=this, created_by=user, unit=Unit.CLIP.value)
    if what == "stacks":
        return jobs.enqueue("stacks_build", corpus=this, created_by=user)
    raise NothingToRebuild(
        f"There is nothing called {what!r} to rebuild; known are features, clips, stacks and index."
    )


def _to_corpus(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """The live jobs to htmx, the page to a browser without a script."""
    if not request.headers.get("HX-Request"):
        return redirect("corpus", corpus_id)
    context = _activity_context(corpus_id) | {
        "corpus": get_object_or_404(Corpus, pk=corpus_id),
        "totals": reads.totals_of(corpus_id),
    }
    part = "indexing/partials/activity_live.html"
    return respond(request, page=part, part=part, context=context)


def _media_context(request: HttpRequest, corpus_id: int) -> dict[str, Any]:
    state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
    words = request.GET.get("q", "").replace("\x00", "").strip()
    table = reads.media_table(corpus_id, state=state, kind=kind, words=words)
    return {
        "corpus_id": corpus_id,
        "page_of_media": Paginator(table, MEDIA_PER_PAGE).get_page(request.GET.get("page")),
        "states": MediaFile.State.values,
        "media_kinds": MediaFile.Kind.values,
        "is_filtered": bool(state or kind or words),
        "query": query_without(request, "page"),
    }


def _activity_context(corpus_id: int) -> dict[str, Any]:
    """Every unfinished job in the order it runs, then the last finished ones."""
    every = Job.objects.for_people().filter(corpus=corpus_id)
    moving = list(every.unfinished().order_by("id"))
    ended = list(every.exclude(status__in=["queued", "running"])[:RECENT_JOBS])
    return {"moving_jobs": moving, "ended_jobs": ended, "is_moving": bool(moving)}


def _index_context(this: Corpus) -> dict[str, Any]:
    """How the corpus is indexed, and by what it could be."""
    chosen = _chosen(this)
    wanted = _wanted(chosen)
    feature_sets = list(reads.feature_sets_of(this.pk))
    active = {each.unit: each.encoder for each in feature_sets if each.is_active}
    in_use = active.get(Unit.FRAME, wanted)
    return {
        "form": _form(this, chosen),
        "chosen": chosen,
        "encoder_in_use": in_use,
        "encoder_wanted": wanted,
        "clip_encoder_in_use": active.get(Unit.CLIP, ""),
        "clip_encoder_wanted": _wanted_of_clips(chosen),
        "is_builtin": in_use == catalog.BUILTIN,
        "model_dir": settings.MODEL_DIR,
        "learned": _learned(),
        "feature_sets": feature_sets,
        "builds": list(reads.builds_of(this.pk)),
        **_clips_context(this, chosen),
    }


def _clips_context(this: Corpus, chosen: IndexingSettings) -> dict[str, Any]:
    """What clips of usual lengths come to here."""
    policy = ClipPolicy(chosen.clip_seconds, chosen.clip_stride_seconds)
    rows = [
        {"policy": each, "cost": cost, "time": time_of(cost.seconds), "is_chosen": each == policy}
        for each, cost in costs_of_clips(this, policy)
    ]
    return {"clip_costs": rows, "num_clips": rows[0]["cost"].num_there}


def _form(this: Corpus, chosen: IndexingSettings, data: QueryDict | None = None) -> IndexingForm:
    """The settings as they are, or as somebody wants them, with what a region index costs here."""
    names = (
        "frame_policy",
        "interval_seconds",
        "similarity_threshold",
        "encoder",
        "regions",
        "is_strict",
        *OF_CLIPS,
    )
    return IndexingForm(
        data,
        initial={name: getattr(chosen, name) for name in names},
        model_dir=settings.MODEL_DIR,
        keep=chosen.encoder,
        keep_of_clips=chosen.clip_encoder,
        regions_cost=cost_of(this).sentence,
    )


def _saved(before: IndexingSettings, chosen: IndexingSettings) -> str:
    if policy_of(chosen) != policy_of(before):
        if chosen.clips == IndexingSettings.Clips.ON:
            return "Saved. The videos are being cut; clips are searched as soon as they have features."
        return "Saved. Clips are put away, but for those that somebody has decided."
    if chosen.regions == before.regions:
        return "Saved. It holds for media added from now on; rebuild to apply it to the rest."
    if chosen.regions == IndexingSettings.Regions.TILES:
        return "Saved. Tiles of the frames are being extracted; each is searched as soon as it is there."
    return "Saved. Queries compare with whole frames only; the tiles are kept for when you want them again."


def _wanted(chosen: IndexingSettings) -> str:
    """The encoder that the settings ask for; `auto` asks for the best that is available now."""
    return catalog.best(settings.MODEL_DIR) if chosen.encoder == "auto" else chosen.encoder


def _wanted_of_clips(chosen: IndexingSettings) -> str:
    return best_encoder(Unit.CLIP) if chosen.clip_encoder == "auto" else chosen.clip_encoder


def _learned() -> list[EncoderState]:
    """The three learned encoders worth getting first."""
    states = [state for state in catalog.available(settings.MODEL_DIR) if state.key != catalog.BUILTIN]
    return sorted(states, key=lambda state: -state.preference)[:3]


def _chosen(this: Corpus) -> IndexingSettings:
    """How the corpus is indexed; the defaults until somebody changes them."""
    return IndexingSettings.objects.filter(corpus=this).first() or IndexingSettings(corpus=this)
