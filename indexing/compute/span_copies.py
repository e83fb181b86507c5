"""A span of a video copied without decoding, where that gives exactly its frames; for the decoder child."""

import io
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av

from indexing.compute.video import Tally, Turn, decoded, open_video, packets

COPIED = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"})  # what an mp4 may hold
CONTAINERS = frozenset({"mp4", "matroska"})  # they say when every frame is shown
MOST_BYTES = 512 << 20
CONTAINER = {"fflags": "+bitexact"}


class Run(NamedTuple):
    """Packets one after the other, as they are stored."""

    packets: list[Any]
    why_not: str = ""  # in a sentence, where they are not exactly the frames of the span


def copy_of(path: Path, start_pts: int, stop_pts: int) -> tuple[bytes, str]:
    """An mp4 with the very packets of the frames from `start_pts` up to, not with, `stop_pts`, from 0 on.

    (b"", why) where that cannot be: the span does not begin with a key frame, packets of it need others to be
    decoded, the video is turned by a tag, or an mp4 cannot hold its codec.
    """
    with open_video(path) as video:
        if video.kind not in CONTAINERS or video.codec not in COPIED:
            return b"", f"{video.codec} in {video.kind} is not copied into an mp4"
        first = next((frame for frame in decoded(video, Tally()) if not frame.is_corrupt), None)
        if first is None:
            return b"", "it has no frame"
        turn = Turn(first)
        if turn.is_transposed or turn.flips_x or turn.flips_y:
            return b"", "its frames are turned by a tag"
    with open_video(path) as video:
        run = _run(video, start_pts, stop_pts)
        if run.why_not:
            return b"", run.why_not
        out = io.BytesIO()
        options = {"video_track_timescale": str(video.time_base.denominator)}
        with av.open(out, "w", format="mp4", options=options, container_options=CONTAINER) as container:
            stream = container.add_stream_from_template(video.stream, opaque=True)
            stream.time_base = video.time_base
            shown = [packet.pts for packet in run.packets]
            ends = dict(pairwise([*sorted(shown), stop_pts]))
            for packet, dts in zip(run.packets, _decode_times(shown), strict=True):
                packet.duration = ends[packet.pts] - packet.pts
                packet.pts, packet.dts = packet.pts - start_pts, dts - start_pts
                packet.stream = stream
                container.mux(packet)
        return out.getvalue(), ""


def _decode_times(shown: list[int]) -> list[int]:
    """Times in the order of decoding, each at or before its frame is shown: not all containers have them.

    shown 0 3 1 2 -> -1 0 1 2
    """
    ordered = sorted(shown)
    late = max(at - pts for at, pts in zip(ordered, shown, strict=True))
    return [at - late for at in ordered]


def _run(video: Any, start_pts: int, stop_pts: int) -> Run:
    """The packets of the span, if they are one run that begins with a key frame and needs no others."""
    held: list[Any] = []
    num_bytes, is_over = 0, False
    video.container.seek(start_pts, stream=video.stream)
    for packet in packets(video, Tally()):
        if not packet.size:
            continue
        if packet.pts is None:
            return Run([], "its packets do not say when they are shown")
        is_within = start_pts <= packet.pts < stop_pts
        if is_within and is_over:
            return Run([], "frames of it are stored after its end")
        if not held:
            if packet.pts == start_pts and packet.is_keyframe and not packet.is_discard:
                held.append(packet)
            elif is_within or packet.pts >= stop_pts:
                return Run([], "it does not begin with a key frame")
            continue
        if is_within:
            held.append(packet)
            num_bytes += packet.size
            if packet.is_discard or packet.is_corrupt or num_bytes > MOST_BYTES:
                return Run([], "it is damaged, or too large to be copied")
        elif packet.pts < start_pts:
            return Run([], "frames before it are stored within it")
        elif not is_over:
            if not packet.is_keyframe:
                return Run([], "it does not end before a key frame")
            is_over = True
        elif packet.is_keyframe:
            break  # nothing after a second key frame belongs to what lies before the first
    return Run(held) if held else Run([], "it does not begin with a key frame")
