"""Videos to frames: one decoder path (PyAV) for thumbnail, feature, player seek and export.

Four demuxers and eight codecs are open, everything else is refused; a frame is named by its pts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from indexing.compute.images import check_size
from indexing.compute.media_facts import (
    HEAD_BYTES,
    VIDEO_TYPES,
    Frame,
    MediaFacts,
    MediaRefused,
    ReadingEnd,
    check_suffix,
    type_by_content,
)
from indexing.compute.sampling import ContentChange, EverySeconds, FramePolicy, are_key_frames_few

DEMUXERS = {"mp4": "mov", "matroska": "matroska", "avi": "avi", "mpegts": "mpegts"}
WHITELIST = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts"
CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "mjpeg", "mpeg4", "mpeg2video"})
MAX_ERRORS = 200  # damaged packets in a row after which the rest of a file is given up
MAX_SECONDS = 48 * 3600.0
SMALL = (32, 18)  # the gray picture by which a change of content is seen
AV_ERRORS = (av.error.FFmpegError, ValueError, OSError, MemoryError, NotImplementedError)
Choose = Callable[[int, float], bool]
CONVERT = "Convert it: ffmpeg -i FILE -c:v libx264 OUT.mp4"

av.logging.set_level(None)  # damage is reported by us, once, in a sentence


class OpenVideo:
    """A container and its video stream, opened with nothing but the pinned demuxer."""

    def __init__(self, container: Any, stream: Any, kind: str) -> None:
        self.container, self.stream, self.kind = container, stream, kind
        self.codec: str = stream.codec_context.codec.canonical_name
        self.time_base = stream.time_base
        self.start_pts: int = stream.start_time or 0

    @property
    def duration_seconds(self) -> float | None:
        """As declared for the video itself; a longer sound track is not the video's."""
        if self.stream.duration:
            return float(self.stream.duration * self.time_base)
        text = self.stream.metadata.get("DURATION", "")  # Matroska writes hh:mm:ss.fraction here
        try:
            hours, minutes, seconds = text.split(":")
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        except ValueError:
            pass
        if self.container.duration:
            return float(self.container.duration / av.time_base)
        return None

    @property
    def num_declared_frames(self) -> int | None:
        if self.stream.frames:
            return int(self.stream.frames)
        rate = self.stream.average_rate
        seconds = self.duration_seconds
        return round(seconds * float(rate)) if seconds and rate else None


@contextmanager
def open_video(path: Path) -> Iterator[OpenVideo]:
    """The video at `path`; MediaRefused for anything but the four containers with a codec we read."""
    with path.open("rb") as file:
        kind = type_by_content(file.read(HEAD_BYTES))
    if kind not in VIDEO_TYPES:
        raise MediaRefused("not-a-video", f"This is a {kind} image, not a video.")
    check_suffix(path.name, kind)
    options = {"format_whitelist": WHITELIST, "protocol_whitelist": "file"}
    try:
        container = av.open(f"file:{path}", format=DEMUXERS[kind], options=options, metadata_errors="replace")
    except AV_ERRORS as error:
        raise MediaRefused(
            "damaged-header", f"The {kind} header cannot be read ({_short(error)}). Copy or export it again."
        ) from error
    with container:
        yield OpenVideo(container, _video_stream(container), kind)


def _video_stream(container: Any) -> Any:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise MediaRefused("no-video", "The file has no video stream, only sound or data.")
    stream = max(streams, key=lambda s: s.width * s.height)
    if stream.codec_context is None or stream.codec_context.codec.canonical_name not in CODECS:
        name = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
        raise MediaRefused("unsupported-codec", f"Its codec is {name}; it is not read. {CONVERT}.")
    check_size(stream.width, stream.height)
    return stream


