"""Crops of clips, at places every clip network was trained or judged with."""

from typing import Literal

import numpy as np

CropType = Literal["center", "5-crop", "10-crop"]
NUM_CROPS = {"center": 1, "5-crop": 5, "10-crop": 10}


def crops(frames: np.ndarray, crop_type: CropType, size_px: int) -> np.ndarray:
    """(K, T, size, size, 3) of (T, h, w, 3): K = 1, 5 or 10; the axis of crops is there even for one.

    Top left, top right, bottom left, bottom right, center; then the same five of the mirrored frames.
    ValueError where the frames are smaller than a crop.
    """
    return np.stack(views(frames, crop_type, size_px))


def views(frames: np.ndarray, crop_type: CropType, size_px: int) -> list[np.ndarray]:
    """The crops of `crops`, in their order, as views (T, size, size, 3) that take no memory."""
    if crop_type not in NUM_CROPS:
        raise ValueError(f"crop_type must be one of {', '.join(NUM_CROPS)}, got {crop_type!r}")
    if crop_type == "center":
        return [center(frames, size_px)]
    found = _five(frames, size_px)
    return found + _five(frames[:, :, ::-1], size_px) if crop_type == "10-crop" else found


def center(frames: np.ndarray, size_px: int) -> np.ndarray:
    """(T, size, size, 3), a view: the middle; of an odd rest the half goes to even, as torchvision rounds."""
    _, height, width, _ = _checked(frames, size_px).shape
    top, left = round((height - size_px) / 2), round((width - size_px) / 2)
    return frames[:, top : top + size_px, left : left + size_px]


def _five(frames: np.ndarray, size_px: int) -> list[np.ndarray]:
    frames = _checked(frames, size_px)
    near, far_y, far_x = slice(0, size_px), frames.shape[1] - size_px, frames.shape[2] - size_px
    bottom, right = slice(far_y, None), slice(far_x, None)
    corners = [frames[:, y, x] for y in (near, bottom) for x in (near, right)]
    return [*corners, center(frames, size_px)]


def _checked(frames: np.ndarray, size_px: int) -> np.ndarray:
    if frames.ndim != 4 or min(frames.shape[1:3]) < size_px:
        raise ValueError(f"frames must be (T, h, w, 3) of at least {size_px} px, got {frames.shape}")
    return frames
