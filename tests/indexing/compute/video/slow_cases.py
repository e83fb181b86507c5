"""Networks of the slow family and clips on which they are compared with those of others."""

from typing import Any, NamedTuple

import torch

from indexing.compute.encoders.video.slow_family import SlowFamily, slow_family
from indexing.compute.encoders.video.slowfast import SlowFamilyNetwork
from tests.indexing.compute.video.formula import clips, filled

GOLDEN_STEP = 17  # every 17th number of a feature is stored
# Without these, numbers grow from block to block, through dot products beyond what is finite.
GAINS = {r"c_bn\.weight|nonlocal\d+\.bn\.weight": 0.3, r"conv_(theta|phi|g)\.": 0.2, r"projection": 0.02}
DOT_PRODUCT_GAINS = GAINS | {r"conv_(theta|phi|g)\.": 0.05}
NARROW = {"width": 16, "num_classes": 5}  # a sixteenth of the weights, all the wiring


class Case(NamedTuple):
    """An architecture, what differs from the published one, and the shape of the clips it is given."""

    architecture: str
    config: dict[str, Any]
    shape: tuple[int, int, int]  # frames, height, width

    @property
    def name(self) -> str:
        changes = [f"{name}={self.config[name]}" for name in self.config if name not in NARROW]
        return " ".join([self.architecture, *changes, "x".join(map(str, self.shape))])

    @property
    def family(self) -> SlowFamily:
        """What the network looks like."""
        return slow_family(self.architecture, {**NARROW, **self.config})

    @property
    def gains(self) -> dict[str, float]:
        """Of the formula for its weights."""
        return DOT_PRODUCT_GAINS if self.family.affinity == "dot_product" else GAINS

    def network(self) -> SlowFamilyNetwork:
        """Ours, filled by the formula."""
        network = SlowFamilyNetwork(self.family).eval()
        network.load_state_dict(filled(network.state_dict(), self.gains), strict=True)
        return network

    def clips(self) -> torch.Tensor:
        """Two clips."""
        return clips((2, 3, *self.shape))


CASES = (
    Case("slowfast-r50-4x16", {}, (16, 64, 64)),
    Case("slowfast-r50-8x8", {}, (8, 57, 83)),
    Case("slowfast-r50-16x8", {"beta_inv": 4, "fusion_ratio": 1}, (12, 61, 50)),
    Case("slowfast-r101-8x8", {}, (8, 64, 64)),
    Case("slowfast-r101-16x8-nln", {"affinity": "dot_product"}, (8, 50, 64)),
    Case("slowfast-r50-8x8", {"pool": "head224"}, (4, 197, 256)),
    Case("slow-r50", {}, (5, 64, 64)),
    Case("slow-r50-nln", {"affinity": "dot_product"}, (4, 67, 91)),
    Case("c2d-r50", {}, (5, 75, 57)),
    Case("c2d-r50-nln", {}, (4, 64, 64)),
    Case("i3d-r50", {"pool": "head224"}, (3, 224, 200)),
    Case("i3d-r50", {"time_pool": 1}, (7, 49, 81)),
    Case("i3d-r50-nln", {}, (9, 61, 83)),
    Case("i3d-r101", {}, (4, 64, 64)),
)
