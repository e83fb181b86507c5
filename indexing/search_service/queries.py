"""From terms, or from what people said, to the one vector that everything is compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from indexing.compute.answers import Said
from indexing.compute.residents import Resident
from indexing.models import FeatureSet, Item, Unit
from indexing.search_service.classifiers import Classifiers, direction_of
from indexing.search_service.clips import OF_MEDIA, Clips, KnownSpan, known_span, span_of_clip
from indexing.search_service.errors import Refusal
from indexing.search_service.pictures import Pictures
from indexing.search_service.requests import RankRequest, Term

NUM_UNDECIDED = 200  # sampled as weak negatives: enough to stand for the corpus, cheap to fit
MIN_MEDIA_FILES = 3  # of accepted items, to judge a model by media file; with fewer, by stack
SAMPLES_SEED = 7
MOST_TOLD = 500  # answers of a kind that a calibration rests on


class Fitted(Protocol):
    """What comes out of learning from answers."""

    @property
    def vector(self) -> np.ndarray: ...
    @property
    def blend(self) -> float: ...
    @property
    def is_model(self) -> bool: ...
    @property
    def left_out(self) -> Told | None: ...


class Told(Protocol):
    """Answers, with the similarities that the query would give them had it not learned from them."""

    @property
    def similarities(self) -> np.ndarray: ...
    @property
    def is_accepted(self) -> np.ndarray: ...
    @property
    def weights(self) -> np.ndarray | None: ...


Fit = Callable[..., Fitted]
SaidOf = Callable[[int], Said]  # label class -> what counts now


class Query(NamedTuple):
    """What a ranking compares with."""

    vector: np.ndarray  # (D,) float32, length 1
    blend: float | None  # share of it that was learned; None: nothing was asked to be learned
    is_model: bool = False  # fitted, and judged; else a prototype at most
    told: Told | None = None  # None: nothing may be said, or not known yet


class Queries:
    """Makes queries; the vectors of pictures are kept for the next one."""

    def __init__(self, fit: Fit) -> None:
        self.pictures = Pictures()
        self.clips = Clips()
        self._fit = fit

    def close(self) -> None:
        """End the decoders' children."""
        self.pictures.close()
        self.clips.close()

    def query(
        self, request: RankRequest, resident: Resident, said_of: SaidOf, classifiers: Classifiers
    ) -> Query:
        """The query of `request`; Refusal where its terms or answers do not make one."""
        start = self._sum_of(request, resident, said_of, classifiers) if request.terms else None
        if request.mode == "learned":
            if request.label_class is None:
                raise Refusal("class-needed", "A learned ranking needs a class: it learns from its answers.")
            return self._learned(start, resident, said_of(request.label_class))
        if start is None:
            raise Refusal("no-terms", "A query needs at least one term: an item, an image, a class or text.")
        length = float(np.linalg.norm(start))
        if not np.isfinite(length):
            raise Refusal("bad-term", "The weights of the terms are too large to add them up.")
        if length < 1e-6:
            raise Refusal("terms-cancel-out", "The terms cancel out; remove one or change a weight.")
        return Query(start / length, None)

    def _learned(self, start: np.ndarray | None, resident: Resident, said: Said) -> Query:
        positives, negatives = (
            rows_of_items(said.rows_with(answer), resident) for answer in ("accept", "reject")
        )
        if start is None and len(positives) == 0:
            raise Refusal(
                "nothing-accepted", "Accept at least one item first, or give an example.", status=409
            )
        of_group = resident.media_files
        if len(np.unique(of_group[positives])) < MIN_MEDIA_FILES:
            of_group = resident.by_stack.codes
        sampled = _sample(said, resident.live[: resident.num_whole])
        length = 0.0 if start is None else float(np.linalg.norm(start))
        if start is not None and length > 0 and resident.has_tiles:
            # What was said of an item was said of the part that the start query finds.
            positives, negatives, sampled = (
                resident.nearest_rows(resident.item_ids[rows], start / length)
                for rows in (positives, negatives, sampled)
            )
        try:
            fitted = self._fit(
                start,
                resident.vectors_of(positives),
                resident.vectors_of(negatives),
                resident.vectors_of(sampled),
                positive_groups=of_group[positives],
                negative_groups=of_group[negatives],
            )
        except ValueError as error:
            raise Refusal("terms-cancel-out", str(error)) from error
        vector = np.asarray(fitted.vector, np.float32)
        return Query(vector, float(fitted.blend), fitted.is_model, fitted.left_out)

    def _sum_of(
        self, request: RankRequest, resident: Resident, said_of: SaidOf, classifiers: Classifiers
    ) -> np.ndarray:
        total = np.zeros(resident.width, np.float32)
        for term in request.terms:
            if term.kind == "class" and term.label_class is not None:
                vector = self._of_class(term, resident, said_of(term.label_class))
            elif term.kind == "classifier":
                vector = self._of_classifier(term, request, resident, classifiers)
            elif request.unit == Unit.CLIP and term.kind in OF_MEDIA:
                vector = self.clips.of_term(term, request.corpus, resident)
            elif term.kind == "span":
                vector = self._of_span(term, request.corpus, resident)
            else:
                vector = self._vector_of(term, request.corpus, resident)
            total += np.float32(term.weight) * vector
        return total

    def _of_classifier(
        self, term: Term, request: RankRequest, resident: Resident, classifiers: Classifiers
    ) -> np.ndarray:
        """The unit vector (D,) along which the scores of a head grow."""
        vector = direction_of(term, request.corpus, classifiers, request.unit)
        if vector is None or vector.shape != (resident.width,):
            raise Refusal("no-classifier", "That classifier ranks by its scores alone, not here.", status=409)
        return vector

    def _of_class(self, term: Term, resident: Resident, said: Said) -> np.ndarray:
        """The unit vector (D,) of a class: the mean of what was accepted, or what was learned."""
        rows = rows_of_items(said.rows_with("accept"), resident)
        if len(rows) == 0:
            raise Refusal(
                "nothing-accepted",
                "Nothing was accepted of the class that the query names: accept some, or leave it out.",
                status=409,
            )
        if term.learned:
            return self._learned(None, resident, said).vector
        mean: np.ndarray = resident.vectors_of(rows).mean(axis=0)
        length = float(np.linalg.norm(mean))
        if length < 1e-6:
            raise Refusal("terms-cancel-out", "What was accepted of that class has no common direction.")
        return mean / length

    def _of_span(self, term: Term, corpus_id: int, resident: Resident) -> np.ndarray:
        if term.span is None:
            raise Refusal("bad-term", "A term of kind 'span' must carry 'span'.")
        return self._frames_of(known_span(corpus_id, term.span), corpus_id, resident)

    def _frames_of(self, span: KnownSpan, corpus_id: int, resident: Resident) -> np.ndarray:
        """The unit vector (D,) of a part of a video: the mean of the frames in it, else its middle."""
        within = Item.objects.live().whole_frames().filter(media_file=span.media_file)
        within = within.filter(start_pts__gte=span.start_pts, start_pts__lt=span.stop_pts)
        rows = resident.rows_of(np.array(sorted(within.values_list("pk", flat=True)), np.int64))
        if len(rows) == 0:
            media_file, start_pts, stop_pts = span
            return self.pictures.of_frame(media_file, start_pts, stop_pts, **_encoder_of(corpus_id))
        mean: np.ndarray = resident.vectors_of(rows).mean(axis=0)
        length = float(np.linalg.norm(mean))
        if length < 1e-6:
            raise Refusal("terms-cancel-out", "The frames of that span have no common direction.")
        return mean / length

    def _vector_of(self, term: Term, corpus_id: int, resident: Resident) -> np.ndarray:
        """The unit vector (D,) of a term that stands for itself."""
        if term.kind == "item" and term.item is not None:
            if term.box is not None:
                with_ = _encoder_of(corpus_id)
                return self.pictures.of_item(corpus_id, term.item, term.box, **with_)
            rows = resident.rows_of(np.array([term.item]))
            if len(rows) == 0 and (span := span_of_clip(corpus_id, term.item)) is not None:
                return self._frames_of(span, corpus_id, resident)
            if len(rows) == 0:
                raise Refusal(
                    "item-without-feature",
                    f"Item {term.item} has no feature yet; wait for the job that extracts features.",
                    status=409,
                )
            return resident.vectors_of(rows)[0]
        if term.kind == "image" and term.image is not None:
            return self.pictures.of_image(term.image, term.box, **_encoder_of(corpus_id))
        if term.kind == "text" and term.text is not None:
            return self.pictures.of_text(term.text, **_encoder_of(corpus_id))
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


