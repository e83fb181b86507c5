"""Every clip encoder that has a name of its own, by its key. Needs no torch: pages list what is here."""

from pathlib import Path
from typing import Any

from indexing.compute.encoders.specs import Download
from indexing.compute.encoders.video.clip_architectures import ARCHITECTURES
from indexing.compute.encoders.video.clip_folder import clip_files, is_described, match_length
from indexing.compute.encoders.video.clip_specs import ClipSpec

BUILTIN_CLIP = "builtin-clip@1"
_TORCHVISION = "https://download.pytorch.org/models/"
_BSD = "BSD-3-Clause (torchvision)"
_PYSLOWFAST = "as its publisher says (PySlowFast: Apache-2.0)"
_MMACTION2 = "as its publisher says (mmaction2: Apache-2.0)"
_POOLS = {"head256": "mean of all places", "head224": "mean of all 7 x 7 windows"}
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
        preference=20,  # above means of frames, which are blind to motion
    )
)
for depth in (50, 101):
    for size, num_frames, alpha in (("4x16", 32, 8), ("8x8", 32, 4), ("16x8", 64, 4)):
        for pool in ("head256", "head224"):
            # head224 pools a map of 8 x 8 with a window of 7 x 7, as PySlowFast does: other numbers.
            _network(
                f"slowfast-r{depth}-{size}-{pool}@1",
                f"SlowFast R{depth} {size}, Kinetics-400, {_POOLS[pool]}",
                _PYSLOWFAST,
                f"slowfast-r{depth}",
                num_frames=num_frames,
                pool=pool,
                config={"alpha": alpha},
                published_stems=(f"SLOWFAST_{size}_R{depth}",),
                preference=75 if pool == "head256" else 40,
            )
for key, title, stems, preference in (
    ("slow-r50", "Slow R50 8x8, Kinetics-400", ("SLOW_8x8_R50", "SLOWONLY_8x8_R50"), 65),
    ("c2d-r50", "C2D R50 8x8, Kinetics-400", ("C2D_8x8_R50",), 60),
    ("c2d-r50-nln", "C2D R50 8x8 with non-local blocks, Kinetics-400", ("C2D_NLN_8x8_R50",), 61),
    ("i3d-r50", "I3D R50 8x8, Kinetics-400", ("I3D_8x8_R50",), 66),
    ("i3d-r50-nln", "I3D R50 8x8 with non-local blocks, Kinetics-400", ("I3D_NLN_8x8_R50",), 67),
):
    _network(f"{key}@1", title, _PYSLOWFAST, key, published_stems=stems, preference=preference)
_network(
    "i3d-r50-nl-dot@1",
    "I3D R50, non-local with dot product, Kinetics-400",
    _MMACTION2,
    "i3d_r50_nl_dot",
    published_stems=("i3d_imagenet-pretrained-r50-nl-dot-product",),
    preference=68,
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
_network(
    "c3d-sports1m@1",
    "C3D, Sports-1M",
    _MMACTION2,
    "c3d",
    published_stems=("c3d_sports1m",),
    preference=30,
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
for num_frames in (8, 32):
    _network(
        f"r2plus1d34-ig65m-{num_frames}@1",
        f"R(2+1)D-34, IG-65M, {num_frames} frames",
        "as its publisher says (ig65m-pytorch: MIT)",
        "r2plus1d_34",
        num_frames=num_frames,
        published_stems=(f"r2plus1d_34_clip{num_frames}_ig65m", f"r2plus1d_34_clip{num_frames}_ft_kinetics"),
        preference=71,
    )


def named(key: str) -> ClipSpec:
    """The clip encoder registered as `key`; KeyError for any other."""
    return _SPECS[key]


def is_clip_file(path: Path) -> bool:
    """Whether a weights file is of a video network: by its side file, or by its name."""
    return is_described(path) or any(match_length(path.stem, each) for each in _SPECS.values())


def weights_file(spec: ClipSpec, model_dir: Path) -> Path | None:
    """The file in `model_dir` that holds the weights of `spec`; None when there is none.

    KEY-NAME.pth, KEY-NAME-anything.safetensors and the names that publishers give do: the longest name that
    fits decides, so that i3d-r50-nln.pth is no i3d-r50. A file with a side file NAME.json is an encoder of
    its own (`file:NAME@1`) and is not taken here.
    """
    if spec.family == "file":
        path = Path(spec.file_name) if spec.file_name.startswith("/") else model_dir / spec.file_name
        return path if path.is_file() else None
    published = spec.download.file_name if spec.download else ""
    found = [
        path
        for path in clip_files(model_dir)
        if _is_named_after(path.stem, spec) and not path.with_suffix(".json").is_file()
    ]
    # The published file first, then the plainest name.
    return min(found, key=lambda path: (path.name != published, len(path.name), path.name), default=None)


def _is_named_after(stem: str, spec: ClipSpec) -> bool:
    length = match_length(stem, spec)
    return length > 0 and length == max(match_length(stem, each) for each in _SPECS.values())
