"""Which frames of a video are kept: pure rules over times, small pictures and features."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from indexing.compute.media_facts import Frame

POLICIES = ("codec_keyframe", "interval", "every", "content_change", "feature_similarity")
SECONDS_PER_KEY_FRAME = 12.0  # encoders set a key frame at least every 250 frames: 10.4 s at 24 per second
CHANGE = 0.06  # mean absolute change of a 32 x 18 gray picture, of full range, that makes a new key frame
Encode = Callable[[Sequence[np.ndarray]], np.ndarray]  # N pictures -> (N, D) float32 of unit length


@dataclass(frozen=True, slots=True)
class FramePolicy:
    """How frames are chosen. A corpus has one; its words are those of the settings page."""

    kind: str = "codec_keyframe"
    interval_seconds: float = 1.0
    similarity_threshold: float = 0.95
    is_exact: bool = False  # codec_keyframe: no timed frames in place of too few key frames

    def __post_init__(self) -> None:
        if self.kind not in POLICIES:
            raise ValueError(f"frame policy must be one of {', '.join(POLICIES)}, got {self.kind!r}")
        if not self.interval_seconds > 0:
            raise ValueError(f"interval_seconds must be above 0, got {self.interval_seconds}")


def are_key_frames_few(num_key_frames: int, duration_seconds: float, interval_seconds: float) -> bool:
    """Whether codec key frames alone would miss most of a video (open GOP, intra refresh, one per clip)."""
    if num_key_frames < 2:
        return duration_seconds > 2 * interval_seconds
    return duration_seconds / num_key_frames > SECONDS_PER_KEY_FRAME


class EverySeconds:
    """Keeps the first frame at or after every tick of `interval_seconds`, from the first frame on.

    interval 0.5 s, frames at 0, 0.4, 0.8, 0.9, 2.1 s -> kept 0, 0.8, 2.1: never one frame twice.
    """

    def __init__(self, interval_seconds: float) -> None:
        self._interval, self._first, self._next = interval_seconds, math.nan, 0

    def keeps(self, pts_seconds: float) -> bool:
        if math.isnan(self._first):
            self._first = pts_seconds
        tick = math.floor((pts_seconds - self._first) / self._interval + 1e-6)
        if tick < self._next:
            return False
        self._next = tick + 1
        return True


class ContentChange:
    """Keeps the first frame and every one whose small gray picture differs enough from the last kept."""

    def __init__(self, change: float = CHANGE) -> None:
        self._change, self._kept = change, np.zeros(0, np.float32)

    def keeps(self, gray: np.ndarray) -> bool:
        gray = gray.astype(np.float32)
        if self._kept.shape == gray.shape and np.abs(gray - self._kept).mean() / 255 <= self._change:
            return False
        self._kept = gray
        return True


def dissimilar(
    frames: Iterable[Frame], encode: Encode, *, threshold: float, batch_size: int = 32
) -> Iterator[Frame]:
    """The frames whose feature is at most `threshold` similar (cosine) to that of the last one kept.

    The first is kept. A still video keeps one frame; a threshold of 1 keeps all.
    """
    kept: np.ndarray | None = None
    waiting = iter(frames)
    while batch := list(islice(waiting, batch_size)):
        vectors = encode([frame.pixels for frame in batch])
        for frame, vector in zip(batch, vectors, strict=True):
            if kept is None or min(float(kept @ vector), 1.0) <= threshold:
                kept = vector
                yield frame
