"""Networks beside the slow family, and clips on which they are compared with those of others."""

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch

from indexing.compute.encoders.video import families
from tests.indexing.compute.video.formula import clips, filled

GOLDEN_STEP = 17  # every 17th number of a feature is stored
# Without these, numbers grow from block to block, through dot products beyond what is finite.
GAINS = {
    r"conv3\.bn\.weight|conv_out\.bn\.weight": 0.3,
    r"(theta|phi|g)(\.0)?\.conv": 0.1,
    r"bias_table": 0.5,
}


class Case(NamedTuple):
    """An architecture, what differs from the published one, and the shape of the clips it is given."""

    architecture: str
    config: dict[str, Any]
    shape: tuple[int, int, int]  # frames, height, width

    @property
    def name(self) -> str:
        changes = [f"{name}={value}" for name, value in self.config.items()]
        return " ".join([self.architecture, *changes, "x".join(map(str, self.shape))])

    def clips(self) -> torch.Tensor:
        """Two clips."""
        return clips((2, 3, *self.shape))

    def network(self) -> torch.nn.Module:
        """Ours, its numbers by the formula."""
        return by_formula(families.build(self.architecture, self.config))


CASES = (
    Case("i3d_r50_nl_dot", {}, (16, 64, 64)),
    Case("i3d_r50_nl_dot", {}, (11, 57, 83)),
    Case("i3d_r50_nl_dot", {"affinity": "softmax"}, (8, 64, 64)),
    Case("i3d_r50_strided", {}, (9, 50, 61)),
    Case("swin3d_t", {}, (4, 33, 47)),  # smaller than a window, odd, padded in every merging
    Case("swin3d_t", {}, (18, 64, 80)),  # more than a window in time, shifted
    Case("c3d", {"flat": 2048}, (16, 32, 32)),
    Case("c3d", {"flat": 3072}, (17, 65, 49)),
)


def by_formula(network: torch.nn.Module) -> torch.nn.Module:
    """The network in evaluation mode with every weight by the formula; what is no weight stays."""
    state = network.state_dict()
    weights = filled(state, GAINS)
    weights |= {name: value for name, value in state.items() if "relative_position_index" in name}
    network.load_state_dict(weights, strict=True, assign=True)
    return network.eval()


def names_hash(names: Iterable[str]) -> str:
    """Of all names of a checkpoint together."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()


def randomized(network: torch.nn.Module) -> torch.nn.Module:
    """The network in evaluation mode with seeded numbers, statistics of batch norms among them."""
    numbers = torch.Generator().manual_seed(5)
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            continue
        value.uniform_(-1, 1, generator=numbers)
        leaf = name.rpartition(".")[2]
        if value.ndim > 1:
            value.mul_((3 / value[0].numel()) ** 0.5)
        elif leaf in ("weight", "running_var"):
            value.div_(2).add_(1)
    return network.eval()
