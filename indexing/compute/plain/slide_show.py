"""Pictures, or the frames that neighbors are, one after the other as a video (H.264)."""

import json
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from PIL import Image

from indexing.compute.decoder import Decoder
from indexing.compute.media_facts import MediaRefused
from indexing.compute.plain.whole_files import by_number, writing_whole

SUFFIXES = (".jpg", ".jpeg")


class Slide(NamedTuple):
    """One picture of the show: a photo, or the frame of a video at `pts_seconds`."""

    media: Path
    pts: int | None = None


def slides_in(folder: Path) -> list[Slide]:
    """The JPEGs in a folder, as people count: frame-2 before frame-10."""
    names = (path.name for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    return [Slide(folder / name) for name in sorted(names, key=by_number)]


def slides_of_neighbors(path: Path) -> list[Slide]:
    """The media that a JSON list of neighbors (what `query-index` prints) names; ValueError for another."""
    found = json.loads(path.read_bytes())
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(f"{path} must be the list of neighbors that query-index prints")
    unnamed = [each.get("path") for each in found if not isinstance(each.get("media"), str)]
    if unnamed:
        raise ValueError(f"{path}: of {unnamed[0]} it is not known which picture or video it is")
    return [Slide(Path(each["media"]), None if "video" in each else each.get("pts")) for each in found]


def write_video(
    out: Path,
    slides: Iterable[Slide],
    *,
    frames_per_second: float,
    size: tuple[int, int],
    on_slide: Callable[[Slide, MediaRefused | None], None],
) -> int:
    """How many slides are in the video at `out`; one that cannot be read is told to `on_slide`, not shown."""
    rate = Fraction(frames_per_second).limit_denominator(1000)
    num_shown = 0
    with writing_whole(out) as file, Decoder() as decoder:
        with av.open(file, "w", format="mp4") as container:
            stream: Any = container.add_stream("libx264", rate=rate)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            for slide in slides:
                try:
                    pixels = _pixels(decoder, slide)
                except MediaRefused as refusal:
                    on_slide(slide, refusal)
                    continue
                scaled = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
                frame = av.VideoFrame.from_ndarray(scaled, format="rgb24")
                frame.pts, frame.time_base = num_shown, 1 / rate
                container.mux(stream.encode(frame))
                num_shown += 1
                on_slide(slide, None)
            container.mux(stream.encode(None))
        if not num_shown:
            raise ValueError("not one picture can be shown")
    return num_shown


def _pixels(decoder: Decoder, slide: Slide) -> np.ndarray:
    if slide.pts is None:
        return decoder.image(slide.media).pixels
    frame = next(iter(decoder.frames_at(slide.media, [slide.pts])), None)
    if frame is None:
        raise MediaRefused("no-frame", f"There is no frame at {slide.pts}.")
    return frame.pixels
