"""Pictures of items, decoded in the limited child: for encoders and for networks alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from indexing.models import Item, MediaFile

if TYPE_CHECKING:
    import numpy as np

    from indexing.compute.decoder import Decoder


class Decoded(NamedTuple):
    """The picture of an item, or why there is none."""

    item_id: int
    pixels: np.ndarray | None
    reason: str


def decoded_items(items: Sequence[Item], side_px: int | None, decoder: Decoder) -> Iterator[Decoded]:
    """Every item's picture, media file by media file: give items of one file beside each other.

    Whole frames are no smaller than `side_px` (None: their own size), and boxes of a frame are cut out.
    """
    from indexing.compute.media_facts import MediaRefused

    for _, group in groupby(items, key=lambda item: item.media_file_id):
        of_file = list(group)
        left = {item.pk for item in of_file}
        reason = "the file has no frame at its time"
        try:
            for item, pixels in _pictures(of_file, side_px, decoder):
                left.discard(item.pk)
                yield Decoded(item.pk, pixels, "")
        except MediaRefused as error:
            reason = str(error)
        except OSError as error:
            reason = f"{of_file[0].media_file.name}: {error}"
        yield from (Decoded(item_id, None, reason) for item_id in sorted(left))


def _pictures(items: list[Item], side_px: int | None, decoder: Decoder) -> Iterator[tuple[Item, np.ndarray]]:
    """The pictures of items of one media file, of whole frames no smaller than `side_px`."""
    media_file = items[0].media_file
    has_boxes = any(item.x0_px is not None for item in items)
    # A box may be small: only whole frames may be decoded smaller than they are.
    min_side_px = None if has_boxes else side_px
    if media_file.kind == MediaFile.Kind.IMAGE:
        pixels = decoder.image(media_file.path, min_side_px=min_side_px).pixels
        for item in items:
            yield item, _cut(pixels, item)
        return
    by_pts: dict[int, list[Item]] = {}
    for item in items:
        by_pts.setdefault(item.start_pts, []).append(item)
    for frame in decoder.frames_at(media_file.path, sorted(by_pts), min_side_px=min_side_px):
        for item in by_pts.get(frame.pts, ()):
            yield item, _cut(frame.pixels, item)


def _cut(pixels: np.ndarray, item: Item) -> np.ndarray:
    """The item's box of a whole frame."""
    if item.x0_px is None:
        return pixels
    return pixels[item.y0_px : item.y1_px, item.x0_px : item.x1_px]
