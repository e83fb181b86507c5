"""The built-in descriptor: edges and small patches of a picture, whitened. Needs no download and no torch.

Two parts, each pooled over a grid of cells and whitened with what made pictures (samples.py) vary by:
histograms of oriented gradients (Dalal and Triggs 2005, as Felzenszwalb 2010 normalizes them), and patches
coded by a dictionary (Coates and Ng 2011). benchmarks/builtin_encoder.py makes the numbers in builtin.npz
and measures what they are good for; no photograph went into them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from indexing.compute.encoders.encoder import Encoder
from indexing.compute.encoders.pictures import fit
from indexing.compute.encoders.specs import EncoderSpec
from indexing.compute.features import normalize
from indexing.compute.files import sha256_of

NUMBERS = Path(__file__).with_name("builtin.npz")
WIDTH_PER_PART = 512
PATCH_WEIGHT = 0.7  # of the patches beside the edges; measured

EDGE_SIDE_PX, EDGE_CELL_PX, EDGE_BINS = 96, 16, 18
EDGE_CLIP, EDGE_FLOOR = 0.2, 30.0  # one strong edge must not decide; flat cells stay near zero
PATCH_PICTURE_PX, PATCH_PX, PATCH_GRID = 32, 6, 4
PATCH_FLOOR = 10.0  # of the variance, in gray levels squared: noise stays small
PATCH_THRESHOLD = 0.25  # below: the patch is not like the atom at all


class BuiltinEncoder(Encoder):
    """Always there; the same vector for the same picture on every machine."""

    def __init__(self, spec: EncoderSpec) -> None:
        width = 2 * WIDTH_PER_PART
        super().__init__(
            spec, width=width, precision="fp32", engine="numpy", weights_sha256=sha256_of(NUMBERS)
        )
        with np.load(NUMBERS, allow_pickle=False) as stored:
            self._numbers = {name: stored[name].astype(np.float32) for name in stored.files}
        self._order = {name: self._numbers[f"{name}_order"].astype(np.int64) for name in ("edges", "patches")}

    def _raw(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([self._one(fit(pixels, self.spec)) for pixels in pictures])

    def _one(self, pixels: np.ndarray) -> np.ndarray:
        found = patches(pixels, self._numbers["atoms"], self._numbers["atoms_shift"])
        parts = np.stack([self._whiten("edges", edges(pixels)), self._whiten("patches", found)])
        return (normalize(parts) * np.array([[1.0], [PATCH_WEIGHT]], np.float32)).ravel()

    def _whiten(self, name: str, cells: np.ndarray) -> np.ndarray:
        """(cells, channels) -> (D,): along the axes of cells and of channels, each divided by its spread."""
        numbers = self._numbers
        along = numbers[f"{name}_cells"].T @ (cells - numbers[f"{name}_mean"]) @ numbers[f"{name}_channels"]
        return along.ravel()[self._order[name]] * numbers[f"{name}_gain"]


def edges(pixels: np.ndarray) -> np.ndarray:
    """(36, 31) histograms of oriented gradients: 18 directions, 9 orientations and 4 of texture per cell."""
    small = cv2.resize(pixels, (EDGE_SIDE_PX, EDGE_SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    across = cv2.Sobel(small, cv2.CV_32F, 1, 0, ksize=1)
    down = cv2.Sobel(small, cv2.CV_32F, 0, 1, ksize=1)
    strongest = (across**2 + down**2).argmax(axis=2)[..., None]  # of the three colors
    across = np.take_along_axis(across, strongest, 2)[..., 0]
    down = np.take_along_axis(down, strongest, 2)[..., 0]
    strength = np.sqrt(across**2 + down**2)
    angle = np.arctan2(down, across) * (EDGE_BINS / (2 * np.pi))
    below = np.floor(angle)
    share = angle - below
    lower = below.astype(np.int64) % EDGE_BINS
    planes = np.zeros((EDGE_BINS, strength.size), np.float32)
    places = np.arange(strength.size)
    planes[lower.ravel(), places] += (strength * (1 - share)).ravel()
    planes[(lower.ravel() + 1) % EDGE_BINS, places] += (strength * share).ravel()
    ramp = np.concatenate([np.arange(1, EDGE_CELL_PX + 1), np.arange(EDGE_CELL_PX - 1, 0, -1)])
    ramp = (ramp / ramp.sum()).astype(np.float32)  # every pixel counts for the cells around it, by nearness
    at = slice(EDGE_CELL_PX // 2, None, EDGE_CELL_PX)
    directions = np.stack(
        [
            cv2.sepFilter2D(plane.reshape(small.shape[:2]), -1, ramp, ramp, borderType=cv2.BORDER_CONSTANT)[
                at, at
            ]
            for plane in planes
        ],
        axis=-1,
    )
    return _normalize_by_neighbors(directions)


def _normalize_by_neighbors(directions: np.ndarray) -> np.ndarray:
    """(n, n, bins) -> (n * n, 31): divided by the energy of the four squares of cells that a cell is in."""
    n, half = len(directions), EDGE_BINS // 2
    orientations = directions[..., :half] + directions[..., half:]
    energy = np.pad((orientations**2).sum(axis=-1), 1, mode="edge")
    squares = energy[:-1, :-1] + energy[1:, :-1] + energy[:-1, 1:] + energy[1:, 1:]
    both = np.concatenate([directions, orientations], axis=-1)
    total, textures = np.zeros_like(both), []
    for row in (0, 1):
        for column in (0, 1):
            scale = 1 / np.sqrt(squares[row : row + n, column : column + n] + EDGE_FLOOR)
            clipped = np.minimum(both * scale[..., None], EDGE_CLIP)
            total += clipped / 2
            textures.append(clipped[..., :EDGE_BINS].sum(axis=-1) / np.sqrt(EDGE_BINS))
    return np.concatenate([total, np.stack(textures, axis=-1)], axis=-1).reshape(n * n, -1)


def cut_patches(pixels: np.ndarray) -> np.ndarray:
    """(27, 27, 108): every patch of the picture at 32 px, without its mean and contrast."""
    small = cv2.resize(pixels, (PATCH_PICTURE_PX, PATCH_PICTURE_PX), interpolation=cv2.INTER_AREA)
    windows = np.lib.stride_tricks.sliding_window_view(small, (PATCH_PX, PATCH_PX), axis=(0, 1))
    found = windows.reshape(*windows.shape[:2], -1).astype(np.float32)
    found -= found.mean(axis=-1, keepdims=True)
    return found / np.sqrt(found.var(axis=-1, keepdims=True) + PATCH_FLOOR)


def patches(pixels: np.ndarray, atoms: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """(16, atoms): how much each atom of the dictionary is seen in each cell of a 4 x 4 grid."""
    likeness = cut_patches(pixels) @ atoms - shift
    likeness = np.maximum(likeness - PATCH_THRESHOLD, 0)
    stops = np.linspace(0, len(likeness), PATCH_GRID + 1).astype(int)
    by_row = np.add.reduceat(likeness, stops[:-1], axis=0)
    sums = np.add.reduceat(by_row, stops[:-1], axis=1).reshape(PATCH_GRID**2, -1)
    sides = np.diff(stops)
    return np.sqrt(sums / np.outer(sides, sides).reshape(-1, 1))


def whitening(cells: np.ndarray, width: int) -> Mapping[str, np.ndarray]:
    """Mean, axes and gains of samples (N, cells, channels): the `width` widest directions, made even."""
    mean = cells.mean(axis=0)
    centered = cells - mean
    _, channels = np.linalg.eigh(np.einsum("nsc,nsd->cd", centered, centered, optimize=True))
    _, places = np.linalg.eigh(np.einsum("nsc,ntc->st", centered, centered, optimize=True))
    spread = np.einsum("nsc,st,cd->ntd", centered, places, channels, optimize=True).reshape(len(cells), -1)
    variance = spread.var(axis=0)
    order = np.argsort(-variance)[:width]
    # Directions that made pictures hardly have are mostly noise: they are raised half-way only.
    gain = 1 / np.sqrt(variance[order] + variance.mean())
    return {"mean": mean, "cells": places, "channels": channels, "order": order, "gain": gain}
