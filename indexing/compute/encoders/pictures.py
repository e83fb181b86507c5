"""From pictures of any size to the batches of equal size that networks take."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from indexing.compute.encoders.specs import EncoderSpec

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
}
STRIDE_PX = 32  # what a network halves five times must be a multiple of


def check(pictures: Sequence[np.ndarray]) -> None:
    """Refuse what is not (H, W, 3) uint8, by its place."""
    for i, pixels in enumerate(pictures):
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
            raise ValueError(f"picture {i} must be (H, W, 3) uint8 RGB, got {pixels.shape} {pixels.dtype}")


def fit(pixels: np.ndarray, spec: EncoderSpec) -> np.ndarray:
    """The whole picture in the size that `spec` says: resized to a square, or padded to a multiple of 32."""
    if spec.input_size is None:
        return pad(pixels)
    size = (spec.input_size, spec.input_size)
    if pixels.shape[:2] == size:
        return np.ascontiguousarray(pixels)
    return np.asarray(Image.fromarray(pixels).resize(size, FILTERS[spec.resize]))


def pad(pixels: np.ndarray) -> np.ndarray:
    """Black on all sides up to a multiple of 32; where it does not halve, one more to the right and below."""
    more = [-side % STRIDE_PX for side in pixels.shape[:2]]
    sides = [(both // 2, both - both // 2) for both in more]
    return np.pad(pixels, (*sides, (0, 0)))
