"""The history of queries: one line for each thing that was asked, with what it takes to ask it again."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Max, QuerySet

from labeling.models import QueryRound
from labeling.services.query_text import Names, text_of
from sisyphus_web.accounts.models import Corpus, User


def rounds_of(
    corpora: QuerySet[Corpus], *, by: User | None, label_class_id: int | None, distinct: bool
) -> QuerySet[QueryRound]:
    """Rounds of these corpora, of one person and class where asked for.

    With `distinct` the newest of each person's query stands for all of it. Left out is what no person looked
    for: the corpus as it lies, and what a page asked on its own.
    """
    rounds = QueryRound.objects.filter(corpus__in=corpora)
    if by is not None:
        rounds = rounds.filter(created_by=by)
    if label_class_id is not None:
        rounds = rounds.filter(label_class=label_class_id)
    if distinct:
        rounds = rounds.filter(is_background=False).exclude(mode="browse", filters={})
        newest = rounds.order_by().values("created_by", "fingerprint").annotate(newest=Max("pk"))
        rounds = QueryRound.objects.filter(pk__in=newest.values("newest"))
    return rounds.select_related("created_by", "label_class")


def num_repeats(rounds: list[QueryRound]) -> dict[int, int]:
    """How often what each of these rounds asked was asked by the same person, by the round's id."""
    counted = (
        QueryRound.objects.filter(
            is_background=False,
            corpus__in={each.corpus_id for each in rounds},
            created_by__in={each.created_by_id for each in rounds},
            fingerprint__in={each.fingerprint for each in rounds},
        )
        .order_by()
        .values_list("created_by", "fingerprint")
        .annotate(number=Count("pk"))
    )
    numbers = {(person, fingerprint): number for person, fingerprint, number in counted}
    return {each.pk: numbers.get((each.created_by_id, each.fingerprint), 0) for each in rounds}


def line_of(made: QueryRound, names: Names) -> str:
    """What the round found its items within, as one line of text."""
    filters: dict[str, Any] = made.filters
    return text_of(filters, names)
