"""Pixels of a dataset version: which file of the archive each frame becomes, and its bytes."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import simplejpeg
from PIL import Image

from labeling.compute.export_writers.coco import file_name
from labeling.compute.export_writers.lines import BACKGROUND, Line, frame_name, frames_of

JPEG_QUALITY = 95
SUFFIX = {"jpeg": "jpg", "png": "png"}


def picture_bytes(pixels: np.ndarray, image_format: str) -> bytes:
    """(H, W, 3) uint8 RGB as a JPEG of quality 95 without chroma subsampling, or as PNG; no metadata."""
    if image_format == "png":
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG", compress_level=3)
        return out.getvalue()
    if image_format != "jpeg":
        raise ValueError(f"image_format is jpeg or png, got {image_format!r}")
    return simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=JPEG_QUALITY, colorspace="RGB", colorsubsampling="444"
    )


def image_folders(lines: Iterable[Line], folders: Mapping[str, str]) -> list[str]:
    """Every <split>/<class> of an archive: each class and, if anything is in it, `background`, on each side.

    The same folders on every side, since torchvision's ImageFolder numbers the classes by what it finds.
    One that stays empty is refused by it, with its name, unless it is told `allow_empty=True`.
    """
    sides: set[str] = set()
    has_background = False
    for frame in frames_of(lines):
        accepted = {line.item for line in frame if line.answer == "accept"}
        sides.update(line.split for line in frame)
        has_background = has_background or any(line.item not in accepted for line in frame)
    names = sorted([*folders.values(), *([BACKGROUND] if has_background else ())])
    return [f"{side}/{name}" for side in sorted(sides) for name in names]


def image_folder_places(
    frame: Sequence[Line], *, folders: Mapping[str, str], length: int, suffix: str
) -> list[tuple[str, tuple[int, int, int, int] | None]]:
    """(place in the archive, box to cut out) of one frame: <split>/<class>/<sha>_<pts>.jpg.

    An item accepted for several classes is in each of their folders. One that was rejected, and accepted
    for none, is in `background`. An item that is a region is cut out, and its corners are in its name.
    """
    places: dict[str, tuple[int, int, int, int] | None] = {}
    accepted = {line.item for line in frame if line.answer == "accept"}
    for line in frame:
        if line.answer == "accept":
            folder = folders[line.label_class]
        elif line.item not in accepted:
            folder = BACKGROUND
        else:
            continue
        name = frame_name(line, length=length)
        if line.box:
            name += "_" + "-".join(str(corner) for corner in line.box)
        places[f"{line.split}/{folder}/{name}.{suffix}"] = line.box
    return list(places.items())


def coco_places(
    frame: Sequence[Line], *, length: int, suffix: str
) -> list[tuple[str, tuple[int, int, int, int] | None]]:
    """The one place of a whole frame in a COCO archive."""
    return [(f"images/{file_name(frame[0], length=length, suffix=suffix)}", None)]


def pictures_of(
    pixels: np.ndarray,
    places: Iterable[tuple[str, tuple[int, int, int, int] | None]],
    image_format: str,
) -> Iterator[tuple[str, bytes]]:
    """(place, bytes) of every file that one decoded frame becomes."""
    whole: bytes | None = None
    for place, box in places:
        if box is None:
            whole = whole or picture_bytes(pixels, image_format)
            yield place, whole
        else:
            x0, y0, x1, y1 = box
            yield place, picture_bytes(pixels[y0:y1, x0:x1], image_format)
