"""Weights files in the model folder: which encoder each of them is. No torch."""

import json
import re
from pathlib import Path
from typing import Any

from indexing.compute.encoders.specs import EncoderSpec, WeightsRefused

SUFFIXES = (".safetensors", ".pt", ".pth", ".torchscript")
SIDE_FIELDS: dict[str, type | tuple[type, ...]] = {
    "architecture": str,
    "title": str,
    "license": str,
    "pooling": str,
    "input_size": (int, type(None)),
    "resize": str,
    "mean": list,
    "std": list,
    "drops": list,
    "width": int,
    "sha256": str,
    "run_code": bool,
}


def weight_files(model_dir: Path) -> list[Path]:
    """The weights files in `model_dir`, by name."""
    if not model_dir.is_dir():
        return []
    return sorted(path for path in model_dir.iterdir() if path.suffix in SUFFIXES and path.is_file())


def weights_file(spec: EncoderSpec, model_dir: Path) -> Path | None:
    """The file in `model_dir` that holds the weights of `spec`; None when there is none.

    ARCHITECTURE.pt, ARCHITECTURE-anything.pth, FAMILY-ARCHITECTURE.safetensors and the published name all do.
    A file with a side file NAME.json is an encoder of its own (`file:NAME@1`) and is not taken here.
    """
    if spec.family in ("file", "script"):
        path = Path(spec.file_name) if spec.file_name.startswith("/") else model_dir / spec.file_name
        return path if path.is_file() else None
    published = spec.download.file_name if spec.download else ""
    found = [
        path
        for path in weight_files(model_dir)
        if (path.name == published or is_named_after(path.stem, spec))
        and not path.with_suffix(".json").is_file()
    ]
    # The published file first, then the plainest name.
    return min(found, key=lambda path: (path.name != published, len(path.name), path.name), default=None)


def is_named_after(stem: str, spec: EncoderSpec) -> bool:
    """Whether a file called `stem` holds the weights of the architecture of `spec`."""
    name = re.escape(spec.architecture.replace("/", "_"))
    if spec.family == "openclip":  # names end in what changes the network: ViT-B-32, ViT-B-32-quickgelu
        return stem == f"openclip-{spec.architecture}"
    family = f"{spec.family}-" if spec.family == "timm" else f"(?:{spec.family}-)?"
    return re.fullmatch(rf"{family}{name}(?:-.*)?", stem) is not None


def described(path: Path, *, key: str | None = None) -> EncoderSpec:
    """The encoder that a weights file and its side file describe together."""
    side_path = path.with_suffix(".json")
    side: dict[str, Any] = {}
    if side_path.is_file():
        try:
            side = json.loads(side_path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise WeightsRefused(f"{side_path} is not JSON: {error}") from None
        for name, value in side.items():
            if name not in SIDE_FIELDS or not isinstance(value, SIDE_FIELDS[name]):
                raise WeightsRefused(
                    f"{side_path}: {name} = {value!r}; fields are {', '.join(SIDE_FIELDS)}, each of its kind"
                )
    architecture = side.get("architecture", "")
    family, _, name = architecture.partition(":")
    is_script = not architecture
    if not is_script and family not in ("torchvision", "timm", "openclip"):
        raise WeightsRefused(
            f"{side_path}: architecture must be torchvision:NAME, timm:NAME or openclip:NAME, "
            f"got {architecture!r}"
        )
    if is_script and path.suffix == ".safetensors":
        raise WeightsRefused(f"{path.name} holds weights only: {side_path.name} must name its architecture")
    kind = "script" if is_script else "file"
    plain: dict[str, Any] = {
        name: side[name] for name in ("pooling", "input_size", "resize", "width") if name in side
    }
    triples: dict[str, Any] = {
        name: tuple(float(v) for v in side[name]) for name in ("mean", "std") if name in side
    }
    try:
        return EncoderSpec(
            key or f"{kind}:{path.name}@1",
            side.get("title", path.stem),
            side.get("license", "as the operator knows"),
            kind,
            architecture=architecture,
            file_name=str(path) if key else path.name,
            drops=tuple(str(prefix) for prefix in side.get("drops", [])),
            has_consent=side.get("run_code", False),
            download=None,
            preference=90 if not is_script or side.get("run_code") else 0,
            sha256=side.get("sha256", ""),
            **plain,
            **triples,
        )
    except (ValueError, TypeError) as error:
        raise WeightsRefused(f"{side_path}: {error}") from None
