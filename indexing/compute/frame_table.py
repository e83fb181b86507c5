"""Every frame of a video by number and pts, without its pixels: what a player steps through."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any, Self

import numpy as np


@dataclass(frozen=True, slots=True)
class FrameTable:
    """The frames of a video in presentation order: T of them, at least one."""

    pts: np.ndarray  # (T,) int64, ascending
    numbers: np.ndarray  # (T,) int32 ordinals from 0, ascending; one is left out where a frame is damaged
    is_codec_keyframe: np.ndarray  # (T,) bool
    time_base: tuple[int, int]
    start_pts: int  # pts_seconds count from here
    stop_pts: int  # where the last frame ends
    is_decoded: bool  # False: listed by packets; a few of them may be no frame

    def __post_init__(self) -> None:
        lengths = {len(self.pts), len(self.numbers), len(self.is_codec_keyframe)}
        if len(lengths) != 1 or lengths == {0}:
            raise ValueError(f"a frame table has equally many pts, numbers and marks, got {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.pts)

    def has(self, pts: int) -> bool:
        """Whether a frame has exactly this pts."""
        at = bisect_left(self.pts, pts)
        return at < len(self) and int(self.pts[at]) == pts

    def seconds_of(self, pts: int) -> float:
        """The `pts_seconds` of a frame at `pts`."""
        return (pts - self.start_pts) * self.time_base[0] / self.time_base[1]

    def within(self, start_pts: int, stop_pts: int) -> np.ndarray:
        """(n,) int64: the pts of the frames in [start_pts, stop_pts)."""
        return self.pts[bisect_left(self.pts, start_pts) : bisect_left(self.pts, stop_pts)]

    def window(self, start_pts: int, stop_pts: int) -> tuple[int, int]:
        """[start_pts, stop_pts) from the beginning of a frame to the end of one: what is shown in it, whole.

        Widened to the frame that is shown at its start, and to the end of the frame shown before its stop.
        LookupError where no frame is shown in it.
        """
        first = max(0, bisect_right(self.pts, start_pts) - 1)
        after = bisect_left(self.pts, stop_pts)
        if stop_pts <= start_pts or after == 0 or start_pts >= self.stop_pts:
            raise LookupError(f"there is no frame in [{start_pts}, {stop_pts})")
        return int(self.pts[first]), int(self.pts[after]) if after < len(self) else self.stop_pts

    def keys_near(self, start_pts: int, stop_pts: int) -> list[int]:
        """The pts of the codec key frames from the last one at or before `start_pts` up to `stop_pts`."""
        keys = self.pts[self.is_codec_keyframe]
        first = max(0, bisect_right(keys, start_pts) - 1)
        found: list[int] = keys[first : bisect_right(keys, stop_pts)].tolist()
        return found

    def to_bytes(self) -> tuple[dict[str, Any], bytes]:
        """(facts, bytes) that `from_bytes` takes."""
        facts = {
            "num_frames": len(self),
            "time_base": self.time_base,
            "start_pts": self.start_pts,
            "stop_pts": self.stop_pts,
            "is_decoded": self.is_decoded,
        }
        return facts, self.pts.tobytes() + self.numbers.tobytes() + self.is_codec_keyframe.tobytes()

    @classmethod
    def from_bytes(cls, facts: dict[str, Any], blob: Any) -> Self:
        """The table that `to_bytes` was called on."""
        count = facts["num_frames"]
        return cls(
            np.frombuffer(blob, np.int64, count),
            np.frombuffer(blob, np.int32, count, 8 * count),
            np.frombuffer(blob, np.bool_, count, 12 * count),
            (facts["time_base"][0], facts["time_base"][1]),
            facts["start_pts"],
            facts["stop_pts"],
            facts["is_decoded"],
        )