class Turn:
    """How a decoded picture is turned (and mirrored) to be upright, from its display matrix."""

    def __init__(self, frame: VideoFrame) -> None:
        self.is_transposed = self.flips_x = self.flips_y = False
        data: Any = frame.side_data.get("DISPLAYMATRIX")
        if data is None:
            return
        (a, b, _), (c, d, _), _ = np.frombuffer(bytes(data), np.int32).reshape(3, 3).tolist()
        self.is_transposed = abs(b) > abs(a)
        x, y = (c, b) if self.is_transposed else (a, d)
        self.flips_x, self.flips_y = x < 0, y < 0

    @property
    def degrees(self) -> int:
        """Clockwise."""
        if self.is_transposed:
            return 90 if self.flips_x else 270
        return 180 if self.flips_x and self.flips_y else 0

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        if self.is_transposed:
            pixels = pixels.swapaxes(0, 1)
        if self.flips_x:
            pixels = pixels[:, ::-1]
        if self.flips_y:
            pixels = pixels[::-1]
        return np.ascontiguousarray(pixels)


class Converter:
    """Decoded frames to upright RGB, straight to the wanted size, by one reused scaler."""

    def __init__(self, *, min_side_px: int | None, max_side_px: int | None) -> None:
        self._min, self._max = min_side_px, max_side_px
        self._scaler, self._small = VideoReformatter(), VideoReformatter()
        self._turn: Turn | None = None

    def pixels(self, frame: VideoFrame) -> np.ndarray:
        """(H, W, 3) uint8."""
        check_size(frame.width, frame.height)
        self._turn = self._turn or Turn(frame)
        width, height = target_size(frame.width, frame.height, self._min, self._max)
        # threads=1: the default starts threads per frame and is slower on small pictures
        rgb = self._scaler.reformat(
            frame, width=width, height=height, format="rgb24", interpolation="FAST_BILINEAR", threads=1
        )
        return self._turn.apply(rgb.to_ndarray())

    def small_gray(self, frame: VideoFrame) -> np.ndarray:
        """(18, 32) uint8, not turned: only compared with its like."""
        width, height = SMALL
        gray = self._small.reformat(
            frame, width=width, height=height, format="gray", interpolation="FAST_BILINEAR", threads=1
        )
        return gray.to_ndarray()


