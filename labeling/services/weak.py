"""Take the top of a ranking as weak labels; take them back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from indexing.models import Item
from labeling.models import CurrentVerdict, QueryRound, WeakBatch, WeakLabel
from labeling.services.rounds import BadQuery, Query, ask, query_of
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs.errors import JobError

PAGE = 2_000  # tiles asked of the search service at a time
TILE_LIMIT = 100_000  # in one batch; more than that is a ranking nobody has an idea of
UNDECIDED = ["untouched", "weak"]


class NothingTaken(JobError):
    code = "nothing-to-take"


class Taken(NamedTuple):
    item: int
    stack: int | None
    rank: int
    similarity: float


def take_weak(
    *,
    corpus: Corpus,
    query_round: QueryRound,
    first_n: int | None = None,
    min_similarity: float | None = None,
    by: User,
) -> WeakBatch:
    """Ask the round's query again and label what is undecided: the first N tiles, or all as similar.

    The undecided members of a stack that is taken are taken with it, with its rank and similarity.
    Nothing here is a verdict: a weak label counts only while nobody has answered.
    """
    if query_round.label_class is None:
        raise BadQuery("class-needed", "This ranking was made without a class: choose one and rank again.")
    if query_round.label_class.retired_at is not None:
        raise BadQuery("retired-class", "This class was retired: bring it back or choose another.")
    if (first_n is None) == (min_similarity is None):
        raise BadQuery("invalid", "Say either first_n or min_similarity.")
    query = query_of(query_round)
    filters = query.filters | {"states": UNDECIDED}
    if min_similarity is not None:
        filters["min_similarity"] = max(min_similarity, filters.get("min_similarity", -1.0))
    taken = list(_top(query_round, query._replace(filters=filters), first_n or TILE_LIMIT))
    if not taken:
        raise NothingTaken("There is nothing undecided in that part of the ranking.")
    return _record(corpus, query_round, taken, first_n=first_n, min_similarity=min_similarity, by=by)


@transaction.atomic
def revert_weak(batch: WeakBatch, *, by: User, is_manager: bool) -> WeakBatch:
    """Take a batch back, once and for ever: by who made it, or a manager. Again: no change."""
    if batch.created_by_id != by.pk and not is_manager:
        raise PermissionDenied
    WeakBatch.objects.filter(pk=batch.pk, reverted_at=None).update(reverted_at=timezone.now(), reverted_by=by)
    batch.refresh_from_db()
    return batch


def _top(query_round: QueryRound, query: Query, tiles: int) -> Iterator[Taken]:
    """The first `tiles` of what is undecided; a page is shorter by what is decided while this goes on."""
    rank = 0
    k = min(PAGE, tiles)
    for offset in itertools.count(0, k):
        answer = ask(query_round.corpus, query, k=k, offset=offset, round_id=query_round.pk)
        for each in answer.neighbors[: tiles - rank]:
            yield Taken(each.item, each.stack, rank, each.similarity or 0.0)  # only lists have none
            rank += 1
        if rank == tiles or offset + k >= answer.total:
            return


@transaction.atomic
def _record(
    corpus: Corpus,
    query_round: QueryRound,
    taken: list[Taken],
    *,
    first_n: int | None,
    min_similarity: float | None,
    by: User,
) -> WeakBatch:
    label_class = query_round.label_class
    if label_class is None:
        raise ValueError("the round has no class")
    batch = WeakBatch.objects.create(
        corpus=corpus,
        label_class=label_class,
        query_round=query_round,
        first_n=first_n,
        min_similarity=min_similarity,
        created_by=by,
    )
    of_stack = {each.stack: each for each in taken if each.stack is not None}
    of_item = {each.item: each for each in taken}
    decided = CurrentVerdict.objects.decided().filter(label_class=label_class).values("item")
    members = (
        Item.objects.live()
        .filter(Q(stack__in=of_stack) | Q(pk__in=of_item), corpus=corpus)
        .exclude(pk__in=decided)
        .order_by("pk")
    )
    labels = []
    for item, stack in members.values_list("pk", "stack_id"):
        source = of_item.get(item) or of_stack[stack]
        labels.append(
            WeakLabel(
                batch=batch,
                item_id=item,
                label_class=label_class,
                rank=source.rank,
                similarity=source.similarity,
            )
        )
    WeakLabel.objects.bulk_create(labels, batch_size=5000)
    return batch
