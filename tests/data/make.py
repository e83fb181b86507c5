"""Clips of flat colors whose frame numbers can be read off the pixels, and photos of four corners."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

# Gray levels far enough apart to survive any lossy codec: frame number -> level.
LEVELS = 22


def level_of(number: int) -> int:
    """The gray level of frame `number`: 20, 30, ... 230, and again from 20."""
    return 20 + 10 * (number % LEVELS)


def number_of(pixels: np.ndarray) -> int:
    """Which frame number (modulo LEVELS) a picture shows, by its middle."""
    height, width = pixels.shape[:2]
    middle = pixels[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3]
    return round((float(middle.mean()) - 20) / 10)


def make_clip(
    path: Path,
    *,
    num_frames: int = 40,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    fps: int = 25,
    gop: int = 10,
    b_frames: int = 0,
    pts: list[int] | None = None,
    rotation: int = 0,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip whose frame k is flat gray of level_of(k), with a white corner at its stored top left.

    `pts` in milliseconds make it of variable rate. `rotation` (degrees, as PyAV counts) only tags it.
    """
    width, height = size
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        if options:
            stream.options = options
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(num_frames):
            pixels = np.full((height, width, 3), level_of(number), np.uint8)
            pixels[: height // 4, : width // 4] = 255
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number if pts is None else pts[number]
            frame.time_base = Fraction(1, fps) if pts is None else Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