def target_size(width: int, height: int, min_side_px: int | None, max_side_px: int | None) -> tuple[int, int]:
    """The size at which a frame is made: never larger than it is.

    1280 x 720 with min_side_px=224 -> 398 x 224; with max_side_px=256 -> 256 x 144
    """
    scale = 1.0
    if min_side_px is not None:
        scale = min(1.0, min_side_px / min(width, height))
    elif max_side_px is not None:
        scale = min(1.0, max_side_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def probe(path: Path) -> MediaFacts:
    """The facts of a video, its first decodable frame included; MediaRefused where there is none."""
    with open_video(path) as video:
        first = next((f for f in decoded(video, Tally()) if not f.is_corrupt), None)
        if first is None:
            raise MediaRefused(
                "no-frames", "Not one frame can be decoded; the file is damaged. Copy or export it again."
            )
        check_size(first.width, first.height)
        turn = Turn(first)
        size = (first.height, first.width) if turn.is_transposed else (first.width, first.height)
        rate = video.stream.average_rate
        return MediaFacts(
            "video",
            video.kind,
            video.codec,
            *size,
            rotation_degrees=turn.degrees,
            duration_seconds=video.duration_seconds,
            num_declared_frames=video.num_declared_frames,
            time_base_numerator=video.time_base.numerator,
            time_base_denominator=video.time_base.denominator,
            frames_per_second=float(rate) if rate else None,
        )


class Tally:
    """What one pass over the packets met."""

    def __init__(self) -> None:
        self.num_errors = 0
        self.num_packets = 0
        self.end_pts: int | None = None  # where the last packet stops
        self.error = ""

    def note(self, error: BaseException) -> None:
        self.num_errors += 1
        self.error = self.error or _short(error)

    def see(self, packet: Any) -> None:
        self.num_packets += 1
        at = packet.pts if packet.pts is not None else packet.dts
        if at is not None:
            self.end_pts = max(self.end_pts or at, at + (packet.duration or 0))


def packets(video: OpenVideo, tally: Tally) -> Iterator[Any]:
    """The packets of the video stream as they lie, the empty ones that flush included; damage is tallied."""
    found = video.container.demux(video.stream)
    while True:
        try:
            packet = next(found)
        except StopIteration:
            return
        except AV_ERRORS as error:
            tally.note(error)
            return
        if packet.size:
            tally.see(packet)
        yield packet


def decoded(video: OpenVideo, tally: Tally, *, from_key_frame: bool = False) -> Iterator[VideoFrame]:
    """The decoder's frames in presentation order; damaged packets are tallied and passed over."""
    errors_in_a_row = 0
    # These decoders do not heed skip_frame; each of their key packets can be decoded alone.
    keys_only = video.codec in ("vp8", "vp9", "av1") and video.stream.codec_context.skip_frame == "NONKEY"
    for packet in packets(video, tally):
        if keys_only and packet.size and not packet.is_keyframe:
            continue
        if from_key_frame and packet.size:
            if not packet.is_keyframe:
                continue
            from_key_frame = False
        try:
            frames = packet.decode()
        except AV_ERRORS as error:
            tally.note(error)
            errors_in_a_row += 1
            if errors_in_a_row >= MAX_ERRORS:
                return
            continue
        if frames:
            errors_in_a_row = 0
        yield from frames


def key_frame_pts(path: Path) -> tuple[list[int], Tally]:
    """The pts of the packets marked as key frames, ascending, by demuxing alone."""
    tally = Tally()
    with open_video(path) as video:
        at = [
            p.pts if p.pts is not None else p.dts for p in packets(video, tally) if p.size and p.is_keyframe
        ]
    return sorted(pts for pts in at if pts is not None), tally


class VideoReading:
    """The kept frames of one video, once; `end` tells how it went after the last of them."""

    def __init__(
        self,
        path: Path,
        policy: FramePolicy,
        *,
        min_side_px: int | None = None,
        max_side_px: int | None = None,
        choose: Choose | None = None,
    ) -> None:
        self._path, self._policy, self._choose = path, policy, choose
        self._converter = Converter(min_side_px=min_side_px, max_side_px=max_side_px)
        self.end: ReadingEnd | None = None

    def __iter__(self) -> Iterator[Frame]:
        policy, notes = self._policy, tuple[str, ...]()
        if policy.kind == "codec_keyframe" and not policy.is_exact:
            policy, notes = self._fall_back(policy)
        with open_video(self._path) as video:
            yield from self._kept(video, policy, notes)

    def _fall_back(self, policy: FramePolicy) -> tuple[FramePolicy, tuple[str, ...]]:
        """Timed frames where key frames are few."""
        keys, tally = key_frame_pts(self._path)
        with open_video(self._path) as video:
            seconds = float(((tally.end_pts or 0) - video.start_pts) * video.time_base)
        if not are_key_frames_few(len(keys), seconds, policy.interval_seconds):
            return policy, ()
        note = (
            f"{len(keys)} codec key frames in {seconds:.1f} s: "
            f"a frame every {policy.interval_seconds:g} s was taken instead"
        )
        return FramePolicy("interval", interval_seconds=policy.interval_seconds), (note,)

    def _kept(self, video: OpenVideo, policy: FramePolicy, notes: tuple[str, ...]) -> Iterator[Frame]:
        # AVI names its frames by the decoder's own delay (see Clock), which skipping would change
        is_counted = policy.kind != "codec_keyframe" or video.kind == "avi"
        video.stream.thread_type = "AUTO" if is_counted else "SLICE"
        if not is_counted:
            video.stream.codec_context.skip_frame = "NONKEY"
        ticks, change = EverySeconds(policy.interval_seconds), ContentChange()
        rule = {
            "interval": lambda frame, seconds: ticks.keeps(seconds),
            "content_change": lambda frame, seconds: change.keeps(self._converter.small_gray(frame)),
            "codec_keyframe": lambda frame, seconds: frame.key_frame,
        }.get(policy.kind, lambda frame, seconds: True)
        tally, gaps, clock, num_decoded, num_corrupt, last = Tally(), Gaps(), Clock(video), 0, 0, None
        for frame in decoded(video, tally):
            pts = clock.pts_of(frame)
            number, num_decoded = num_decoded, num_decoded + 1
            if frame.is_corrupt:
                num_corrupt += 1
                continue
            if last is not None and pts <= last:  # two frames cannot have one name
                continue
            gaps.see(pts, last)
            last = pts
            seconds = float((pts - video.start_pts) * video.time_base)
            if seconds > MAX_SECONDS:
                tally.note(ValueError(f"longer than {MAX_SECONDS / 3600:g} hours"))
                break
            if rule(frame, seconds) and (self._choose is None or self._choose(pts, seconds)):
                yield self._frame(video, frame, pts, number if is_counted else None)
        self.end = _ending(video, tally, num_decoded - num_corrupt, num_corrupt, gaps, is_counted, notes)

    def _frame(self, video: OpenVideo, frame: VideoFrame, pts: int, number: int | None) -> Frame:
        base = video.time_base
        seconds = float((pts - video.start_pts) * base)
        whole = (base.numerator, base.denominator)
        return Frame(number, pts, whole, seconds, self._converter.pixels(frame), bool(frame.key_frame))


class Gaps:
    """The times between frames, to tell a variable rate from a rounded one."""

    def __init__(self) -> None:
        self._shortest, self._longest = 0, 0

    def see(self, pts: int, last: int | None) -> None:
        if last is not None:
            gap = pts - last
            self._shortest = min(self._shortest or gap, gap)
            self._longest = max(self._longest, gap)

    @property
    def are_uneven(self) -> bool:
        """More than a tick of rounding and a tenth apart."""
        return self._longest - self._shortest > max(1, 0.1 * self._shortest)


def _ending(
    video: OpenVideo,
    tally: Tally,
    num_good: int,
    num_corrupt: int,
    gaps: Gaps,
    is_counted: bool,  # noqa: FBT001 - one of many facts of the end, told by name nowhere else
    notes: tuple[str, ...],
) -> ReadingEnd:
    declared = video.num_declared_frames
    seconds = video.duration_seconds
    covered = float(((tally.end_pts or 0) - video.start_pts) * video.time_base)
    is_short = seconds is not None and covered < seconds - max(1.0, 0.02 * seconds)
    got = num_good if is_counted else tally.num_packets
    damage = ""
    if tally.num_errors or num_corrupt or is_short:
        what = "frames" if is_counted else "frames' data"
        of = f" of {declared} declared" if declared else ""
        why = f"{tally.num_errors} damaged packets ({tally.error})" if tally.num_errors else ""
        why = why or (f"{num_corrupt} damaged frames" if num_corrupt else "")
        until = f"it ends after {covered:.1f} of {seconds:.1f} s" if is_short else ""
        damage = (
            f"{got}{of} {what} were read: {'; '.join(filter(None, (why, until)))}. The good frames are kept."
        )
    return ReadingEnd(num_good, declared, is_counted, is_counted and gaps.are_uneven, damage, notes)


def frames(
    path: Path,
    policy: FramePolicy,
    *,
    min_side_px: int | None = None,
    max_side_px: int | None = None,
    choose: Choose | None = None,
) -> VideoReading:
    """The frames of a video that `policy` keeps, in presentation order; damage is told by `.end`.

    For "feature_similarity" every frame comes; `sampling.dissimilar` chooses among them. `choose` is asked
    of every kept frame by its pts and its time in seconds, before its pixels are made.
    """
    return VideoReading(path, policy, min_side_px=min_side_px, max_side_px=max_side_px, choose=choose)


class Clock:
    """The pts that names each frame of one pass, in the decoder's order.

    AVI stores no pts and what the demuxer makes up is not in order with B-frames; there the
    dts at which a frame left the decoder names it, and frames flushed at the end follow evenly.
    """

    def __init__(self, video: OpenVideo) -> None:
        self._by_dts = video.kind == "avi"
        self._last: int | None = None
        self._gap = 1

    def pts_of(self, frame: VideoFrame) -> int:
        given = frame.dts if self._by_dts else frame.pts
        pts = int(given) if given is not None else (0 if self._last is None else self._last + self._gap)
        if self._last is not None and pts > self._last:
            self._gap = pts - self._last
        self._last = pts
        return pts


def _short(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0][:120]
