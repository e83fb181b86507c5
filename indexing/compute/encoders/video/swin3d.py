"""Video Swin transformers (Liu et al. 2022, arXiv 2106.13230), by torchvision: tiny, small and base."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from indexing.compute.encoders.specs import WeightsRefused
from indexing.compute.torchvision_shim import torchvision

TITLE = "Video Swin"
EXAMPLES = ("swin3d_t", "swin3d_s", "swin3d_b")
FIRST = "features.0.0.attn.qkv.weight"
# Channels of the first stage and blocks of the third, by which they are told apart.
SIZES = {(96, 6): "swin3d_t", (96, 18): "swin3d_s", (128, 18): "swin3d_b"}
INDEX = "attn.relative_position_index"  # no weight: it follows from the size of the window


def claims(names: frozenset[str]) -> bool:
    """By the first block, as torchvision names it."""
    return FIRST in names


def knows(architecture: str) -> bool:
    """Whether it is one of ours."""
    return architecture in EXAMPLES


def detect(state_dict: Mapping[str, torch.Tensor]) -> tuple[str, dict[str, Any]]:
    """By the channels of the first stage and the number of blocks of the third; windows are 8 x 7 x 7."""
    channels = state_dict[FIRST].shape[-1]
    num_blocks = len({name.split(".")[2] for name in state_dict if name.startswith("features.4.")})
    architecture = SIZES.get((channels, num_blocks))
    if architecture is None:
        known = ", ".join(f"{name} {size}" for size, name in SIZES.items())
        raise WeightsRefused(
            f"a Video Swin has one of these channels and blocks in its third stage: {known}; "
            f"these weights have {(channels, num_blocks)}"
        )
    _check_index(state_dict, architecture)
    return architecture, {}


def build(architecture: str, config: Mapping[str, Any] | None = None) -> nn.Module:
    """Normalized clips (N, 3, T, H, W) of any size -> (N, 768), base: 1024; the mean after the last norm.

    A clip smaller than a window of 8 x 7 x 7 patches is one window of its own size, and is not shifted.
    """
    if config:
        raise ValueError(f"{architecture} has no settings, got {', '.join(config)}")
    network: nn.Module = torchvision.models.get_model(architecture, weights=None)
    network.head = nn.Identity()
    return network.eval()


def _check_index(state_dict: Mapping[str, torch.Tensor], architecture: str) -> None:
    """A file's own index of places in a window must be the one that the window has."""
    given = [name for name in state_dict if name.endswith(INDEX)]
    if not given:
        return
    attention = torchvision.models.video.swin_transformer.ShiftedWindowAttention3d
    wanted = attention(8, [8, 7, 7], [0, 0, 0], 1).relative_position_index
    for name in given:
        value = state_dict[name]
        if value.shape != wanted.shape or not bool((value.to(wanted.dtype) == wanted).all()):
            raise WeightsRefused(
                f"{name} is not that of a window of 8 x 7 x 7: this is another {architecture}"
            )
