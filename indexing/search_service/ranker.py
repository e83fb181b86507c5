"""From a request to a page of neighbors."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
from django.db import InterfaceError, OperationalError, connection

from indexing.compute.answers import Said, bytes_of_states
from indexing.compute.engine import Hit, Ranking
from indexing.compute.listing import Listing
from indexing.compute.mixture import Mixture
from indexing.compute.reranked import RerankedRanking
from indexing.compute.residents import Resident
from indexing.compute.scored import Column, ScoredRanking
from indexing.compute.selections import Filters, Selection, select
from indexing.search import Calibration, Neighbor, RankAnswer
from indexing.search_service.classifiers import by_scores, columns_of
from indexing.search_service.corpora import Corpora, Followed
from indexing.search_service.errors import Refusal
from indexing.search_service.filters import filters_of, marks_of, needs_answers
from indexing.search_service.learning import Fit, Query, answered
from indexing.search_service.mixing import mixture_of
from indexing.search_service.queries import Queries, SaidOf
from indexing.search_service.rankings import Kept, Rankings, can_go_on
from indexing.search_service.requests import Asked, RankRequest, Term

Calibrate = Callable[..., Any]  # of similarities, answers and weights: a dataclass like Calibration, or None
NUM_ASKING = 4  # threads that ask PostgreSQL for news while others compare vectors


class Ranker:
    """Answers rank requests; of every round it keeps the order, so that further pages follow the first."""

    def __init__(self, corpora: Corpora, fit: Fit, calibrate: Calibrate | None = None) -> None:
        self.corpora = corpora
        self._calibrate = calibrate
        self.queries = Queries(fit)
        self.rankings = Rankings()
        self._asking = ThreadPoolExecutor(NUM_ASKING, thread_name_prefix="news")

    def rank(self, request: RankRequest) -> RankAnswer:
        """The asked page. Answers and deletions committed before the call count; Refusal says why not."""
        begun = time.perf_counter()
        followed = self.corpora.followed(request.corpus, request.unit)
        question = request.question
        kept = self.rankings.of(request.round, question)
        still = resident = None
        if kept is not None:
            resident = followed.sync()
            still = self._shown(request, kept.ranking.filters, followed, resident)
        if kept is None or resident is None or not can_go_on(kept.ranking, resident):
            kept, still, resident = self._first(request, followed), None, None
            if request.round is not None:
                self.rankings.keep(request.round, question, kept)
        ranking = kept.ranking
        if request.places is None:
            places: list[int] = []
            hits = ranking.page(request.offset, request.k, resident=resident, still=still)
        else:
            hits, there = ranking.at(np.array(request.places, np.int64), resident=resident, still=still)
            places = there.tolist()
        return RankAnswer(
            build=ranking.resident.build,
            encoder=ranking.resident.encoder,
            mode=request.mode,
            blend=kept.blend,
            total=ranking.total,
            took_ms=round((time.perf_counter() - begun) * 1e3, 3),
            neighbors=_neighbors(hits, ranking, request),
            mix=kept.mix,
            notes=kept.notes,
            is_model=kept.is_model,
            calibration=kept.calibration,
            places=places,
        )

    def keep_up(self) -> None:
        """What no request waits for: old rankings are let go, the others put over what is served now."""
        residents = {(each.corpus_id, each.unit): each.resident for each in self.corpora.all()}
        self.rankings.keep_up({key: resident for key, resident in residents.items() if resident is not None})

    def close(self) -> None:
        """End the threads and the decoder's child."""
        self._asking.shutdown()
        self.queries.close()

    def _first(self, request: RankRequest, followed: Followed) -> Kept:
        """The ranking as it begins now.

        What is near does not depend on news, which are rare: vectors are compared while PostgreSQL is
        asked, and compared again only where there were news. What is learned depends on them.
        """
        if _depends_on_news(request):
            resident = followed.sync()
            return self._started(request, filters_of(request.filters, followed), followed, resident)
        filters = filters_of(request.filters, followed)
        ahead = None
        if followed.resident is not None:
            news = self._asking.submit(_synced, followed)
            try:
                ahead = self._started(request, filters, followed, followed.resident)
                ahead.ranking.deepen(request.offset + request.k)
            except Refusal:
                pass  # perhaps of an item that the news bring
            resident = news.result()
        else:
            resident = followed.sync()
        if ahead is not None and self._holds(ahead.ranking, request, followed, resident):
            return ahead
        return self._started(request, filters, followed, resident)

    def _holds(self, ahead: Ranking, request: RankRequest, followed: Followed, resident: Resident) -> bool:
        """Whether what was begun ahead is what would begin now."""
        if ahead.resident is not resident:
            return False
        return ahead.selection is self._shown(request, ahead.filters, followed, resident)

    def _started(
        self, request: RankRequest, filters: Filters, followed: Followed, resident: Resident
    ) -> Kept:
        selection = self._shown(request, filters, followed, resident)
        if request.mode == "browse":
            nowhere = np.zeros(resident.width, np.float32)
            listing = Listing(resident, nowhere, selection, filters=filters, fold=request.fold)
            return Kept((request.corpus, request.unit), listing, None)

        def said_of(label_class: int | None) -> Said:
            with followed.lock:
                return followed.answers.said_of(label_class, resident)

        stored = by_scores(request, followed.classifiers)
        query = self._query(request, stored, followed, resident, said_of)
        calibration = self._calibrated(request, query, resident, said_of)
        ranking = _ranking_of(
            query,
            columns_of(stored, followed.classifiers) if stored else (),
            resident=resident,
            selection=selection,
            filters=filters,
            fold=request.fold,
            is_exact=request.mode == "learned",
            min_similarity=request.filters.min_similarity,
        )
        if request.mix is None:
            return Kept((request.corpus, request.unit), ranking, query.blend, query.is_model, calibration)
        mixed = mixture_of(ranking, request, request.mix, said_of(request.label_class), followed.classifiers)
        return Kept(
            (request.corpus, request.unit),
            mixed.ranking,
            query.blend,
            query.is_model,
            calibration,
            mixed.shares,
            mixed.notes,
        )

    def _query(
        self,
        request: RankRequest,
        stored: list[Term],
        followed: Followed,
        resident: Resident,
        said_of: SaidOf,
    ) -> Query:
        """What is compared with, beside the stored scores of some terms; zeros where that is nothing."""
        others = [term for term in request.terms if term not in stored]
        if stored and not others and request.mode == "similar":
            return Query(np.zeros(resident.width, np.float32), None)
        asked = msgspec.structs.replace(request, terms=others)
        return self.queries.query(asked, resident, said_of, followed.classifiers, followed.ledger.boxes)

    def _calibrated(
        self, request: RankRequest, query: Query, resident: Resident, said_of: SaidOf
    ) -> Calibration | None:
        """What a similarity of this ranking is worth; None where the answers do not say."""
        if self._calibrate is None or request.label_class is None or request.places is not None:
            return None
        told = answered(request, query, resident, said_of(request.label_class))
        if told is None:
            return None
        found = self._calibrate(told.similarities, told.is_accepted, told.weights)
        return None if found is None else Calibration(**dataclasses.asdict(found))

    def _shown(
        self, request: RankRequest, filters: Filters, followed: Followed, resident: Resident
    ) -> Selection:
        """What may be shown at this moment: within the filters and states, not deleted."""
        with followed.lock:
            said = followed.answers.said_of(request.label_class, resident)
            gone = followed.gone_rows(resident)
        shown = _bytes_shown(request.filters)
        bytes_shown = None if request.label_class is None else shown
        if request.label_class is not None:
            for mark in sorted(marks_of(request.filters)):
                items = followed.ledger.items_marked(mark, request.label_class, request.person)
                rows, _ = resident.all_rows_of(np.array(items, np.int64))
                said = said.marked(np.unique(rows), mark)
        return select(resident, filters, fold=request.fold, said=said, bytes_shown=bytes_shown, gone=gone)


