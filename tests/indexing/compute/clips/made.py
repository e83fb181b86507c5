"""Frames whose pixels tell their position, and how clips of them are read back."""

from collections.abc import Iterator, Sequence

import numpy as np

from indexing.compute.clips.held import Clip
from indexing.compute.media_facts import Frame


def frame(position: int, pts: int, rate: int = 1000) -> Frame:
    """A frame of 2 x 2 pixels that hold its position in three digits of base 256, plus 1."""
    code = position + 1
    pixels = np.full((2, 2, 3), (code >> 16, code >> 8 & 255, code & 255), np.uint8)
    return Frame(position, pts, (1, rate), pts / rate, pixels, is_codec_keyframe=position == 0)


def frames(num_frames: int, pts: Sequence[int] | None = None) -> Iterator[Frame]:
    """`num_frames` frames, 40 ms apart unless `pts` says when."""
    times = range(0, 40 * num_frames, 40) if pts is None else pts
    return (frame(position, at) for position, at in enumerate(times))


def positions(clip: Clip) -> list[int]:
    """Which frame each slot holds; -1 for one that is padded."""
    codes = clip.frames[:, 0, 0].astype(int) @ [65536, 256, 1]
    assert ((codes == 0) == clip.padded).all()
    return (codes - 1).tolist()
