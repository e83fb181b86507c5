"""Weights of pytorchvideo's SlowFast, Slow, C2D and I3D (`model_state`, `blocks.0` ...), by our names."""

import re
from collections.abc import Iterable, Mapping

import torch

from indexing.compute.encoders.specs import WeightsRefused

NAME = "pytorchvideo"
DROPS = ()
HEAD = r"blocks\.\d+\.proj\.weight"
STEM = re.compile(r"blocks\.0\.(?:multipathway_blocks\.0\.)?conv\.weight")
BLOCK = re.compile(r"blocks\.(\d+)\.(?:multipathway_blocks\.\d\.)?res_blocks\.")
# A key after `blocks.<number>.`; ours, with @ for the stage and # for the pathway.
LAYERS = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        (r"conv\.(\w+)", r"s@.pathway#_stem.conv.\1"),
        (r"norm\.(\w+)", r"s@.pathway#_stem.bn.\1"),
        (r"res_blocks\.(\d+)\.branch1_conv\.(\w+)", r"s@.pathway#_res\1.branch1.\2"),
        (r"res_blocks\.(\d+)\.branch1_norm\.(\w+)", r"s@.pathway#_res\1.branch1_bn.\2"),
        (r"res_blocks\.(\d+)\.branch2\.conv_([abc])\.(\w+)", r"s@.pathway#_res\1.branch2.\2.\3"),
        (r"res_blocks\.(\d+)\.branch2\.norm_([abc])\.(\w+)", r"s@.pathway#_res\1.branch2.\2_bn.\3"),
        (r"multipathway_fusion\.conv_fast_to_slow\.(\w+)", r"s@_fuse.conv_f2s.\1"),
        (r"multipathway_fusion\.norm\.(\w+)", r"s@_fuse.bn.\1"),
        (r"proj\.(\w+)", r"head.projection.\1"),
    )
)
PATHWAY = re.compile(r"multipathway_blocks\.(\d)\.")


def is_this(names: frozenset[str]) -> bool:
    """By the stem of the slow, or only, pathway and its residual blocks."""
    return any(map(STEM.fullmatch, names)) and any(map(BLOCK.match, names))


def renamed(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Our names; WeightsRefused for a name of another network."""
    stages = {0: 1} | {number: stage for stage, number in enumerate(_numbers(state_dict), start=2)}
    return {_our_name(name, stages): value for name, value in state_dict.items()}


def _numbers(names: Iterable[str]) -> list[int]:
    """The numbers of the blocks that are our stages s2 to s5: a pooling among them has one of its own."""
    return sorted({int(found[1]) for name in names if (found := BLOCK.match(name))})


def _our_name(name: str, stages: Mapping[int, int]) -> str:
    prefix, _, rest = name.partition(".")
    number, _, layer = rest.partition(".")
    stage = stages.get(int(number)) if number.isdigit() else None
    pathway = PATHWAY.match(layer)
    if pathway:
        layer = layer[pathway.end() :]
    for theirs, ours in LAYERS:
        found = theirs.fullmatch(layer)
        if prefix == "blocks" and found and (stage is not None or "@" not in ours):
            return found.expand(ours).replace("@", str(stage)).replace("#", pathway[1] if pathway else "0")
    raise WeightsRefused(f"{name} is no name in pytorchvideo's SlowFast, Slow, C2D or I3D")
