"""From a request to a page of neighbors."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from django.db import InterfaceError, OperationalError, connection

from indexing.compute.answers import Said, bytes_of_states
from indexing.compute.engine import Ranking
from indexing.compute.residents import Resident
from indexing.compute.selections import Filters, Selection, select
from indexing.search import Neighbor, RankAnswer
from indexing.search_service import marks
from indexing.search_service.corpora import Corpora, Followed
from indexing.search_service.errors import Refusal
from indexing.search_service.queries import Fit, Queries
from indexing.search_service.rankings import Kept, Rankings, can_go_on
from indexing.search_service.requests import Asked, RankRequest

NUM_ASKING = 4  # threads that ask PostgreSQL for news while others compare vectors


class Ranker:
    """Answers rank requests; of every round it keeps the order, so that further pages follow the first."""

    def __init__(self, corpora: Corpora, fit: Fit) -> None:
        self.corpora = corpora
        self.queries = Queries(fit)
        self.rankings = Rankings()
        self._asking = ThreadPoolExecutor(NUM_ASKING, thread_name_prefix="news")

    def rank(self, request: RankRequest) -> RankAnswer:
        """The asked page. Answers and deletions committed before the call count; Refusal says why not."""
        begun = time.perf_counter()
        followed = self.corpora.followed(request.corpus)
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
        hits = ranking.page(request.offset, request.k, resident=resident, still=still)
        return RankAnswer(
            build=ranking.resident.build,
            encoder=ranking.resident.encoder,
            mode=request.mode,
            blend=kept.blend,
            total=ranking.total,
            took_ms=round((time.perf_counter() - begun) * 1e3, 3),
            neighbors=[Neighbor(*hit) for hit in hits],
        )

    def keep_up(self) -> None:
        """What no request waits for: old rankings are let go, the others put over what is served now."""
        self.rankings.forget_old()
        for followed in self.corpora.all():
            if followed.resident is not None:
                self.rankings.move_to(followed.corpus_id, followed.resident)

    def close(self) -> None:
        """End the threads and the decoder's child."""
        self._asking.shutdown()
        self.queries.pictures.close()

    def _first(self, request: RankRequest, followed: Followed) -> Kept:
        """The ranking as it begins now.

        What is near does not depend on news, which are rare: vectors are compared while PostgreSQL is
        asked, and compared again only where there were news. What is learned depends on them.
        """
        filters = _filters(request)
        ahead = None
        if request.mode == "similar" and followed.resident is not None:
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
        vector, blend = self.queries.query(request, resident, self._said(request, followed, resident))
        ranking = Ranking(
            resident,
            vector,
            self._shown(request, filters, followed, resident),
            filters=filters,
            fold=request.fold,
            is_exact=request.mode == "learned",
            min_similarity=request.filters.min_similarity,
        )
        return Kept(request.corpus, ranking, blend)

    def _shown(
        self, request: RankRequest, filters: Filters, followed: Followed, resident: Resident
    ) -> Selection:
        """What may be shown at this moment: within the filters and states, not deleted."""
        with followed.lock:
            said = followed.answers.said_of(request.label_class, resident)
            gone = followed.gone_rows(resident)
        bytes_shown = _bytes_shown(request.filters)
        if request.label_class is None:
            bytes_shown = None
        return select(resident, filters, fold=request.fold, said=said, bytes_shown=bytes_shown, gone=gone)

    def _said(self, request: RankRequest, followed: Followed, resident: Resident) -> Said:
        with followed.lock:
            return followed.answers.said_of(request.label_class, resident)


def _synced(followed: Followed) -> Resident:
    """What is served now, asked for in a thread with a connection of its own, once more if that was lost."""
    try:
        return followed.sync()
    except (OperationalError, InterfaceError):
        connection.close()
        return followed.sync()


def _filters(request: RankRequest) -> Filters:
    asked = request.filters
    media_files = frozenset(asked.media_files) if asked.media_files is not None else None
    if asked.sources is not None:
        of_sources = marks.media_files_of(request.corpus, asked.sources)
        media_files = of_sources if media_files is None else media_files & of_sources
    kinds = set(asked.kinds) if asked.kinds is not None else {"image", "video"}
    return Filters(
        is_video=None if len(kinds) == 2 else "video" in kinds,
        media_files=media_files,
        start_seconds=asked.start_seconds,
        stop_seconds=asked.stop_seconds,
    )


def _bytes_shown(asked: Asked) -> np.ndarray:
    try:
        return bytes_of_states(asked.states or ("untouched", "weak"))
    except LookupError as error:
        raise Refusal("bad-filter", str(error)) from error
