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


def center_crop(clip: np.ndarray, side_px: int) -> np.ndarray:
    """The middle (T, side, side, 3) of a clip (T, h, w, 3); an odd rest is rounded as torchvision does."""
    height, width = clip.shape[1:3]
    if min(height, width) < side_px:
        raise ValueError(f"a crop of {side_px} px needs frames at least as large, got {width} x {height}")
    top, left = round((height - side_px) / 2), round((width - side_px) / 2)
    return clip[:, top : top + side_px, left : left + side_px]
