"""Thumbnails: small JPEGs, many of them end to end in one immutable pack file."""

import hashlib
import io
import os
from pathlib import Path
from typing import IO, NamedTuple

import cv2
import numpy as np
import simplejpeg
from PIL import Image

LONG_SIDE_PX = 256
DIRECT_SIDE_PX = 216  # a picture that decodes to this or more is stored as it is: no second resampling
QUALITY = 82

cv2.setNumThreads(1)


class Place(NamedTuple):
    """Where a thumbnail lies in its pack."""

    offset: int
    num_bytes: int


class PackWriter:
    """Appends JPEGs to an open file and keeps the sha256 of all of it."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._hash, self.num_bytes = out, hashlib.sha256(), 0

    def append(self, jpeg: bytes) -> Place:
        """Write one thumbnail at the end."""
        place = Place(self.num_bytes, len(jpeg))
        self._out.write(jpeg)
        self._hash.update(jpeg)
        self.num_bytes += len(jpeg)
        return place

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def read_thumbnail(pack: Path, place: Place) -> bytes:
    """The JPEG at a place in a pack; OSError if the pack is shorter than that."""
    with pack.open("rb") as file:
        jpeg = os.pread(file.fileno(), place.num_bytes, place.offset)
    if len(jpeg) != place.num_bytes:
        raise OSError(f"{pack.name} ends before {place.offset + place.num_bytes} bytes")
    return jpeg


def make_thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Pixels (H, W, 3) with the long side at most LONG_SIDE_PX; small enough ones come back as they are."""
    height, width = pixels.shape[:2]
    long_side = max(height, width)
    if long_side <= LONG_SIDE_PX:
        return pixels
    scale = LONG_SIDE_PX / long_side
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Down to half, two neighbors hold every pixel: as good as areas, and cheaper.
    return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR if scale > 0.5 else cv2.INTER_AREA)


def encode_jpeg(pixels: np.ndarray, *, quality: int = QUALITY) -> bytes:
    """A baseline JPEG of (H, W, 3) RGB pixels, without metadata."""
    subsampling = "420" if quality < 90 else "444"
    return simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=quality, colorsubsampling=subsampling, fastdct=quality < 90
    )


def encode_png(pixels: np.ndarray) -> bytes:
    """A PNG of (H, W, 3) RGB pixels, exactly those, without metadata."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()
