"""Every video network by the names of its weights: which one a state_dict belongs to, and how it is built."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Protocol, cast

import torch
from torch import nn

from indexing.compute.encoders.specs import EncoderUnknown, WeightsRefused
from indexing.compute.encoders.video import c3d, i3d_dot, r2plus1d, slowfast, swin3d


class Family(Protocol):
    """What a module of networks has: all names are ours, and heads are left out."""

    TITLE: str
    EXAMPLES: tuple[str, ...]  # architectures, for an error's list

    def claims(self, names: frozenset[str]) -> bool:
        """Whether tensors of these names can only be of this family."""

    def knows(self, architecture: str) -> bool:
        """Whether `build` has a network of this name."""

    def detect(self, state_dict: Mapping[str, torch.Tensor]) -> tuple[str, dict[str, Any]]:
        """Architecture and config, from the tensors' shapes; WeightsRefused says what is odd."""

    def build(self, architecture: str, config: Mapping[str, Any] | None = None) -> nn.Module:
        """The network: normalized (N, 3, T, H, W) float32 -> (N, D) float32."""


_MODULES: tuple[ModuleType, ...] = (r2plus1d, slowfast, swin3d, i3d_dot, c3d)
FAMILIES = cast("tuple[Family, ...]", _MODULES)


def build(architecture: str, config: Mapping[str, Any] | None = None) -> nn.Module:
    """The network of this name, weights random: normalized (N, 3, T, H, W) float32 -> (N, D) float32."""
    for family in FAMILIES:
        if family.knows(architecture):
            return family.build(architecture, config)
    known = ", ".join(name for family in FAMILIES for name in family.EXAMPLES)
    raise EncoderUnknown(f"there is no video network {architecture!r}; there are {known}")


def detect(state_dict: Mapping[str, torch.Tensor], source: str) -> tuple[str, dict[str, Any]]:
    """Architecture and config of weights under our names; WeightsRefused where no family claims them."""
    names = frozenset(state_dict)
    family = next((each for each in FAMILIES if each.claims(names)), None)
    if family is None:
        raise WeightsRefused(
            f"{source} holds no video network that is known here ({', '.join(f.TITLE for f in FAMILIES)}); "
            f"its names begin with {', '.join(list(state_dict)[:4])}"
        )
    return family.detect(state_dict)
