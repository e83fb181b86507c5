"""The network of a configuration with the weights of a checkpoint, and what it makes of clips."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from indexing.compute.clips.streaming import Clip
from indexing.compute.encoders.specs import WeightsRefused
from indexing.compute.encoders.video import clip_engine
from indexing.compute.encoders.video.clip_specs import ClipSpec
from indexing.compute.encoders.video.conventions import read_video_checkpoint
from indexing.compute.encoders.video.slow_family import slow_family, slow_frames
from indexing.compute.encoders.video.slowfast import SlowFamilyNetwork, build
from indexing.compute.files import sha256_of
from indexing.compute.plain.slowfast.config import Config, ConfigRefused

# What the YAML says -> what the weights' shapes say; compared where the YAML says it.
TOLD_BY_WEIGHTS = {
    "RESNET.DEPTH": "depth",
    "SLOWFAST.BETA_INV": "beta_inv",
    "SLOWFAST.FUSION_CONV_CHANNEL_RATIO": "fusion_ratio",
    "SLOWFAST.FUSION_KERNEL_SZ": "fusion_kernel",
}
BETWEEN_PATHWAYS = frozenset({"beta_inv", "fusion_ratio", "fusion_kernel"})


def checkpoint_path(config: Config, weights: Path | None = None) -> Path:
    """Which checkpoint: the one given, TEST's, the last one in OUTPUT_DIR, TRAIN's; ConfigRefused for none.

    Never random weights, as the original takes without a word beyond a log line.
    """
    last = sorted((config.output_dir / "checkpoints").glob("*checkpoint*"))
    for said, path in (
        ("--weights", weights),
        ("TEST.CHECKPOINT_FILE_PATH", config["TEST.CHECKPOINT_FILE_PATH"]),
        ("the last checkpoint of OUTPUT_DIR", last[-1] if last else None),
        ("TRAIN.CHECKPOINT_FILE_PATH", config["TRAIN.CHECKPOINT_FILE_PATH"]),
    ):
        if path:
            found = Path(path).expanduser()
            if not found.is_file():
                raise ConfigRefused(f"{said}: there is no file {found}")
            return found
    raise ConfigRefused(
        "no checkpoint: set TEST.CHECKPOINT_FILE_PATH (or TRAIN.CHECKPOINT_FILE_PATH, or --weights FILE); "
        f"there is none in {config.output_dir / 'checkpoints'} either"
    )


@dataclass(slots=True)
class Weights:
    """A checkpoint that was read once and fits the configuration."""

    path: Path
    sha256: str
    convention: str
    architecture: str
    family: dict[str, Any]  # what `slowfast.build` is given
    state: dict[str, torch.Tensor] = field(repr=False)
    dropped: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int | None:
        """Of the layer that gives scores; None where the file has none."""
        return self.family["num_classes"]

    @property
    def width(self) -> int:
        """D of a row."""
        return slow_family(self.architecture, self.family).num_features


def read_weights(path: Path, config: Config) -> Weights:
    """The checkpoint at `path`; WeightsRefused says where it and the configuration disagree."""
    arch = config["MODEL.ARCH"]
    settings: dict[str, Any] = {"pool": config.pool}
    if arch == "slowfast":
        settings["alpha"] = config["SLOWFAST.ALPHA"]
    state, found = read_video_checkpoint(path)
    if "kind" not in found.config:
        raise WeightsRefused(f"{path} holds a {found.architecture}; SlowFast, Slow, C2D or I3D is expected")
    kind = found.config["kind"]
    if kind != arch.partition("_")[0]:
        raise WeightsRefused(f"MODEL.ARCH says {arch}, and {path} holds the weights of {found.architecture}")
    for key, name in TOLD_BY_WEIGHTS.items():
        is_told = kind == "slowfast" or name not in BETWEEN_PATHWAYS
        if is_told and key in config.given and config[key] != found.config[name]:
            raise WeightsRefused(
                f"{key} says {config[key]}, and the shapes of {path} say {found.config[name]} "
                f"({found.architecture})"
            )
    if arch.endswith("_nopool"):
        settings["time_pool"] = 1
    if any(found.config["non_local"]):
        settings["affinity"] = config["NONLOCAL.INSTANTIATION"]
    return Weights(
        path,
        sha256_of(path),
        found.convention,
        found.architecture,
        {**found.config, **settings},
        state,
        tuple(found.dropped),
    )


class _WithScores(nn.Module):
    """Clips to (N, D + classes): features and scores, so that the network runs once."""

    def __init__(self, network: SlowFamilyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        pooled = self.network.pooled(clips)
        return torch.cat([pooled.mean(dim=(1, 2)), self.network.scores_of(pooled)], dim=1)


class ClipNetwork:
    """Clips of prepared frames to features, and to scores where they are asked for, on one device."""

    def __init__(
        self,
        config: Config,
        weights: Weights,
        *,
        device: str,
        precision: str | None = None,
        cache: Path | None = None,
        has_scores: bool = False,
    ) -> None:
        with torch.device("meta"):
            network = build(weights.architecture, weights.family)
        network.load_state_dict(weights.state, assign=True)  # the tensors that were read, not a copy of them
        network.float()
        self.width = network.family.num_features
        self.num_scores = weights.num_classes or 0 if has_scores else 0
        self.size = config["DATA.SAMPLE_SIZE"]
        spec = spec_of(config, weights)
        inner: nn.Module = _WithScores(network) if has_scores else network
        module = clip_engine.Clips(inner, spec).eval().requires_grad_(requires_grad=False)
        engine = clip_engine.choose(
            module,
            spec,
            device=device,
            cache=cache / f"slowfast-{self._name(config, weights)}" if cache else None,
            precision=precision,
        )
        self._engine = engine
        self.engine, self.precision = engine.name, engine.precision
        self.batch = min(config["TEST.BATCH_SIZE"], engine.batch)  # clips at a time; rows do not depend on it

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """(h, w, 3) of a frame (H, W, 3): SAMPLE_SIZE by the four nearest pixels, its shape not kept."""
        if (pixels.shape[1], pixels.shape[0]) == self.size:
            return pixels
        return cv2.resize(pixels, self.size, interpolation=cv2.INTER_LINEAR)

    def rows(self, clips: Sequence[Clip]) -> tuple[np.ndarray, np.ndarray]:
        """(N, D) features and (N, classes) scores, float32; without scores (N, 0)."""
        frames, padded = np.stack([clip.frames for clip in clips]), np.stack([clip.padded for clip in clips])
        found = self._engine.run(frames, ~padded)
        return np.ascontiguousarray(found[:, : self.width]), np.ascontiguousarray(found[:, self.width :])

    def _name(self, config: Config, weights: Weights) -> str:
        """Of the exported network: whatever is in its graph tells one from another."""
        graph = [weights.family, self.num_scores, self.size, config["DATA.MEAN"], config["DATA.STD"]]
        return f"{weights.sha256[:16]}-{hashlib.sha256(json.dumps(graph).encode()).hexdigest()[:8]}"


def spec_of(config: Config, weights: Weights) -> ClipSpec:
    """How the network wants its clips, as the engine is told."""
    width, height = config["DATA.SAMPLE_SIZE"]
    is_square = width == height
    return ClipSpec(
        encoder_key(weights, config),
        weights.architecture,
        "as its publisher says",
        "network",
        architecture=weights.architecture,
        num_frames=config["DATA.NUM_FRAMES"],
        sampling_rate=1,
        resize="square" if is_square else "own",
        filter="plain",
        side_px=width if is_square else None,
        mean=config["DATA.MEAN"],
        std=config["DATA.STD"],
        pool=config.pool,
    )


def encoder_key(weights: Weights, config: Config) -> str:
    """slowfast-r50-head256@1: features of two keys are never compared."""
    return f"{weights.architecture}-{config.pool}@1"


def facts_of(config: Config, weights: Weights, network: ClipNetwork, precision: str) -> dict[str, Any]:
    """What a side file says of the network and how frames come to it; `precision` is what was asked for."""
    width, height = config["DATA.SAMPLE_SIZE"]
    plan = config.plan
    return {
        "encoder": encoder_key(weights, config),
        "weights": str(weights.path.absolute()),
        "weights_sha256": weights.sha256,
        "settings": {
            "num_frames": plan.num_frames,
            "in_fps": config["DATA.IN_FPS"],
            "out_fps": config["DATA.OUT_FPS"],
            "rate": config["WINDOW.RATE"],
            "stride": plan.stride,
            "offset": plan.offset,
            "anchor": plan.anchor,
            "padding": plan.padding,
            "pool": config.pool,
            "alpha": weights.family["alpha"] if weights.family["kind"] == "slowfast" else None,
            "affinity": weights.family["affinity"] if any(weights.family["non_local"]) else None,
            "time_pool": weights.family["time_pool"],
            "sample_size": [width, height],
            "mean": list(config["DATA.MEAN"]),
            "std": list(config["DATA.STD"]),
            "precision": precision,
        },
        "preprocessing": {
            "color": "RGB",
            "resize": f"{width} x {height}, bilinear, aspect not kept",
            "scale": "x / 255",
            "mean": list(config["DATA.MEAN"]),
            "std": list(config["DATA.STD"]),
            "padding": "0 after normalization" if plan.padding == "zero" else plan.padding,
        },
        "engine": f"{network.engine} {network.precision}",
    }


def pathways_of(config: Config, kind: str) -> dict[str, dict[str, float]]:
    """Frames that each pathway sees, and the seconds from its first to the end of its last."""
    seconds = config.plan.step / config["DATA.IN_FPS"]
    num_frames = config["DATA.NUM_FRAMES"]
    whole = {"frames": num_frames, "seconds": round(num_frames * seconds, 3)}
    if kind != "slowfast":
        return {"only": whole}
    slow = slow_frames(num_frames, config["SLOWFAST.ALPHA"])
    return {
        "fast": whole,
        "slow": {"frames": len(slow), "seconds": round((slow[-1] - slow[0] + 1) * seconds, 3)},
    }
