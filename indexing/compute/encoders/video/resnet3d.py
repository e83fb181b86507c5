"""Bottleneck ResNets inflated over time: stems, blocks and stages, one or two pathways side by side.

Modules bear the names under which PySlowFast stores their weights, the most common convention here.
"""

from collections.abc import Sequence

import torch
from torch import nn

from indexing.compute.encoders.video.non_local import NonLocal

EXPANSION = 4  # a block gives four times the channels it works in (He et al. 2015, arXiv 1512.03385)


class Stem(nn.Module):
    """(N, 3, T, H, W) -> (N, width, T, H/4, W/4): `kernel` frames of 7 x 7 px, then max-pooling."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, width, (kernel, 7, 7), (1, 2, 2), (kernel // 2, 3, 3), bias=False)
        self.bn = nn.BatchNorm3d(width)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        x = self.bn(self.conv(clips)).relu_()
        return nn.functional.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))


class Branch(nn.Module):
    """What a block adds: `kernel` frames x 1 x 1, then 1 x 3 x 3 with the stride, then 1 x 1 x 1."""

    def __init__(self, given: int, inner: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.a = nn.Conv3d(given, inner, (kernel, 1, 1), padding=(kernel // 2, 0, 0), bias=False)
        self.a_bn = nn.BatchNorm3d(inner)
        self.b = nn.Conv3d(inner, inner, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.b_bn = nn.BatchNorm3d(inner)
        self.c = nn.Conv3d(inner, inner * EXPANSION, 1, bias=False)
        self.c_bn = nn.BatchNorm3d(inner * EXPANSION)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.a_bn(self.a(x)).relu_()
        x = self.b_bn(self.b(x)).relu_()
        return self.c_bn(self.c(x))


class Bottleneck(nn.Module):
    """A residual block, (N, given, T, H, W) -> (N, 4 inner, T, H / stride, W / stride)."""

    def __init__(self, given: int, inner: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.is_projected = given != inner * EXPANSION or stride != 1
        if self.is_projected:
            self.branch1 = nn.Conv3d(given, inner * EXPANSION, 1, (1, stride, stride), bias=False)
            self.branch1_bn = nn.BatchNorm3d(inner * EXPANSION)
        self.branch2 = Branch(given, inner, kernel, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = self.branch1_bn(self.branch1(x)) if self.is_projected else x
        return (kept + self.branch2(x)).relu_()


class Stage(nn.Module):
    """Blocks of each pathway, one after another; a non-local block follows some of the first pathway."""

    def __init__(
        self,
        given: Sequence[int],
        inner: Sequence[int],
        kernels: Sequence[Sequence[int]],
        stride: int,
        non_local: Sequence[int] = (),
        affinity: str = "softmax",
    ) -> None:
        super().__init__()
        self.names: list[list[str]] = []
        for pathway, of_blocks in enumerate(kernels):
            names: list[str] = []
            for i, kernel in enumerate(of_blocks):
                channels = given[pathway] if i == 0 else inner[pathway] * EXPANSION
                names.append(f"pathway{pathway}_res{i}")
                block = Bottleneck(channels, inner[pathway], kernel, stride if i == 0 else 1)
                self.add_module(names[-1], block)
                if pathway == 0 and i in non_local:
                    names.append(f"pathway{pathway}_nonlocal{i}")
                    self.add_module(names[-1], NonLocal(inner[pathway] * EXPANSION, affinity))
            self.names.append(names)

    def forward(self, x: list[torch.Tensor]) -> list[torch.Tensor]:
        gives = []
        for y, names in zip(x, self.names, strict=True):
            for name in names:
                y = self.get_submodule(name)(y)
            gives.append(y)
        return gives
