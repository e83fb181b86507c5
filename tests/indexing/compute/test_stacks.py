"""Stacks: what is near-identical is together, what is stacked stays."""

import numpy as np
import pytest

from indexing.compute.perceptual import hamming, near_pairs, perceptual_hash
from indexing.compute.stacks import NONE, StackItems, group


def unit(*angles: float) -> np.ndarray:
    """Vectors in a plane, at these angles in degrees: their similarity is the cosine of the difference."""
    radians = np.deg2rad(angles)
    return np.column_stack([np.cos(radians), np.sin(radians)]).astype(np.float32)


def video(
    angles: list[float], *, seconds: list[float] | None = None, stacks: list[int] | None = None
) -> StackItems:
    n = len(angles)
    return StackItems(
        media_files=np.ones(n, np.int64),
        are_photos=np.zeros(n, bool),
        seconds=np.array(seconds if seconds else range(n), float),
        hashes=np.zeros(n, np.int64),
        stacks=np.array(stacks if stacks else [NONE] * n, np.int64),
        vectors=unit(*angles),
    )


def photos(hashes: list[int], angles: list[float], stacks: list[int] | None = None) -> StackItems:
    n = len(hashes)
    return StackItems(
        media_files=np.arange(n),
        are_photos=np.ones(n, bool),
        seconds=np.zeros(n),
        hashes=np.array(hashes, np.int64),
        stacks=np.array(stacks if stacks else [NONE] * n, np.int64),
        vectors=unit(*angles),
    )


def test_a_run_ends_where_its_frames_differ_from_its_first():
    grouped = group(video([0, 5, 10, 90, 95, 180]))
    assert grouped.new == [[0, 1, 2], [3, 4]]


def test_a_slow_change_ends_a_run():
    grouped = group(video([0, 10, 20, 30, 40, 50]))  # neighbors are 0.98 alike; 0.9 is 26 degrees
    assert grouped.new == [[0, 1, 2], [3, 4, 5]]


def test_a_gap_in_time_ends_a_run():
    grouped = group(video([0, 0, 0, 0], seconds=[0, 1, 30, 31]))
    assert grouped.new == [[0, 1], [2, 3]]


def test_new_frames_join_the_stack_beside_them_and_stacks_never_merge():
    grouped = group(video([0, 0, 0, 0, 0], stacks=[7, NONE, 8, NONE, NONE]))
    assert grouped.joining == [(1, 7), (3, 8), (4, 8)]
    assert grouped.new == []


def test_two_videos_share_no_stack():
    items = video([0, 0, 0, 0])
    items.media_files[2:] = 2
    assert group(items).new == [[0, 1], [2, 3]]


def test_photos_need_both_the_hash_and_the_feature():
    grouped = group(photos([0, 0b11, 0b111, 2**40 - 1], [0, 5, 60, 0]))
    assert grouped.new == [[0, 1]]


def test_photos_join_an_existing_stack_and_grouped_again_nothing_changes():
    first = photos([0, 1, 3], [0, 2, 4])
    assert group(first).new == [[0, 1, 2]]
    again = photos([0, 1, 3, 7], [0, 2, 4, 5], stacks=[5, 5, 5, NONE])
    assert group(again).joining == [(3, 5)]
    done = photos([0, 1, 3, 7], [0, 2, 4, 5], stacks=[5, 5, 5, 5])
    assert group(done).joining == group(done).new == []


def test_near_pairs_are_those_that_brute_force_finds():
    random = np.random.default_rng(0)
    hashes = random.integers(-(2**63), 2**63, 1500)
    for row in range(0, 900, 3):  # neighbors at 1 to 9 bits
        flips = np.bitwise_or.reduce(
            np.int64(1) << random.choice(64, row % 9 + 1, replace=False).astype(np.int64)
        )
        hashes[row + 1] = hashes[row] ^ flips
    far = hamming(hashes[:, None], hashes[None, :])
    for max_bits in (0, 3, 7):
        expected = np.argwhere(np.triu(far <= max_bits, 1))
        assert near_pairs(hashes, max_bits=max_bits).tolist() == expected.tolist()


def test_equal_hashes_are_chained():
    assert near_pairs(np.zeros(4, np.int64)).tolist() == [[0, 1], [1, 2], [2, 3]]
    assert near_pairs(np.zeros(0, np.int64)).shape == (0, 2)


def test_near_pairs_refuses_more_bits_than_its_bands_can_find():
    with pytest.raises(ValueError, match="max_bits must be 0 to 7"):
        near_pairs(np.zeros(2, np.int64), max_bits=8)


def test_the_hash_survives_scaling_and_light_and_tells_pictures_apart():
    random = np.random.default_rng(1)
    coarse = random.integers(0, 256, (2, 6, 8, 3), np.uint8)
    first, other = (np.kron(each, np.ones((40, 40, 1), np.uint8)) for each in coarse)
    small = first[::2, ::2]
    darker = (first * 0.8).astype(np.uint8)
    assert int(hamming(np.array([perceptual_hash(first)]), np.int64(perceptual_hash(small)))[0]) <= 4
    assert int(hamming(np.array([perceptual_hash(first)]), np.int64(perceptual_hash(darker)))[0]) <= 4
    assert int(hamming(np.array([perceptual_hash(first)]), np.int64(perceptual_hash(other)))[0]) > 16
