"""Training: the runs of a corpus, a form that starts one, and the page of each."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_safe

from indexing.models import Item, Source
from labeling.compute.grammar import ANY_STATE
from labeling.services.counts import count_states
from labeling.services.datasets import create_version
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.pages import query_without, respond
from sisyphus_web.server_paths import last_part
from training.forms import TrainForm
from training.models import Classifier, ClassifierVersion, Run
from training.services.operating_points import measured_points, points_of
from training.services.runs import request_run
from training.views import shown

PER_PAGE = 20
WORST_SHOWN = 24  # thumbnails of each kind of mistake
MATRIX_SHOWN = 30  # classes; a larger matrix is no table to read
CONFUSIONS_SHOWN = 12


@require_http_methods(["GET", "HEAD", "POST"])
def training(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """The runs, newest first, and the classifiers they made; a POST freezes what it must and trains."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    form = None
    if not request.headers.get("HX-Request"):
        form = TrainForm(
            request.POST or None,
            corpus=corpus,
            wanted=request.GET.getlist("class"),
            initial={"name": request.GET.get("name", "")},
        )
    if form is not None and request.method == "POST" and form.is_valid():
        try:
            run = _start(corpus, form, by=request.user)
        except (JobError, ValidationError) as error:
            form.add_error(None, str(error) if isinstance(error, JobError) else " ".join(error.messages))
        else:
            messages.success(request, f"{run.classifier} is being trained on {run.dataset_version}.")
            return redirect("run", corpus_id, run.pk)
    context = _runs_context(request, corpus)
    if form is not None:
        context |= {"form": form} | _classes_context(corpus)
    return respond(
        request,
        page="training/training.html",
        part="training/partials/runs_live.html",
        context=context,
        status=422 if form is not None and form.is_bound else 200,
    )


def _start(corpus: Corpus, form: TrainForm, *, by: User) -> Run:
    """A queued run; what cannot be trained leaves no dataset version behind."""
    asked = form.cleaned_data
    with transaction.atomic():
        version = form.version or create_version(
            corpus=corpus,
            label_classes=asked["label_classes"],
            includes_weak=asked["includes_weak"],
            val_share=asked["val_share"],
            test_share=asked["test_share"],
            unit=asked["feature_set"].unit if asked["feature_set"] else None,
            by=by,
        )
        return request_run(
            version=version,
            label_classes=asked["label_classes"],
            name=asked["name"],
            kind=asked["kind"],
            target=asked["target"],
            feature_set=asked["feature_set"],
            options=form.options,
            go_live=asked["go_live"],
            by=by,
        )


def _runs_context(request: HttpRequest, corpus: Corpus) -> dict[str, Any]:
    found = Run.objects.filter(corpus=corpus).select_related(
        "classifier", "dataset_version", "job", "version", "created_by"
    )
    page = Paginator(found.order_by("-pk").defer("curve"), PER_PAGE).get_page(request.GET.get("page"))
    return {
        "corpus": corpus,
        "page_of_runs": page,
        "runs": [{"run": run, "headline": shown.headline(run)} for run in page],
        "classifiers": _classifier_rows(corpus),
        "is_moving": any(run.job is not None and not run.job.is_final for run in page),
        "query": query_without(request, "page"),
    }


def _classifier_rows(corpus: Corpus) -> list[dict[str, Any]]:
    """Each classifier with its live version and what that, else its newest, is worth: no other is read."""
    classifiers = list(
        Classifier.objects.filter(corpus=corpus).annotate(num_versions=Count("versions")).order_by("name")
    )
    versions = ClassifierVersion.objects.filter(classifier__in=classifiers)
    shown_of = versions.order_by("classifier_id", "-is_live", "-number").distinct("classifier_id")
    best = {each.classifier_id: each for each in shown_of.select_related("run").defer("run__curve")}
    return [
        {
            "classifier": each,
            "num_versions": each.num_versions,
            "live": found if found is not None and found.is_live else None,
            "headline": shown.headline(found.run) if found is not None else None,
        }
        for each in classifiers
        for found in [best.get(each.pk)]
    ]


def _classes_context(corpus: Corpus) -> dict[str, Any]:
    """How much of each class is answered: what can be trained, and what is missing."""
    classes = list(corpus.label_classes.filter(retired_at=None).order_by("id"))
    for each in classes:
        each.corpus = corpus
    counts = {each.pk: count_states(each) for each in classes}
    return {
        "label_classes": [(each, counts[each.pk]) for each in classes],
        "counts_of": {str(pk): found for pk, found in counts.items()},
        "is_trainable": any(found.accepted and found.rejected for found in counts.values()),
        "can_choose_between": sum(1 for found in counts.values() if found.accepted) > 1,
    }


