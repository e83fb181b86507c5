"""The naming conventions we read, each a module with the parts of `Convention`."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Protocol, cast

import torch

from indexing.compute.encoders.video.conventions import (
    caffe2,
    mmaction2,
    pyslowfast,
    pytorchvideo,
    torchvision,
    vmz,
)


class Convention(Protocol):
    """What a module of names has. Names come without what wraps a whole network (`module.`)."""

    NAME: str
    DROPS: tuple[str, ...]  # regular expressions of whole names that are no part of the network we use
    HEAD: str  # the regular expression of the last layer's weight: its length is the number of classes

    def is_this(self, names: frozenset[str]) -> bool:
        """Whether a file with these names follows the convention."""

    def renamed(self, state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Our names for what DROPS leaves, every tensor once; WeightsRefused for a name it does not know."""


# asked in this order
_MODULES: tuple[ModuleType, ...] = (vmz, torchvision, pyslowfast, caffe2, pytorchvideo, mmaction2)
CONVENTIONS = cast("tuple[Convention, ...]", _MODULES)
# What a convention's settings, as text beside the weights, tell and the weights do not.
SETTINGS: dict[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {
    mmaction2.NAME: mmaction2.settings_in,
    pyslowfast.NAME: pyslowfast.settings_in,
}
