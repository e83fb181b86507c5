"""What a stream of clips holds: frames that were prepared once, and the clips that are made of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from indexing.compute.media_facts import Frame
from indexing.compute.plain.side_files import Row

Prepare = Callable[[np.ndarray], np.ndarray]  # (H, W, 3) uint8 RGB -> (h, w, 3) uint8, one size per video


@dataclass(frozen=True, slots=True)
class Clip:
    """T prepared frames and which part of the video they are.

    `row.row` is the number of the clip in its plan; [row.number, row.stop_number) and
    [row.start_pts, row.stop_pts) are the frames it stands for.
    """

    frames: np.ndarray  # (T, h, w, 3) uint8 RGB; zeros where padded
    padded: np.ndarray  # (T,) bool: these are 0 after normalization
    row: Row

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.shape[3] != 3 or self.frames.dtype != np.uint8:
            raise ValueError(
                f"frames must be (T, h, w, 3) uint8, got {self.frames.shape} {self.frames.dtype}"
            )
        if self.padded.shape != self.frames.shape[:1]:
            raise ValueError(f"padded must be ({len(self.frames)},), got {self.padded.shape}")


class Held:
    """A frame of the stream; its pixels are prepared when they are first asked for, then held alone."""

    __slots__ = ("_pixels", "_prepare", "number", "pts", "pts_seconds")

    def __init__(self, frame: Frame, prepare: Prepare) -> None:
        self.number, self.pts, self.pts_seconds = frame.number, frame.pts, frame.pts_seconds
        self._pixels = frame.pixels
        self._prepare: Prepare | None = prepare

    def pixels(self) -> np.ndarray:
        """(h, w, 3) uint8."""
        if self._prepare is not None:
            self._pixels, self._prepare = self._prepare(self._pixels), None
        return self._pixels


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the stream, by its frame."""

    number: int | None
    pts: int
    pts_seconds: float


def row_of(row: int, first: Mark, last: Mark, following: Mark | None, gap_pts: int) -> Row:
    """The row of a clip from frame `first` to `last`; it stops where `following` begins, or the video ends.

    Where one frame stands at several positions, the clip stops right after the last one it has.
    """
    stop_pts = following.pts if following is not None else last.pts + gap_pts
    stop_number = None
    if last.number is not None:
        number = following.number if following is not None else None
        stop_number = max(last.number + 1, number if number is not None else 0)
    return Row(row, first.number, first.pts, max(stop_pts, last.pts + 1), first.pts_seconds, stop_number)


def stacked(pictures: Sequence[np.ndarray | None], like: np.ndarray | None = None) -> np.ndarray:
    """(T, h, w, 3) of pictures of one size; zeros for None, of the size of `like` where all are.

    ValueError where their sizes differ.
    """
    found = [picture for picture in pictures if picture is not None]
    if len(found) == len(pictures):
        return np.stack(found)
    shape = found[0].shape if found or like is None else like.shape
    clip = np.zeros((len(pictures), *shape), np.uint8)
    for slot, picture in enumerate(pictures):
        if picture is not None:
            clip[slot] = picture
    return clip
