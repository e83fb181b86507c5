"""What every clip encoder does, whatever runs inside."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from indexing.compute.clips import crops
from indexing.compute.encoders.video.clip_specs import ClipSpec
from indexing.compute.encoders.video.frame_sizes import resized
from indexing.compute.features import normalize

MIN_DECODE_SIDE_PX = 256


class ClipEncoder(ABC):
    """Clips in, one vector of length 1 per clip out; a batch gives what one by one gives."""

    def __init__(
        self, spec: ClipSpec, *, width: int, precision: str, engine: str, weights_sha256: str, batch: int = 8
    ) -> None:
        self.spec = spec
        self.key = spec.key
        self.width = width
        self.precision = precision  # of the arithmetic; a feature set has one
        self.engine = engine
        self.weights_sha256 = weights_sha256
        self.batch = batch  # so many clips at a time run best
        self.num_frames = spec.num_frames
        self.sampling_rate = spec.sampling_rate
        # Frames may be decoded smaller than they are, down to this short side. Everybody who fills one
        # feature set decodes alike: a frame decoded in two sizes has two vectors.
        self.decode_side_px = None if spec.side_px is None else max(spec.side_px, MIN_DECODE_SIDE_PX)

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """(h, w, 3) uint8: a decoded frame (H, W, 3) uint8 RGB resized as the spec says; once per frame."""
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
            raise ValueError(f"a frame must be (H, W, 3) uint8 RGB, got {pixels.shape} {pixels.dtype}")
        return resized(pixels, self.spec)

    def encode(self, clips: Sequence[np.ndarray], padded: np.ndarray | None = None) -> np.ndarray:
        """(N, width) float32, every row of length 1, for N clips as `raw` takes them."""
        return normalize(self.raw(clips, padded))

    def raw(self, clips: Sequence[np.ndarray], padded: np.ndarray | None = None) -> np.ndarray:
        """(N, width) float32 as the network gives them, before they are made length 1.

        Each clip is (T, h, w, 3) uint8 RGB of prepared frames; what is larger than `spec.crop_px` is cut to
        its middle. Slots where `padded` (N, T) is true are 0 after normalization, whatever their pixels are.
        """
        clips = [self._checked(clip, i) for i, clip in enumerate(clips)]
        if not clips:
            return np.zeros((0, self.width), np.float32)
        masks = [np.zeros(len(clip), bool) for clip in clips]
        if padded is not None:
            if len(padded) != len(clips) or any(len(a) != len(b) for a, b in zip(padded, masks, strict=True)):
                raise ValueError(f"padded must be (N, T) for {len(clips)} clips, got {np.shape(padded)}")
            masks = [np.asarray(each, bool) for each in padded]
        found = np.zeros((len(clips), self.width), np.float32)
        for places in _alike(clips):
            found[places] = self._raw(
                np.stack([clips[i] for i in places]), np.stack([masks[i] for i in places])
            )
        return found

    @abstractmethod
    def _raw(self, clips: np.ndarray, padded: np.ndarray) -> np.ndarray:
        """(N, width) float32 for N >= 1 checked clips (N, T, h, w, 3) uint8 and their slots (N, T) bool."""

    def _checked(self, clip: np.ndarray, i: int) -> np.ndarray:
        frames = "T" if self.num_frames is None else self.num_frames
        if clip.ndim != 4 or clip.shape[3] != 3 or clip.dtype != np.uint8 or 0 in clip.shape:
            raise ValueError(f"clip {i} must be ({frames}, h, w, 3) uint8 RGB, got {clip.shape} {clip.dtype}")
        if self.num_frames is not None and len(clip) != self.num_frames:
            raise ValueError(f"clip {i} must have {frames} frames for {self.key}, got {len(clip)}")
        if self.spec.crop_px is not None:
            return crops.center(clip, self.spec.crop_px)
        side = self.spec.input_px
        if side is not None and clip.shape[1:3] != (side, side):
            raise ValueError(f"clip {i} must be of prepared frames, {side} x {side}, got {clip.shape[1:3]}")
        return clip


def _alike(clips: Sequence[np.ndarray]) -> list[list[int]]:
    """The places of clips of each shape: one video's last clip may be shorter than the others."""
    places: dict[tuple[int, ...], list[int]] = {}
    for i, clip in enumerate(clips):
        places.setdefault(clip.shape, []).append(i)
    return list(places.values())
