"""Small edits of pictures: tiles, cover and crop, the lines of a grid, the frame of a cell."""

import io
import math
from collections.abc import Iterator

import numpy as np
from PIL import Image

from indexing.compute.thumbnails import encode_jpeg

LINE = (255, 64, 64)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)  # seen on any picture


def tiles(pixels: np.ndarray, side: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """(row, column, tile) of every tile of (H, W, 3), row by row; those at the edges may be smaller."""
    height, width = pixels.shape[:2]
    for row in range(math.ceil(height / side)):
        for column in range(math.ceil(width / side)):
            top, left = row * side, column * side
            yield row, column, pixels[top : top + side, left : left + side]


def cover_and_crop(pixels: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 3): scaled so that it just covers the square, then cut at the center."""
    height, width = pixels.shape[:2]
    scale = side / min(height, width)
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    scaled = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
    top, left = (size[1] - side) // 2, (size[0] - side) // 2
    return np.ascontiguousarray(scaled[top : top + side, left : left + side])


def with_grid(pixels: np.ndarray, cells: int) -> np.ndarray:
    """A copy with the inner lines of a grid of cells x cells, a pixel wide."""
    drawn = pixels.copy()
    height, width = pixels.shape[:2]
    for line in range(1, cells):
        drawn[min(height - 1, line * height // cells)] = LINE
        drawn[:, min(width - 1, line * width // cells)] = LINE
    return drawn


def with_cell(pixels: np.ndarray, position: tuple[int, int], grid: tuple[int, int]) -> np.ndarray:
    """A copy with the cell at (row, column) of a grid of (rows, columns) framed, white around black."""
    drawn = pixels.copy()
    height, width = pixels.shape[:2]
    (row, column), (rows, columns) = position, grid
    top, left = row * height // rows, column * width // columns
    bottom = max(top + 1, (row + 1) * height // rows)
    right = max(left + 1, (column + 1) * width // columns)
    thick = max(1, min(height, width) // 90)
    inner = top + thick, bottom - thick, left + thick, right - thick
    _frame(drawn, (top, bottom, left, right), thick, WHITE)
    _frame(drawn, inner, thick, BLACK)
    return drawn


def _frame(
    drawn: np.ndarray, edges: tuple[int, int, int, int], thick: int, color: tuple[int, int, int]
) -> None:
    """Lines inside the rectangle [top, bottom) x [left, right); nothing where it is too small."""
    top, bottom, left, right = edges
    if bottom <= top or right <= left:
        return
    inside = drawn[top:bottom, left:right]
    inside[:thick] = inside[-thick:] = color
    inside[:, :thick] = inside[:, -thick:] = color


def as_file(pixels: np.ndarray, suffix: str) -> bytes:
    """The picture as PNG or, for .jpg and .jpeg, as JPEG."""
    if suffix.lower() in (".jpg", ".jpeg"):
        return encode_jpeg(pixels, quality=92)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()
