"""R(2+1)D: convolutions over space, then over time (Tran et al. 2018, arXiv 1711.11248), by torchvision.

`r2plus1d_18` is torchvision's. `r2plus1d_34` is the network of VMZ that learned from IG-65M: 3-4-6-3 blocks,
the second convolution of a stage's first block as wide inside as its own channels ask, an epsilon of 1e-3.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from indexing.compute.encoders.specs import WeightsRefused
from indexing.compute.torchvision_shim import torchvision

TITLE = "R(2+1)D"
EXAMPLES = ("r2plus1d_18", "r2plus1d_34")
NUM_BLOCKS = {"r2plus1d_18": (2, 2, 2, 2), "r2plus1d_34": (3, 4, 6, 3)}
STEM = "stem.3.weight"  # torchvision's other video ResNets have a stem of one convolution
VMZ_EPSILON, VMZ_MOMENTUM = 1e-3, 0.9
STAGE_CHANNELS = (64, 128, 256, 512)


def claims(names: frozenset[str]) -> bool:
    """Whether these are names of torchvision's R(2+1)D."""
    return STEM in names and "layer1.0.conv1.0.3.weight" in names


def knows(architecture: str) -> bool:
    """Whether it is one of ours."""
    return architecture in NUM_BLOCKS


def detect(state_dict: Mapping[str, torch.Tensor]) -> tuple[str, dict[str, Any]]:
    """By the number of blocks in each stage."""
    counts = tuple(
        len({name.split(".")[1] for name in state_dict if name.startswith(f"layer{stage}.")})
        for stage in (1, 2, 3, 4)
    )
    for architecture, num_blocks in NUM_BLOCKS.items():
        if counts == num_blocks:
            return architecture, {}
    raise WeightsRefused(
        f"an R(2+1)D has {' or '.join(map(str, NUM_BLOCKS.values()))} blocks, these weights have {counts}"
    )


def build(architecture: str, config: Mapping[str, Any] | None = None) -> nn.Module:
    """Normalized clips (N, 3, T, H, W) of any size -> (N, 512), the mean of the last map."""
    if config:
        raise ValueError(f"{architecture} has no settings, got {', '.join(config)}")
    resnet = torchvision.models.video.resnet
    network = resnet.VideoResNet(
        resnet.BasicBlock,
        [resnet.Conv2Plus1D] * 4,
        list(NUM_BLOCKS[architecture]),
        resnet.R2Plus1dStem,
    )
    network.fc = nn.Identity()
    if architecture == "r2plus1d_34":
        for stage, channels in zip((2, 3, 4), STAGE_CHANNELS[1:], strict=True):
            # As many numbers as one 3 x 3 x 3 convolution (arXiv 1711.11248, section 3.5): 27 C^2 / 12 C.
            inside = channels * 27 // 12
            first = getattr(network, f"layer{stage}")[0]
            first.conv2[0] = resnet.Conv2Plus1D(channels, channels, inside)
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm3d):
                layer.eps, layer.momentum = VMZ_EPSILON, VMZ_MOMENTUM
    return network
