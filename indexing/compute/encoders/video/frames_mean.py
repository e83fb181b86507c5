"""A clip as the mean of its frames: any image encoder becomes a clip encoder, blind to motion."""

import numpy as np

from indexing.compute.encoders.encoder import Encoder
from indexing.compute.encoders.video.clip_encoder import ClipEncoder
from indexing.compute.encoders.video.clip_specs import ClipSpec
from indexing.compute.encoders.video.frame_vectors import FrameVectors


class FramesMean(ClipEncoder):
    """The mean of the unit vectors of a clip's frames; a frame that several clips share is encoded once."""

    def __init__(self, spec: ClipSpec, frames: Encoder) -> None:
        super().__init__(
            spec,
            width=frames.width,
            precision=frames.precision,
            engine=frames.engine,
            weights_sha256=frames.weights_sha256,
        )
        self.decode_side_px = frames.decode_side_px
        self._frames = FrameVectors(frames)

    def _raw(self, clips: np.ndarray, padded: np.ndarray) -> np.ndarray:
        kept = ~padded
        vectors = self._frames.of(list(clips[kept])) if kept.any() else np.zeros((0, self.width), np.float32)
        found, start = np.zeros((len(clips), self.width), np.float32), 0
        for i, num_kept in enumerate(kept.sum(axis=1)):
            if num_kept:
                found[i] = vectors[start : start + num_kept].mean(axis=0)
                start += num_kept
        return found
