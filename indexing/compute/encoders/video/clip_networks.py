"""Video networks without their heads, with the weights of a spec in place."""

from collections.abc import Callable

from torch import nn

from indexing.compute.encoders.loader import load_strictly, read_state_dict
from indexing.compute.encoders.video.clip_engine import Clips
from indexing.compute.encoders.video.clip_specs import ClipSpec
from indexing.compute.encoders.weights import LocalWeights


def build(spec: ClipSpec, weights: LocalWeights) -> nn.Module:
    """(N, T, h, w, 3) uint8 and kept (N, T) -> (N, D): the network of `spec`, every weight from the file."""
    network, head = _NETWORKS[spec.architecture]()
    load_strictly(network, read_state_dict(weights.path), drops=(head, *spec.drops), source=str(weights.path))
    return Clips(network, spec).eval().requires_grad_(requires_grad=False)


def _r2plus1d_18() -> tuple[nn.Module, str]:
    from indexing.compute.torchvision_shim import torchvision

    network = torchvision.models.video.r2plus1d_18(weights=None)
    network.fc = nn.Identity()
    return network, "fc."


def _swin3d_t() -> tuple[nn.Module, str]:
    from indexing.compute.torchvision_shim import torchvision

    network = torchvision.models.video.swin3d_t(weights=None)
    network.head = nn.Identity()
    return network, "head."


_NETWORKS: dict[str, Callable[[], tuple[nn.Module, str]]] = {
    "r2plus1d_18": _r2plus1d_18,
    "swin3d_t": _swin3d_t,
}
