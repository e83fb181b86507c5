"""torchvision's video networks, and ig65m's R(2+1)D-34, which is named like them: these names are ours."""

from collections.abc import Mapping

import torch

NAME = "torchvision"
DROPS = (r"fc\.(weight|bias)", r"head\.(weight|bias)")
HEAD = r"(fc|head)\.weight"


def is_this(names: frozenset[str]) -> bool:
    """R(2+1)D by the second convolution of its stem, Video Swin by its first block."""
    return "stem.3.weight" in names or "features.0.0.attn.qkv.weight" in names


def renamed(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same names."""
    return dict(state_dict)
