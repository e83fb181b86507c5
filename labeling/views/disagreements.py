"""The disagreements page: who said what about an item, and the answer that settles it, with a reason."""

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from labeling.forms import ReasonForm
from labeling.models import LabelClass, Verdict
from labeling.services.disputes import Dispute, disputed_counts, disputes_of, settled_by
from labeling.services.undo import undo_batch
from labeling.services.verdicts import Operation, record_verdicts
from sisyphus_web.accounts.models import Corpus

SAID = {"accept": "accepted", "reject": "rejected", "unsure": "left unsure"}


@require_safe
def disagreements(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """The disputed items of ?class=, newest first, each with its votes and a form that settles it.

    Without a class the first that has any. ?settled= is what was just settled: it can be taken back.
    """
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    classes = list(corpus.label_classes.filter(retired_at=None).order_by("id"))
    known = {str(each.pk): each for each in classes}
    counts = disputed_counts(corpus)
    first = next((each for each in classes if counts.get(each.pk)), next(iter(classes), None))
    label_class = known.get(request.GET.get("class", "")) or first
    context: dict[str, Any] = {
        "corpus": corpus,
        "label_classes": [(each, counts.get(each.pk, 0)) for each in classes],
        "label_class": label_class,
    }
    if label_class is not None:
        label_class.corpus = corpus
        before = _row(request.GET.get("before", ""))
        found = disputes_of(
            label_class,
            by=request.user,  # type: ignore[arg-type]  # the table has let somebody through
            before=before,
        )
        context |= {
            "disputes": [
                (each, uuid4(), then)
                for each, then in zip(found.results, _followers(found.results), strict=True)
            ],
            "next": found.next,
            "before": before,
        }
        if settled := _uuid(request.GET.get("settled", "")):
            context |= {
                "settled": settled_by(label_class, batch=settled, by=request.user),
                "undo_id": uuid4(),
            }
    return render(request, "labeling/disagreements.html", context)


@require_POST
def disagreement_settle(request: HttpRequest, corpus_id: int, class_id: int, item_id: int) -> HttpResponse:
    """Record the answer in review; sent twice, it is recorded once."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    label_class = get_object_or_404(LabelClass, corpus=corpus, pk=class_id)
    item = get_object_or_404(corpus.items.live(), pk=item_id)
    form, settled = ReasonForm(request.POST), ""
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
            is_settled = settled_by(label_class, batch=said["operation_id"], by=request.user) is not None  # type: ignore[arg-type]
            messages.success(request, f"{'Settled' if is_settled else 'Agreed'}: {SAID[said['answer']]}.")
            settled = f"&settled={said['operation_id']}"
        elif result.outcome == "conflict":
            messages.error(request, f"{result.by or 'Somebody'} answered it meanwhile; look again.")
        else:
            messages.error(request, f"Not recorded. {result.detail}")
    return redirect(_list_of(request, corpus_id, class_id, settled))


@require_POST
def disagreement_undo(request: HttpRequest, corpus_id: int, class_id: int, batch: UUID) -> HttpResponse:
    """Take back what this person settled with `batch`: it is disputed again; sent twice, it happens once."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    label_class = get_object_or_404(LabelClass, corpus=corpus, pk=class_id)
    said = get_object_or_404(
        Verdict, corpus=corpus, label_class=label_class, batch=batch, annotator=request.user, is_settling=True
    )
    operation_id = _uuid(request.POST.get("operation_id", "")) or uuid4()
    undone = undo_batch(
        corpus=corpus, batch=said.batch, operation_id=operation_id, by=request.user, is_manager=False
    )
    if undone.undone:
        messages.success(request, "Taken back: it is disputed again.")
    else:
        messages.error(request, "Not taken back: somebody has answered it since.")
    return redirect(f"{_list_of(request, corpus_id, class_id)}#item-{said.item_id}")


def _followers(disputes: list[Dispute]) -> list[int | None]:
    """Where each leads once it is settled: to the next card; the last one to the one before it."""
    items = [each.tile.item for each in disputes]
    return [*items[1:], items[-2] if len(items) > 1 else None] if items else []


def _list_of(request: HttpRequest, corpus_id: int, class_id: int, settled: str = "") -> str:
    """The list that was answered on: its part, and the card that came after the one that was."""
    before, then = _row(request.POST.get("before", "")), _row(request.POST.get("then", ""))
    part = f"&before={before}" if before else ""
    at = f"#item-{then}" if then else ""
    return f"{reverse('disagreements', args=[corpus_id])}?class={class_id}{part}{settled}{at}"


def _row(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
