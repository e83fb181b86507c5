"""Weights and clips by a formula of name and place: the same numbers everywhere, nothing stored."""

import re
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch


def uniform(name: str, shape: Sequence[int]) -> np.ndarray:
    """float32 numbers of [-1, 1) at every place of an array called `name`: SplitMix64 of name and place."""
    with np.errstate(over="ignore"):
        x = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(zlib.crc32(name.encode()) << 24)
        x *= np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return ((x >> np.uint64(40)).astype(np.float32) / (1 << 23) - 1).reshape(shape)


def filled(
    state_dict: Mapping[str, torch.Tensor], gains: Mapping[str, float] | None = None
) -> dict[str, torch.Tensor]:
    """Weights for every name and shape of `state_dict`, none of them zero, statistics of norms included.

    `gains` are factors for names that a regular expression is found in, so that numbers stay finite.
    """
    given = {}
    for name, value in state_dict.items():
        if not value.is_floating_point():
            given[name] = torch.zeros(value.shape, dtype=value.dtype)
            continue
        numbers = uniform(name, value.shape)
        leaf = name.rpartition(".")[2]
        if value.ndim > 1:
            numbers *= np.sqrt(
                6 / np.prod(value.shape[1:])
            )  # He et al. 2015: keeps the variance through ReLU
        elif leaf in ("running_var", "weight"):
            numbers = 1 + numbers / 2
        else:
            numbers /= 5
        for pattern, gain in (gains or {}).items():
            if re.search(pattern, name):
                numbers *= np.float32(gain)
        given[name] = torch.from_numpy(numbers.astype(np.float32))
    return given


def clips(shape: Sequence[int]) -> torch.Tensor:
    """Normalized clips of this shape (N, 3, T, H, W)."""
    return torch.from_numpy(2 * uniform("clips", shape))
