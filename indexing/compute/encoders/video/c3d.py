"""C3D: eight convolutions of 3 x 3 x 3 and two dense layers (Tran et al. 2015, arXiv 1412.0767, figure 3)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from indexing.compute.encoders.specs import WeightsRefused

TITLE = "C3D"
EXAMPLES = ("c3d",)
FLAT = 8192  # numbers in the last map of 16 frames of 112 x 112 px: 512 x 1 x 4 x 4
FEATURES = 4096
# The layers before each max pooling and the channels they give; time is halved by all but the first.
STAGES = (
    (("conv1a", 64),),
    (("conv2a", 128),),
    (("conv3a", 256), ("conv3b", 256)),
    (("conv4a", 512), ("conv4b", 512)),
    (("conv5a", 512), ("conv5b", 512)),
)


class Convolution(nn.Module):
    """A convolution of 3 x 3 x 3 and a ReLU; the map keeps its size."""

    def __init__(self, given: int, gives: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(given, gives, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).relu_()


class C3D(nn.Module):
    """Clips (N, 3, T, H, W), their mean taken off and not scaled -> (N, 4096), what fc7 gives after its ReLU.

    The dense layers know one size of clip: 16 frames of 112 x 112 px, unless `flat` says another.
    """

    def __init__(self, flat: int) -> None:
        super().__init__()
        given = 3
        for layers in STAGES:
            for name, gives in layers:
                self.add_module(name, Convolution(given, gives))
                given = gives
        self.flat = flat
        self.fc6 = nn.Linear(flat, FEATURES)
        self.fc7 = nn.Linear(FEATURES, FEATURES)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        x = clips
        for number, layers in enumerate(STAGES, start=1):
            for name, _ in layers:
                x = self.get_submodule(name)(x)
            steps = (1, 2, 2) if number == 1 else (2, 2, 2)
            # The last map of 112 px has 7 x 7 places: a border makes 4 x 4 of them.
            x = nn.functional.max_pool3d(x, steps, padding=(0, 1, 1) if number == 5 else 0)
        x = x.flatten(1)
        if x.shape[1] != self.flat:
            raise ValueError(
                f"this C3D takes clips whose last map has {self.flat} numbers ({FLAT}: 16 frames of 112 x "
                f"112 px); {tuple(clips.shape[2:])} gives {x.shape[1]}"
            )
        return self.fc7(self.fc6(x).relu_()).relu_()


def claims(names: frozenset[str]) -> bool:
    """By the first convolution and the last dense layer."""
    return {"conv1a.conv.weight", "fc7.weight"} <= names


def knows(architecture: str) -> bool:
    """Whether it is this one."""
    return architecture in EXAMPLES


def detect(state_dict: Mapping[str, torch.Tensor]) -> tuple[str, dict[str, Any]]:
    """With the size of clip that its first dense layer takes."""
    dense = state_dict.get("fc6.weight")
    if dense is None or dense.ndim != 2:
        raise WeightsRefused("C3D needs fc6.weight of 2 dimensions, and these weights have none")
    return "c3d", {"flat": dense.shape[1]}


def build(architecture: str, config: Mapping[str, Any] | None = None) -> C3D:
    """The network; `flat` in `config` is how many numbers the last map of a clip has."""
    unknown = (config or {}).keys() - {"flat"}
    if unknown:
        raise ValueError(f"{architecture} has the setting flat, got {', '.join(unknown)}")
    return C3D((config or {}).get("flat", FLAT)).eval()
