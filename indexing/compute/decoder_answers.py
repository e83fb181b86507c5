"""What the decoder child can be asked, as (kind, facts, bytes) messages; a refusal is one of them."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from indexing.compute import frame_listing, images, seeking, span_copies, video
from indexing.compute.cutting import ClipCutter, ClipPolicy, Cut
from indexing.compute.decoder_pictures import Message, facts_of, refusal
from indexing.compute.media_facts import HEAD_BYTES, IMAGE_TYPES, Frame, type_by_content
from indexing.compute.perceptual import perceptual_hash
from indexing.compute.sampling import FramePolicy
from indexing.compute.thumbnails import (
    DIRECT_SIDE_PX,
    LONG_SIDE_PX,
    encode_jpeg,
    encode_png,
    make_thumbnail,
)

JPEG_QUALITY = 92  # of a full frame made for looking at


def identify(path: str) -> Iterator[Message]:
    """One result: the facts of a file."""
    try:
        file = Path(path)
        with file.open("rb") as head:
            kind = type_by_content(head.read(HEAD_BYTES))
        facts = images.identify_image(file) if kind in IMAGE_TYPES else video.probe(file)
        yield "r", asdict(facts), b""
    except Exception as error:  # what a decoder raises on hostile bytes is not known in advance
        yield refusal(error)
    yield ".", {}, b""


def read_images(
    paths: list[str], form: str, min_side_px: int | None = None, max_side_px: int | None = None
) -> Iterator[Message]:
    """One result or refusal per path, in their order."""
    if form == "thumbnail":
        max_side_px = DIRECT_SIDE_PX
    for path in paths:
        try:
            picture = images.read_image(Path(path), min_side_px=min_side_px, max_side_px=max_side_px)
            yield _formed(picture.pixels, form, facts_of(picture))
        except Exception as error:  # as above
            yield refusal(error)
    yield ".", {}, b""


def read_frames(
    path: str,
    policy: dict[str, Any],
    form: str,
    min_side_px: int | None = None,
    max_side_px: int | None = None,
) -> Iterator[Message]:
    """A result per kept frame; the last message has the `ReadingEnd`, or is a refusal."""
    if form == "thumbnail":
        max_side_px = LONG_SIDE_PX
    try:
        reading = video.frames(
            Path(path), FramePolicy(**policy), min_side_px=min_side_px, max_side_px=max_side_px
        )
        for frame in reading:
            yield _frame(frame, form)
        yield ".", asdict(reading.end) if reading.end else {}, b""
    except Exception as error:  # as above
        yield refusal(error)
        yield ".", {}, b""


def read_frames_at(
    path: str,
    pts: list[int],
    form: str,
    min_side_px: int | None = None,
    max_side_px: int | None = None,
    keys: list[int] | None = None,
) -> Iterator[Message]:
    """A result per frame found; a refusal at the end where some are not there."""
    sizes = {"min_side_px": min_side_px, "max_side_px": max_side_px}
    try:
        for frame in seeking.frames_at(Path(path), pts, keys=keys, **sizes):
            yield _frame(frame, form)
    except Exception as error:  # as above
        yield refusal(error)
    yield ".", {}, b""


def read_frame_table(path: str) -> Iterator[Message]:
    """One result: the facts and columns of the table."""
    try:
        facts, columns = frame_listing.frame_table(Path(path)).to_bytes()
        yield "r", facts, columns
    except Exception as error:  # as above
        yield refusal(error)
    yield ".", {}, b""


def read_clips(path: str, policy: dict[str, Any]) -> Iterator[Message]:
    """A result per clip, the thumbnail of its middle; last the `ReadingEnd`, or a refusal."""
    cutter = ClipCutter(ClipPolicy(**policy))
    pictures: dict[int, Frame] = {}

    def formed(cuts: Iterator[Cut]) -> Iterator[Message]:
        for cut in cuts:
            first, picture = pictures[cut.start_pts], pictures[cut.picture_pts]
            facts = {"number": first.number, "pts_seconds": first.pts_seconds}
            yield _formed(picture.pixels, "thumbnail", facts | cut._asdict())

    try:
        every = FramePolicy("every")
        reading = video.frames(Path(path), every, max_side_px=LONG_SIDE_PX, choose=cutter.sees)
        for frame in reading:
            yield from formed(cutter.over())
            pictures[frame.pts] = frame
            needed = cutter.needed_from_pts
            for pts in [pts for pts in pictures if needed is None or pts < needed]:
                del pictures[pts]
        yield from formed(cutter.end())
        yield ".", asdict(reading.end) if reading.end else {}, b""
    except Exception as error:  # as above
        yield refusal(error)
        yield ".", {}, b""


def read_span(
    path: str,
    start_pts: int,
    stop_pts: int,
    form: str,
    min_side_px: int | None = None,
    max_side_px: int | None = None,
) -> Iterator[Message]:
    """A result per frame from `start_pts` up to, not with, `stop_pts`; a refusal where there is none."""
    try:
        sizes = {"min_side_px": min_side_px, "max_side_px": max_side_px}
        for frame in seeking.frames_within(Path(path), start_pts, stop_pts, **sizes):
            yield _frame(frame, form)
    except Exception as error:  # as above
        yield refusal(error)
    yield ".", {}, b""


def copy_span(path: str, start_pts: int, stop_pts: int) -> Iterator[Message]:
    """One result: the span as an mp4 of its stored packets, or why that cannot be."""
    try:
        copied, why_not = span_copies.copy_of(Path(path), start_pts, stop_pts)
        yield "r", {"why_not": why_not}, copied
    except Exception as error:  # as above
        yield refusal(error)
    yield ".", {}, b""


ANSWERS: dict[str, Callable[..., Iterator[Message]]] = {
    "identify": identify,
    "images": read_images,
    "frames": read_frames,
    "frames_at": read_frames_at,
    "clips": read_clips,
    "span": read_span,
    "copy": copy_span,
    "frame_table": read_frame_table,
}


def _frame(frame: Frame, form: str) -> Message:
    facts = {
        "number": frame.number,
        "pts": frame.pts,
        "time_base": frame.time_base,
        "pts_seconds": frame.pts_seconds,
        "is_codec_keyframe": frame.is_codec_keyframe,
    }
    return _formed(frame.pixels, form, facts)


def _formed(pixels: np.ndarray, form: str, facts: dict[str, Any]) -> Message:
    if form == "thumbnail":
        pixels = make_thumbnail(pixels)
        facts["perceptual_hash"] = perceptual_hash(pixels)
    facts["shape"] = pixels.shape
    if form == "pixels":
        return "r", facts, np.ascontiguousarray(pixels)
    if form == "png":
        return "r", facts, encode_png(pixels)
    return (
        "r",
        facts,
        encode_jpeg(pixels) if form == "thumbnail" else encode_jpeg(pixels, quality=JPEG_QUALITY),
    )
