"""The tiles of a frame that may be searched besides the whole: which slot is which part of the picture.

    slot        part
    0           the whole frame
    1 to 4      the quarters of a 2 x 2 grid, row by row from the top left
    5 to 13     the ninths of a 3 x 3 grid, in the same order

Two grids, as in SeeSaw's multi-scale patches (Moll et al., SIGMOD 2023): an object that the lines of one
grid cut mostly lies within a tile of the other.
"""

from __future__ import annotations

import numpy as np

Box = tuple[float, float, float, float]  # x0, y0, x1, y1, of 0..1, half-open

WHOLE = 0  # the slot of the item itself
GRIDS = (2, 3)
MAX_GRID = max(GRIDS)
# What a tile must be nearer by than the whole frame to win. Measured by benchmarks/regions.py.
SCALE_PRIOR = 0.03


def _tiles() -> list[Box]:
    return [
        (column / grid, row / grid, (column + 1) / grid, (row + 1) / grid)
        for grid in GRIDS
        for row in range(grid)
        for column in range(grid)
    ]


TILES: tuple[Box, ...] = tuple(_tiles())
NUM_TILES = len(TILES)
TILE_SLOTS = tuple(range(WHOLE + 1, WHOLE + 1 + NUM_TILES))
FIRST_TILE = TILE_SLOTS[0]


def box_of(slot: int) -> Box | None:
    """The part of the frame that `slot` is of; None: the whole. LookupError for a slot there is none of."""
    if slot == WHOLE:
        return None
    if slot not in TILE_SLOTS:
        raise LookupError(f"a slot is {WHOLE} to {TILE_SLOTS[-1]}, got {slot}")
    return TILES[slot - FIRST_TILE]


def slot_like(box: Box) -> int:
    """The slot whose part of the frame is most like `box`: intersection over union; of equals the larger."""
    parts = np.array([(0.0, 0.0, 1.0, 1.0), *TILES])
    width = np.minimum(parts[:, 2], box[2]) - np.maximum(parts[:, 0], box[0])
    height = np.minimum(parts[:, 3], box[3]) - np.maximum(parts[:, 1], box[1])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    areas = (parts[:, 2] - parts[:, 0]) * (parts[:, 3] - parts[:, 1])
    union = areas + (box[2] - box[0]) * (box[3] - box[1]) - shared
    return int(np.argmax(np.round(shared / np.maximum(union, 1e-12), 9)))


def cut_tiles(pixels: np.ndarray) -> list[np.ndarray]:
    """The tiles of (H, W, 3), in order of their slots, to whole pixels outward; each at least a pixel."""
    height, width = pixels.shape[:2]
    tiles = []
    for x0, y0, x1, y1 in TILES:
        left, top = int(np.floor(x0 * width + 1e-9)), int(np.floor(y0 * height + 1e-9))
        right, bottom = int(np.ceil(x1 * width - 1e-9)), int(np.ceil(y1 * height - 1e-9))
        tiles.append(pixels[top:bottom, left:right])
    return tiles


def bytes_of_frame(width: int, *, with_tiles: bool) -> int:
    """What the vectors of one frame take, in half precision, of an encoder that gives `width` numbers."""
    return 2 * width * (1 + NUM_TILES * with_tiles)
