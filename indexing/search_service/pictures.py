"""Vectors of pictures that have none stored: a box of an item, an image somebody searches with."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import numpy as np
from django.conf import settings

from indexing.compute.decoder import Decoder
from indexing.compute.encoders import (
    Encoder,
    EncoderUnknown,
    TextNotRead,
    WeightsMissing,
    WeightsRefused,
    load,
)
from indexing.compute.images import MediaRefused
from indexing.models import Item, MediaFile
from indexing.search_service.errors import Refusal

logger = logging.getLogger(__name__)

Box = tuple[float, float, float, float]  # x0, y0, x1, y1, of 0..1, half-open
KEPT_VECTORS = 512  # pages and re-ranks ask for the same boxes again
KEPT_ENCODERS = 2  # each is some hundred MB
MIN_BOX_PX = 8  # a smaller part has no more to say than a color


class Pictures:
    """Encodes parts of pictures with the encoder of a corpus; one at a time, each once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decoder = Decoder()
        self._encoders: OrderedDict[tuple[str, str], Encoder] = OrderedDict()
        self._vectors: OrderedDict[tuple[object, ...], np.ndarray] = OrderedDict()

    def of_item(self, corpus_id: int, item_id: int, box: Box, *, encoder: str, precision: str) -> np.ndarray:
        """The vector (D,) of a part of an item, decoded from its media file at full size."""
        key = (encoder, precision, item_id, box)
        return self._once(key, lambda: self._encode(self._item_pixels(corpus_id, item_id), box, key[:2]))

    def of_image(self, image: UUID, box: Box | None, *, encoder: str, precision: str) -> np.ndarray:
        """The vector (D,) of an uploaded query image, or of a part of it."""
        key = (encoder, precision, image, box)
        return self._once(key, lambda: self._encode(self._image_pixels(image), box, key[:2]))

    def of_text(self, text: str, *, encoder: str, precision: str) -> np.ndarray:
        """The vector (D,) of a text, by the text tower of the encoder; Refusal where it has none."""
        key = (encoder, precision, text)
        return self._once(key, lambda: self._encode_text(text, key[:2]))

    def of_frame(
        self, media_file: MediaFile, start_pts: int, stop_pts: int, *, encoder: str, precision: str
    ) -> np.ndarray:
        """The vector (D,) of the middle frame of a span of a video."""
        key = (encoder, precision, media_file.pk, start_pts, stop_pts)
        return self._once(
            key, lambda: self._encode(self._middle(media_file, start_pts, stop_pts), None, key[:2])
        )

    def close(self) -> None:
        """End the decoder's child."""
        self._decoder.close()

    def _once(self, key, make) -> np.ndarray:  # type: ignore[no-untyped-def]
        with self._lock:
            if key not in self._vectors:
                self._vectors[key] = make()
                while len(self._vectors) > KEPT_VECTORS:
                    self._vectors.popitem(last=False)
            self._vectors.move_to_end(key)
            return self._vectors[key]

    def _encode(self, pixels: np.ndarray, box: Box | None, encoder: tuple[str, str]) -> np.ndarray:
        part = pixels if box is None else cut(pixels, box)
        return self._encoder(*encoder).encode([np.ascontiguousarray(part)])[0]

    def _encode_text(self, text: str, encoder: tuple[str, str]) -> np.ndarray:
        try:
            return self._encoder(*encoder).encode_text([text])[0]
        except TextNotRead as error:
            raise Refusal("encoder-reads-no-text", f"{error}.", status=400) from error

    def _encoder(self, key: str, precision: str) -> Encoder:
        if (key, precision) not in self._encoders:
            try:
                loaded = load(
                    key, device=settings.DEVICE, model_dir=settings.MODEL_DIR, precision=precision or None
                )
            except (EncoderUnknown, WeightsMissing, WeightsRefused) as error:
                raise Refusal("encoder-not-usable", str(error), status=409) from error
            logger.info("loaded %s", key)
            self._encoders[key, precision] = loaded
            while len(self._encoders) > KEPT_ENCODERS:
                self._encoders.popitem(last=False)
        return self._encoders[key, precision]

    def _item_pixels(self, corpus_id: int, item_id: int) -> np.ndarray:
        item = Item.objects.live().select_related("media_file").filter(corpus=corpus_id, pk=item_id).first()
        if item is None:
            raise Refusal("unknown-item", f"There is no item {item_id} in this corpus.", status=404)
        media_file = item.media_file
        try:
            if media_file.kind == MediaFile.Kind.IMAGE:
                pixels = self._decoder.image(media_file.path).pixels
            else:
                frames = list(self._decoder.frames_at(media_file.path, [item.start_pts]))
                if not frames:
                    raise Refusal(
                        "no-such-frame", f"{media_file.name} has no frame at that time.", status=409
                    )
                pixels = frames[0].pixels
        except (MediaRefused, OSError) as error:
            raise Refusal("media-unreadable", f"{media_file.name}: {error}", status=409) from error
        if item.x0_px is None:
            return pixels
        return pixels[item.y0_px : item.y1_px, item.x0_px : item.x1_px]

    def _middle(self, media_file: MediaFile, start_pts: int, stop_pts: int) -> np.ndarray:
        """The first frame of the second half, or of the whole; memory holds one, however long the span."""
        half_pts = (start_pts + stop_pts) // 2
        with suppress(MediaRefused, OSError):  # no frame begins in the second half, or the file says below
            return next(iter(self._decoder.span(media_file.path, half_pts, stop_pts))).pixels
        try:
            return next(iter(self._decoder.span(media_file.path, start_pts, stop_pts))).pixels
        except (MediaRefused, OSError) as error:
            raise Refusal("media-unreadable", f"{media_file.name}: {error}", status=409) from error

    def _image_pixels(self, image: UUID) -> np.ndarray:
        path: Path = settings.DATA_DIR / "query_images" / f"{image}.jpg"
        if not path.is_file():
            raise Refusal("unknown-image", "That query image is not here; give it again.", status=404)
        try:
            return self._decoder.image(path).pixels
        except MediaRefused as error:
            raise Refusal("media-unreadable", str(error)) from error


def cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    """The part of (H, W, 3) within `box`, to whole pixels outward; Refusal where that is next to nothing."""
    height, width = pixels.shape[:2]
    x0, y0 = int(np.floor(box[0] * width)), int(np.floor(box[1] * height))
    x1, y1 = int(np.ceil(box[2] * width)), int(np.ceil(box[3] * height))
    if x1 - x0 < MIN_BOX_PX or y1 - y0 < MIN_BOX_PX:
        raise Refusal(
            "box-too-small", f"A box must be at least {MIN_BOX_PX} pixels wide and high; draw it larger."
        )
    return pixels[y0:y1, x0:x1]
