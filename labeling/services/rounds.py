"""Rank, remember what was asked, and describe what was found.

    query -> the search service's ranking -> candidates -> hooks -> tiles

A hook of HOOKS sees the candidates of one page before they are described, and may add, take away or mark
some; it is the one place for what mixes into the queue or holds back from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from indexing import search
from indexing.models import Unit
from labeling.models import QueryRound
from labeling.services.audits_mix import mix_in
from labeling.services.query_check import Query, checked, encoder_of
from labeling.services.query_text import Names, text_of
from labeling.services.rank_request import (
    PAGE_LIMIT,
    BadQuery,
    Filters,
    Mix,
    NoFeatures,
    RankRequest,
    RankResult,
    Term,
)
from labeling.services.serving import serve
from labeling.services.tiles import Box, Shown, Why, describe_tiles
from sisyphus_web.accounts.models import Corpus, User

__all__ = [
    "HOOKS",
    "PAGE_LIMIT",
    "BadQuery",
    "Filters",
    "Mix",
    "NoFeatures",
    "Page",
    "Query",
    "RankRequest",
    "RankResult",
    "Term",
    "ask",
    "query_of",
    "rank_round",
]


class Page(NamedTuple):
    """What a hook may know of the page it works on."""

    corpus: Corpus
    made: QueryRound
    query: Query
    request: RankRequest
    by: User
    more: Callable[[int, int], Sequence[Shown]]  # (offset, k): candidates from further down
    notes: list[str]  # for the person, in sentences
    total: int  # places in the ranking


Hook = Callable[[Page, Sequence[Shown]], Sequence[Shown]]
# In order: `serve` holds what it lets through; `mix_in` adds to the page, and holds what it adds.
HOOKS: list[Hook] = [serve, mix_in]


def rank_round(*, corpus: Corpus, request: RankRequest, by: User) -> RankResult:
    """Ask the search service, keep the round that was asked, describe its neighbors.

    A constant number of statements describes any number of neighbors up to 500. Raises ObjectDoesNotExist
    for what is not of this corpus, NoFeatures before anything was encoded, BadQuery for nonsense.
    """
    query = checked(corpus, request)
    known = _known(corpus, request, query, by=by)
    round_id = known.pk if known else _next_round_id()  # the search service keeps its order by it
    same: dict[str, Any] = {"fold": request.fold, "round_id": round_id, "by": by}
    answer = ask(corpus, query, k=request.k, offset=request.offset, **same)

    def more(offset: int, k: int) -> Sequence[Shown]:
        further = ask(corpus, query, k=k, offset=offset, **same)
        return _candidates(further, offset)

    made = known or _made(round_id, corpus, query, request, answer, by=by)
    page = Page(corpus, made, query, request, by, more, [*answer.notes], answer.total)
    candidates: Sequence[Shown] = _candidates(answer, request.offset)
    for hook in HOOKS:
        candidates = hook(page, candidates)
    return RankResult(
        round=page.made.pk,
        build=answer.build,
        encoder=answer.encoder,
        unit=query.unit,  # type: ignore[arg-type]  # one of two words
        mode=answer.mode,
        blend=answer.blend,
        is_model=answer.is_model,
        calibration=answer.calibration,
        total=answer.total,
        took_ms=answer.took_ms,
        q=text_of(query.filters, Names(corpus)),
        mix=answer.mix,
        notes=page.notes,
        neighbors=describe_tiles(corpus, candidates, label_class_id=request.label_class, by=by),
    )


def query_of(made: QueryRound) -> Query:
    """What a round ranked by, to ask it again, whatever was mixed into it; BadQuery where nothing was."""
    if made.mode == "browse":
        raise BadQuery("not-a-ranking", "This list was browsed, not ranked: search with an example first.")
    asked = {"terms": made.terms, "filters": made.filters, "mode": made.mode, "unit": made.unit}
    return Query(label_class=made.label_class, **asked)


def ask(
    corpus: Corpus,
    query: Query,
    *,
    k: int,
    offset: int = 0,
    fold: bool = True,
    round_id: int | None = None,
    by: User | None = None,
) -> search.RankAnswer:
    """The search service's answer, of the order kept for the round; NoFeatures where there is none.

    `by`: whose put-off tiles are meant by the state later; without, nobody's.
    """
    if not query.encoder:
        encoder_of(corpus, query.unit)
    return search.rank(
        corpus,
        terms=query.terms,
        filters=query.filters,
        k=k,
        offset=offset,
        fold=fold,
        label_class_id=query.label_class.pk if query.label_class else None,
        mode=query.mode,
        mix=query.mix,
        round_id=round_id,
        person_id=by.pk if by else None,
        unit=query.unit,
    )


def _known(corpus: Corpus, request: RankRequest, query: Query, *, by: User) -> QueryRound | None:
    """The round this is a further page of: one's own, of the same query; else this begins another."""
    if request.round is None:
        return None
    same = {"corpus": corpus, "created_by": by, "fingerprint": fingerprint(query)}
    return QueryRound.objects.filter(pk=request.round, **same).first()


def _next_round_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('labeling_queryround', 'id'))")
        (number,) = cursor.fetchone()
    return int(number)


def _made(
    round_id: int,
    corpus: Corpus,
    query: Query,
    request: RankRequest,
    answer: search.RankAnswer,
    *,
    by: User,
) -> QueryRound:
    return QueryRound.objects.create(
        pk=round_id,
        corpus=corpus,
        label_class=query.label_class,
        created_by=by,
        terms=query.terms,
        filters=query.filters,
        mode=query.mode,
        unit=query.unit,
        mix=query.mix,
        is_background=request.is_background,
        fingerprint=fingerprint(query),
        build=answer.build,
        encoder=answer.encoder,
    )


def fingerprint(query: Query) -> str:
    """Equal for queries that ask for the same, whatever they found."""
    label_class = query.label_class.pk if query.label_class else None
    asked: list[Any] = [label_class, query.terms, query.filters, query.mode, query.mix]
    if query.unit != Unit.FRAME:
        asked.append(query.unit)
    return hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()


def _candidates(answer: search.RankAnswer, offset: int) -> list[Shown]:
    return [
        Shown(
            each.item,
            each.stack,
            each.count,
            each.similarity,
            offset + number,
            _box(each.box),
            Why(source=each.source, preset=each.preset),
        )
        for number, each in enumerate(answer.neighbors)
    ]


def _box(box: Any) -> Box | None:
    return tuple(box) if box else None  # type: ignore[return-value]  # four numbers, by the search service