@require_safe
def run(request: HttpRequest, corpus_id: int, run_id: int) -> HttpResponse:
    """One run: its curves while it trains, then what it is worth, class by class, on ?side= for ?class=."""
    found = get_object_or_404(
        Run.objects.select_related(
            "classifier", "dataset_version", "feature_set", "job__created_by", "version", "created_by"
        ),
        corpus=corpus_id,
        pk=run_id,
    )
    corpus = found.corpus
    side = shown.side_of(found, request.GET.get("side", ""))
    context = {
        "corpus": corpus,
        "run": found,
        "job": found.job,
        "is_moving": found.job is not None and not found.job.is_final,
        "headline": shown.headline(found),
        "examples": shown.examples_of(found),
        "curves": shown.curves(found),
        "side": side,
        "sides": [each for each in shown.SIDES if found.evaluation.get(each) is not None],
        "query": query_without(request),
    }
    if side:
        context |= _evaluation_context(request, found, side)
    return respond(request, page="training/run.html", part="training/partials/run_live.html", context=context)


def _evaluation_context(request: HttpRequest, run: Run, side: str) -> dict[str, Any]:
    judged = run.evaluation[side]
    label_class = shown.class_of(run, request.GET.get("class", ""))
    of_class = judged["classes"][run.class_ids.index(label_class["id"])]
    context: dict[str, Any] = {
        "judged": judged,
        "of_class": of_class,
        "label_class": label_class,
        "precision_recall": shown.precision_recall_chart([(of_class["name"], of_class, "info")]),
        "roc": shown.roc_chart(of_class),
        "reliability": shown.reliability_chart(of_class["reliability"]),
        "slices": _slices(of_class),
        "mistakes": _mistakes(run, label_class, of_class),
        "gap": run.evaluation.get("gap"),
        "by_class": shown.by_class(run, judged),
        "matrix": _matrix(run, judged),
        "confusions": _confusions(run, judged),
    }
    version = getattr(run, "version", None)
    if version is not None:
        measured_on, points = measured_points(version, label_class["id"])
        context |= {
            "version": version,
            "measured_on": measured_on,
            "points": points,
            "point": (point := points_of(version).get(label_class["id"])),
            "threshold": math.floor(point.threshold * 1e6) / 1e6 if point else 0.5,
        }
    return context


def _slices(of_class: dict[str, Any]) -> list[dict[str, Any]]:
    ids = [each["source"] for each in of_class["sources"]]
    names = {each.pk: last_part(each.path) or "uploads" for each in Source.objects.filter(pk__in=ids)}
    return [each | {"name": names.get(each["source"], "uploads")} for each in of_class["sources"]]


def _mistakes(run: Run, label_class: dict[str, Any], of_class: dict[str, Any]) -> list[dict[str, Any]]:
    """False positives and false negatives, the most certain first, with their pictures."""
    titles = {
        "false_positives": ("Found, but rejected", "False positives"),
        "false_negatives": ("Missed, but accepted", "False negatives"),
    }
    result = []
    for key, (title, name) in titles.items():
        listed = of_class["worst"][key][:WORST_SHOWN]
        ids = [int(item) for item, _ in listed]
        items = Item.objects.live().filter(corpus=run.corpus_id).select_related("media_file").in_bulk(ids)
        tiles = [{"item": items[int(pk)], "score": score} for pk, score in listed if int(pk) in items]
        result.append(
            {
                "title": title,
                "name": name,
                "tiles": tiles,
                "num": len(of_class["worst"][key]),
                "query": _listing(label_class["id"], [tile["item"] for tile in tiles]),
            }
        )
    return result


def _listing(class_id: int, items: list[Item]) -> str:
    """The query of the workbench that shows these, whatever was answered of them."""
    line = f"{ANY_STATE} item:{','.join(f'#{item.pk}' for item in items)}"
    return urlencode({"class": class_id, "q": line})


def _confusions(run: Run, judged: dict[str, Any]) -> list[dict[str, Any]]:
    """What is taken for what most often, of a choice between classes."""
    names = run.class_names
    found = judged.get("confusions", [])[:CONFUSIONS_SHOWN]
    return [{"is": names[truth], "said": names[said], "num": num} for truth, said, num in found]


def _matrix(run: Run, judged: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of the confusion matrix of a choice between classes that fits a page; else none."""
    rows = judged.get("confusion_matrix") or []
    if len(rows) > MATRIX_SHOWN:
        return []
    return [
        {"name": name, "cells": [{"num": num, "is_right": at == place} for place, num in enumerate(row)]}
        for at, (name, row) in enumerate(zip(run.class_names, rows, strict=False))
    ]
