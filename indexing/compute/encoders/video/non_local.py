"""The non-local block: every place of a clip looks at every other (Wang et al. 2018, arXiv 1711.07971)."""

import torch
from torch import nn


class NonLocal(nn.Module):
    """(N, C, T, H, W) to the same shape: the input plus what all places of the clip say about each.

    "softmax" is the embedded Gaussian of section 3.2, "dot_product" the dot product of the same section; the
    places looked at are max-pooled by 2 x 2 (section 3.3). A normalization follows the last convolution.
    """

    def __init__(self, channels: int, affinity: str) -> None:
        super().__init__()
        self.affinity = affinity
        self.num_inner = channels // 2
        self.conv_theta = nn.Conv3d(channels, self.num_inner, 1)
        self.conv_phi = nn.Conv3d(channels, self.num_inner, 1)
        self.conv_g = nn.Conv3d(channels, self.num_inner, 1)
        self.conv_out = nn.Conv3d(self.num_inner, channels, 1)
        self.bn = nn.BatchNorm3d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = nn.functional.max_pool3d(x, (1, 2, 2))
        theta = self.conv_theta(x).flatten(2).transpose(1, 2)  # (N, P, C/2): P places ask
        phi = self.conv_phi(seen).flatten(2)  # (N, C/2, Q): Q places are looked at
        g = self.conv_g(seen).flatten(2).transpose(1, 2)  # (N, Q, C/2)
        weights = theta @ phi  # (N, P, Q)
        if self.affinity == "softmax":
            weights = (weights * self.num_inner**-0.5).softmax(dim=2)
        else:
            weights = weights / phi.shape[2]
        said = (weights @ g).transpose(1, 2).unflatten(2, x.shape[2:])  # (N, C/2, T, H, W)
        return x + self.bn(self.conv_out(said))
