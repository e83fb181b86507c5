"""Whole frames of items for looking at, decoded when somebody asks."""

import threading
from collections import OrderedDict

import numpy as np

from indexing.compute.decoder import Decoder
from indexing.compute.media_facts import MediaRefused
from indexing.compute.thumbnails import encode_jpeg
from indexing.models import Item, MediaFile

CACHE_BYTES = 32 << 20  # of JPEGs, in each process
QUALITY = 92


class FrameCache:
    """The JPEGs asked for last, up to a number of bytes; safe for threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max, self._size = max_bytes, 0
        self._held: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str]) -> bytes | None:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def put(self, key: tuple[str, str], jpeg: bytes) -> None:
        with self._lock:
            self._size += len(jpeg) - len(self._held.pop(key, b""))
            self._held[key] = jpeg
            while self._size > self._max and len(self._held) > 1:
                self._size -= len(self._held.popitem(last=False)[1])


_cache = FrameCache(CACHE_BYTES)
_decoder = Decoder()  # its child starts with the first frame asked for


def frame_jpeg(item: Item, *, is_cropped: bool = False) -> bytes:
    """The item's frame as a JPEG, by the decoder of its thumbnail and feature; MediaRefused if it cannot.

    `is_cropped` cuts out the item's box, if it has one.
    """
    is_cropped = is_cropped and item.x0_px is not None
    key = (item.media_file.sha256, frame_name(item, is_cropped=is_cropped))
    jpeg = _cache.get(key)
    if jpeg is None:
        jpeg = _cropped(item) if is_cropped else _whole(item)
        _cache.put(key, jpeg)
    return jpeg


def frame_name(item: Item, *, is_cropped: bool) -> str:
    """What tells this picture from every other of its file; good for an ETag."""
    box = f"-{item.x0_px}-{item.y0_px}-{item.x1_px}-{item.y1_px}" if is_cropped else ""
    return f"{item.media_file.sha256[:24]}-{item.start_pts}{box}"


def pixels_of(item: Item, decoder: Decoder) -> np.ndarray:
    """The item's whole frame, (H, W, 3) uint8 RGB."""
    if item.media_file.kind == MediaFile.Kind.IMAGE:
        return decoder.image(item.media_file.path).pixels
    found = list(decoder.frames_at(item.media_file.path, [item.start_pts]))
    if not found:
        raise MediaRefused(
            "no-such-frame", f"There is no frame at pts {item.start_pts}; the file has changed."
        )
    return found[0].pixels


def _whole(item: Item) -> bytes:
    if item.media_file.kind == MediaFile.Kind.IMAGE:
        return _decoder.image_jpeg(item.media_file.path)
    return _decoder.frame_jpeg(item.media_file.path, item.start_pts)


def _cropped(item: Item) -> bytes:
    pixels = pixels_of(item, _decoder)
    return encode_jpeg(pixels[item.y0_px : item.y1_px, item.x0_px : item.x1_px], quality=QUALITY)
