"""Lists the frames of a video: by decoding it, or by its packets where that takes too long."""

from pathlib import Path

import numpy as np

from indexing.compute.frame_table import FrameTable
from indexing.compute.media_facts import MediaRefused
from indexing.compute.video import MAX_SECONDS, Clock, OpenVideo, Tally, decoded, open_video, packets

# Up to this many pixels in all its frames, a video is decoded for its table: some seconds of one core.
# A longer one is listed by its packets, which seldom differ from its frames.
MAX_DECODED_PIXELS = 1_500_000_000
MAX_FRAMES = 5_000_000  # 46 hours at 30 per second


def frame_table(path: Path, *, max_decoded_pixels: int = MAX_DECODED_PIXELS) -> FrameTable:
    """The frames that a reading of the whole video gives, under the same pts and numbers.

    Above `max_decoded_pixels` the packets are listed instead. MediaRefused where there is not one frame.
    """
    with open_video(path) as video:
        table = _by_packets(video)
        num_pixels = len(table) * video.stream.width * video.stream.height if table else 0
    if table is None or num_pixels <= max_decoded_pixels:
        with open_video(path) as video:
            table = _by_decoding(video)
    if table is None:
        raise MediaRefused("no-frames", "Not one frame can be decoded; the file is damaged.")
    return table


def _by_packets(video: OpenVideo) -> FrameTable | None:
    """None where packets carry no times."""
    tally = Tally()
    found: dict[int, bool] = {}
    is_by_dts = video.kind == "avi"  # as in Clock
    for packet in packets(video, tally):
        if not packet.size or packet.is_discard:
            continue
        at = packet.dts if is_by_dts or packet.pts is None else packet.pts
        if at is not None:
            found[int(at)] = bool(packet.is_keyframe)
        if len(found) >= MAX_FRAMES:
            break
    if not found:
        return None
    pts = np.array(sorted(found), np.int64)
    keys = np.array([found[at] for at in pts.tolist()], bool)
    return _table(video, tally, pts, np.arange(len(pts), dtype=np.int32), keys, is_decoded=False)


def _by_decoding(video: OpenVideo) -> FrameTable | None:
    video.stream.thread_type = "AUTO"
    tally, clock = Tally(), Clock(video)
    pts: list[int] = []
    numbers: list[int] = []
    keys: list[bool] = []
    for number, frame in enumerate(decoded(video, tally)):
        at = clock.pts_of(frame)
        if frame.is_corrupt or (pts and at <= pts[-1]):
            continue
        if (at - video.start_pts) * video.time_base > MAX_SECONDS or len(pts) >= MAX_FRAMES:
            break
        pts.append(at)
        numbers.append(number)
        keys.append(bool(frame.key_frame))
    if not pts:
        return None
    columns = (np.array(pts, np.int64), np.array(numbers, np.int32), np.array(keys, bool))
    return _table(video, tally, *columns, is_decoded=True)


def _table(
    video: OpenVideo,
    tally: Tally,
    pts: np.ndarray,
    numbers: np.ndarray,
    keys: np.ndarray,
    *,
    is_decoded: bool,
) -> FrameTable:
    last = int(pts[-1])
    gap = last - int(pts[-2]) if len(pts) > 1 else 1  # where nothing says how long the last frame is shown
    stop = tally.end_pts if tally.end_pts is not None and tally.end_pts > last else last + gap
    base = (video.time_base.numerator, video.time_base.denominator)
    return FrameTable(pts, numbers, keys, base, video.start_pts, stop, is_decoded)
