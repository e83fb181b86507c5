"""A video to features of its clips: consecutive windows of frames through R(2+1)D-18 (Kinetics-400)."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from indexing.compute.encoders.specs import Download, EncoderSpec
from indexing.compute.encoders.weights import LocalWeights
from indexing.compute.media_facts import Frame
from indexing.compute.plain.side_files import Row

# Mean and spread of Kinetics-400, as torchvision's video networks were trained with.
SPEC = EncoderSpec(
    "r2plus1d18-k400@1",
    "R(2+1)D-18, Kinetics-400, clips",
    "BSD-3-Clause (torchvision)",
    "torchvision",
    architecture="r2plus1d_18",
    input_size=None,
    mean=(0.43216, 0.394666, 0.37645),
    std=(0.22803, 0.22145, 0.216989),
    width=512,
    download=Download("https://download.pytorch.org/models/r2plus1d_18-91a641e6.pth", "91a641e6"),
)


class Clip(NamedTuple):
    """Consecutive frames; `stop_pts` is where the next clip starts, or the video ends."""

    frames: list[Frame]
    row: Row


class ClipNetwork:
    """(T, H, W, 3) uint8 of any T, H, W to (512,) float32; weights are loaded strictly."""

    def __init__(self, weights: LocalWeights, device: str) -> None:
        import torch

        from indexing.compute.encoders.loader import load_strictly, read_state_dict
        from indexing.compute.torchvision_shim import torchvision

        self._torch = torch
        torch.backends.cudnn.allow_tf32 = False
        self.device = torch.device(
            ("cuda:0" if torch.cuda.is_available() else "cpu") if device in ("auto", "cuda") else device
        )
        network = torchvision.models.video.r2plus1d_18(weights=None)
        network.fc = torch.nn.Identity()
        load_strictly(network, read_state_dict(weights.path), drops=("fc.",), source=str(weights.path))
        self._network = network.eval().requires_grad_(requires_grad=False).to(self.device)
        self._mean = torch.tensor(SPEC.mean, device=self.device).reshape(3, 1, 1, 1)
        self._std = torch.tensor(SPEC.std, device=self.device).reshape(3, 1, 1, 1)

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """(512,) of one clip (T, H, W, 3)."""
        torch = self._torch
        with torch.inference_mode():
            planes = torch.from_numpy(pixels).to(self.device).permute(3, 0, 1, 2).float().div_(255)
            planes = planes.sub_(self._mean).div_(self._std)  # (3, T, H, W)
            return self._network(planes[None]).flatten().cpu().numpy()


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
    frames: Iterable[Frame], network: ClipNetwork, timesteps: int, on_clip: Callable[[], None]
) -> tuple[np.ndarray, list[Row], dict[str, Any]]:
    """(n_clips, 512) float32, what each row is, and the video's facts; memory holds one clip."""
    found, rows, facts = [], list[Row](), dict[str, Any]()
    for clip in clips(frames, timesteps):
        first = clip.frames[0]
        facts = {
            "time_base": "/".join(map(str, first.time_base)),
            "width_px": first.pixels.shape[1],
            "height_px": first.pixels.shape[0],
        }
        found.append(network.features(np.stack([frame.pixels for frame in clip.frames])))
        rows.append(clip.row)
        on_clip()
    return np.stack(found) if found else np.zeros((0, 512), np.float32), rows, facts


def weights_of(path: Path | None, model_dir: Path, on_fetch: Any = None) -> LocalWeights:
    """The weights file given, else the one in the model folder, else the published one."""
    from indexing.compute.encoders.weights import find_or_fetch
    from indexing.compute.files import sha256_of

    return LocalWeights(path, sha256_of(path)) if path else find_or_fetch(SPEC, model_dir, on_fetch)
