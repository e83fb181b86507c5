"""Weights files of video networks in the model folder: which clip encoder each of them is. No torch."""

import json
import re
from pathlib import Path
from typing import Any

from indexing.compute.encoders.specs import WeightsRefused
from indexing.compute.encoders.video.clip_architectures import ARCHITECTURES, architecture_of, pools_of
from indexing.compute.encoders.video.clip_specs import ClipSpec

SUFFIXES = (".safetensors", ".pt", ".pth", ".pyth", ".pkl")
SIDE_FIELDS: dict[str, type | tuple[type, ...]] = {
    "architecture": str,
    "title": str,
    "license": str,
    "num_frames": int,
    "sampling_rate": int,
    "resize": str,
    "filter": str,
    "side_px": (int, type(None)),
    "crop_px": (int, type(None)),
    "mean": list,
    "std": list,
    "scale_255": bool,
    "pool": str,
    "width": int,
    "config": dict,
    "sha256": str,
}


def clip_files(model_dir: Path) -> list[Path]:
    """Files in `model_dir` that may hold the weights of a video network, by name."""
    if not model_dir.is_dir():
        return []
    return sorted(path for path in model_dir.iterdir() if path.suffix in SUFFIXES and path.is_file())


def match_length(stem: str, spec: ClipSpec) -> int:
    """How many characters of a file's `stem` name the weights of `spec`; 0: it is not named after them."""
    matches = [name for name in spec.stems if re.fullmatch(rf"{re.escape(name)}(?:[-_.].*)?", stem)]
    return max(map(len, matches), default=0)


def is_described(path: Path) -> bool:
    """Whether a side file beside `path` names an architecture of a video network."""
    side_path = path.with_suffix(".json")
    try:
        side = json.loads(side_path.read_text(encoding="utf-8")) if side_path.is_file() else None
    except (OSError, ValueError):
        return False
    return isinstance(side, dict) and architecture_of(side.get("architecture")) is not None


def described(path: Path, *, key: str | None = None) -> ClipSpec:
    """The clip encoder that a weights file and its side file describe together."""
    side_path = path.with_suffix(".json")
    try:
        side: dict[str, Any] = json.loads(side_path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsRefused(f"{side_path} is not a side file in JSON: {error}") from None
    for name, value in side.items():
        if name not in SIDE_FIELDS or not isinstance(value, SIDE_FIELDS[name]):
            raise WeightsRefused(
                f"{side_path}: {name} = {value!r}; fields are {', '.join(SIDE_FIELDS)}, each of its kind"
            )
    architecture = architecture_of(side.get("architecture"))
    if architecture is None:
        raise WeightsRefused(
            f"{side_path}: architecture must be one of {', '.join(ARCHITECTURES)}, "
            f"got {side.get('architecture')!r}"
        )
    pools = pools_of(architecture)
    if side.get("pool", pools[0]) not in pools:
        raise WeightsRefused(
            f"{side_path}: pool of {architecture} must be one of {', '.join(pools)}, got {side['pool']!r}"
        )
    facts: dict[str, Any] = ARCHITECTURES[architecture] | {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in side.items()
        if name not in ("architecture", "title", "license")
    }
    try:
        return ClipSpec(
            key=key or f"file:{path.name}@1",
            title=side.get("title", path.stem),
            license=side.get("license", "as the operator knows"),
            family="file",
            architecture=architecture,
            file_name=str(path) if key else path.name,
            preference=90,
            **facts,
        )
    except (ValueError, TypeError) as error:
        raise WeightsRefused(f"{side_path}: {error}") from None
