"""The fastest way to run a video network that gives the same vectors, checked against torch in fp32."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from indexing.compute.encoders.inference import PRECISIONS
from indexing.compute.encoders.video.clip_specs import ClipSpec

CPU_BATCH, CUDA_BATCH = 1, 8  # a clip is work enough for a core, and fills its caches

Run = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (N, T, h, w, 3) uint8, kept (N, T) -> (N, D) float32


class ClipEngine(NamedTuple):
    """One way to run a video network."""

    run: Run
    precision: str  # of its multiplications: a vector depends on it, so it belongs to the feature set
    name: str
    batch: int


class Clips(nn.Module):
    """(N, T, h, w, 3) uint8 RGB and kept (N, T) -> (N, D) float32: normalization and network in one graph."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, network: nn.Module, spec: ClipSpec) -> None:
        super().__init__()
        self.network = network
        # (x / 255 - mean) / std as one multiplication and one addition
        scale = torch.tensor(spec.std).reciprocal()
        over = 255 if spec.scale_255 else 1
        self.register_buffer("scale", (scale / over).reshape(1, 3, 1, 1, 1))
        self.register_buffer("shift", (-torch.tensor(spec.mean) * scale).reshape(1, 3, 1, 1, 1))

    def forward(self, pixels: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        planes = pixels.permute(0, 4, 1, 2, 3).to(self.scale.dtype)
        planes = (planes * self.scale + self.shift) * kept.to(self.scale.dtype)[:, None, :, None, None]
        return self.network(planes).flatten(1)


def choose(
    network: nn.Module, spec: ClipSpec, *, device: str, cache: Path | None, precision: str | None = None
) -> ClipEngine:
    """The fastest engine for `network` on `device` whose vectors agree with torch in fp32."""
    if precision not in (None, *PRECISIONS):
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    place = torch.device(("cuda:0" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32: TF32 keeps 10 bits of each number
    return in_torch(network.to(place), place, precision or "fp32")


def in_torch(network: nn.Module, place: torch.device, precision: str) -> ClipEngine:
    """Torch itself, which takes clips of any shape."""

    def run(pixels: np.ndarray, kept: np.ndarray) -> np.ndarray:
        clips, slots = (
            torch.from_numpy(np.ascontiguousarray(pixels)).to(place),
            torch.from_numpy(kept).to(place),
        )
        with torch.inference_mode(), torch.autocast(place.type, torch.bfloat16, enabled=precision == "bf16"):
            return network(clips, slots).float().cpu().numpy()

    return ClipEngine(run, precision, f"torch {place}", CUDA_BATCH if place.type == "cuda" else CPU_BATCH)
