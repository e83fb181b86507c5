"""I3D ResNet-50 with dot-product non-local blocks, as mmaction2 trains it: an eighth of the frames is left.

I3D by inflation: Carreira and Zisserman 2017, arXiv 1705.07750; non-local blocks, their dot product
(equation 4) and the pooling of what they look at (section 3.3): Wang et al. 2018, arXiv 1711.07971. Unlike
`i3d-r50-nln`, the stem and its pooling have a stride of 2 in time, and the affinity is not a softmax.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from indexing.compute.encoders.specs import WeightsRefused

TITLE = "I3D R50 of mmaction2"
EXAMPLES = ("i3d_r50_nl_dot",)
PLAIN = "i3d_r50_strided"  # the same without non-local blocks
EXPANSION = 4  # a block gives so many times the channels it works with
NUM_BLOCKS = (3, 4, 6, 3)
STEM_FRAMES = 5
INFLATED = ((1, 1, 1), (1, 0, 1, 0), (1, 0, 1, 0, 1, 0), (0, 1, 0))  # blocks that look at three frames
NON_LOCAL = ((0, 0, 0), (0, 1, 0, 1), (0, 1, 0, 1, 0, 1), (0, 0, 0))  # blocks that one follows
AFFINITIES = ("dot_product", "softmax")
BLOCK = re.compile(r"layer([1-4])\.(\d+)\.(conv1\.conv\.weight|non_local_block\.theta\.conv\.weight)")


class Convolution(nn.Module):
    """A convolution without bias and a batch norm, then a ReLU if `is_active`."""

    def __init__(
        self,
        given: int,
        gives: int,
        kernel: tuple[int, int, int],
        *,
        stride: tuple[int, int, int] = (1, 1, 1),
        is_active: bool = True,
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.conv = nn.Conv3d(given, gives, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm3d(gives)
        self.is_active = is_active

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn(self.conv(x))
        return x.relu_() if self.is_active else x


class Projection(nn.Module):
    """A convolution of 1 x 1 x 1 with bias, under the name its weights have."""

    def __init__(self, given: int, gives: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(given, gives, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class NonLocal(nn.Module):
    """x + what every place of every frame sees at all the others, which are max-pooled 2 x 2 in space."""

    def __init__(self, channels: int, affinity: str) -> None:
        super().__init__()
        inside = channels // 2
        pool = nn.MaxPool3d((1, 2, 2))
        self.g = nn.Sequential(Projection(channels, inside), pool)
        self.phi = nn.Sequential(Projection(channels, inside), pool)
        self.theta = Projection(channels, inside)
        self.conv_out = Convolution(inside, channels, (1, 1, 1), is_active=False)
        self.affinity = affinity

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        asked = self.theta(x).flatten(2).transpose(1, 2)  # (N, places, C)
        keys, values = self.phi(x).flatten(2), self.g(x).flatten(2).transpose(1, 2)
        if self.affinity == "softmax":
            weights = (asked @ keys).softmax(dim=2)
        else:
            weights = asked @ keys / keys.shape[2]
        seen = (weights @ values).transpose(1, 2).unflatten(2, x.shape[2:])
        return x + self.conv_out(seen)


class Block(nn.Module):
    """A bottleneck whose first convolution looks at three frames where it is inflated."""

    def __init__(
        self, given: int, inside: int, *, stride: int, is_inflated: bool, non_local: str | None
    ) -> None:
        super().__init__()
        gives = inside * EXPANSION
        self.conv1 = Convolution(given, inside, (3, 1, 1) if is_inflated else (1, 1, 1))
        self.conv2 = Convolution(inside, inside, (1, 3, 3), stride=(1, stride, stride))
        self.conv3 = Convolution(inside, gives, (1, 1, 1), is_active=False)
        has_shortcut = stride != 1 or given != gives
        self.downsample = (
            Convolution(given, gives, (1, 1, 1), stride=(1, stride, stride), is_active=False)
            if has_shortcut
            else None
        )
        self.non_local_block = NonLocal(gives, non_local) if non_local else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = x if self.downsample is None else self.downsample(x)
        x = (self.conv3(self.conv2(self.conv1(x))) + kept).relu_()
        return x if self.non_local_block is None else self.non_local_block(x)


class I3D(nn.Module):
    """Normalized clips (N, 3, T, H, W) -> (N, 2048), the mean of the last map; T from 5, sides from 17 px."""

    def __init__(
        self, inflated: Sequence[Sequence[int]], non_local: Sequence[Sequence[int]], affinity: str
    ) -> None:
        super().__init__()
        self.conv1 = Convolution(3, 64, (STEM_FRAMES, 7, 7), stride=(2, 2, 2))
        self.maxpool = nn.MaxPool3d((1, 3, 3), (2, 2, 2), (0, 1, 1))
        self.pool2 = nn.MaxPool3d((2, 1, 1))
        given = 64
        for stage, num in enumerate(NUM_BLOCKS):
            inside = 64 << stage
            blocks = []
            for i in range(num):
                blocks.append(
                    Block(
                        given,
                        inside,
                        stride=2 if stage > 0 and i == 0 else 1,
                        is_inflated=bool(inflated[stage][i]),
                        non_local=affinity if non_local[stage][i] else None,
                    )
                )
                given = inside * EXPANSION
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return self.maps(clips).mean(dim=(2, 3, 4))

    def maps(self, clips: torch.Tensor) -> torch.Tensor:
        """(N, 2048, T / 8, H / 32, W / 32): the last map."""
        x = self.pool2(self.get_submodule("layer1")(self.maxpool(self.conv1(clips))))
        for stage in (2, 3, 4):
            x = self.get_submodule(f"layer{stage}")(x)
        return x


def claims(names: frozenset[str]) -> bool:
    """By the stem and the first block."""
    return {"conv1.conv.weight", "layer1.0.conv1.conv.weight"} <= names


def knows(architecture: str) -> bool:
    """Whether it is one of ours."""
    return architecture in (*EXAMPLES, PLAIN)


def detect(state_dict: Mapping[str, torch.Tensor]) -> tuple[str, dict[str, Any]]:
    """By the stem, the frames that each block looks at, and where non-local blocks are."""
    stem = tuple(state_dict["conv1.conv.weight"].shape)
    if stem[2:] != (STEM_FRAMES, 7, 7):
        raise WeightsRefused(
            f"this I3D begins with a convolution of {STEM_FRAMES} x 7 x 7, these weights with one of {stem}: "
            "they are of another ResNet3d of mmaction2"
        )
    inflated = [[0] * num for num in NUM_BLOCKS]
    non_local = [[0] * num for num in NUM_BLOCKS]
    for name, value in state_dict.items():
        found = BLOCK.fullmatch(name)
        if found is None:
            continue
        stage, i = int(found[1]) - 1, int(found[2])
        if i >= NUM_BLOCKS[stage]:
            raise WeightsRefused(f"an R50 has {NUM_BLOCKS} blocks in its stages; these weights have {name}")
        if found[3].startswith("conv1"):
            inflated[stage][i] = int(value.ndim == 5 and value.shape[2] == 3)
        else:
            non_local[stage][i] = 1
    config: dict[str, Any] = {"inflated": inflated, "non_local": non_local, "affinity": AFFINITIES[0]}
    return EXAMPLES[0] if any(map(any, non_local)) else PLAIN, config


def build(architecture: str, config: Mapping[str, Any] | None = None) -> I3D:
    """The network of the published places, or of those in `config` (inflated, non_local, affinity)."""
    none = [[0] * num for num in NUM_BLOCKS]
    published = {
        "inflated": INFLATED,
        "non_local": none if architecture == PLAIN else NON_LOCAL,
        "affinity": AFFINITIES[0],
    }
    unknown = (config or {}).keys() - published.keys()
    if unknown:
        raise ValueError(f"{architecture} has the settings {', '.join(published)}, got {', '.join(unknown)}")
    settings = published | dict(config or {})
    if settings["affinity"] not in AFFINITIES:
        raise ValueError(f"affinity must be {' or '.join(AFFINITIES)}, got {settings['affinity']!r}")
    return I3D(**settings).eval()
