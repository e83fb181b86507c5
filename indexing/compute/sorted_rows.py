"""Row numbers as small ascending arrays: what is left out of millions is a list, not a mask."""

import numpy as np

NO_ROWS = np.zeros(0, np.int64)


def places_of(rows: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(where each of `rows` is in the ascending `among`, whether it is there); an absent one's place is void.

    rows [7, 3], among [3, 5, 9] -> [2, 0], [False, True]
    """
    if len(among) == 0:
        return np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
    at = np.searchsorted(among, rows)
    return at, among[np.minimum(at, len(among) - 1)] == rows


def are_among(rows: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(n,) bool: which of `rows` are in the ascending `among`."""
    return places_of(rows, among)[1]


def ascending(rows: np.ndarray) -> np.ndarray:
    """The distinct `rows`, ascending; free where they are already."""
    return rows if (rows[1:] > rows[:-1]).all() else np.unique(rows)


def num_within(rows: np.ndarray, start: int, stop: int) -> int:
    """How many of the ascending `rows` are in [start, stop)."""
    first, last = np.searchsorted(rows, [start, stop])
    return int(last - first)


def inside(rows: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Those of the ascending `rows` in [start, stop), counted from `start`."""
    first, last = np.searchsorted(rows, [start, stop])
    return rows[first:last] - start
