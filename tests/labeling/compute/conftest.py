"""Real photos as vectors: what a ranking and a review of answers are judged on."""

from typing import NamedTuple

import numpy as np
import pytest

CLASSES = (
    "bonsai", "brain", "butterfly", "cannon", "crab", "cup", "elephant", "ewer", "ferry", "laptop",
    "lotus", "nautilus", "octopus", "pagoda", "rooster", "wild_cat",
)  # fmt: skip
PER_CLASS = 30


class Photos(NamedTuple):
    vectors: np.ndarray  # (N, 1280) float32, unit length
    names: np.ndarray  # (N,) the class of each


@pytest.fixture(scope="session")
def photos(shared_data, shared_weights, tmp_path_factory) -> Photos:
    """Some 440 photos of sixteen classes, two of them with ten, by MobileNetV2."""
    from indexing.compute import encoders
    from indexing.compute.images import read_image

    folder = tmp_path_factory.mktemp("models")
    (folder / "mobilenet_v2-imagenet.pt").symlink_to(shared_weights / "mobilenet_v2_imagenet_fp16.pt")
    encoder = encoders.load("torchvision:mobilenet_v2@1", device="cpu", model_dir=folder)
    paths = [
        path for name in CLASSES for path in sorted((shared_data / "photos" / name).glob("*.jpg"))[:PER_CLASS]
    ]
    batches = [paths[start : start + 32] for start in range(0, len(paths), 32)]
    vectors = [encoder.encode([read_image(path).pixels for path in batch]) for batch in batches]
    return Photos(np.concatenate(vectors), np.array([path.parent.name for path in paths]))
