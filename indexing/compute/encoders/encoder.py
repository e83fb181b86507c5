"""What every encoder does, whatever runs inside."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from indexing.compute.encoders import pictures as pictures_of
from indexing.compute.encoders.specs import EncoderSpec, TextNotRead
from indexing.compute.features import normalize

MIN_DECODE_SIDE_PX = 256


class Encoder(ABC):
    """Pictures in, one vector of length 1 per picture out; a batch gives what one by one gives."""

    def __init__(
        self, spec: EncoderSpec, *, width: int, precision: str, engine: str, weights_sha256: str
    ) -> None:
        self.spec = spec
        self.key = spec.key
        self.width = width
        self.precision = precision  # of the arithmetic; a feature set has one
        self.engine = engine
        self.weights_sha256 = weights_sha256
        self.input_size = spec.input_size  # of the square that is looked at; None: the picture's own size
        # Pictures may be decoded smaller than they are, down to this short side. Everybody who encodes
        # decodes alike: a picture decoded in two sizes has two vectors.
        self.decode_side_px = None if spec.input_size is None else max(spec.input_size, MIN_DECODE_SIDE_PX)

    def encode(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """(N, width) float32, every row of length 1, for N pictures (H, W, 3) uint8 RGB of any sizes."""
        return normalize(self.raw(pictures))

    def raw(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """(N, width) float32 as the network gives them, before they are made length 1."""
        pictures_of.check(pictures)
        if not len(pictures):
            return np.zeros((0, self.width), np.float32)
        return self._raw(pictures)

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """(N, width) float32 unit vectors, near the pictures the texts describe; TextNotRead without such."""
        raise TextNotRead(f"{self.key} has no vectors for text; only for pictures")

    @abstractmethod
    def _raw(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """(N, width) float32 for at least one checked picture."""
