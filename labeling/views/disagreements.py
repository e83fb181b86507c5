"""The disagreements page: who said what about an item, and the answer that settles it, with a reason."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from labeling.forms import ReasonForm
from labeling.models import LabelClass
from labeling.services.disputes import disputes_of
from labeling.services.verdicts import Operation, record_verdicts
from sisyphus_web.accounts.models import Corpus

SAID = {"accept": "accepted", "reject": "rejected", "unsure": "left unsure"}


@require_safe
def disagreements(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """The disputed items of ?class=, newest first, each with its votes and a form that settles it."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    classes = list(corpus.label_classes.filter(retired_at=None).order_by("id"))
    known = {str(each.pk): each for each in classes}
    label_class = known.get(request.GET.get("class", "")) or next(iter(classes), None)
    context: dict[str, Any] = {"corpus": corpus, "label_classes": classes, "label_class": label_class}
    if label_class is not None:
        label_class.corpus = corpus
        before = request.GET.get("before", "")
        found = disputes_of(
            label_class, before=int(before) if before.isdigit() and len(before) < 19 else None
        )
        context |= {"disputes": [(each, uuid4()) for each in found.results], "next": found.next}
    return render(request, "labeling/disagreements.html", context)


@require_POST
def disagreement_settle(request: HttpRequest, corpus_id: int, class_id: int, item_id: int) -> HttpResponse:
    """Record the answer in review; sent twice, it is recorded once."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    label_class = get_object_or_404(LabelClass, corpus=corpus, pk=class_id)
    item = get_object_or_404(corpus.items.live(), pk=item_id)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, "That is no answer; choose accept, reject or unsure.")
    else:
        said = form.cleaned_data
        operation = Operation(
            operation_id=said["operation_id"],
            batch=said["operation_id"],
            item=item.pk,
            label_class=label_class.pk,
            answer=said["answer"],
            base_version=said["base_version"],
            mode="review",
            reason=said["reason"],
        )
        (result,) = record_verdicts(corpus=corpus, annotator=request.user, operations=[operation])
        if result.outcome in ("applied", "duplicate"):
            messages.success(request, f"Settled: {SAID[said['answer']]}.")
        elif result.outcome == "conflict":
            messages.error(request, f"{result.by or 'Somebody'} answered it meanwhile; look again.")
        else:
            messages.error(request, f"Not recorded: {result.reason}.")
    return redirect(f"{reverse('disagreements', args=[corpus_id])}?class={class_id}")
