"""How each video network wants its clips: what a key or a side file that names the network starts from."""

from typing import Any

from indexing.compute.encoders.specs import IMAGENET_MEAN, IMAGENET_STD
from indexing.compute.encoders.video.clip_specs import KINETICS_MEAN, KINETICS_STD

_MIDDLE = {"mean": (0.45, 0.45, 0.45), "std": (0.225, 0.225, 0.225)}  # of SlowFast and its relatives
_IMAGENET = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
_KINETICS = {"mean": KINETICS_MEAN, "std": KINETICS_STD}
# slowfast_feature_extractor: frames squeezed to a square, by OpenCV, nothing cut off
_SQUARE = {"resize": "square", "filter": "plain", "side_px": 256, **_MIDDLE, "pool": "head256"}
_OF_256 = {"resize": "short_side", "side_px": 256, "crop_px": 224}
_OF_128 = {"resize": "short_side", "side_px": 128, "crop_px": 112}
_SINGLE = {"num_frames": 8, "sampling_rate": 8, **_SQUARE, "width": 2048}
_SLOWFAST = {"num_frames": 32, "sampling_rate": 2, **_SQUARE, "width": 2304}

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "slowfast-r50": _SLOWFAST,
    "slowfast-r101": _SLOWFAST,
    "slow-r50": _SINGLE,
    "slow-r101": _SINGLE,
    "c2d-r50": _SINGLE,
    "c2d-r50-nln": _SINGLE,
    "i3d-r50": _SINGLE,
    "i3d-r50-nln": _SINGLE,
    "i3d_r50_nl_dot": {"num_frames": 32, "sampling_rate": 2, **_OF_256, **_IMAGENET, "width": 2048},
    "swin3d_t": {"num_frames": 32, "sampling_rate": 2, **_OF_256, **_IMAGENET, "width": 768},
    "swin3d_s": {"num_frames": 32, "sampling_rate": 2, **_OF_256, **_IMAGENET, "width": 768},
    "swin3d_b": {"num_frames": 32, "sampling_rate": 2, **_OF_256, **_IMAGENET, "width": 1024},
    # gray levels minus the mean color of Sports-1M
    "c3d": {
        "num_frames": 16,
        "sampling_rate": 2,
        **_OF_128,
        "mean": (104.0, 117.0, 128.0),
        "std": (1.0, 1.0, 1.0),
        "scale_255": False,
        "pool": "fc7",
        "width": 4096,
    },
    "r2plus1d_18": {"num_frames": 16, "sampling_rate": 2, **_OF_128, **_KINETICS, "width": 512},
    "r2plus1d_34": {"num_frames": 32, "sampling_rate": 1, **_OF_128, **_KINETICS, "width": 512},
}


def pools_of(architecture: str) -> tuple[str, ...]:
    """The ways in which this network's last map may become one vector; the first is its own."""
    own = str(ARCHITECTURES[architecture].get("pool", "mean"))
    return ("head256", "head224") if own == "head256" else (own,)


def architecture_of(name: object) -> str | None:
    """The architecture that a side file means by `name` (slowfast_r50 is slowfast-r50); None for no such."""
    plain = str(name).replace("-", "_")
    return next((known for known in ARCHITECTURES if known.replace("-", "_") == plain), None)
