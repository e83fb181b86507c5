"""A video to features of its clips: consecutive windows of frames through R(2+1)D-18 (Kinetics-400)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from indexing.compute.encoders.video.clip_encoder import ClipEncoder
from indexing.compute.encoders.video.clip_registry import named
from indexing.compute.encoders.weights import LocalWeights
from indexing.compute.media_facts import Frame
from indexing.compute.plain.side_files import Row

# Clips of any length, frames of any size; beyond that, the encoder of this key.
SPEC = replace(
    named("r2plus1d18-k400@1"), num_frames=None, sampling_rate=1, resize="own", side_px=None, crop_px=None
)


class Clip(NamedTuple):
    """Consecutive frames; `stop_pts` is where the next clip starts, or the video ends."""

    frames: list[Frame]
    row: Row


def clips(frames: Iterable[Frame], timesteps: int) -> Iterator[Clip]:
    """Windows of `timesteps` frames one after the other, the last one shorter; each is held alone.

    130 frames at 64 -> [0, 64), [64, 128), [128, 130)
    """
    waiting = iter(frames)
    held = list(islice(waiting, timesteps))
    start = row = 0
    while held:
        following = next(waiting, None)
        last, before = held[-1], held[-2] if len(held) > 1 else held[-1]
        stop_pts = following.pts if following is not None else last.pts + max(1, last.pts - before.pts)
        yield Clip(held, Row(row, start, held[0].pts, stop_pts, held[0].pts_seconds, start + len(held)))
        start, row = start + len(held), row + 1
        held = [] if following is None else [following, *islice(waiting, timesteps - 1)]


def extract(
    frames: Iterable[Frame], encoder: ClipEncoder, timesteps: int, on_clip: Callable[[], None]
) -> tuple[np.ndarray, list[Row], dict[str, Any]]:
    """(n_clips, D) float32, what each row is, and the video's facts; memory holds one clip."""
    found, rows, facts = [], list[Row](), dict[str, Any]()
    for clip in clips(frames, timesteps):
        first = clip.frames[0]
        facts = {
            "time_base": "/".join(map(str, first.time_base)),
            "width_px": first.pixels.shape[1],
            "height_px": first.pixels.shape[0],
        }
        found.append(encoder.raw([np.stack([frame.pixels for frame in clip.frames])])[0])
        rows.append(clip.row)
        on_clip()
    return np.stack(found) if found else np.zeros((0, encoder.width), np.float32), rows, facts


def weights_of(path: Path | None, model_dir: Path, on_fetch: Any = None) -> LocalWeights:
    """The weights file given, else the one in the model folder, else the published one."""
    from indexing.compute.encoders.video.clip_loading import find_or_fetch
    from indexing.compute.files import sha256_of

    return LocalWeights(path, sha256_of(path)) if path else find_or_fetch(SPEC, model_dir, on_fetch)


def load(weights: LocalWeights, model_dir: Path, device: str) -> ClipEncoder:
    """The network with its weights in place, in fp32: the same numbers on every machine."""
    from indexing.compute.encoders.video.clip_loading import load_spec

    return load_spec(SPEC, weights=weights, model_dir=model_dir, device=device, precision="fp32")
