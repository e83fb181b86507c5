"""Frames of any rate to a fixed one: the frame nearest in time to every tick."""

from collections.abc import Iterable, Iterator

from indexing.compute.clips.windows import round_half_up
from indexing.compute.media_facts import Frame


def nearest_at_rate(frames: Iterable[Frame], frames_per_second: float) -> Iterator[Frame]:
    """The frame nearest to 0, 1/F, 2/F ... seconds after the first; one may come several times, or never.

    round(duration * F) of them within one, and one at least where there is any; the last frame lasts as
    long as the one before. Of two frames equally near, the earlier.
    """
    if not frames_per_second > 0:
        raise ValueError(f"frames_per_second must be above 0, got {frames_per_second}")
    before: Frame | None = None
    first = lasts = 0.0
    tick = 0
    for frame in frames:
        if before is None:
            first = frame.pts_seconds
        else:
            lasts = frame.pts_seconds - before.pts_seconds
            middle = (before.pts_seconds + frame.pts_seconds) / 2 - first
            while tick / frames_per_second <= middle + 1e-6:
                yield before
                tick += 1
        before = frame
    if before is None:
        return
    duration = before.pts_seconds - first + (lasts or 1 / frames_per_second)
    for _ in range(tick, max(1, round_half_up(duration * frames_per_second))):
        yield before
