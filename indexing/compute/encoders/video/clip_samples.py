"""Made clips with the look of video, the same on every machine: for checks without any video."""

import numpy as np

from indexing.compute.encoders.samples import dead_leaves

TRAVEL = 0.25  # of the side: how far the camera goes during a clip


def sample_clip(seed: int, num_frames: int, side_px: int) -> np.ndarray:
    """(T, side, side, 3) uint8: a camera moves over one made picture, a piece of another crosses it."""
    chance = np.random.default_rng(seed)
    reach = max(1, round(TRAVEL * side_px))
    scene = dead_leaves(2 * seed, side_px + reach)
    piece = dead_leaves(2 * seed + 1, max(8, side_px // 3))
    corners = chance.integers(0, reach + 1, (2, 2))  # where the camera begins and ends
    places = chance.integers(0, side_px - len(piece) + 1, (2, 2))
    clip = np.empty((num_frames, side_px, side_px, 3), np.uint8)
    for t, share in enumerate(np.linspace(0, 1, num_frames)):
        y, x = (corners[0] + share * (corners[1] - corners[0])).round().astype(int)
        clip[t] = scene[y : y + side_px, x : x + side_px]
        y, x = (places[0] + share * (places[1] - places[0])).round().astype(int)
        clip[t, y : y + len(piece), x : x + len(piece)] = piece
    return clip


def sample_clips(count: int, num_frames: int, side_px: int) -> list[np.ndarray]:
    """`count` made clips (T, side, side, 3) uint8, always the same ones."""
    return [sample_clip(seed, num_frames, side_px) for seed in range(count)]
