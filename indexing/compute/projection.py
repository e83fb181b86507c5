"""The map of a corpus: features laid out in the plane; the same features, the same map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_LANDMARKS = 3000  # t-SNE of so many takes some 10 s of one core
MIN_FOR_TSNE = 12  # fewer points have no neighborhoods to keep
PERPLEXITY = 30.0
NUM_AXES = 50  # features are reduced to so many principal axes before t-SNE, as its authors advise
NUM_NEAREST = 6
SHARPNESS = 4  # weights fall with distance to this power: a landmark lies exactly where it was laid out
ISLAND = 0.05  # of the map's width
BLOCK_ROWS = 8192
SEED = 20


@dataclass(frozen=True, slots=True)
class Layout:
    """Landmarks and where they lie: all that is needed to place any other feature, without moving one."""

    landmarks: np.ndarray  # (L, D) float32, unit length
    places: np.ndarray  # (L, 2) float32 in [0, 1]

    def __post_init__(self) -> None:
        if self.landmarks.ndim != 2 or self.landmarks.dtype != np.float32 or len(self.landmarks) == 0:
            raise ValueError(
                f"landmarks must be (L, D) float32, got {self.landmarks.shape} {self.landmarks.dtype}"
            )
        if self.places.shape != (len(self.landmarks), 2) or self.places.dtype != np.float32:
            raise ValueError(
                f"places must be ({len(self.landmarks)}, 2) float32, "
                f"got {self.places.shape} {self.places.dtype}"
            )


def lay_out(vectors: np.ndarray, *, num_landmarks: int = MAX_LANDMARKS) -> Layout:
    """A layout of at most `num_landmarks` rows of `vectors` (N, D) float32, drawn by a fixed seed.

    t-SNE (van der Maaten and Hinton 2008; Barnes-Hut 2014) from the first two principal axes, on one
    thread: the same rows give the same layout. ValueError without a row.
    """
    if vectors.ndim != 2 or len(vectors) == 0:
        raise ValueError(f"a layout needs (N, D) vectors with N > 0, got {vectors.shape}")
    chosen = np.random.default_rng(SEED).permutation(len(vectors))[:num_landmarks]
    landmarks = np.ascontiguousarray(vectors[np.sort(chosen)], np.float32)
    landmarks = landmarks[np.sort(np.unique(landmarks, axis=0, return_index=True)[1])]  # twins are one
    axes = _principal(landmarks)
    places = _tsne(axes) if len(landmarks) >= MIN_FOR_TSNE else axes[:, :2]
    return Layout(landmarks, _in_unit_square(places))


def place(vectors: np.ndarray, layout: Layout) -> np.ndarray:
    """(N, 2) float32 in [0, 1]: every row among its nearest landmarks, which it does not move.

    The mean of their places, weighted by the inverse of the distance (Shepard 1968,
    doi:10.1145/800186.810616), without those that lie far from the middle one: between two
    islands there is nothing. `vectors` (N, D), of unit length, in any float.
    """
    if vectors.ndim != 2 or vectors.shape[1] != layout.landmarks.shape[1]:
        raise ValueError(f"vectors must be (N, {layout.landmarks.shape[1]}), got {vectors.shape}")
    k = min(NUM_NEAREST, len(layout.landmarks))
    places = np.empty((len(vectors), 2), np.float32)
    for start in range(0, len(vectors), BLOCK_ROWS):
        block = np.asarray(vectors[start : start + BLOCK_ROWS], np.float32)
        similarities = block @ layout.landmarks.T
        nearest = np.argpartition(-similarities, k - 1, axis=1)[:, :k]
        near = np.take_along_axis(similarities, nearest, axis=1)
        distances = np.sqrt(np.maximum(2 - 2 * near, 1e-7))
        weights = (distances.min(axis=1, keepdims=True) / distances) ** SHARPNESS
        places[start : start + len(block)] = _among(layout.places[nearest], weights)
    return places


def inside(places: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """(N,) bool: the points of `places` (N, 2) within `polygon` (P, 2), by the even-odd rule."""
    if polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3:
        raise ValueError(f"a polygon needs at least three (x, y) corners, got {polygon.shape}")
    x, y = places[:, 0], places[:, 1]
    is_inside = np.zeros(len(places), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crosses = (y0 > y) != (y1 > y)
        is_inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return is_inside


def _among(places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N, 2): the weighted mean of `places` (N, k, 2) that lie within ISLAND of the weighted medoid."""
    apart = np.linalg.norm(places[:, :, None] - places[:, None], axis=3)
    medoid = np.einsum("nij,nj->ni", apart, weights).argmin(axis=1)
    weights = weights * (apart[np.arange(len(places)), medoid] <= ISLAND)
    return np.einsum("nk,nkd->nd", weights / weights.sum(axis=1, keepdims=True), places)


def _principal(vectors: np.ndarray) -> np.ndarray:
    """(N, <= NUM_AXES) float32: on the principal axes, each turned so that its largest weight is positive."""
    around = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(around, full_matrices=False)
    axes = axes[:NUM_AXES]
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    coordinates = around @ axes.T
    if coordinates.shape[1] < 2:
        coordinates = np.pad(coordinates, ((0, 0), (0, 2 - coordinates.shape[1])))
    return np.ascontiguousarray(coordinates, np.float32)


def _tsne(axes: np.ndarray) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    start = axes[:, :2] / max(float(axes[:, 0].std()), 1e-9) * 1e-4
    with threadpool_limits(1):  # sums of several threads come in any order
        return TSNE(
            perplexity=min(PERPLEXITY, (len(axes) - 1) / 3), init=start, random_state=SEED, n_jobs=1
        ).fit_transform(axes)


def _in_unit_square(places: np.ndarray) -> np.ndarray:
    """The same figure, not stretched, in the middle of the unit square with a margin."""
    low, high = places.min(axis=0), places.max(axis=0)
    size = max(float((high - low).max()), 1e-9)
    return np.asarray(0.5 + (places - (low + high) / 2) / size * 0.96, np.float32)
