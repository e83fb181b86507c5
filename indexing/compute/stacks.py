"""Near-identical items to stacks: runs of one video by time and feature, photos by hash and feature."""

from dataclasses import dataclass

import numpy as np

from indexing.compute.perceptual import near_pairs

NONE = -1


@dataclass(frozen=True, slots=True)
class StackRules:
    """What counts as near-identical.

    Looked at by eye: of 217 pairs within 7 bits among 3,070 photos of objects, those of 0.95 and more
    are one picture saved twice or cut otherwise, those below 0.9 mostly two airplanes in one pose.
    """

    video_min_similarity: float = 0.9  # to the first item of the run, so that a slow change ends it
    video_max_gap_seconds: float = 15.0  # between neighbors of a run; codec key frames are up to 12 s apart
    photo_max_bits: int = 7
    photo_min_similarity: float = 0.95


@dataclass(frozen=True, slots=True)
class StackItems:
    """N items of a corpus in order of (media file, time), aligned."""

    media_files: np.ndarray  # (N,) int64
    are_photos: np.ndarray  # (N,) bool
    seconds: np.ndarray  # (N,) float64
    hashes: np.ndarray  # (N,) int64
    stacks: np.ndarray  # (N,) int64: the stack it is in, or NONE
    vectors: np.ndarray  # (N, D) of length 1, any float; rows of zeros where there is no feature

    def __post_init__(self) -> None:
        n = len(self.media_files)
        for name in ("are_photos", "seconds", "hashes", "stacks", "vectors"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} must have {n} rows, got {len(getattr(self, name))}")


@dataclass(frozen=True, slots=True)
class Grouped:
    """What is to be added: (row, stack) for items that join one, and rows of every new stack."""

    joining: list[tuple[int, int]]
    new: list[list[int]]


def group(items: StackItems, rules: StackRules | None = None) -> Grouped:
    """Stacks for the items that have none. An item never leaves its stack and two stacks never merge.

    Items alone stay without a stack. The same items give the same answer, and grouped again, none.
    """
    rules = rules or StackRules()
    joining, new = _runs(items, rules)
    photos_joining, photos_new = _look_alikes(items, rules)
    return Grouped(joining + photos_joining, new + photos_new)


def _similarity(items: StackItems, i: int, j: int) -> float:
    return float(items.vectors[i].astype(np.float32) @ items.vectors[j].astype(np.float32))


def _runs(items: StackItems, rules: StackRules) -> tuple[list[tuple[int, int]], list[list[int]]]:
    """Runs of neighbors in a video, each like its first item."""
    joining: list[tuple[int, int]] = []
    new: list[list[int]] = []
    run: list[int] = []
    stack = NONE

    def close() -> None:
        fresh = [row for row in run if items.stacks[row] == NONE]
        if stack != NONE:
            joining.extend((row, stack) for row in fresh)
        elif len(fresh) > 1:
            new.append(fresh)

    for row in np.flatnonzero(~items.are_photos).tolist():
        of_row = int(items.stacks[row])
        goes_on = (
            bool(run)
            and items.media_files[row] == items.media_files[run[-1]]
            and items.seconds[row] - items.seconds[run[-1]] <= rules.video_max_gap_seconds
            and (NONE in (of_row, stack) or of_row == stack)
            and _similarity(items, run[0], row) >= rules.video_min_similarity
        )
        if not goes_on:
            close()
            run, stack = [], NONE
        run.append(row)
        stack = of_row if of_row != NONE else stack
    close()
    return joining, new


def _look_alikes(items: StackItems, rules: StackRules) -> tuple[list[tuple[int, int]], list[list[int]]]:
    """Photos whose hashes differ in few bits and whose features agree, best pairs first.

    A group is compared by its first member, so that a chain of small differences does not tie far ends.
    """
    photos = np.flatnonzero(items.are_photos)
    pairs = photos[near_pairs(items.hashes[photos], max_bits=rules.photo_max_bits)]
    similarities = np.array([_similarity(items, i, j) for i, j in pairs.tolist()], np.float32)
    is_near = similarities >= rules.photo_min_similarity
    order = np.argsort(-similarities[is_near], kind="stable")
    members: dict[int, list[int]] = {}
    root_of: dict[int, int] = {}
    for i, j in pairs[is_near][order].tolist():
        a, b = root_of.setdefault(i, i), root_of.setdefault(j, j)
        if a == b:
            continue
        stacks = {int(items.stacks[a]), int(items.stacks[b])} - {NONE}
        if len(stacks) > 1 or _similarity(items, a, b) < rules.photo_min_similarity:
            continue
        if items.stacks[a] == NONE and (items.stacks[b] != NONE or b < a):
            a, b = b, a  # a root that has a stack stays the root
        moved = members.pop(b, [b])
        members.setdefault(a, [a]).extend(moved)
        root_of.update(dict.fromkeys(moved, a))
    joining: list[tuple[int, int]] = []
    new: list[list[int]] = []
    for root, rows in sorted(members.items()):
        fresh = sorted(row for row in rows if items.stacks[row] == NONE)
        if items.stacks[root] != NONE:
            joining.extend((row, int(items.stacks[root])) for row in fresh)
        elif len(fresh) > 1:
            new.append(fresh)
    return joining, new
