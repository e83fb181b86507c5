"""Weights files of video networks in the model folder: which clip encoder each of them is. No torch."""

import json
import re
from pathlib import Path
from typing import Any

from indexing.compute.encoders.specs import WeightsRefused
from indexing.compute.encoders.video.clip_architectures import ARCHITECTURES
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
    "drops": list,
    "sha256": str,
}


def clip_files(model_dir: Path) -> list[Path]:
    """Files in `model_dir` that may hold the weights of a video network, by name."""
    if not model_dir.is_dir():
        return []
    return sorted(path for path in model_dir.iterdir() if path.suffix in SUFFIXES and path.is_file())


def weights_file(spec: ClipSpec, model_dir: Path) -> Path | None:
    """The file in `model_dir` that holds the weights of `spec`; None when there is none.

    KEY-NAME.pth, KEY-NAME-anything.safetensors and the names that publishers give do. A file with a side file
    NAME.json is an encoder of its own (`file:NAME@1`) and is not taken here.
    """
    if spec.family == "file":
        path = Path(spec.file_name) if spec.file_name.startswith("/") else model_dir / spec.file_name
        return path if path.is_file() else None
    published = spec.download.file_name if spec.download else ""
    found = [
        path
        for path in clip_files(model_dir)
        if (path.name == published or is_named_after(path.stem, spec))
        and not path.with_suffix(".json").is_file()
    ]
    # The published file first, then the plainest name.
    return min(found, key=lambda path: (path.name != published, len(path.name), path.name), default=None)


def is_named_after(stem: str, spec: ClipSpec) -> bool:
    """Whether a file called `stem` holds the weights of `spec`."""
    return any(re.fullmatch(rf"{re.escape(name)}(?:[-_.].*)?", stem) for name in spec.stems)


def is_described(path: Path) -> bool:
    """Whether a side file beside `path` names an architecture of a video network."""
    side_path = path.with_suffix(".json")
    try:
        side = json.loads(side_path.read_text(encoding="utf-8")) if side_path.is_file() else None
    except (OSError, ValueError):
        return False
    return isinstance(side, dict) and side.get("architecture") in ARCHITECTURES


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
    architecture = side.get("architecture", "")
    if architecture not in ARCHITECTURES:
        raise WeightsRefused(
            f"{side_path}: architecture must be one of {', '.join(ARCHITECTURES)}, got {architecture!r}"
        )
    facts: dict[str, Any] = ARCHITECTURES[architecture] | {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in side.items()
        if name not in ("title", "license", "drops")
    }
    try:
        return ClipSpec(
            key=key or f"file:{path.name}@1",
            title=side.get("title", path.stem),
            license=side.get("license", "as the operator knows"),
            family="file",
            file_name=str(path) if key else path.name,
            drops=tuple(str(prefix) for prefix in side.get("drops", [])),
            preference=90,
            **{"architecture": architecture} | facts,
        )
    except (ValueError, TypeError) as error:
        raise WeightsRefused(f"{side_path}: {error}") from None
