"""A video to clips: consecutive windows by the real times of its frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor
from typing import NamedTuple

LONGEST_FRAME_SECONDS = 1.0  # a longer wait for the next frame is a gap, and no part of a clip
EPSILON = 1e-6  # seconds: times are float64, lengths are decimal


@dataclass(frozen=True, slots=True)
class ClipPolicy:
    """A clip of `length_seconds` begins every `stride_seconds`, from the first frame on."""

    length_seconds: float = 2.0
    stride_seconds: float = 2.0

    def __post_init__(self) -> None:
        if not self.length_seconds > 0 or not self.stride_seconds > 0:
            raise ValueError(f"a clip's length and stride must be above 0, got {self}")

    @property
    def name(self) -> str:
        """Equal for policies that cut alike: '2s every 2s'."""
        return f"{self.length_seconds:g}s every {self.stride_seconds:g}s"

    def num_clips(self, duration_seconds: float) -> int:
        """How many clips a video of that length and an even rate has.

        2 s every 2 s: 6.0 s -> 3, 6.1 s -> 4. 2 s every 1 s: 3.0 s -> 2, the last of which ends with it.
        """
        left = duration_seconds - EPSILON
        if left <= 0:
            return 0
        if self.stride_seconds >= self.length_seconds:
            return 1 + floor(left / self.stride_seconds)
        return 1 + max(0, -floor((self.length_seconds - left) / self.stride_seconds))


class Cut(NamedTuple):
    """A clip: frames from `start_pts` up to, not with, `stop_pts`."""

    start_pts: int
    stop_pts: int
    picture_pts: int  # of the frame that stands for it: the first at or after its middle, or its first


@dataclass(slots=True)
class _Open:
    """A clip that has begun."""

    start_pts: int
    middle_seconds: float
    stop_seconds: float
    picture_pts: int | None = None


class ClipCutter:
    """Is told the time of every frame in order; says which are wanted as pictures, and which clips are over.

    A clip that would have no frame is none. None begins after one that has reached the video's end, so with
    a stride below the length the last clip is whole but for what the video lacks.
    """

    def __init__(self, policy: ClipPolicy) -> None:
        self._policy = policy
        self._next = 0  # the number of the next clip to begin
        self._first_seconds: float | None = None
        self._last: tuple[int, float] | None = None  # pts and seconds of the last frame
        self._gap = 1
        self._open: list[_Open] = []
        self._over: list[Cut] = []

    def sees(self, pts: int, seconds: float) -> bool:
        """Take note of the next frame; True where its picture is wanted."""
        if self._first_seconds is None:
            self._first_seconds = seconds
        self._close(pts, seconds)
        has_begun = self._begin(pts, seconds - self._first_seconds)
        is_middle = False
        for clip in self._open:
            if clip.picture_pts is None and seconds - self._first_seconds >= clip.middle_seconds - EPSILON:
                clip.picture_pts, is_middle = pts, True
        if self._last is not None:
            self._gap = pts - self._last[0]
        self._last = (pts, seconds)
        return has_begun or is_middle

    def over(self) -> Iterator[Cut]:
        """The clips that ended since the last question."""
        over, self._over = self._over, []
        yield from over

    def end(self) -> Iterator[Cut]:
        """The clips that ended, and the one that ends with the video."""
        yield from self.over()
        if self._open and self._last is not None:
            yield self._cut(self._open[0], self._last[0] + self._gap)
        self._open = []

    @property
    def needed_from_pts(self) -> int | None:
        """No picture before this one is asked for any more; None: none at all."""
        return min((clip.start_pts for clip in self._open), default=None)

    def _begin(self, pts: int, at_seconds: float) -> bool:
        length, stride = self._policy.length_seconds, self._policy.stride_seconds
        has_begun = False
        while self._next * stride <= at_seconds + EPSILON:
            start = self._next * stride
            self._next += 1
            if start + length > at_seconds + EPSILON:
                self._open.append(_Open(pts, start + length / 2, start + length))
                has_begun = True
        return has_begun

    def _close(self, pts: int, seconds: float) -> None:
        if self._last is None or self._first_seconds is None:
            return
        is_gap = seconds - self._last[1] > LONGEST_FRAME_SECONDS
        stop_pts = self._last[0] + self._gap if is_gap else pts
        at_seconds = seconds - self._first_seconds
        while self._open and self._open[0].stop_seconds <= at_seconds + EPSILON:
            self._over.append(self._cut(self._open.pop(0), min(stop_pts, pts)))

    def _cut(self, clip: _Open, stop_pts: int) -> Cut:
        picture = clip.start_pts if clip.picture_pts is None else clip.picture_pts
        return Cut(clip.start_pts, stop_pts, picture)
