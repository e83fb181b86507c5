"""Pixels of a dataset version: a decoded frame, or a box of it, as a picture; and the ImageFolder layout."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import simplejpeg
from PIL import Image

from labeling.compute.export_writers.layouts import Box, Entry, Frame, Layout, Picture
from labeling.compute.export_writers.lines import BACKGROUND, item_name

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


def pictures_of(pixels: np.ndarray, image_format: str) -> Picture:
    """The encoder of one decoded frame (H, W, 3): of all of it, once, or of a box."""
    made: dict[Box | None, bytes] = {}

    def picture(box: Box | None) -> bytes:
        if box not in made:
            x0, y0, x1, y1 = box or (0, 0, pixels.shape[1], pixels.shape[0])
            made[box] = picture_bytes(pixels[y0:y1, x0:x1], image_format)
        return made[box]

    return picture


@dataclass(frozen=True)
class ImageFolder(Layout):
    """<side>/<class>/NAME.jpg, as torchvision's ImageFolder reads it; it has no labels without pictures."""

    def head(self, frames: Callable[[], Iterable[Frame]]) -> Iterator[Entry]:
        yield from super().head(frames)
        for folder in image_folders(frames(), self.folders):
            yield f"{folder}/", b""

    def files(self, frame: Frame, picture: Picture | None) -> Iterator[Entry]:
        if picture:
            for place, box in image_folder_places(
                frame, self.folders, length=self.length, suffix=self.suffix
            ):
                yield place, picture(box)


def image_folders(frames: Iterable[Frame], folders: Mapping[str, str]) -> list[str]:
    """Every <split>/<class> of an archive: each class and, if anything is in it, `background`, on each side.

    The same folders on every side, since torchvision's ImageFolder numbers the classes by what it finds.
    One that stays empty is refused by it, with its name, unless it is told `allow_empty=True`.
    """
    sides: set[str] = set()
    has_background = False
    for frame in frames:
        accepted = {line.item for line in frame if line.answer == "accept"}
        sides.update(line.split for line in frame)
        has_background = has_background or any(line.item not in accepted for line in frame)
    names = sorted([*folders.values(), *([BACKGROUND] if has_background else ())])
    return [f"{side}/{name}" for side in sorted(sides) for name in names]


def image_folder_places(
    frame: Frame, folders: Mapping[str, str], *, length: int, suffix: str
) -> list[tuple[str, Box | None]]:
    """(place in the archive, box to cut out) of one frame: <split>/<class>/<sha>_<pts>.jpg.

    An item accepted for several classes is in each of their folders. One that was rejected, and accepted
    for none, is in `background`. An item that is a region is cut out, and its corners are in its name.
    """
    places: dict[str, Box | None] = {}
    accepted = {line.item for line in frame if line.answer == "accept"}
    for line in frame:
        if line.answer == "accept":
            folder = folders[line.label_class]
        elif line.item not in accepted:
            folder = BACKGROUND
        else:
            continue
        places[f"{line.split}/{folder}/{item_name(line, length=length)}.{suffix}"] = line.box
    return list(places.items())
