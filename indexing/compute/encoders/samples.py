"""Made pictures with the look of photographs, the same on every machine: for checks without any photo."""

import cv2
import numpy as np

SHAPES = 400


def dead_leaves(seed: int, side_px: int) -> np.ndarray:
    """Shapes of all sizes that hide one another: like photographs in their edges and in their spectrum."""
    chance = np.random.default_rng(seed)
    picture = np.full((side_px, side_px, 3), 128, np.uint8)
    for _ in range(SHAPES):
        # Radii follow a power law, as the sizes of things in photographs do.
        radius = int(np.clip(side_px / 90 * chance.random() ** (-1 / 1.6), 2, side_px / 3))
        x, y = (int(v) for v in chance.integers(0, side_px, 2))
        light = chance.integers(0, 256)
        color = tuple(int(v) for v in np.clip(light + chance.normal(0, 30, 3), 0, 255))
        kind = chance.integers(0, 3)
        if kind == 0:
            cv2.circle(picture, (x, y), radius, color, -1)
        elif kind == 1:
            axes = (radius, max(1, int(radius * chance.random())))
            cv2.ellipse(picture, (x, y), axes, float(chance.random() * 360), 0, 360, color, -1)
        else:
            turns = np.sort(chance.random(chance.integers(3, 6))) * 2 * np.pi
            corners = np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], axis=1)
            cv2.fillPoly(picture, [corners.astype(np.int32)], color)
    return picture


def sample_pictures(count: int, side_px: int) -> np.ndarray:
    """(count, side, side, 3) uint8 made pictures, always the same ones."""
    return np.stack([dead_leaves(seed, side_px) for seed in range(count)])
