"""From terms, or from what people said, to the one vector that everything is compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from indexing.compute.answers import Said
from indexing.compute.regions import Box
from indexing.compute.residents import Resident
from indexing.models import FeatureSet, Item, Unit
from indexing.search_service.classifiers import Classifiers, direction_of
from indexing.search_service.clips import OF_MEDIA, Clips, KnownSpan, known_span, span_of_clip
from indexing.search_service.errors import Refusal
from indexing.search_service.learning import Fit, Query, learned, rows_of_items
from indexing.search_service.pictures import Pictures
from indexing.search_service.requests import RankRequest, Term

SaidOf = Callable[[int], Said]  # label class -> what counts now
BoxesOf = Callable[[int, list[int]], Mapping[int, Box]]  # label class, items -> what was outlined of them


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
        self,
        request: RankRequest,
        resident: Resident,
        said_of: SaidOf,
        classifiers: Classifiers,
        boxes_of: BoxesOf,
    ) -> Query:
        """The query of `request`; Refusal where its terms or answers do not make one."""
        if (only := _only_learned_class(request)) is not None:  # by itself it ranks as it learned to
            found = self._of_learned(only, resident, said_of, boxes_of)
            return Query(found.vector, None, reranker=found.reranker, neighborhood=found.neighborhood)
        start = self._sum_of(request, resident, said_of, classifiers, boxes_of) if request.terms else None
        if request.mode == "learned":
            if request.label_class is None:
                raise Refusal("class-needed", "A learned ranking needs a class: it learns from its answers.")
            said = said_of(request.label_class)
            return learned(self._fit, start, resident, said, partial(boxes_of, request.label_class))
        if start is None:
            raise Refusal("no-terms", "A query needs at least one term: an item, an image, a class or text.")
        length = float(np.linalg.norm(start))
        if not np.isfinite(length):
            raise Refusal("bad-term", "The weights of the terms are too large to add them up.")
        if length < 1e-6:
            raise Refusal("terms-cancel-out", "The terms cancel out; remove one or change a weight.")
        return Query(start / length, None)

    def _sum_of(
        self,
        request: RankRequest,
        resident: Resident,
        said_of: SaidOf,
        classifiers: Classifiers,
        boxes_of: BoxesOf,
    ) -> np.ndarray:
        total = np.zeros(resident.width, np.float32)
        for term in request.terms:
            if term.kind == "class" and term.label_class is not None:
                if term.learned:
                    vector = self._of_learned(term.label_class, resident, said_of, boxes_of).vector
                else:
                    vector = self._of_accepted(resident, said_of(term.label_class))
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

    def _of_learned(self, label_class: int, resident: Resident, said_of: SaidOf, boxes_of: BoxesOf) -> Query:
        """What was learned of a class, from no example but what was accepted."""
        said = said_of(label_class)
        _accepted_rows(resident, said)
        return learned(self._fit, None, resident, said, partial(boxes_of, label_class))

    def _of_accepted(self, resident: Resident, said: Said) -> np.ndarray:
        """The unit vector (D,) of the mean of what was accepted of a class."""
        mean: np.ndarray = resident.vectors_of(_accepted_rows(resident, said)).mean(axis=0)
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


def _only_learned_class(request: RankRequest) -> int | None:
    """The class that a query of similarity is of alone, by what was learned; None: it is another query."""
    if request.mode != "similar" or len(request.terms) != 1:
        return None
    (term,) = request.terms
    return term.label_class if term.kind == "class" and term.learned and term.weight > 0 else None


def _accepted_rows(resident: Resident, said: Said) -> np.ndarray:
    rows = rows_of_items(said.rows_with("accept"), resident)
    if len(rows) == 0:
        raise Refusal(
            "nothing-accepted",
            "Nothing was accepted of the class that the query names: accept some, or leave it out.",
            status=409,
        )
    return rows


def _encoder_of(corpus_id: int) -> dict[str, str]:
    feature_set = FeatureSet.objects.get(corpus=corpus_id, is_active=True, unit=Unit.FRAME)
    return {"encoder": feature_set.encoder, "precision": feature_set.precision}
