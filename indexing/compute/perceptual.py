"""A 64-bit hash of how a picture looks: near-equal pictures have hashes that differ in few bits."""

import cv2
import numpy as np

SIDE = 32  # pixels of the reduced picture
LOW = 8  # lowest frequencies kept in each direction: 8 x 8 = 64 bits
FLAT = 0.5  # frequencies weaker than this (in gray levels) are noise of a flat picture
# (LOW, SIDE): the lowest rows of the cosine transform, scaled so that amplitudes are in gray levels.
COSINES = np.cos(np.pi / SIDE * np.outer(np.arange(LOW), np.arange(SIDE) + 0.5)).astype(np.float32) * 2 / SIDE

cv2.setNumThreads(1)


def perceptual_hash(pixels: np.ndarray) -> int:
    """The hash of (H, W, 3) uint8 RGB pixels, as the signed 64-bit integer that PostgreSQL stores.

    Bit i tells whether low frequency i of the gray picture's cosine transform is above the
    median (after Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010).
    """
    gray = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = (COSINES @ small @ COSINES.T).ravel()
    low[np.abs(low) < FLAT] = 0
    bits = np.packbits(low > np.sort(low[1:])[31])  # [1:]: the mean brightness says nothing
    return int(bits.view(">i8")[0])


def hamming(hashes: np.ndarray, other: np.ndarray | np.int64) -> np.ndarray:
    """In how many of the 64 bits hashes (N,) int64 differ from `other`."""
    return np.bitwise_count(np.bitwise_xor(hashes, other).view(np.uint64))


def near_pairs(hashes: np.ndarray, *, max_bits: int = 7) -> np.ndarray:
    """All pairs (i, j), i < j, of hashes (N,) int64 that differ in at most `max_bits` <= 7 bits, as (P, 2).

    Of four 16-bit bands of two such hashes one differs in at most one bit (pigeonhole), so only
    pairs that share a band up to one bit are compared. Equal hashes in long runs are chained, not
    paired all with all: i-j and j-k are given, i-k need not be.
    """
    if not 0 <= max_bits <= 7:
        raise ValueError(f"max_bits must be 0 to 7, got {max_bits}")
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]] if len(hashes) else np.zeros(0, bool)
    chains = np.column_stack([order[:-1][~first[1:]], order[1:][~first[1:]]]) if len(hashes) else _none()
    owners = order[first]  # one item of every different hash
    found = [np.sort(chains, axis=1)]
    for band in range(4):
        found.extend(_share_band(hashes, owners, band, max_bits))
    pairs = np.concatenate([each.reshape(-1, 2) for each in found]).astype(np.int64)
    return np.unique(pairs, axis=0)


def _share_band(hashes: np.ndarray, owners: np.ndarray, band: int, max_bits: int) -> list[np.ndarray]:
    values = (hashes[owners].view(np.uint64) >> np.uint64(16 * band)).astype(np.uint16)
    order = np.argsort(values, kind="stable")
    values, owners = values[order], owners[order]
    found = []
    for flip in [0, *(1 << bit for bit in range(16))]:
        start = np.searchsorted(values, values ^ np.uint16(flip), side="left")
        stop = np.searchsorted(values, values ^ np.uint16(flip), side="right")
        counts = stop - start
        for rows in np.array_split(np.arange(len(values)), 1 + int(counts.sum()) // 4_000_000):
            n = counts[rows]
            left = np.repeat(rows, n)
            right = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + np.repeat(start[rows], n)
            ahead = left < right
            i, j = owners[left[ahead]], owners[right[ahead]]
            near = hamming(hashes[i], hashes[j]) <= max_bits
            found.append(np.sort(np.column_stack([i[near], j[near]]), axis=1))
    return found


def _none() -> np.ndarray:
    return np.zeros((0, 2), np.int64)
