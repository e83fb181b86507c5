"""The frames of a video at given times, exactly those an ingest from its start would give."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

from av.video.frame import VideoFrame

from indexing.compute.media_facts import Frame, MediaRefused
from indexing.compute.video import (
    AV_ERRORS,
    Clock,
    Converter,
    OpenVideo,
    Tally,
    decoded,
    key_frame_pts,
    open_video,
)

FEW = 4  # up to so many frames are sought one by one, without a look at the whole file first
STEPS_BACK_SECONDS = (0.0, 2.0, 10.0, 40.0)  # where a seek lands late (mpegts has no index), farther back


def frames_at(
    path: Path,
    pts: Sequence[int],
    *,
    min_side_px: int | None = None,
    max_side_px: int | None = None,
    keys: Sequence[int] | None = None,
) -> Iterator[Frame]:
    """The frames at these pts, each once; MediaRefused at the end for those not there.

    Ascending, and last those that only a pass from the start can give. Costs one group of
    pictures per frame; two passes over the file at most. `keys`: the pts of the codec key frames
    around, ascending, where they are known; they save a look at the whole file.
    """
    wanted = sorted(set(pts))
    converter = Converter(min_side_px=min_side_px, max_side_px=max_side_px)
    missing = []
    if keys is None:
        keys = key_frame_pts(path)[0] if len(wanted) > FEW else []
    with open_video(path) as video:
        if len(wanted) > FEW and set(wanted) <= set(keys):
            video.stream.codec_context.skip_frame = "NONKEY"
        else:
            video.stream.thread_type = "AUTO"
        walk = _Walk(video, keys)
        for target in wanted:
            found = walk.to(target)
            if found is None:
                missing.append(target)
            else:
                yield _frame(video, found, target, converter)
    if not missing:
        return
    with open_video(path) as video:
        for found, at in _from_start(video):
            if at in missing:
                missing.remove(at)
                yield _frame(video, found, at, converter)
            if not missing:
                return
    raise MediaRefused("no-such-frame", f"There is no frame at pts {missing[:5]}; the file has changed.")


def frames_within(
    path: Path,
    start_pts: int,
    stop_pts: int,
    *,
    min_side_px: int | None = None,
    max_side_px: int | None = None,
) -> Iterator[Frame]:
    """The frames with start_pts <= pts < stop_pts in order, those an ingest gives; MediaRefused if none.

    Costs the span and the group of pictures before it.
    """
    converter = Converter(min_side_px=min_side_px, max_side_px=max_side_px)
    last = None
    for video, found, pts in _run_to(path, start_pts):
        if pts >= stop_pts:
            break
        if pts >= start_pts and (last is None or pts > last):
            last = pts
            yield _frame(video, found, pts, converter)
    if last is None:
        raise MediaRefused("no-such-frame", f"There is no frame from pts {start_pts} to {stop_pts}.")


def _run_to(path: Path, target: int) -> Iterator[tuple[OpenVideo, VideoFrame, int]]:
    """Frames in order from a key frame at or before `target`, with their pts; all where that is not found."""
    with open_video(path) as video:
        video.stream.thread_type = "AUTO"
        for seconds in STEPS_BACK_SECONDS:
            at = target - round(seconds / video.time_base)
            if at <= video.start_pts or video.kind == "avi":  # which names frames by the way it came to them
                break
            try:
                video.container.seek(at, stream=video.stream)
            except AV_ERRORS:
                continue
            clock, is_exact = Clock(video), False
            for frame in decoded(video, Tally(), from_key_frame=True):
                pts = clock.pts_of(frame)
                if not is_exact and frame.key_frame:
                    if pts > target:
                        break  # it landed late
                    is_exact = True
                if is_exact and not frame.is_corrupt:
                    yield video, frame, pts
            if is_exact:
                return
    with open_video(path) as video:
        video.stream.thread_type = "AUTO"
        for frame, pts in _from_start(video):
            yield video, frame, pts


def _frame(video: OpenVideo, found: VideoFrame, pts: int, converter: Converter) -> Frame:
    base = video.time_base
    seconds = float((pts - video.start_pts) * base)
    whole = (base.numerator, base.denominator)
    return Frame(None, pts, whole, seconds, converter.pixels(found), bool(found.key_frame))


def _from_start(video: OpenVideo) -> Iterator[tuple[VideoFrame, int]]:
    clock = Clock(video)
    for frame in decoded(video, Tally()):
        at = clock.pts_of(frame)
        if not frame.is_corrupt:
            yield frame, at


class _Walk:
    """Moves forward through a video, jumping where that is cheaper than decoding on."""

    def __init__(self, video: OpenVideo, keys: Sequence[int]) -> None:
        self._video, self._keys = video, keys
        self._clock = Clock(video)
        self._frames: Iterator[VideoFrame] = iter(())
        self._at: int | None = None  # pts of the last frame given by the decoder
        self._first: int | None = None  # pts from which the present run is exact

    def to(self, target: int) -> VideoFrame | None:
        """The frame at `target`, or None."""
        if self._is_near(target):
            found = self._forward(target)
            if found is not None:
                return found
        for seconds in STEPS_BACK_SECONDS:
            if self._jump(target - round(seconds / self._video.time_base)):
                found = self._forward(target)
                if found is not None:
                    return found
                if self._first is not None and self._first <= target:
                    return None  # an exact run passed it by
        return None

    def _is_near(self, target: int) -> bool:
        if self._at is None or self._at >= target:
            return False
        if not self._keys:
            return (target - self._at) * self._video.time_base < 1
        return bisect_right(self._keys, target) - bisect_right(self._keys, self._at) <= 1

    def _jump(self, pts: int) -> bool:
        try:
            self._video.container.seek(max(pts, self._video.start_pts), stream=self._video.stream)
        except AV_ERRORS:
            return False
        self._frames = decoded(self._video, Tally(), from_key_frame=True)
        self._at = self._first = None
        self._clock = Clock(self._video)
        return True

    def _forward(self, target: int) -> VideoFrame | None:
        for frame in self._frames:
            self._at = self._clock.pts_of(frame)
            if self._first is None and frame.key_frame:
                self._first = self._at
            if self._at >= target:
                # before the first key frame: leads an open group, its references lie before the jump
                is_exact = self._first is not None and self._first <= target and not frame.is_corrupt
                return frame if is_exact and self._at == target else None
        return None
