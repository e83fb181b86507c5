"""From a request to a page of neighbors."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol
from uuid import UUID

import msgspec
import numpy as np

from indexing.compute.answers import bytes_of_states
from indexing.compute.engine import Filters, Ranking, select
from indexing.compute.residents import Resident
from indexing.models import FeatureSet
from indexing.search import Neighbor, RankAnswer
from indexing.search_service import marks
from indexing.search_service.corpora import Corpora, Followed
from indexing.search_service.errors import Refusal
from indexing.search_service.pictures import Box, Pictures

KEPT_RANKINGS = 16
RANKING_SECONDS = 600.0  # further pages of an older ranking are those of a new one
NUM_UNDECIDED = 100  # sampled as negatives of low weight: enough to stand for the corpus, cheap to fit
MIN_MEDIA_FILES = 3  # of accepted items, to judge a model by media file; with fewer, by stack
SAMPLES_SEED = 7


class Term(msgspec.Struct, frozen=True):
    kind: Literal["item", "image", "vector"]
    item: int | None = None
    image: UUID | None = None
    vector: list[float] | None = None
    box: Box | None = None
    weight: float = 1.0


class Asked(msgspec.Struct, frozen=True):
    """Filters as they come; what is left out does not narrow."""

    kinds: list[Literal["image", "video"]] | None = None
    media_files: list[int] | None = None
    sources: list[int] | None = None
    start_seconds: float | None = None
    stop_seconds: float | None = None
    states: list[str] | None = None
    min_similarity: float | None = None


class RankRequest(msgspec.Struct, frozen=True):
    corpus: int
    terms: list[Term] = []
    filters: Asked = Asked()
    k: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    offset: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    fold: bool = True
    label_class: int | None = None
    mode: Literal["similar", "learned"] = "similar"


class Fitted(Protocol):
    """What comes out of learning from answers."""

    @property
    def vector(self) -> np.ndarray: ...
    @property
    def blend(self) -> float: ...


Fit = Callable[..., Fitted]


@dataclass(slots=True)
class _Kept:
    ranking: Ranking
    blend: float | None
    made_at: float


class Ranker:
    """Answers rank requests; what it keeps makes further pages follow the first."""

    def __init__(self, corpora: Corpora, fit: Fit) -> None:
        self.corpora = corpora
        self.pictures = Pictures()
        self._fit = fit
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def rank(self, request: RankRequest) -> RankAnswer:
        """The asked page. Answers and deletions committed before the call count; Refusal says why not."""
        begun = time.perf_counter()
        followed = self.corpora.followed(request.corpus)
        resident = followed.sync()
        key = msgspec.json.encode(msgspec.structs.replace(request, k=1, offset=0))
        kept = self._kept_for(key, resident) if request.offset else None
        if kept is None:
            kept = self._start(request, followed, resident)
            self._keep(key, kept)
            still = None
        else:
            still = self._still(request, followed, kept.ranking)
        hits = kept.ranking.page(request.offset, request.k, still=still)
        return RankAnswer(
            build=kept.ranking.resident.build,
            encoder=kept.ranking.resident.encoder,
            mode=request.mode,
            blend=kept.blend,
            total=kept.ranking.total,
            took_ms=round((time.perf_counter() - begun) * 1e3, 3),
            neighbors=[Neighbor(*hit) for hit in hits],
        )

    def _start(self, request: RankRequest, followed: Followed, resident: Resident) -> _Kept:
        query, blend = self._query(request, followed, resident)
        filters = self._filters(request)
        with followed.lock:
            gone = followed.gone_rows(resident)
            answers = (
                followed.answers.of_rows(resident, request.label_class)
                if request.label_class is not None
                else None
            )
            selection = select(
                resident,
                filters,
                fold=request.fold,
                answers=answers,
                bytes_shown=_bytes_shown(request),
                gone=gone,
            )
        ranking = Ranking(
            resident,
            query,
            selection,
            fold=request.fold,
            is_exact=request.mode == "learned",
            min_similarity=request.filters.min_similarity,
        )
        return _Kept(ranking, blend, time.monotonic())

    def _still(self, request: RankRequest, followed: Followed, ranking: Ranking) -> np.ndarray:
        """(N,) bool: rows of the kept ranking that nobody has decided or deleted since it was made."""
        resident = ranking.resident
        with followed.lock:
            still = np.ones(len(resident.item_ids), bool)
            if request.label_class is not None:
                still = _bytes_shown(request)[followed.answers.of_rows(resident, request.label_class)]
            still[followed.gone_rows(resident)] = False
        return still

    def _filters(self, request: RankRequest) -> Filters:
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

    def _query(
        self, request: RankRequest, followed: Followed, resident: Resident
    ) -> tuple[np.ndarray, float | None]:
        """The query vector (D,) of length 1, and the share of it that was learned."""
        start = self._sum_of(request, resident) if request.terms else None
        if request.mode == "similar":
            if start is None:
                raise Refusal("no-terms", "A query needs at least one term: an item, an image or a vector.")
            length = float(np.linalg.norm(start))
            if not np.isfinite(length):
                raise Refusal("bad-term", "The weights of the terms are too large to add them up.")
            if length < 1e-6:
                raise Refusal("terms-cancel-out", "The terms cancel out; remove one or change a weight.")
            return start / length, None
        if request.label_class is None:
            raise Refusal("class-needed", "A learned ranking needs a class: it learns from its answers.")
        with followed.lock:
            accepted, rejected = (
                np.array(followed.answers.said(request.label_class, answer), np.int64)
                for answer in ("accept", "reject")
            )
            undecided = _sample(followed.answers.of_rows(resident, request.label_class), resident.live)
        positives, negatives = resident.rows_of(accepted), resident.rows_of(rejected)
        if start is None and len(positives) == 0:
            raise Refusal(
                "nothing-accepted", "Accept at least one item first, or give an example.", status=409
            )
        of_group = resident.media_files
        if len(np.unique(of_group[positives])) < MIN_MEDIA_FILES:
            of_group = resident.by_stack.codes
        try:
            fitted = self._fit(
                start,
                resident.vectors_of(positives),
                resident.vectors_of(negatives),
                resident.vectors_of(undecided),
                positive_groups=of_group[positives],
                negative_groups=of_group[negatives],
            )
        except ValueError as error:
            raise Refusal("terms-cancel-out", str(error)) from error
        return np.asarray(fitted.vector, np.float32), float(fitted.blend)

    def _sum_of(self, request: RankRequest, resident: Resident) -> np.ndarray:
        total = np.zeros(resident.width, np.float32)
        for term in request.terms:
            total += np.float32(term.weight) * self._vector_of(term, request.corpus, resident)
        return total

    def _vector_of(self, term: Term, corpus_id: int, resident: Resident) -> np.ndarray:
        """The unit vector (D,) of a term."""
        if term.kind == "item" and term.item is not None:
            if term.box is not None:
                with_ = _encoder_of(corpus_id)
                return self.pictures.of_item(corpus_id, term.item, term.box, **with_)
            rows = resident.rows_of(np.array([term.item]))
            if len(rows) == 0:
                raise Refusal(
                    "item-without-feature",
                    f"Item {term.item} has no feature yet; wait for the job that extracts features.",
                    status=409,
                )
            return resident.vectors_of(rows)[0]
        if term.kind == "image" and term.image is not None:
            return self.pictures.of_image(term.image, term.box, **_encoder_of(corpus_id))
        if term.kind == "vector" and term.vector is not None:
            vector = np.array(term.vector, np.float32)
            if vector.shape != (resident.width,):
                raise Refusal(
                    "wrong-width",
                    f"{resident.encoder} has vectors of {resident.width} numbers, got {len(vector)}.",
                )
            length = float(np.linalg.norm(vector))
            if not np.isfinite(length) or length < 1e-12:
                raise Refusal("bad-term", "A vector must be finite numbers, not all zero.")
            return vector / length
        raise Refusal("bad-term", f"A term of kind {term.kind!r} must carry {term.kind!r}.")

    def _kept_for(self, key: bytes, resident: Resident) -> _Kept | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or time.monotonic() - kept.made_at > RANKING_SECONDS:
                return None
            return kept

    def _keep(self, key: bytes, kept: _Kept) -> None:
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_RANKINGS:
                self._kept.popitem(last=False)

    def forget_old(self) -> None:
        """Let go rankings whose resident was replaced a while ago: each holds a build in memory."""
        limit = time.monotonic() - RANKING_SECONDS
        with self._lock:
            for key in [key for key, kept in self._kept.items() if kept.made_at < limit]:
                del self._kept[key]


def _bytes_shown(request: RankRequest) -> np.ndarray:
    try:
        return bytes_of_states(request.filters.states or ("untouched", "weak"))
    except LookupError as error:
        raise Refusal("bad-filter", str(error)) from error


def _sample(answers: np.ndarray, live: np.ndarray) -> np.ndarray:
    """Some live rows without an answer, the same for the same corpus."""
    if len(live) == 0:
        return np.zeros(0, np.int64)
    rows = np.random.default_rng(SAMPLES_SEED).integers(0, len(live), 2 * NUM_UNDECIDED)
    return np.unique(rows[live[rows] & (answers[rows] == 0)][:NUM_UNDECIDED])


def _encoder_of(corpus_id: int) -> dict[str, str]:
    feature_set = FeatureSet.objects.get(corpus=corpus_id, is_active=True)
    return {"encoder": feature_set.encoder, "precision": feature_set.precision}
