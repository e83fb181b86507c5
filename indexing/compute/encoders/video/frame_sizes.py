"""A decoded frame in the size that a clip encoder wants."""

import cv2
import numpy as np
from PIL import Image

from indexing.compute.encoders.video.clip_specs import ClipSpec


def resized(pixels: np.ndarray, spec: ClipSpec) -> np.ndarray:
    """(h, w, 3) uint8 of (H, W, 3): as it is, a square, or with its short side of `side_px`.

    640 x 480 at short_side 256 -> 341 x 256: the long side is rounded down, as torchvision does.
    """
    if spec.side_px is None:
        return np.ascontiguousarray(pixels)
    height, width = size = pixels.shape[:2]
    wanted = (spec.side_px, spec.side_px)
    if spec.resize == "short_side":
        short = min(size)
        wanted = (spec.side_px * height // short, spec.side_px * width // short)
    if size == wanted:
        return np.ascontiguousarray(pixels)
    if spec.filter == "antialiased":
        return np.asarray(Image.fromarray(pixels).resize(wanted[::-1], Image.Resampling.BILINEAR))
    interpolation = cv2.INTER_AREA if spec.filter == "area" else cv2.INTER_LINEAR
    return cv2.resize(pixels, wanted[::-1], interpolation=interpolation)
