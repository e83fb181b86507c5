"""mmaction2's I3D, C3D and Video Swin (`backbone.`, `cls_head.`), and the files of Video Swin's authors."""

import re
from collections.abc import Mapping
from typing import Any

import torch

from indexing.compute.encoders.specs import WeightsRefused

NAME = "mmaction2"
DROPS = (r"cls_head\..*", r"data_preprocessor\..*", r"head\.(weight|bias)", r"fc8\.(weight|bias)")
HEAD = r"(cls_head\.(fc_cls|fc8)|head|fc8)\.weight"
BACKBONE = "backbone."
STEMS = ("conv1.conv.weight", "conv1a.conv.weight", "layers.0.blocks.0.attn.qkv.weight")
# A name of Video Swin -> torchvision's, where a stage (@) and the merging of patches behind it (#) are two.
SWIN = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        (r"patch_embed\.(.+)", r"patch_embed.\1"),
        (r"layers\.(\d)\.blocks\.(\d+)\.mlp\.fc1\.(.+)", r"features.@\1.\2.mlp.0.\3"),
        (r"layers\.(\d)\.blocks\.(\d+)\.mlp\.fc2\.(.+)", r"features.@\1.\2.mlp.3.\3"),
        (r"layers\.(\d)\.blocks\.(\d+)\.(norm[12]|attn)\.(.+)", r"features.@\1.\2.\3.\4"),
        (r"layers\.(\d)\.downsample\.(norm|reduction)\.(.+)", r"features.#\1.\2.\3"),
        (r"norm3?\.(weight|bias)", r"norm.\1"),
    )
)
AFFINITY = re.compile(r"non_local_cfg\s*=?.{0,300}?mode['\"]?\s*[=:]\s*['\"](\w+)['\"]", re.DOTALL)
AFFINITIES = {"dot_product": "dot_product", "embedded_gaussian": "softmax"}


def is_this(names: frozenset[str]) -> bool:
    """By the first layer of one of the three, with or without `backbone.`."""
    return any(name in names or f"{BACKBONE}{name}" in names for name in STEMS)


def renamed(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Without `backbone.`, and torchvision's names for Video Swin; WeightsRefused for a name it has not."""
    given = {name.removeprefix(BACKBONE): value for name, value in state_dict.items()}
    if len(given) != len(state_dict):
        raise WeightsRefused("some names are there both with backbone. and without it")
    if STEMS[2] not in given:
        return given
    ours: dict[str, torch.Tensor] = {}
    for name, value in given.items():
        new = _swin_name(name)
        if new in ours:
            raise WeightsRefused(f"two tensors are for {new}, {name} is one of them")
        ours[new] = value
    return ours


def settings_in(texts: Mapping[str, str]) -> dict[str, Any]:
    """What the configuration in the file says and the weights do not: the affinity of non-local blocks."""
    for text in texts.values():
        if found := AFFINITY.search(text):
            if found[1] not in AFFINITIES:
                raise WeightsRefused(
                    f"its non-local blocks are {found[1]}; {' and '.join(AFFINITIES)} are known here"
                )
            return {"affinity": AFFINITIES[found[1]]}
    return {}


def _swin_name(name: str) -> str:
    for theirs, ours in SWIN:
        if found := theirs.fullmatch(name):
            stage = re.compile(r"([@#])(\d)")
            return stage.sub(lambda at: str(2 * int(at[2]) + (at[1] == "#")), found.expand(ours))
    raise WeightsRefused(f"{name} is no name of Video Swin")
