"""Every clip encoder that has a name of its own, by its key. Needs no torch: pages list what is here."""

from pathlib import Path
from typing import Any

from indexing.compute.encoders.specs import Download
from indexing.compute.encoders.video.clip_architectures import ARCHITECTURES
from indexing.compute.encoders.video.clip_folder import is_described, is_named_after
from indexing.compute.encoders.video.clip_specs import ClipSpec

BUILTIN_CLIP = "builtin-clip@1"
_TORCHVISION = "https://download.pytorch.org/models/"
_BSD = "BSD-3-Clause (torchvision)"
_SPECS: dict[str, ClipSpec] = {}


def register(spec: ClipSpec) -> None:
    """Make `spec` known under its key; a key is given once and for ever."""
    if spec.key in _SPECS:
        raise ValueError(f"clip encoder {spec.key} is registered twice")
    _SPECS[spec.key] = spec


def known_keys() -> list[str]:
    """The keys registered by name, in the order of their registration."""
    return list(_SPECS)


def _network(key: str, title: str, license_text: str, architecture: str, **changes: Any) -> None:
    facts = ARCHITECTURES[architecture] | changes
    register(ClipSpec(key, title, license_text, "network", architecture, **facts))


register(
    ClipSpec(
        BUILTIN_CLIP,
        "Built-in clip descriptor (shapes, colors and motion; learned from no video)",
        "MIT",
        "builtin",
        side_px=128,
        filter="area",
    )
)
_network(
    "r2plus1d18-k400@1",
    "R(2+1)D-18, Kinetics-400",
    _BSD,
    "r2plus1d_18",
    published_stems=("r2plus1d_18",),
    download=Download(f"{_TORCHVISION}r2plus1d_18-91a641e6.pth", "91a641e6"),
    preference=70,
)
_network(
    "swin3d-t@1",
    "Video Swin-T, Kinetics-400",
    _BSD,
    "swin3d_t",
    published_stems=("swin3d_t", "swin-tiny-p244-w877"),
    download=Download(f"{_TORCHVISION}swin3d_t-7615ae03.pth", "7615ae03"),
    preference=72,
)


def named(key: str) -> ClipSpec:
    """The clip encoder registered as `key`; KeyError for any other."""
    return _SPECS[key]


def is_clip_file(path: Path) -> bool:
    """Whether a weights file is of a video network: by its side file, or by its name."""
    return is_described(path) or any(is_named_after(path.stem, each) for each in _SPECS.values())
