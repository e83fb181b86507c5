"""Clips of given spans of time: a fixed number of frames evenly spread over each, the nearest by pts."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from indexing.compute.clips.held import Clip, Held, Mark, Prepare, row_of, stacked
from indexing.compute.clips.windows import PtsWindows
from indexing.compute.media_facts import Frame


def stream_spans(frames: Iterable[Frame], plan: PtsWindows, prepare: Prepare) -> Iterator[Clip]:
    """A clip per span as soon as its last frame is known; rows count the spans as they were given."""
    coming = sorted(range(len(plan.spans)), key=lambda row: plan.spans[row])
    coming.reverse()
    opened: list[_Span] = []
    before: Held | None = None
    gap_pts = 1
    for frame in frames:
        held = Held(frame, prepare)
        if before is not None:
            gap_pts = max(held.pts - before.pts, 0) or gap_pts
            while coming and plan.spans[coming[-1]][0] < held.pts:
                row = coming.pop()
                opened.append(_Span(row, plan.spans[row], plan.num_frames, before))
        for span in opened:
            span.see(held)
        yield from (span.clip(held, gap_pts) for span in opened if held.pts >= span.stop_pts)
        opened = [span for span in opened if held.pts < span.stop_pts]
        before = held
    if before is not None:
        opened += [_Span(row, plan.spans[row], plan.num_frames, before) for row in reversed(coming)]
        yield from (span.clip(None, gap_pts) for span in opened)


class _Span:
    """One span being filled: the frames of the times that are past are settled, one more is a candidate."""

    def __init__(self, row: int, span: tuple[int, int], num_frames: int, shown: Held) -> None:
        self._row, (self.start_pts, self.stop_pts) = row, span
        length = self.stop_pts - self.start_pts
        self._times = [self.start_pts + Fraction(slot * length, num_frames) for slot in range(num_frames)]
        self._chosen: list[np.ndarray] = []
        self._newest, self._first = shown, shown  # the frame shown at the start, until one begins within

    def see(self, held: Held) -> None:
        """The next frame of the video: settles the times that are nearer to the one before."""
        if held.pts >= self.stop_pts:
            return
        if self._newest.pts < self.start_pts:  # the first frame within the span
            self._newest = self._first = held
            return
        while len(self._chosen) < len(self._times):
            if self._times[len(self._chosen)] * 2 > self._newest.pts + held.pts:
                break
            self._chosen.append(self._newest.pixels())
        self._newest = held

    def clip(self, following: Held | None, gap_pts: int) -> Clip:
        """What is left is nearest to the last frame of the span."""
        left = len(self._times) - len(self._chosen)
        pictures = [*self._chosen, *(self._newest.pixels() for _ in range(left))]
        first, last = _mark(self._first), _mark(self._newest)
        then = _mark(following) if following is not None else None
        row = row_of(self._row, first, last, then, gap_pts)
        return Clip(stacked(pictures), np.zeros(len(pictures), bool), row)


def _mark(held: Held) -> Mark:
    return Mark(held.number, held.pts, held.pts_seconds)
