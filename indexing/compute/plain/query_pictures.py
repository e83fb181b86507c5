"""A picture, or a box of it, as the rows of a query; neighbors as pictures, the nearest cell framed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from indexing.compute.decoder import Decoder
from indexing.compute.media_facts import MediaRefused
from indexing.compute.plain.picture_edits import with_cell
from indexing.compute.plain.picture_networks import PictureNetwork

Box = tuple[float, float, float, float]  # x1, y1, x2, y2 as shares of the upright picture


class PictureQuery(NamedTuple):
    """Rows (N, C) float32; of a map only a part, at these positions counted row by row."""

    rows: np.ndarray
    positions: list[int] | None


def query_of(network: PictureNetwork, pixels: np.ndarray, box: Box | None) -> PictureQuery:
    """Pooled: the box is cut out and looked at alone. A map: the cells whose center lies in the box, or
    the one cell under its middle.
    """
    if not network.has_map:
        cut = pixels if box is None else _cut(pixels, box)
        return PictureQuery(network.rows([network.fit(cut)])[0], None)
    fitted = network.fit(pixels)
    rows = network.rows([fitted])[0]
    if box is None:
        return PictureQuery(rows, None)
    positions = cells_under(box, network.grid_of(fitted))
    return PictureQuery(rows[positions], positions)


def cells_under(box: Box, grid: tuple[int, int]) -> list[int]:
    """The cells of a grid of (rows, columns), counted row by row, that a box covers by their centers.

    (0, 0, .5, .5) of 2 x 2 -> [0]; a box within a cell -> that cell
    """
    x1, y1, x2, y2 = box
    rows, columns = grid
    found = [
        row * columns + column
        for row in range(rows)
        for column in range(columns)
        if x1 <= (column + 0.5) / columns < x2 and y1 <= (row + 0.5) / rows < y2
    ]
    if found:
        return found
    row, column = int((y1 + y2) / 2 * rows), int((x1 + x2) / 2 * columns)
    return [min(row, rows - 1) * columns + min(column, columns - 1)]


def shares_of(box: Box, width_px: int, height_px: int) -> Box:
    """A box in pixels, or already in shares (all four at most 1), as shares; ValueError for none."""
    x1, y1, x2, y2 = box
    if max(box) > 1:
        x1, y1, x2, y2 = x1 / width_px, y1 / height_px, x2 / width_px, y2 / height_px
    if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
        raise ValueError(
            f"the box must lie within the picture of {width_px} x {height_px}, left before right"
        )
    return x1, y1, x2, y2


def picture_of(decoder: Decoder, neighbor: Mapping[str, Any]) -> np.ndarray:
    """The picture or frame that a neighbor is, its nearest cell framed; MediaRefused where none is known."""
    media = neighbor.get("media")
    if not isinstance(media, str):
        raise MediaRefused("unknown-media", "It is not known which picture or video it is.")
    is_frame = "pts" in neighbor and "video" not in neighbor
    if is_frame:
        frame = next(iter(decoder.frames_at(Path(media), [int(neighbor["pts"])])), None)
        if frame is None:
            raise MediaRefused("no-frame", f"{media} has no frame at {neighbor['pts']}.")
        pixels = frame.pixels
    else:
        pixels = decoder.image(Path(media)).pixels
    if "position" in neighbor and "grid" in neighbor:
        row, column = neighbor["position"]
        rows, columns = neighbor["grid"]
        return with_cell(pixels, (row, column), (rows, columns))
    return pixels


def _cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = box
    left, top = int(np.floor(x1 * width)), int(np.floor(y1 * height))
    right, bottom = max(left + 1, int(np.ceil(x2 * width))), max(top + 1, int(np.ceil(y2 * height)))
    return np.ascontiguousarray(pixels[top:bottom, left:right])
