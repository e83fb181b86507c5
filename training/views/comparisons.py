"""Two versions of a classifier beside each other: every class in a row, the curves of one."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from labeling.models import DatasetVersion
from sisyphus_web.api import is_id
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.pages import query_without, respond
from training.models import ClassifierVersion
from training.services.comparing import PAGE, compare_versions
from training.views import shown
from training.views.classifiers import classifier_of, versions_of

MEASURES = ("average precision", "precision", "recall", "ECE")  # in the order of the columns


@require_safe
def compare(request: HttpRequest, corpus_id: int, classifier_id: int) -> HttpResponse:
    """?old= and ?new= (numbers of versions) beside each other, on the test side of ?on= or on their own.

    Without ?on= it is their own where that is one, else that of the dataset version that the new one is of.
    """
    found = classifier_of(corpus_id, classifier_id)
    versions = {str(each.number): each for each in versions_of(found)}
    numbers = sorted(versions, key=int)
    old = versions.get(request.GET.get("old", "")) or versions.get(numbers[-2] if len(numbers) > 1 else "")
    new = versions.get(request.GET.get("new", "")) or versions.get(numbers[-1] if numbers else "")
    datasets = DatasetVersion.objects.filter(corpus=corpus_id).order_by("-number")
    on = next((each for each in datasets if str(each.pk) == request.GET.get("on", "")), None)
    if "on" not in request.GET and old is not None and new is not None and not _is_one_test_side(old, new):
        on = new.run.dataset_version
    context = {
        "corpus": found.corpus,
        "classifier": found,
        "versions": [versions[number] for number in numbers],
        "datasets": datasets,
        "old": old,
        "new": new,
        "on": on,
    }
    if old is not None and new is not None and old != new:
        page = request.GET.get("page", "")
        place = int(page) - 1 if is_id(page) and int(page) else 0
        context |= _comparison(old, new, on, page=place, asked=request.GET.get("class", ""))
        context |= {"query": query_without(request, "page"), "of_class": query_without(request, "class")}
    return respond(request, page="training/compare.html", part="training/compare.html", context=context)


def _is_one_test_side(old: ClassifierVersion, new: ClassifierVersion) -> bool:
    judged = [each.run.examples.get("test_sha256") for each in (old, new)]
    return judged[0] == judged[1]


def _comparison(
    old: ClassifierVersion, new: ClassifierVersion, on: DatasetVersion | None, *, page: int, asked: str
) -> dict[str, Any]:
    """What both are worth, class by class, and the curves of the class `asked`, else of what changed most."""
    try:
        compared = compare_versions(old, new, on=on, page=page)
    except (JobError, ValidationError) as error:
        return {"refusal": str(error) if isinstance(error, JobError) else " ".join(error.messages)}
    before, after = (compared[each]["evaluation"]["classes"] for each in ("old", "new"))
    ids = new.run.class_ids[page * PAGE :]
    rows = [
        {"id": pk, "old": was, "new": now, "better": _gain(was, now)}
        for pk, was, now in zip(ids, before, after, strict=False)
    ]
    places = Paginator(range(compared["num_classes"]), PAGE)
    context = {
        "compared": compared,
        "measures": MEASURES,
        "classes": rows,
        "page_of_classes": places.get_page(page + 1),
    }
    if rows:
        changed = max(rows, key=lambda row: abs(row["better"] or 0.0))
        chosen = next((row for row in rows if str(row["id"]) == asked), changed)
        names = (
            (f"version {old.number}", chosen["old"], "unsure"),
            (f"version {new.number}", chosen["new"], "accept"),
        )
        context |= {
            "chosen": chosen,
            "chart": shown.precision_recall_chart(names),
            "sides_of_chosen": [(name, of) for name, of, _ in names],
        }
    return context


def _gain(was: dict[str, Any], now: dict[str, Any]) -> float | None:
    """By how much the average precision of a class has grown; None where one has none."""
    if was["average_precision"] is None or now["average_precision"] is None:
        return None
    return float(now["average_precision"] - was["average_precision"])
