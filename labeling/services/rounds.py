"""Rank, remember what was asked, and describe what was found."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from django.core.exceptions import ObjectDoesNotExist

from indexing import search
from indexing.models import FeatureSet, Item
from labeling.models import LabelClass, QueryImage, QueryRound
from labeling.services.tiles import Box, Shown, Tile, describe_tiles
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs.errors import JobError

PAGE_LIMIT = 500  # tiles in one answer
Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Cosine = Annotated[float, msgspec.Meta(ge=-1, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Ids = Annotated[list[Id], msgspec.Meta(max_length=10_000)]


class Term(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is searched for: an item, an uploaded image or a vector; or, with `box`, a part of a picture."""

    kind: Literal["item", "image", "vector"]
    item: Id | None = None
    image: UUID | None = None
    vector: Annotated[list[float], msgspec.Meta(min_length=1, max_length=16_384)] | None = None
    box: tuple[Share, Share, Share, Share] | None = None  # x0, y0, x1, y1
    weight: Annotated[float, msgspec.Meta(ge=-100, le=100)] = 1.0  # below 0: less like this


class Filters(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which items may be found; what is left out does not narrow."""

    kinds: list[Literal["image", "video"]] | None = None
    media_files: Ids | None = None
    sources: Ids | None = None
    start_seconds: Seconds | None = None
    stop_seconds: Seconds | None = None
    states: list[Literal["untouched", "unsure", "weak", "accept", "reject"]] | None = None
    min_similarity: Cosine | None = None


class RankRequest(msgspec.Struct, kw_only=True):
    """A query: terms, or with mode "learned" what was accepted and rejected of the class, and filters."""

    label_class: Id | None = msgspec.field(name="class", default=None)
    terms: Annotated[list[Term], msgspec.Meta(max_length=100)] = []
    mode: Literal["similar", "learned"] = "similar"
    filters: Filters = msgspec.field(default_factory=Filters)
    k: Annotated[int, msgspec.Meta(ge=1, le=PAGE_LIMIT)] = 200
    offset: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    fold: bool = True
    round: Id | None = None  # the ranking that this is a further page of


class RankResult(msgspec.Struct, kw_only=True):
    """A page of the ranking. `total` counts what passes the filters; verdicts name the `round`."""

    round: int
    build: str
    encoder: str
    mode: str
    blend: float | None  # share of what was learned; null: none
    total: int
    took_ms: float
    neighbors: list[Tile]


class NoFeatures(JobError):
    code = "no-features"


class BadQuery(JobError):
    """A query that cannot be asked; `code` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Query(NamedTuple):
    """A checked query, in the words of the search service."""

    terms: list[dict[str, Any]]
    filters: dict[str, Any]
    mode: str
    label_class: LabelClass | None


def rank_round(*, corpus: Corpus, request: RankRequest, by: User) -> RankResult:
    """Ask the search service, keep the round that was asked, describe its neighbors.

    Three statements describe any number of neighbors up to 500. Raises ObjectDoesNotExist for
    what is not of this corpus, NoFeatures before anything was encoded, BadQuery for nonsense.
    """
    query = _checked(corpus, request)
    answer = ask(corpus, query, k=request.k, offset=request.offset, fold=request.fold)
    known = QueryRound.objects.filter(corpus=corpus, pk=request.round).first() if request.round else None
    made = known or QueryRound.objects.create(
        corpus=corpus,
        label_class=query.label_class,
        created_by=by,
        terms=query.terms,
        filters=query.filters,
        mode=query.mode,
        build=answer.build,
        encoder=answer.encoder,
    )
    shown = [
        Shown(each.item, each.stack, each.count, each.similarity, request.offset + number, _box(each.box))
        for number, each in enumerate(answer.neighbors)
    ]
    return RankResult(
        round=made.pk,
        build=answer.build,
        encoder=answer.encoder,
        mode=answer.mode,
        blend=answer.blend,
        total=answer.total,
        took_ms=answer.took_ms,
        neighbors=describe_tiles(corpus, shown, label_class_id=request.label_class),
    )


def query_of(made: QueryRound) -> Query:
    """What a round asked for, to ask it again."""
    return Query(terms=made.terms, filters=made.filters, mode=made.mode, label_class=made.label_class)


def ask(corpus: Corpus, query: Query, *, k: int, offset: int = 0, fold: bool = True) -> search.RankAnswer:
    """The search service's answer; NoFeatures where there is nothing to search."""
    if not FeatureSet.objects.filter(corpus=corpus, is_active=True).exists():
        raise NoFeatures(
            "Nothing of this corpus has been encoded yet: add media and wait until features were extracted."
        )
    return search.rank(
        corpus,
        terms=query.terms,
        filters=query.filters,
        k=k,
        offset=offset,
        fold=fold,
        label_class_id=query.label_class.pk if query.label_class else None,
        mode=query.mode,
    )


def _checked(corpus: Corpus, request: RankRequest) -> Query:
    label_class = (
        LabelClass.objects.get(corpus=corpus, pk=request.label_class) if request.label_class else None
    )
    if request.mode == "learned" and label_class is None:
        raise BadQuery("class-needed", "A learned ranking needs a class: it learns from its answers.")
    if request.mode == "similar" and not request.terms:
        raise BadQuery("no-terms", "A query needs at least one term: an item, an image or a vector.")
    terms = [_term(each) for each in request.terms]
    items = {term["item"] for term in terms if term["kind"] == "item"}
    if Item.objects.live().filter(corpus=corpus, pk__in=items).count() < len(items):
        raise ObjectDoesNotExist
    images = {term["image"] for term in terms if term["kind"] == "image"}
    if QueryImage.objects.filter(corpus=corpus, pk__in=images).count() < len(images):
        raise ObjectDoesNotExist
    filters = msgspec.to_builtins(request.filters)
    return Query(terms, filters, request.mode, label_class)


def _term(term: Term) -> dict[str, Any]:
    value = getattr(term, term.kind)
    given = {kind for kind in ("item", "image", "vector") if getattr(term, kind) is not None}
    if given != {term.kind}:
        raise BadQuery("bad-term", f"A term of kind {term.kind!r} carries {term.kind!r} and nothing else.")
    if term.weight == 0:
        raise BadQuery("bad-term", "A term's weight is above 0 (more like this) or below 0 (less like this).")
    if term.kind == "vector" and not any(value):
        raise BadQuery("bad-term", "A vector of zeros points nowhere.")
    if term.box is not None:
        x0, y0, x1, y1 = term.box
        if term.kind == "vector" or not (x0 < x1 and y0 < y1):
            raise BadQuery("bad-box", "A box is x0 < x1, y0 < y1, of 0 to 1, on an item or an image.")
    return {
        "kind": term.kind,
        term.kind: str(value) if isinstance(value, UUID) else value,
        "box": list(term.box) if term.box else None,
        "weight": term.weight,
    }


def _box(box: Any) -> Box | None:
    return tuple(box) if box else None  # type: ignore[return-value]  # four numbers, by the search service
