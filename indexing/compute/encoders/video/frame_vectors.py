"""Vectors of single frames, each frame encoded once however many clips share it."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np

from indexing.compute.encoders.encoder import Encoder

NUM_KEPT = 1024  # vectors; overlapping windows share their frames with the last few windows only


class FrameVectors:
    """An image encoder that remembers the vectors of the last frames by their pixels."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._kept: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._lock = Lock()  # of the threads of a search service

    def of(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """(N, D) float32 unit vectors of N frames (h, w, 3) uint8; equal frames are encoded once."""
        names = [_name(frame) for frame in frames]
        with self._lock:
            found = {name: self._kept[name] for name in names if name in self._kept}
        new = {name: frame for name, frame in zip(names, frames, strict=True) if name not in found}
        if new:
            found |= zip(new, self._encoder.encode(list(new.values())), strict=True)
        with self._lock:
            for name in names:
                self._kept[name] = found[name]
                self._kept.move_to_end(name)
            while len(self._kept) > NUM_KEPT:
                self._kept.popitem(last=False)
        return np.stack([found[name] for name in names])


def _name(frame: np.ndarray) -> bytes:
    shape = np.array(frame.shape, np.int64).tobytes()
    return hashlib.blake2b(shape + np.ascontiguousarray(frame).tobytes(), digest_size=16).digest()