def _ranking_of(query: Query, columns: tuple[Column, ...], **how: Any) -> Ranking:
    """The ranking by `query`, beside stored scores if there are any."""
    if columns:
        return ScoredRanking(query=query.vector, columns=columns, **how)
    if query.reranker is not None or query.neighborhood is not None:
        again = {"reranker": query.reranker, "neighborhood": query.neighborhood, "is_exact": True}
        return RerankedRanking(query=query.vector, **how | again)
    return Ranking(query=query.vector, **how)


def _synced(followed: Followed) -> Resident:
    """What is served now, asked for in a thread with a connection of its own, once more if that was lost."""
    try:
        return followed.sync()
    except (OperationalError, InterfaceError):
        connection.close()
        return followed.sync()


SOURCES = {  # preset -> source, where the ranking is not it
    "explore": "explore",
    "hard": "hard negative",
    "classifier": "classifier",
    "uncertain": "classifier",
}


def _neighbors(hits: list[Hit], ranking: Ranking, request: RankRequest) -> list[Neighbor]:
    """Each with what proposed it and the preset it came by."""
    if request.mode == "browse":
        return [
            Neighbor(hit.item, hit.stack, hit.count, None, source="browse", preset="browse") for hit in hits
        ]
    is_classified = all(term.kind == "classifier" for term in request.terms)
    source = "learned" if request.mode == "learned" else "classifier" if is_classified else "neighbor"
    if not isinstance(ranking, Mixture):
        return [Neighbor(*hit, source=source) for hit in hits]
    presets = [ranking.preset_of(hit.item) for hit in hits]
    return [
        Neighbor(*hit, source=SOURCES.get(preset, source), preset=preset)
        for hit, preset in zip(hits, presets, strict=True)
    ]


def _depends_on_news(request: RankRequest) -> bool:
    """Whether there is nothing to begin with before the newest answers are known."""
    return (
        request.mode != "similar"
        or request.mix is not None
        or any(term.kind == "class" for term in request.terms)
        or needs_answers(request.filters)
    )


def _bytes_shown(asked: Asked) -> np.ndarray:
    try:
        return bytes_of_states(asked.states or ("untouched", "weak"), asked.not_states or ())
    except LookupError as error:
        raise Refusal("bad-filter", str(error)) from error
