"""The people page: how much, how fast, how alike, how right; and how much is looked at twice."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from labeling.forms import LooksForm
from labeling.models import LabelClass
from labeling.services.classes import change_class
from labeling.services.gold import draw_gold, gold_counts, mark_gold
from labeling.services.people import missed_gold, people_of
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs.errors import JobError

PERIODS = ((1, "the last day"), (7, "7 days"), (30, "30 days"), (0, "ever"))


@require_safe
def people(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """Everybody who answered, about all classes or ?class=, in the last ?days=."""
    return _page(request, get_object_or_404(Corpus, pk=corpus_id))


@require_POST
def people_looks(request: HttpRequest, corpus_id: int, class_id: int) -> HttpResponse:
    """Say how much of a class is looked at twice, and draw further gold items."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    label_class = get_object_or_404(corpus.label_classes, pk=class_id)
    form = LooksForm(request.POST, prefix=str(class_id))
    if not form.is_valid():
        return _page(request, corpus, status=422, wrong=form)
    chosen = form.cleaned_data
    change_class(
        label_class,
        second_share=chosen["second_percent"] / 100,
        gold_share=chosen["gold_percent"] / 100,
    )
    messages.success(request, f"Saved: {label_class.name}.")
    if chosen["gold_count"]:
        try:
            drawn = draw_gold(label_class, count=chosen["gold_count"], by=request.user)
        except JobError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _drawn_text(label_class, drawn, asked=chosen["gold_count"]))
    return redirect("people", corpus_id)


@require_POST
def people_gold(request: HttpRequest, corpus_id: int, class_id: int) -> HttpResponse:
    """Take one item out of the gold checks of a class: its known answer was wrong, or it helps nobody."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    label_class = get_object_or_404(corpus.label_classes, pk=class_id)
    item = get_object_or_404(corpus.items.live(), pk=_number(request.POST.get("item", "")))
    mark_gold(label_class, items=[item.pk], answer="", by=request.user)
    messages.success(request, f"{item.media_file.name} is no gold check any more.")
    return redirect("people", corpus_id)


def _page(
    request: HttpRequest, corpus: Corpus, *, status: int = 200, wrong: LooksForm | None = None
) -> HttpResponse:
    classes = list(corpus.label_classes.filter(retired_at=None).order_by("id"))
    asked = {str(each.pk): each for each in classes}.get(request.GET.get("class", ""))
    days = _days(request.GET.get("days", "30"))
    found = people_of(corpus, label_class=asked, days=days or None)
    context = {
        "corpus": corpus,
        "label_classes": classes,
        "label_class": asked,
        "periods": PERIODS,
        "days": days,
        "found": found,
        "missed": missed_gold(corpus, label_class=asked, days=days or None),
        "num_decisions": sum(each.decisions for each in found.people),
        "looks": [_looks(each, wrong) for each in classes],
        "is_checked": any(each.agreement.alike.num or each.gold.num for each in found.people),
        "query": request.GET.urlencode(),
    }
    return render(request, "labeling/people.html", context, status=status)


def _drawn_text(label_class: LabelClass, drawn: dict[str, int], *, asked: int) -> str:
    made = sum(drawn.values())
    said = f"{made} more item{'s' * (made != 1)} of {label_class.name} {'is' if made == 1 else 'are'} gold."
    if made == asked:
        return said
    return f"{said} {drawn['accept']} accepted, {drawn['reject']} rejected: of no other the answer is sure."


def _looks(label_class: LabelClass, wrong: LooksForm | None) -> dict[str, Any]:
    """The form of a class, as it was sent where that was wrong, and its gold items."""
    prefix = str(label_class.pk)
    shares = {
        "second_percent": round(label_class.second_share * 100, 2),
        "gold_percent": round(label_class.gold_share * 100, 2),
        "gold_count": 0,
    }
    form = wrong if wrong is not None and wrong.prefix == prefix else LooksForm(initial=shares, prefix=prefix)
    return {"label_class": label_class, "form": form, "num_gold": sum(gold_counts(label_class).values())}


def _days(text: str) -> int:
    known = {str(days): days for days, _ in PERIODS}
    return known.get(text, 30)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
