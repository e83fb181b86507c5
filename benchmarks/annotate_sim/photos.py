"""Labeled photos, encoded as the product does; kept, as every run needs the same."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

CLUTTER = "BACKGROUND_Google"


class Photos(NamedTuple):
    vectors: np.ndarray  # (N, D) float32, unit length
    names: np.ndarray  # (N,) folder of each
    classes: list[str]


def encoded(folder: Path, *, encoder: str, weights: Path | None = None) -> Photos:
    """All photos below `folder`, one folder per class."""
    paths = sorted(folder.glob("*/*.jpg"))
    names = np.array([path.parent.name for path in paths])
    classes = [name for name in np.unique(names).tolist() if name != CLUTTER]
    key = hashlib.sha256(f"{folder}{encoder}{len(paths)}".encode()).hexdigest()[:16]
    kept = Path(tempfile.gettempdir()) / f"annotate-sim-{key}.npy"
    if not kept.exists():
        np.save(kept, vectors_of(paths, encoder=encoder, weights=weights))
    return Photos(np.load(kept, allow_pickle=False), names, classes)


def vectors_of(paths: list[Path], *, encoder: str, weights: Path | None = None) -> np.ndarray:
    """(N, D) float32, unit length, of photos in their order."""
    from indexing.compute.images import read_image

    return vectors_of_pixels((read_image(path).pixels for path in paths), encoder=encoder, weights=weights)


def vectors_of_pixels(
    pictures: Iterable[np.ndarray], *, encoder: str, weights: Path | None = None
) -> np.ndarray:
    """(N, D) float32, unit length, of pictures (H, W, 3) uint8 in their order."""
    from indexing.compute import encoders

    with tempfile.TemporaryDirectory() as models:
        if weights is not None:
            (Path(models) / "mobilenet_v2-imagenet.pt").symlink_to(weights.resolve())
        loaded = encoders.load(encoder, device="cpu", model_dir=Path(models))
        parts = [loaded.encode(batch) for batch in batched(pictures, 32)]
    return np.concatenate(parts)


def batched(pictures: Iterable[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    """Lists of at most `size`."""
    left = iter(pictures)
    while batch := list(islice(left, size)):
        yield batch
