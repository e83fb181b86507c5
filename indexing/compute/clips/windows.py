"""Which frames of a video make up each of its clips: plans as values, worked out while frames arrive."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Literal, NamedTuple

import numpy as np

Anchor = Literal["center", "start"]
Padding = Literal["zero", "edge", "reflect"]
Spread = Literal["first", "uniform"]
Pad = Literal["tile", "repeat_last"]


class Window(NamedTuple):
    """One clip to be: positions count the frames of the stream from 0, whatever their numbers are."""

    row: int
    slots: np.ndarray  # (N,) int64 positions; those < 0 are padding, those past the end `placed` settles
    start: int  # [start, stop) is what the clip stands for, frames between its slots included
    stop: int
    anchor: int  # the row is there if and only if the stream has a frame at this position
    opens_at: int  # no slot, `start` and `anchor` lie before it; ascends from window to window


class Placed(NamedTuple):
    """The slots of a window once the number of frames is known."""

    positions: np.ndarray  # (N,) int64, each in [0, num_frames), or -1 where padded
    padded: np.ndarray  # (N,) bool: slots that are to be zero after normalization


@dataclass(frozen=True, slots=True)
class CenteredWindows:
    """A window of N frames around (or from) every `stride`-th frame, beginning with frame `offset`.

    Slot j of the window of frame i is position floor(i - step * N / 2) + j * step, to the nearest
    where `step` is fractional; with anchor "start" it is i + j * step. What lies outside the video
    is zero after normalization, or the nearest frame ("edge"), or mirrored at the end ("reflect").

    N=16, step 1, i=0 -> slots 0-7 zero, slots 8-15 = frames 0-7
    """

    num_frames: int
    step: float = 1.0
    stride: int = 1
    offset: int = 0
    anchor: Anchor = "center"
    padding: Padding = "zero"

    def __post_init__(self) -> None:
        _check(self.num_frames >= 1, "num_frames must be at least 1", self.num_frames)
        _check(self.step > 0, "step must be above 0", self.step)
        _check(self.stride >= 1, "stride must be at least 1", self.stride)
        _check(self.offset >= 0, "offset must be at least 0", self.offset)
        _check(self.anchor in ("center", "start"), "anchor must be center or start", self.anchor)
        _check(
            self.padding in ("zero", "edge", "reflect"), "padding must be zero, edge or reflect", self.padding
        )

    @property
    def needs_count(self) -> bool:
        """Whether the windows depend on the number of frames."""
        return False

    @property
    def reach(self) -> int:
        """How many of the newest frames `placed` may ask for besides the window's own slots."""
        return {"zero": 0, "edge": 1, "reflect": self.span + 1}[self.padding]

    @property
    def span(self) -> int:
        """Positions from the first slot to the last, both counted."""
        return round_half_up((self.num_frames - 1) * self.step) + 1

    def num_rows(self, num_frames: int) -> int:
        """How many windows a video of so many frames has: ceil((T - offset) / stride)."""
        return max(0, -(-(num_frames - self.offset) // self.stride))

    def windows(self, num_frames: int | None = None) -> Iterator[Window]:
        """Row by row; without an end where the number of frames is not known."""
        row, at = 0, self.offset
        steps = np.floor(np.arange(self.num_frames) * self.step + 0.5).astype(np.int64)
        while num_frames is None or at < num_frames:
            start = floor(at - self.step * self.num_frames / 2) if self.anchor == "center" else at
            slots = start + steps
            stop = start + max(ceil(self.num_frames * self.step), int(steps[-1]) + 1)
            yield Window(row, self._begun(slots), start, stop, at, max(0, start))
            row, at = row + 1, at + self.stride

    def placed(self, window: Window, num_frames: int) -> Placed:
        """Where the slots lie in a video of so many frames."""
        at, last = window.slots, num_frames - 1
        if self.padding == "edge":
            at = np.minimum(at, last)
        elif self.padding == "reflect" and last > 0:
            at = np.abs(at) % (2 * last)
            at = np.where(at > last, 2 * last - at, at)
        elif self.padding == "reflect":
            at = np.zeros_like(at)
        padded = (at < 0) | (at > last)
        return Placed(np.where(padded, -1, at), padded)

    def _begun(self, slots: np.ndarray) -> np.ndarray:
        """With what lies before the first frame settled; that does not depend on the end."""
        if self.padding == "edge":
            return np.maximum(slots, 0)
        return np.abs(slots) if self.padding == "reflect" else slots


@dataclass(frozen=True, slots=True)
class ConsecutiveClips:
    """Clips of L frames, every r-th of a video, one after the other: clip k begins at frame k * L * r.

    `num_clips` None: all of them, n = ceil(T / (L * r)); the frames of a last clip that runs past the
    end are tiled ("tile") or its last one is repeated. With num_clips and spread "first": the first so
    many, their positions modulo T with "tile"; "uniform" spaces them evenly from the first frame to the
    last. `drop_last` leaves out clips that run past the end.

    L=32, r=2: T=10 -> 0 2 4 6 8 0 2 ...; T=65 -> 2 clips, the second is frame 64, 32 times
    """

    num_frames: int
    sampling_rate: int = 1
    num_clips: int | None = None
    spread: Spread = "first"
    drop_last: bool = False
    pad: Pad = "tile"

    def __post_init__(self) -> None:
        _check(self.num_frames >= 1, "num_frames must be at least 1", self.num_frames)
        _check(self.sampling_rate >= 1, "sampling_rate must be at least 1", self.sampling_rate)
        _check(self.num_clips is None or self.num_clips >= 1, "num_clips must be at least 1", self.num_clips)
        _check(self.spread in ("first", "uniform"), "spread must be first or uniform", self.spread)
        _check(self.pad in ("tile", "repeat_last"), "pad must be tile or repeat_last", self.pad)

    @property
    def needs_count(self) -> bool:
        """Whether the windows depend on the number of frames: with `num_clips` they do."""
        return self.num_clips is not None

    @property
    def reach(self) -> int:
        """`placed` asks for a window's own slots alone."""
        return 0

    @property
    def span(self) -> int:
        """Positions from the first slot to the last, both counted."""
        return (self.num_frames - 1) * self.sampling_rate + 1

    @property
    def pace(self) -> int:
        """Frames from the begin of a clip to the begin of the next."""
        return self.num_frames * self.sampling_rate

    def num_rows(self, num_frames: int) -> int:
        """How many clips a video of so many frames has."""
        if self.num_clips is not None:
            return sum(1 for _ in self.windows(num_frames))
        if self.drop_last:
            return max(0, (num_frames - self.span) // self.pace + 1)
        return -(-num_frames // self.pace)

    def windows(self, num_frames: int | None = None) -> Iterator[Window]:
        """In the order in which they open; without an end where the number of frames is not known."""
        steps = np.arange(self.num_frames, dtype=np.int64) * self.sampling_rate
        if self.num_clips is None:
            row = start = 0
            while num_frames is None or start < num_frames:
                yield Window(row, start + steps, start, start + self.pace, start, start)
                row, start = row + 1, start + self.pace
            return
        if num_frames is None:
            raise ValueError("num_clips needs the number of frames")
        if num_frames == 0:
            return
        found = [self._chosen(row, steps, num_frames) for row in range(self.num_clips)]
        if self.drop_last:
            found = [window for window in found if window.stop - window.start >= self.span]
        yield from sorted(found, key=lambda window: (window.opens_at, window.row))

    def _chosen(self, row: int, steps: np.ndarray, num_frames: int) -> Window:
        """One of `num_clips` clips of a video whose length is known."""
        if self.spread == "uniform":
            assert self.num_clips is not None  # noqa: S101 - asked for only then
            share = row / (self.num_clips - 1) if self.num_clips > 1 else 0.5
            start = round_half_up(share * max(0, num_frames - self.span))
            return Window(row, start + steps, start, min(start + self.pace, num_frames), start, start)
        start = row * self.pace
        if start >= num_frames and (self.drop_last or self.pad == "repeat_last"):
            start = num_frames if self.drop_last else num_frames - 1
        slots = start + steps
        if self.pad == "tile" and not self.drop_last:
            slots, start = slots % num_frames, start % num_frames
        stop = min(start + self.pace, num_frames)
        return Window(row, slots, start, stop, start, int(slots.min()))

    def placed(self, window: Window, num_frames: int) -> Placed | None:
        """Where the slots lie in a video of so many frames; None for a clip that is dropped."""
        at = window.slots
        if at[-1] >= num_frames:
            if self.drop_last:
                return None
            valid = at[at < num_frames]
            missing = len(at) - len(valid)
            tail = np.resize(valid, missing) if self.pad == "tile" else np.repeat(valid[-1], missing)
            at = np.concatenate((valid, tail))
        return Placed(at, np.zeros(len(at), bool))


@dataclass(frozen=True, slots=True)
class PtsWindows:
    """Clips of given spans of time: `num_frames` frames evenly spread over each [start_pts, stop_pts).

    Frame j is the one nearest to start + j * (stop - start) / num_frames among those within the span;
    where none begins within it, the one shown at its start. So the span of a clip of every r-th frame
    gives back the frames of that clip.
    """

    spans: Sequence[tuple[int, int]]
    num_frames: int

    def __post_init__(self) -> None:
        _check(self.num_frames >= 1, "num_frames must be at least 1", self.num_frames)
        for start, stop in self.spans:
            _check(start < stop, "a span must be [start_pts, stop_pts) with start < stop", (start, stop))

    @property
    def needs_count(self) -> bool:
        """Times do not depend on the number of frames."""
        return False

    def num_rows(self, num_frames: int) -> int:
        """One per span, where there is a frame at all."""
        return len(self.spans) if num_frames else 0


Plan = CenteredWindows | ConsecutiveClips | PtsWindows


def sparse(num_frames: int, step: float = 1.0, padding: Padding = "zero") -> CenteredWindows:
    """The windows of frames 16, 48, 80 ...: what slowfast_feature_extractor's SPARSE keeps."""
    return CenteredWindows(num_frames, step, stride=32, offset=16, padding=padding)


def round_half_up(value: float) -> int:
    """The nearest whole number; a half goes up, unlike `round`."""
    return floor(value + 0.5)


def _check(is_right: bool, expected: str, got: object) -> None:  # noqa: FBT001 - reads like an assertion
    if not is_right:
        raise ValueError(f"{expected}, got {got!r}")
