"""A classifier: its versions, which one is live, what it scores, its ONNX files, its card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from labeling.compute.grammar import value_text
from labeling.models import LabelClass
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.pages import query_without, respond
from training.compute.onnx_example import example_script
from training.forms import PointForm
from training.models import Classifier, ClassifierVersion, ScoreSet
from training.services import onnx
from training.services.histograms import histogram_of_scores
from training.services.operating_points import choose_point, points_of
from training.services.scores import read_scores, request_scores
from training.services.versions import roll_back, set_live
from training.views import shown

SHOWN = 50  # versions, and changes of the live one
EXPORTS_SHOWN = 5


@require_safe
def classifier(request: HttpRequest, corpus_id: int, classifier_id: int) -> HttpResponse:
    """The versions, and of ?version= (else of the live one) scores, ONNX files and card."""
    found = classifier_of(corpus_id, classifier_id)
    return _answer(
        request, found, _chosen(found, request.GET.get("version", "")), asked=request.GET.get("class", "")
    )


@require_POST
def live_set(request: HttpRequest, corpus_id: int, classifier_id: int, version_id: int) -> HttpResponse:
    """Make a version the one that scores new media."""
    version = _version(corpus_id, classifier_id, version_id)
    return _done(
        request,
        version,
        lambda: set_live(version, by=request.user),
        f"Version {version.number} is live: it scores new media from now on.",
    )


@require_POST
def live_roll_back(request: HttpRequest, corpus_id: int, classifier_id: int) -> HttpResponse:
    """Make the version live that was live before."""
    found = classifier_of(corpus_id, classifier_id)
    try:
        event = roll_back(found, by=request.user)
    except JobError as error:
        messages.error(request, str(error))
    else:
        number = event.version.number if event.version else 0
        messages.success(request, f"Rolled back: version {number} is live again.")
    return redirect("classifier", corpus_id, classifier_id)


@require_POST
def scores_start(request: HttpRequest, corpus_id: int, classifier_id: int, version_id: int) -> HttpResponse:
    """Score what has no score by this version yet, as a job."""
    version = _version(corpus_id, classifier_id, version_id)
    return _done(
        request,
        version,
        lambda: request_scores(version, by=request.user),
        f"Version {version.number} scores the corpus.",
    )


@require_POST
def onnx_start(request: HttpRequest, corpus_id: int, classifier_id: int, version_id: int) -> HttpResponse:
    """Write a version as ONNX, as a job."""
    version = _version(corpus_id, classifier_id, version_id)
    return _done(
        request,
        version,
        lambda: onnx.request_onnx(version, by=request.user),
        f"Writing version {version.number} as ONNX.",
    )


@require_POST
def operating_point(
    request: HttpRequest, corpus_id: int, classifier_id: int, version_id: int, class_id: int
) -> HttpResponse:
    """Save from which score on the class counts as found."""
    version = _version(corpus_id, classifier_id, version_id)
    if class_id not in version.run.class_ids:
        messages.error(request, f"{version.classifier} does not know this class.")
        return redirect("run", corpus_id, version.run_id)
    label_class = get_object_or_404(LabelClass, corpus=corpus_id, pk=class_id)
    form = PointForm(request.POST)
    if not form.is_valid():
        messages.error(request, "A threshold is a probability, 0 to 1.")
    else:
        threshold = form.cleaned_data["threshold"]
        choose_point(version, label_class, threshold=threshold, by=request.user)
        messages.success(request, f"Saved: {label_class.name} counts from a score of {threshold:.3f} on.")
    return redirect(f"{reverse('run', args=[corpus_id, version.run_id])}?class={class_id}#operating-point")


def classifier_of(corpus_id: int, classifier_id: int) -> Classifier:
    return get_object_or_404(Classifier.objects.select_related("corpus"), corpus=corpus_id, pk=classifier_id)


def versions_of(found: Classifier) -> list[ClassifierVersion]:
    wanted = found.versions.select_related(
        "classifier", "run__dataset_version", "run__created_by", "run__feature_set"
    )
    return list(wanted.defer("run__curve").order_by("-number")[:SHOWN])


def _version(corpus_id: int, classifier_id: int, version_id: int) -> ClassifierVersion:
    wanted = ClassifierVersion.objects.select_related("classifier__corpus", "run__feature_set")
    return get_object_or_404(wanted, classifier=classifier_id, classifier__corpus=corpus_id, pk=version_id)


def _chosen(found: Classifier, asked: str) -> ClassifierVersion | None:
    """The version of that number, else the live one, else the newest."""
    versions = versions_of(found)
    return (
        next((each for each in versions if str(each.number) == asked), None)
        or next((each for each in versions if each.is_live), None)
        or next(iter(versions), None)
    )


def _done(
    request: HttpRequest, version: ClassifierVersion, work: Callable[[], object], said: str
) -> HttpResponse:
    """Do it and say so, or say why not; back to the version."""
    try:
        work()
    except (JobError, ValidationError) as error:
        messages.error(request, str(error) if isinstance(error, JobError) else " ".join(error.messages))
    else:
        messages.success(request, said)
    found = version.classifier
    return redirect(f"{reverse('classifier', args=[found.corpus_id, found.pk])}?version={version.number}")


def _answer(
    request: HttpRequest, found: Classifier, chosen: ClassifierVersion | None, *, asked: str
) -> HttpResponse:
    """`asked`: the id of the class whose scores are shown."""
    events = found.live_events.select_related("version", "by").order_by("-pk")[:SHOWN]
    context: dict[str, Any] = {
        "corpus": found.corpus,
        "classifier": found,
        "versions": [{"version": each, "headline": shown.headline(each.run)} for each in versions_of(found)],
        "events": events,
        "can_roll_back": len({event.version_id for event in events}) > 1,
        "chosen": chosen,
        "query": query_without(request),
    }
    if chosen is not None:
        context |= _of_version(chosen, shown.class_of(chosen.run, asked))
    return respond(
        request, page="training/classifier.html", part="training/partials/version_live.html", context=context
    )


def _of_version(chosen: ClassifierVersion, label_class: dict[str, Any]) -> dict[str, Any]:
    score_set = ScoreSet.objects.filter(version=chosen).select_related("job").first()
    exports = list(chosen.onnx_exports.select_related("job", "created_by").order_by("-pk")[:EXPORTS_SHOWN])
    histogram, damage = None, ""
    try:
        histogram = _histogram(chosen, score_set, label_class)
    except JobError as error:  # a file of scores is gone: the rest of the page is still true
        damage = str(error)
    jobs = [each.job for each in (score_set, *exports) if each is not None and each.job is not None]
    return {
        "run": chosen.run,
        "headline": shown.headline(chosen.run),
        "score_set": score_set,
        "label_class": label_class,
        "histogram": histogram,
        "damage": damage,
        "exports": exports,
        "example": example_script(takes_images=_takes_images(exports, chosen)),
        "points": _points(chosen),
        "is_moving": any(not job.is_final for job in jobs),
    }


def _histogram(
    chosen: ClassifierVersion, score_set: ScoreSet | None, label_class: dict[str, Any]
) -> dict[str, Any] | None:
    """How many items are in each step of the score of a class, and where the threshold stands."""
    if score_set is None or not score_set.histograms:
        return None
    found = histogram_of_scores(
        chosen, LabelClass.objects.get(pk=label_class["id"]), scores=read_scores(score_set)
    )
    point = points_of(chosen).get(label_class["id"])
    return {
        "found": found,
        "total": sum(found.counts),
        "threshold": point.threshold if point else 0.5,
        "query": _proposal(chosen, label_class),
    }


def _proposal(chosen: ClassifierVersion, label_class: dict[str, Any]) -> str:
    """The query of the workbench for what it finds, the surest first; {threshold} is put in by the page."""
    name = chosen.classifier.name
    named = name if len(chosen.run.classes) == 1 else f"{name}/{label_class['name']}"
    line = f"classifier:{value_text(named)} score:{value_text(f'{named}>={{threshold}}')}"
    return urlencode({"class": label_class["id"], "q": line})


def _takes_images(exports: list[Any], chosen: ClassifierVersion) -> bool:
    parts = {name for each in exports for name in each.files}
    return bool(parts & set(onnx.IMAGE_PARTS)) if parts else chosen.run.kind == "fine_tune"


def _points(chosen: ClassifierVersion) -> list[dict[str, Any]]:
    points = points_of(chosen)
    return [
        {"name": each["name"], "id": each["id"], "point": points.get(each["id"])}
        for each in chosen.run.classes
    ]
