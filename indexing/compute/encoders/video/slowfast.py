"""SlowFast, Slow, C2D and I3D: clips (N, 3, T, H, W) to what lies before the layer that gives classes."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from indexing.compute.encoders.specs import EncoderUnknown
from indexing.compute.encoders.video.resnet3d import EXPANSION, Stage, Stem
from indexing.compute.encoders.video.slow_detection import detect_family
from indexing.compute.encoders.video.slow_family import (
    HEAD224_CELLS,
    SlowFamily,
    slow_family,
    slow_frames,
)

TITLE = "SlowFast, Slow, C2D, I3D"
EXAMPLES = ("slowfast-r50", "slowfast-r101", "slow-r50", "c2d-r50", "i3d-r50", "i3d-r50-nln")


class Fusion(nn.Module):
    """Gives the slow pathway what the fast one found, at every alpha-th frame (arXiv 1812.03982, 3.4)."""

    def __init__(self, channels: int, family: SlowFamily) -> None:
        super().__init__()
        kernel, alpha = family.fusion_kernel, family.alpha
        gives = channels * family.fusion_ratio
        self.conv_f2s = nn.Conv3d(
            channels, gives, (kernel, 1, 1), (alpha, 1, 1), (kernel // 2, 0, 0), bias=False
        )
        self.bn = nn.BatchNorm3d(gives)

    def forward(self, x: list[torch.Tensor]) -> list[torch.Tensor]:
        slow, fast = x
        return [torch.cat([slow, self.bn(self.conv_f2s(fast)).relu_()], dim=1), fast]


class SlowFamilyNetwork(nn.Module):
    """Normalized clips (N, 3, T, H, W) float32 -> (N, D) float32; with two pathways alpha divides T.

    The feature is the input of the last linear layer: both pathways averaged over time and joined, then the
    mean over all places ("head256"), or over all 7 x 7 windows of places, where the border weighs less
    ("head224": what a head made for 224 px does with larger frames).
    """

    def __init__(self, family: SlowFamily) -> None:
        super().__init__()
        self.family = family
        pathways = range(len(family.stem_kernels))
        self.s1 = nn.Module()
        for pathway in pathways:
            stem = Stem(family.stem_width(pathway), family.stem_kernels[pathway])
            self.s1.add_module(f"pathway{pathway}_stem", stem)
        given = [family.stem_width(pathway) for pathway in pathways]
        if len(given) == 2:
            self.s1_fuse = Fusion(given[1], family)
            given[0] += given[1] * family.fusion_ratio
        for stage in range(4):
            inner = [family.stem_width(pathway) << stage for pathway in pathways]
            made = Stage(
                given,
                inner,
                [family.block_kernels[pathway][stage] for pathway in pathways],
                stride=1 if stage == 0 else 2,
                non_local=family.non_local[stage],
                affinity=family.affinity,
            )
            self.add_module(f"s{stage + 2}", made)
            given = [channels * EXPANSION for channels in inner]
            if len(given) == 2 and stage < 3:
                self.add_module(f"s{stage + 2}_fuse", Fusion(given[1], family))
                given[0] += given[1] * family.fusion_ratio
        if family.num_classes is not None:
            self.head = nn.ModuleDict({"projection": nn.Linear(family.num_features, family.num_classes)})

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return self.pooled(clips).mean(dim=(1, 2))

    def scores(self, clips: torch.Tensor) -> torch.Tensor:
        """(N, classes) float32, each row adding up to 1: the mean of what all windows of places say."""
        return self.scores_of(self.pooled(clips))

    def scores_of(self, pooled: torch.Tensor) -> torch.Tensor:
        """The scores of what `pooled` gave, (N, h, w, D) -> (N, classes)."""
        if self.family.num_classes is None:
            raise ValueError("this network was built without the head that gives scores of classes")
        return self.head["projection"](pooled).softmax(dim=3).mean(dim=(1, 2))

    def pooled(self, clips: torch.Tensor) -> torch.Tensor:
        """(N, h, w, D): the mean of each window of places over the whole clip; their mean is the feature."""
        x = self._pathways(clips)
        x = [self.s1.get_submodule(f"pathway{i}_stem")(each) for i, each in enumerate(x)]
        for stage in range(1, 6):
            if stage > 1:
                x = self.get_submodule(f"s{stage}")(x)
            if stage == 2 and self.family.time_pool > 1:
                x = [nn.functional.max_pool3d(each, (self.family.time_pool, 1, 1)) for each in x]
            if len(x) == 2 and stage < 5:
                x = self.get_submodule(f"s{stage}_fuse")(x)
        cells = torch.cat([each.mean(dim=2) for each in x], dim=1)  # (N, D, h, w)
        if self.family.pool == "head256":
            cells = cells.mean(dim=(2, 3), keepdim=True)
        else:
            if min(cells.shape[2:]) < HEAD224_CELLS:
                raise ValueError(
                    "head224 averages windows of 7 x 7 places: it needs clips of at least 193 x 193 px, "
                    f"got {clips.shape[3]} x {clips.shape[4]}: use head256"
                )
            cells = nn.functional.avg_pool2d(cells, HEAD224_CELLS, stride=1)
        return cells.permute(0, 2, 3, 1)

    def _pathways(self, clips: torch.Tensor) -> list[torch.Tensor]:
        if clips.ndim != 5 or clips.shape[1] != 3:
            raise ValueError(f"clips must be (N, 3, T, H, W), got {tuple(clips.shape)}")
        if len(self.family.stem_kernels) == 1:
            if clips.shape[2] < self.family.time_pool:
                raise ValueError(
                    f"{self.family.architecture} needs at least {self.family.time_pool} frames in a clip, "
                    f"got {clips.shape[2]}"
                )
            return [clips]
        picked = slow_frames(clips.shape[2], self.family.alpha)
        return [clips[:, :, picked], clips]


def claims(names: frozenset[str]) -> bool:
    """By the stem of the slow, or only, pathway."""
    return any(name.startswith("s1.pathway0_stem.") for name in names)


def knows(architecture: str) -> bool:
    """Whether `slow_family` has a network of this name."""
    try:
        slow_family(architecture)
    except EncoderUnknown:
        return False
    return True


def detect(state_dict: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Architecture and config of weights under our names; the head's classes are in it where it is there."""
    family = detect_family(state_dict)
    return family.architecture, family.config()


def build(architecture: str, config: Mapping[str, Any] | None = None) -> SlowFamilyNetwork:
    """The network that `slow_family` describes, its weights not set yet, in evaluation mode."""
    return SlowFamilyNetwork(slow_family(architecture, config)).eval()
