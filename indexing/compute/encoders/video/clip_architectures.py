"""How each video network wants its clips: what a key or a side file that names the network starts from."""

from typing import Any

from indexing.compute.encoders.specs import IMAGENET_MEAN, IMAGENET_STD
from indexing.compute.encoders.video.clip_specs import KINETICS_MEAN, KINETICS_STD

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "r2plus1d_18": {
        "num_frames": 16,
        "sampling_rate": 2,
        "resize": "short_side",
        "side_px": 128,
        "crop_px": 112,
        "mean": KINETICS_MEAN,
        "std": KINETICS_STD,
        "width": 512,
    },
    "swin3d_t": {
        "num_frames": 32,
        "sampling_rate": 2,
        "resize": "short_side",
        "side_px": 256,
        "crop_px": 224,
        "mean": IMAGENET_MEAN,
        "std": IMAGENET_STD,
        "width": 768,
    },
}
