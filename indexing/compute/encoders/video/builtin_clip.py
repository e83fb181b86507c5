"""The built-in clip descriptor: what a clip looks like and how it moves. Needs no download and no torch.

Appearance is builtin@1 of a few frames. Motion is dense optical flow (Farneback 2003) of small gray frames,
pooled over cells of space and parts of time into histograms of its directions (HOF: Laptev et al. 2008) and
of the directions in which it changes (MBH: Dalal, Triggs, Schmid 2006), which a moving camera leaves alone.
"""

import hashlib
from itertools import pairwise

import cv2
import numpy as np

from indexing.compute.encoders.encoder import Encoder
from indexing.compute.encoders.video.clip_encoder import ClipEncoder
from indexing.compute.encoders.video.clip_specs import ClipSpec
from indexing.compute.encoders.video.frame_vectors import FrameVectors
from indexing.compute.features import normalize

MOTION_SIDE_PX, CELLS, PARTS, BINS = 60, 3, 2, 8
STILL_PX = 0.25  # slower motion than this between two frames counts as none
NUM_LOOKS = 3  # frames whose appearance counts
MOTION_WEIGHT = 1.0  # beside appearance; measured by benchmarks/builtin_clip.py
MOTION_WIDTH = PARTS * CELLS * CELLS * (BINS + 1 + 2 * BINS)
_IN_CELL = np.arange(MOTION_SIDE_PX) * CELLS // MOTION_SIDE_PX
_CELL = _IN_CELL[:, None] * CELLS + _IN_CELL  # (side, side): the number of the cell that a pixel is in


class BuiltinClipEncoder(ClipEncoder):
    """Always there; the same vector for the same clip on every machine."""

    def __init__(self, spec: ClipSpec, frames: Encoder) -> None:
        own = hashlib.sha256(f"{spec.key} {frames.weights_sha256}".encode()).hexdigest()
        super().__init__(
            spec,
            width=frames.width + MOTION_WIDTH,
            precision="fp32",
            engine="numpy",
            weights_sha256=own,
        )
        self._looks = FrameVectors(frames)

    def _raw(self, clips: np.ndarray, padded: np.ndarray) -> np.ndarray:
        return np.stack([self._one(clip, ~mask) for clip, mask in zip(clips, padded, strict=True)])

    def _one(self, clip: np.ndarray, kept: np.ndarray) -> np.ndarray:
        seen = clip[kept]
        if not len(seen):
            return np.zeros(self.width, np.float32)
        places = np.linspace(0, len(seen) - 1, 2 * NUM_LOOKS + 1).round().astype(int)[1::2]
        look = normalize(self._looks.of([seen[i] for i in places]).mean(axis=0, keepdims=True))[0]
        return np.concatenate([look, MOTION_WEIGHT * motion(seen)])


def motion(clip: np.ndarray) -> np.ndarray:
    """(MOTION_WIDTH,) float32, at most of length 1, of a clip (T, h, w, 3); of one frame alone it is 0."""
    small = [
        cv2.cvtColor(
            cv2.resize(frame, (MOTION_SIDE_PX, MOTION_SIDE_PX), interpolation=cv2.INTER_AREA),
            cv2.COLOR_RGB2GRAY,
        )
        for frame in clip
    ]
    directions = np.zeros((PARTS, CELLS, CELLS, BINS + 1), np.float32)
    changes = np.zeros((PARTS, CELLS, CELLS, 2 * BINS), np.float32)
    for t, (before, after) in enumerate(pairwise(small)):
        part = t * PARTS // (len(small) - 1)
        flow = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 2, 9, 2, 5, 1.1, 0)  # type: ignore[call-overload]
        directions[part] += _histogram(flow[..., 0], flow[..., 1], still=STILL_PX)
        for axis in (0, 1):
            across = cv2.Sobel(flow[..., axis], cv2.CV_32F, 1, 0, ksize=1)
            down = cv2.Sobel(flow[..., axis], cv2.CV_32F, 0, 1, ksize=1)
            changes[part, ..., axis * BINS : (axis + 1) * BINS] += _histogram(across, down)
    return _joined(directions, changes)


def _histogram(x: np.ndarray, y: np.ndarray, still: float | None = None) -> np.ndarray:
    """(CELLS, CELLS, BINS or BINS + 1): strength of (x, y) by direction in each cell; last, what is still."""
    strength = np.hypot(x, y)
    angle = np.arctan2(y, x) * (BINS / (2 * np.pi))
    below = np.floor(angle)
    share = angle - below
    lower = below.astype(np.int64) % BINS
    counts = np.zeros(CELLS**2 * BINS)
    for bins, weights in ((lower, strength * (1 - share)), ((lower + 1) % BINS, strength * share)):
        counts += np.bincount((_CELL * BINS + bins).ravel(), weights.ravel(), len(counts))
    found = counts.reshape(CELLS, CELLS, BINS)
    if still is None:
        return found
    none = np.bincount(_CELL.ravel(), (strength < still).ravel() * still, CELLS**2)
    return np.concatenate([found, none.reshape(CELLS, CELLS, 1)], axis=-1)


def _joined(*parts: np.ndarray) -> np.ndarray:
    """Square roots of histograms, each part of length 1 and equally heavy, as one vector."""
    rows = [np.sqrt(part.ravel()) for part in parts]
    lengths = [np.linalg.norm(row) for row in rows]
    scaled = [row / length if length > 0 else row for row, length in zip(rows, lengths, strict=True)]
    return (np.concatenate(scaled) / np.sqrt(len(parts))).astype(np.float32)
