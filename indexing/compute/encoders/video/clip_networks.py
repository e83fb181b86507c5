"""Video networks without their heads, with the weights of a spec in place."""

from torch import nn

from indexing.compute.encoders.loader import load_strictly
from indexing.compute.encoders.video import families
from indexing.compute.encoders.video.clip_engine import Clips
from indexing.compute.encoders.video.clip_specs import ClipSpec
from indexing.compute.encoders.video.conventions import read_video_checkpoint
from indexing.compute.encoders.video.slow_family import POOLS
from indexing.compute.encoders.weights import LocalWeights


def build(spec: ClipSpec, weights: LocalWeights) -> nn.Module:
    """(N, T, h, w, 3) uint8 and kept (N, T) -> (N, D): the network of `spec`, every weight from the file."""
    asked = spec.config | ({"pool": spec.pool} if spec.pool in POOLS else {})
    state_dict, found = read_video_checkpoint(weights.path, architecture=spec.architecture, config=asked)
    network = families.build(found.architecture, found.config)
    load_strictly(network, state_dict, drops=(), source=str(weights.path))
    return Clips(network, spec).eval().requires_grad_(requires_grad=False)
