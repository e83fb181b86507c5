"""Frames to clips while they are decoded: each is prepared once, and held as long as a clip needs it."""

import heapq
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator

from indexing.compute.clips.held import Clip, Held, Mark, Prepare, row_of, stacked
from indexing.compute.clips.spans import stream_spans
from indexing.compute.clips.windows import CenteredWindows, ConsecutiveClips, Plan, PtsWindows, Window
from indexing.compute.media_facts import Frame

__all__ = ["Clip", "FrameCountDiffers", "stream"]


class FrameCountDiffers(ValueError):
    """A plan was made for another number of frames than came; make it anew with `num_frames`."""

    def __init__(self, told: int, num_frames: int) -> None:
        super().__init__(f"{told} frames were counted, {num_frames} were decoded")
        self.num_frames = num_frames


def stream(
    frames: Iterable[Frame], plan: Plan, prepare: Prepare, *, num_frames: int | None = None
) -> Generator[Clip]:
    """The clips of `plan` as soon as their last frame is there; memory holds the frames of open clips.

    `num_frames` is asked for by plans with `needs_count`, counted by demuxing; where the decoder gives
    another number, FrameCountDiffers is raised at the end and what came before is void. Clips come in the
    order of their rows, except where they wrap around or spans overlap; `row.row` says which is which.
    """
    if isinstance(plan, PtsWindows):
        yield from stream_spans(frames, plan, prepare)
        return
    told = num_frames if plan.needs_count else None
    flow, num_seen = _Flow(plan, prepare, told), 0
    for frame in frames:
        if told is None or num_seen < told:
            yield from flow.take(num_seen, frame)
        num_seen += 1
    if told is not None and num_seen != told:
        raise FrameCountDiffers(told, num_seen)
    yield from flow.end(num_seen)


class _Flow:
    """The open windows of one pass and the frames they wait for."""

    def __init__(
        self, plan: CenteredWindows | ConsecutiveClips, prepare: Prepare, num_frames: int | None
    ) -> None:
        self._plan, self._prepare = plan, prepare
        self._coming = plan.windows(num_frames)
        self._next = next(self._coming, None)
        self._open: list[tuple[int, int, Window]] = []  # a heap by the position that completes a window
        self._num_wanting: Counter[int] = Counter()  # position -> slots of open windows it stands in
        self._held: dict[int, Held] = {}
        self._newest: deque[tuple[int, Held]] = deque(maxlen=max(1, plan.reach))
        self._marks: dict[int, Mark] = {}
        self._num_forgotten = 0
        self._gap_pts = 1

    def take(self, position: int, frame: Frame) -> Iterator[Clip]:
        """One more frame; the clips it completes."""
        while self._next is not None and self._next.opens_at <= position:
            self._opened(self._next)
            self._next = next(self._coming, None)
        held = Held(frame, self._prepare)
        is_wanted = position in self._num_wanting
        if is_wanted:
            self._held[position] = held
        if is_wanted or self._plan.reach > 1:
            held.pixels()
        if self._newest:
            self._gap_pts = max(frame.pts - self._newest[-1][1].pts, 0) or self._gap_pts
        self._newest.append((position, held))
        self._marks[position] = Mark(frame.number, frame.pts, frame.pts_seconds)
        while self._open and self._open[0][0] <= position:
            clip = self._closed(heapq.heappop(self._open)[2], position + 1)
            if clip is not None:
                yield clip
        self._forget(position)

    def end(self, num_frames: int) -> Iterator[Clip]:
        """The clips that waited for frames that do not come, and are there all the same."""
        for window in sorted((window for _, _, window in self._open), key=lambda window: window.row):
            clip = self._closed(window, num_frames) if window.anchor < num_frames else None
            if clip is not None:
                yield clip

    def _opened(self, window: Window) -> None:
        self._num_wanting.update(window.slots.tolist())
        completes_at = max(window.stop, window.anchor, int(window.slots.max()))
        heapq.heappush(self._open, (completes_at, window.row, window))

    def _closed(self, window: Window, num_seen: int) -> Clip | None:
        """The clip of a window whose frames are all there; None where it is dropped."""
        placed = self._plan.placed(window, num_seen)
        clip = None
        if placed is not None:
            newest = dict(self._newest)
            pictures = [
                None if at < 0 else (self._held.get(at) or newest[at]).pixels()
                for at in placed.positions.tolist()
            ]
            like = self._newest[-1][1].pixels() if placed.padded.all() else None
            first = max(0, min(window.start, num_seen - 1))
            last = max(first, min(window.stop, num_seen) - 1)
            following = self._marks.get(window.stop) if window.stop > last else None
            row = row_of(window.row, self._marks[first], self._marks[last], following, self._gap_pts)
            clip = Clip(stacked(pictures, like), placed.padded, row)
        for at in window.slots.tolist():
            self._num_wanting[at] -= 1
            if not self._num_wanting[at]:
                del self._num_wanting[at]
                self._held.pop(at, None)
        return clip

    def _forget(self, position: int) -> None:
        """Let the marks go that no open or coming window begins at."""
        starts = [window.start for _, _, window in self._open]
        starts.append(self._next.opens_at if self._next is not None else position)
        for at in range(self._num_forgotten, min(*starts, position)):
            del self._marks[at]
            self._num_forgotten = at + 1
