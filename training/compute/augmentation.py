"""Pictures varied for training by torchvision v2, and mixed; every draw comes from a given generator."""

import importlib
from typing import NamedTuple

import numpy as np
import torch

from indexing.compute import torchvision_shim  # noqa: F401 - first: it lets torchvision be imported
from training.compute.pictures import Preprocessing

AUGMENTATIONS = ("none", "flip", "strong")
MIXUP_ALPHA = 0.4
MIN_AREA, ASPECTS = 0.5, (3 / 4, 4 / 3)  # of the part that a strong crop keeps
COLOR_RANGE = 0.3  # brightness, contrast and saturation by a factor of 0.7 to 1.3

functional = importlib.import_module("torchvision.transforms.v2.functional")


def augmented(
    resized: np.ndarray, preprocessing: Preprocessing, augmentation: str, draws: np.random.Generator
) -> np.ndarray:
    """(side_px, side_px, 3) uint8 of a resized picture, as `preprocessing` cuts it but varied.

    none: the middle, as everywhere else. flip: a random cut, mirrored half of the time. strong: a random part
    of at least half the area, mirrored half of the time, other brightness, contrast and saturation.
    """
    if augmentation == "none":
        return preprocessing.middle(resized)
    side = preprocessing.side_px
    picture = torch.from_numpy(np.array(resized)).permute(2, 0, 1)  # (3, H, W)
    if augmentation == "strong":
        picture = _random_part(picture, side, draws)
    else:
        top, left = (int(draws.integers(0, length - side + 1)) for length in resized.shape[:2])
        picture = functional.crop(picture, top, left, side, side)
    if draws.random() < 0.5:
        picture = functional.horizontal_flip(picture)
    if augmentation == "strong":
        for adjust in (
            functional.adjust_brightness,
            functional.adjust_contrast,
            functional.adjust_saturation,
        ):
            picture = adjust(picture, float(draws.uniform(1 - COLOR_RANGE, 1 + COLOR_RANGE)))
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


def _random_part(picture: torch.Tensor, side: int, draws: np.random.Generator) -> torch.Tensor:
    height, width = picture.shape[1:]
    area = height * width * draws.uniform(MIN_AREA, 1)
    aspect = np.exp(draws.uniform(*np.log(ASPECTS)))
    part_width = min(width, max(1, round(np.sqrt(area * aspect))))
    part_height = min(height, max(1, round(np.sqrt(area / aspect))))
    top = int(draws.integers(0, height - part_height + 1))
    left = int(draws.integers(0, width - part_width + 1))
    return functional.resized_crop(picture, top, left, part_height, part_width, [side, side], antialias=True)


class Mixed(NamedTuple):
    """A batch mixed with itself: row i is `shares[i]` of row i and the rest of row `partners[i]`."""

    images: torch.Tensor  # (N, 3, H, W) float32
    partners: torch.Tensor  # (N,) int64
    shares: torch.Tensor  # (N,) float32, at least one half


def mixup(images: torch.Tensor, draws: np.random.Generator, alpha: float = MIXUP_ALPHA) -> Mixed:
    """The batch and a permutation of it, weighted by t = max(t, 1 - t), t ~ Beta(alpha, alpha) per row.

    Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization"; `images` are (N, 3, H, W) uint8.
    """
    drawn = draws.beta(alpha, alpha, len(images))
    shares = torch.from_numpy(np.maximum(drawn, 1 - drawn).astype(np.float32)).to(images.device)
    partners = torch.from_numpy(draws.permutation(len(images))).to(images.device)
    rows = shares.reshape(-1, 1, 1, 1)
    planes = images.float()
    return Mixed(planes * rows + planes[partners] * (1 - rows), partners, shares)