class Answered(NamedTuple):
    """Answers with the similarities that a query gives them which was not learned from them."""

    similarities: np.ndarray
    is_accepted: np.ndarray
    weights: np.ndarray | None = None


def answered(request: RankRequest, query: Query, resident: Resident, said: Said) -> Told | None:
    """The answers of a class as `query` ranks them; None where it was made of them.

    The examples themselves are left out: how near they are to the query says nothing.
    """
    if request.mode == "learned":
        return query.told
    if any(term.kind == "class" for term in request.terms):
        return None
    found, weights = [], []
    for answer in ("accept", "reject"):
        rows = rows_of_items(said.rows_with(answer), resident)
        rows = rows[resident.live[rows]]
        examples = [term.item for term in request.terms if term.item is not None]
        rows = rows[~np.isin(resident.item_ids[rows], examples)]
        every = 1 + len(rows) // MOST_TOLD
        found.append(rows[::every])
        weights.append(np.full(len(found[-1]), float(every)))
    rows = np.concatenate(found)
    if resident.has_tiles:
        rows = resident.nearest_rows(resident.item_ids[rows], query.vector)
    sizes = [len(each) for each in found]
    near = resident.similarities_of(rows, query.vector)
    return Answered(near, np.repeat([True, False], sizes), np.concatenate(weights))


def rows_of_items(rows: np.ndarray, resident: Resident) -> np.ndarray:
    """Of the rows of items, the first of each."""
    is_first = resident.by_item.is_first
    return rows if is_first is None else rows[is_first[rows]]


def _sample(said: Said, live: np.ndarray) -> np.ndarray:
    """Some live rows of whole items without an answer, the same for the same corpus."""
    if len(live) == 0:
        return np.zeros(0, np.int64)
    rows = np.random.default_rng(SAMPLES_SEED).integers(0, len(live), 2 * NUM_UNDECIDED)
    return np.unique(rows[live[rows] & (said.at(rows) == 0)][:NUM_UNDECIDED])


def _encoder_of(corpus_id: int) -> dict[str, str]:
    feature_set = FeatureSet.objects.get(corpus=corpus_id, is_active=True, unit=Unit.FRAME)
    return {"encoder": feature_set.encoder, "precision": feature_set.precision}
