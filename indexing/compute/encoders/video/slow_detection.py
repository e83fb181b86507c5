"""Which network of the slow family weights belong to, read from the shapes of their tensors."""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from indexing.compute.encoders.specs import WeightsRefused
from indexing.compute.encoders.video.slow_family import (
    NUM_BLOCKS,
    SlowFamily,
    plain_family,
)

STEM = re.compile(r"s1\.pathway(\d)_stem\.conv\.weight")
FIRST = re.compile(r"s([2-5])\.pathway(\d)_res(\d+)\.branch2\.a\.weight")
NON_LOCAL = re.compile(r"s([2-5])\.pathway0_nonlocal(\d+)\.conv_theta\.weight")
FUSION = "s1_fuse.conv_f2s.weight"
PROJECTION = "head.projection.weight"
X3D_STEM = "s1.pathway0_stem.conv_xy.weight"


def detect_family(state_dict: Mapping[str, Any]) -> SlowFamily:
    """The network of weights under our names (tensors or arrays by name); WeightsRefused says what is odd.

    Not in any weights, and set to what was published with such shapes: alpha, the affinity of non-local
    blocks, the pooling over time after s2.
    """
    shapes = {name: tuple(value.shape) for name, value in state_dict.items()}
    if X3D_STEM in shapes:
        raise WeightsRefused(
            "these are weights of an X3D network; only SlowFast, Slow, C2D and I3D are read here"
        )
    stems = {int(found[1]): shapes[name] for name in shapes if (found := STEM.fullmatch(name))}
    if sorted(stems) not in ([0], [0, 1]) or any(len(shape) != 5 for shape in stems.values()):
        raise WeightsRefused(
            "these are no weights of SlowFast, Slow, C2D or I3D: they need s1.pathway0_stem.conv.weight of 5 "
            f"dimensions, and found are {stems or 'no stems'}"
        )
    blocks = _block_kernels(shapes, len(stems))
    depth = _depth(blocks)
    stem_kernels = tuple(stems[pathway][2] for pathway in sorted(stems))
    plain = plain_family(_kind(stem_kernels, blocks), depth)
    told: dict[str, Any] = {
        "stem_kernels": stem_kernels,
        "block_kernels": blocks,
        "width": stems[0][0],
        "non_local": _non_local(shapes),
        "num_classes": shapes[PROJECTION][0] if PROJECTION in shapes else None,
    }
    if len(stems) == 2:
        told |= _between(shapes, stems)
        told["alpha"] = 8 if depth == 50 and told["fusion_kernel"] == 5 else 4
    return SlowFamily(**{**plain.config(), **told})


def _block_kernels(
    shapes: Mapping[str, tuple[int, ...]], num_pathways: int
) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """[pathway][stage][block]: frames that the first convolution of each block looks at."""
    kernels: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
    for name, shape in shapes.items():
        if found := FIRST.fullmatch(name):
            if len(shape) != 5:
                raise WeightsRefused(f"{name} must have 5 dimensions, it has {shape}")
            kernels[int(found[2]), int(found[1])][int(found[3])] = shape[2]
    return tuple(
        tuple(
            tuple(kernel for _, kernel in sorted(kernels[pathway, stage].items())) for stage in (2, 3, 4, 5)
        )
        for pathway in range(num_pathways)
    )


def _depth(blocks: tuple[tuple[tuple[int, ...], ...], ...]) -> int:
    counts = {tuple(map(len, stages)) for stages in blocks}
    depth = next((depth for depth, num_blocks in NUM_BLOCKS.items() if counts == {num_blocks}), None)
    if depth is None:
        known = " or ".join(f"{num_blocks} (R{depth})" for depth, num_blocks in NUM_BLOCKS.items())
        raise WeightsRefused(
            f"the stages must have {known} blocks in every pathway, they have {sorted(counts)}"
        )
    return depth


def _kind(stem_kernels: tuple[int, ...], blocks: tuple[tuple[tuple[int, ...], ...], ...]) -> str:
    """By where it looks over time: nowhere (c2d), from the stem or s2 on (i3d), only later (slow)."""
    if len(stem_kernels) == 2:
        return "slowfast"
    early, late = (stem_kernels[0], *blocks[0][0]), (*blocks[0][1], *blocks[0][2], *blocks[0][3])
    if max(early) > 1:
        return "i3d"
    return "slow" if max(late) > 1 else "c2d"


def _between(shapes: Mapping[str, tuple[int, ...]], stems: Mapping[int, tuple[int, ...]]) -> dict[str, int]:
    """What ties two pathways together: how much narrower the fast one is, and the convolution that fuses."""
    fusion = shapes.get(FUSION)
    if fusion is None or len(fusion) != 5:
        raise WeightsRefused(f"two pathways need {FUSION} of 5 dimensions, found is {fusion}")
    slow, fast = stems[0][0], stems[1][0]
    if slow % fast or fusion[0] % fast:
        raise WeightsRefused(
            f"the pathways' stems have {slow} and {fast} channels, the fusion {fusion[0]}, not multiples"
        )
    return {"beta_inv": slow // fast, "fusion_ratio": fusion[0] // fast, "fusion_kernel": fusion[2]}


def _non_local(shapes: Mapping[str, tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    places = [(int(found[1]), int(found[2])) for name in shapes if (found := NON_LOCAL.fullmatch(name))]
    return tuple(tuple(sorted(block for at, block in places if at == stage)) for stage in (2, 3, 4, 5))
