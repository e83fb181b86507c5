"""Frames of clips, decoded in the limited child: for clip encoders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from indexing.models import Item, MediaFile
from indexing.services.pictures import Decoded

if TYPE_CHECKING:
    import numpy as np

    from indexing.compute.decoder import Decoder
    from indexing.compute.encoders.video.clip_encoder import ClipEncoder

FRAMES_OF_ANY = 16  # of a clip for an encoder that takes any number
FAR_SECONDS = 20.0  # what lies between two clips and is not decoded


def decoded_clips(
    items: Sequence[Item], encoder: ClipEncoder, decoder: Decoder, *, frames_per_second: float = 0.0
) -> Iterator[Decoded]:
    """The prepared frames (T, h, w, 3) of every clip, video by video: each is decoded once, as it is needed.

    T frames spread over the whole clip, or `frames_per_second` around its middle where it is longer.
    """
    from indexing.compute.media_facts import MediaRefused

    for _, group in groupby(items, key=lambda item: item.media_file_id):
        of_file = sorted(group, key=lambda item: (item.start_pts, item.stop_pts))
        for run in _runs(of_file):
            left = {item.pk for item in run}
            reason = "the video has no frame at its time"
            try:
                for at, pixels in _clips(run, encoder, decoder, frames_per_second):
                    left.discard(run[at].pk)
                    yield Decoded(run[at].pk, pixels, "")
            except MediaRefused as error:
                reason = str(error)
            except OSError as error:
                reason = f"{run[0].media_file.name}: {error}"
            yield from (Decoded(item_id, None, reason) for item_id in sorted(left))


def clip_pixels(
    media_file: MediaFile,
    start_pts: int,
    stop_pts: int,
    encoder: ClipEncoder,
    decoder: Decoder,
    *,
    frames_per_second: float = 0.0,
) -> np.ndarray:
    """(T, h, w, 3): the prepared frames of any span of a video; MediaRefused where there is none."""
    asked = Item(media_file=media_file, start_pts=start_pts, stop_pts=stop_pts)
    ((_, pixels),) = _clips([asked], encoder, decoder, frames_per_second)
    return pixels


def _runs(items: list[Item]) -> Iterator[list[Item]]:
    """Clips of a video, in order, put together where little lies between them."""
    run: list[Item] = []
    stop_pts = 0
    for item in items:
        media_file = item.media_file
        far = FAR_SECONDS * media_file.time_base_denominator / media_file.time_base_numerator
        if run and item.start_pts - stop_pts > far:
            yield run
            run = []
        stop_pts = max(stop_pts, item.stop_pts) if run else item.stop_pts
        run.append(item)
    if run:
        yield run


def _clips(
    items: list[Item], encoder: ClipEncoder, decoder: Decoder, frames_per_second: float
) -> Iterator[tuple[int, np.ndarray]]:
    """(which of the items, its frames), of one video."""
    from indexing.compute.clips.streaming import stream
    from indexing.compute.clips.windows import PtsWindows

    media_file = items[0].media_file
    num_frames = encoder.num_frames or FRAMES_OF_ANY
    most_seconds = num_frames / frames_per_second if frames_per_second > 0 else None
    spans = [_narrowed(item, media_file, most_seconds) for item in items]
    frames = decoder.span(
        media_file.path,
        min(item.start_pts for item in items),
        max(item.stop_pts for item in items),
        min_side_px=encoder.decode_side_px,
    )
    for clip in stream(frames, PtsWindows(spans, num_frames), encoder.prepare):
        yield clip.row.row, clip.frames


def _narrowed(item: Item, media_file: MediaFile, most_seconds: float | None) -> tuple[int, int]:
    """The part of the clip that is looked at: all of it, or `most_seconds` around its middle."""
    if most_seconds is None:
        return item.start_pts, item.stop_pts
    most = most_seconds * media_file.time_base_denominator / media_file.time_base_numerator
    spare = max(0, int(item.stop_pts - item.start_pts - most)) // 2
    return item.start_pts + spare, item.stop_pts - spare
