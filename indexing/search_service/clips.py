"""Vectors of what is searched for among clips: clips, the clip that a frame is in, any span of a video."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from django.conf import settings

from indexing.compute.decoder import Decoder
from indexing.compute.encoders import EncoderUnknown, WeightsMissing, WeightsRefused
from indexing.compute.encoders.video.clip_encoder import ClipEncoder
from indexing.compute.encoders.video.clip_loading import load_clips
from indexing.compute.images import MediaRefused
from indexing.compute.residents import Resident
from indexing.models import FeatureSet, Item, MediaFile, Unit
from indexing.search_service.errors import Refusal
from indexing.search_service.requests import Span, Term
from indexing.services.clip_pictures import clip_pixels
from indexing.services.clips import NoSuchSpan, check_span
from indexing.services.sources import indexing_settings

logger = logging.getLogger(__name__)

OF_MEDIA = ("item", "image", "text", "span")  # terms that stand for pictures, or for words about them
KEPT_VECTORS = 512  # pages and re-ranks ask for the same spans again


class KnownSpan(NamedTuple):
    """A part of a video of the corpus: [start_pts, stop_pts)."""

    media_file: MediaFile
    start_pts: int
    stop_pts: int


class Clips:
    """Encodes spans of videos with the clip encoder of a corpus; one at a time, each once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decoder = Decoder()
        self._loaded: tuple[tuple[str, str], ClipEncoder] | None = None  # of the corpus asked about last
        self._vectors: OrderedDict[tuple[int, int, int, int], np.ndarray] = OrderedDict()

    def of_term(self, term: Term, corpus_id: int, resident: Resident) -> np.ndarray:
        """The unit vector (D,) of an item or a span; Refusal for what no clip can be like."""
        if term.kind == "span" and term.span is not None:
            return self._of_span(known_span(corpus_id, term.span))
        if term.kind == "item" and term.item is not None and term.box is None:
            return self._of_item(term.item, corpus_id, resident)
        what = "A part of a picture" if term.box is not None else "An image" if term.image else "Text"
        raise Refusal(
            "frames-only",
            f"{what} is searched for among frames: switch to frames, or give a clip or a frame of a video.",
        )

    def close(self) -> None:
        """End the decoder's child."""
        self._decoder.close()

    def _of_item(self, item_id: int, corpus_id: int, resident: Resident) -> np.ndarray:
        rows = resident.rows_of(np.array([item_id]))
        if len(rows):
            return resident.vectors_of(rows)[0]
        item = Item.objects.live().select_related("media_file").filter(corpus=corpus_id, pk=item_id).first()
        if item is None:
            raise Refusal("unknown-item", f"There is no item {item_id} in this corpus.", status=404)
        if item.media_file.kind != MediaFile.Kind.VIDEO:
            raise Refusal("frames-only", f"{item.media_file.name} is a photo, which is in no clip.")
        if item.unit == Unit.CLIP:  # one that has no feature yet
            return self._of_span(KnownSpan(item.media_file, item.start_pts, item.stop_pts))
        around = Item.objects.live().filter(
            media_file=item.media_file,
            kind=Item.Kind.CLIP,
            start_pts__lte=item.start_pts,
            stop_pts__gt=item.start_pts,
        )
        spans = {pk: (start, stop) for pk, start, stop in around.values_list("pk", "start_pts", "stop_pts")}
        found = resident.item_ids[resident.rows_of(np.array(sorted(spans), np.int64))].tolist()
        if not found:
            return self._of_span(self._around(item))
        nearest = min(found, key=lambda pk: (abs(sum(spans[pk]) - 2 * item.start_pts), pk))
        return resident.vectors_of(resident.rows_of(np.array([nearest])))[0]

    def _around(self, item: Item) -> KnownSpan:
        """A clip's length of the video around a frame that is in no clip."""
        media_file = item.media_file
        ticks = media_file.time_base_denominator / media_file.time_base_numerator
        half = max(1, round(indexing_settings(item.corpus).clip_seconds * ticks / 2))
        return KnownSpan(media_file, item.start_pts - half, item.start_pts + half)

    def _of_span(self, span: KnownSpan) -> np.ndarray:
        feature_set = FeatureSet.objects.get(corpus=span.media_file.corpus_id, is_active=True, unit=Unit.CLIP)
        key = (feature_set.pk, span.media_file.pk, span.start_pts, span.stop_pts)
        with self._lock:
            if key not in self._vectors:
                self._vectors[key] = self._encoded(span, feature_set)
                while len(self._vectors) > KEPT_VECTORS:
                    self._vectors.popitem(last=False)
            self._vectors.move_to_end(key)
            return self._vectors[key]

    def _encoded(self, span: KnownSpan, feature_set: FeatureSet) -> np.ndarray:
        encoder = self._encoder(feature_set.encoder, feature_set.precision)
        try:
            pixels = clip_pixels(
                *span, encoder, self._decoder, frames_per_second=feature_set.clip_frames_per_second
            )
        except (MediaRefused, OSError) as error:
            raise Refusal("media-unreadable", f"{span.media_file.name}: {error}", status=409) from error
        return encoder.encode([pixels])[0]

    def _encoder(self, key: str, precision: str) -> ClipEncoder:
        if self._loaded is None or self._loaded[0] != (key, precision):
            try:
                loaded = load_clips(
                    key, device=settings.DEVICE, model_dir=settings.MODEL_DIR, precision=precision or None
                )
            except (EncoderUnknown, WeightsMissing, WeightsRefused) as error:
                raise Refusal("encoder-not-usable", str(error), status=409) from error
            logger.info("loaded %s", key)
            self._loaded = ((key, precision), loaded)
        return self._loaded[1]


def known_span(corpus_id: int, span: Span) -> KnownSpan:
    """The span as one of a video of this corpus; Refusal for what is none."""
    media_file = MediaFile.objects.live().filter(corpus=corpus_id, pk=span.media_file).first()
    if media_file is None:
        raise Refusal("unknown-media-file", f"There is no media file {span.media_file} here.", status=404)
    try:
        check_span(media_file, span.start_pts, span.stop_pts)
    except NoSuchSpan as error:
        raise Refusal("no-such-span", str(error)) from None
    return KnownSpan(media_file, span.start_pts, span.stop_pts)


def span_of_clip(corpus_id: int, item_id: int) -> KnownSpan | None:
    """What part of which video a clip is; None for any other item."""
    clips = Item.objects.live().filter(corpus=corpus_id, kind=Item.Kind.CLIP)
    item = clips.select_related("media_file").filter(pk=item_id).first()
    return None if item is None else KnownSpan(item.media_file, item.start_pts, item.stop_pts)
