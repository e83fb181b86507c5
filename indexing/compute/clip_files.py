"""Frames to a video file (mp4, H.264): exactly these frames at their times, and always the same bytes."""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from indexing.compute.media_facts import Frame

Quality = Literal["h264", "lossless"]
MOST_TICKS = 2**31 - 1  # per second, that an mp4 can count
# Without B-frames the frames lie in the file as they are shown, and no player begins late. One thread: the
# bytes do not depend on the machine. Without mbtree: with it, 1 of 100 runs over the same frames gave other
# bytes (measured). The file says BT.709, so that every player turns it into these colors.
OPTIONS = {
    "h264": {"preset": "veryfast", "crf": "14", "x264-params": "mbtree=0"},
    "lossless": {"preset": "veryfast", "qp": "0"},
}
CLIP_GOP = 25  # frames between key frames: a player steps through a clip
# What is not written: when, and by which program.
CONTAINER = {"fflags": "+bitexact"}
BT709 = 1


def clip_file(frames: Iterable[Frame], *, stop_pts: int, quality: Quality = "h264") -> bytes:
    """An mp4 of `frames` in their order; the first is at 0 and the last ends at `stop_pts`.

    All times are kept as they are, relative to the first frame, in the frames' own time base. "lossless"
    keeps every RGB value (browsers seldom read it). ValueError without a frame.
    """
    coming = iter(frames)
    first = next(coming, None)
    if first is None:
        raise ValueError("a clip needs at least one frame")
    if stop_pts <= first.pts:
        raise ValueError(f"a clip ends after its first frame at {first.pts}, got {stop_pts}")
    out = io.BytesIO()
    numerator, denominator = first.time_base
    ticks = denominator if denominator <= MOST_TICKS else 90_000
    options = {"video_track_timescale": str(ticks)}
    with av.open(out, "w", format="mp4", options=options, container_options=CONTAINER) as container:
        stream = _stream(container, first, Fraction(1, ticks), quality)
        scaler = VideoReformatter()
        unit = Fraction(numerator, denominator) * ticks
        ends: dict[int, int] = {}  # when a frame begins -> when the next one does
        for frame, following in _paired(first, coming):
            begin = round((frame.pts - first.pts) * unit)
            end = round(((stop_pts if following is None else following.pts) - first.pts) * unit)
            ends[begin] = max(end, begin + 1)
            for packet in stream.encode(_picture(frame.pixels, scaler, stream, begin)):
                _mux(container, packet, ends)
        for packet in stream.encode(None):
            _mux(container, packet, ends)
    return out.getvalue()


def _stream(container: Any, first: Frame, time_base: Fraction, quality: Quality) -> Any:
    height, width = first.pixels.shape[:2]
    is_lossless = quality == "lossless"
    stream = container.add_stream("libx264rgb" if is_lossless else "libx264", options=OPTIONS[quality])
    stream.width, stream.height = width, height
    # H.264 halves colors of even sizes only.
    stream.pix_fmt = "rgb24" if is_lossless else "yuv420p" if not (width % 2 or height % 2) else "yuv444p"
    context = stream.codec_context
    context.time_base = stream.time_base = time_base
    context.thread_count = 1
    context.max_b_frames = 0
    context.gop_size = CLIP_GOP
    if not is_lossless:
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = ColorRange.MPEG
    return stream


def _picture(pixels: np.ndarray, scaler: VideoReformatter, stream: Any, pts: int) -> VideoFrame:
    picture = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    if stream.pix_fmt != "rgb24":
        picture = scaler.reformat(
            picture,
            format=stream.pix_fmt,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation="BICUBIC",
            threads=1,
        )
    picture.pts, picture.time_base = pts, stream.codec_context.time_base
    return picture


def _mux(container: Any, packet: Any, ends: dict[int, int]) -> None:
    packet.duration = ends.pop(packet.pts) - packet.pts
    container.mux(packet)


def _paired(first: Frame, coming: Iterator[Frame]) -> Iterator[tuple[Frame, Frame | None]]:
    """Each frame with the one after it; two are held."""

    def all_of() -> Iterator[Frame | None]:
        yield first
        yield from coming
        yield None

    for frame, following in pairwise(all_of()):
        if frame is not None:
            yield frame, following
