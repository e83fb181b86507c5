"""VMZ's caffe2 blobs of R(2+1)D-34: blocks are counted through all stages, `_middle` is the spatial half."""

import re
from collections.abc import Mapping

import torch

from indexing.compute.encoders.specs import WeightsRefused
from indexing.compute.encoders.video.r2plus1d import NUM_BLOCKS

NAME = "VMZ caffe2"
DROPS = (r"last_out_L\d+_[wb]", r".*_momentum", "lr", "model_iter")
HEAD = r"last_out_L\d+_w"
NORM = {"s": "weight", "b": "bias", "rm": "running_mean", "riv": "running_var"}
STEM = {
    "conv1_middle": "stem.0",
    "conv1_middle_spatbn_relu": "stem.1",
    "conv1": "stem.3",
    "conv1_spatbn_relu": "stem.4",
}
PART = re.compile(r"comp_(?P<block>\d+)_(?P<kind>conv|spatbn)_(?P<half>[12])(?P<middle>_middle)?")
SHORTCUT = re.compile(r"shortcut_projection_(?P<block>\d+)(?P<norm>_spatbn)?")
# The number of a block -> the stage it is in and its number there.
PLACES = [(stage, i) for stage, num in enumerate(NUM_BLOCKS["r2plus1d_34"], start=1) for i in range(num)]


def is_this(names: frozenset[str]) -> bool:
    """By the blob of the stem's spatial half."""
    return "conv1_middle_w" in names


def renamed(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """torchvision's names; WeightsRefused for a blob of another network."""
    return {_our_name(name): value for name, value in state_dict.items()}


def _our_name(name: str) -> str:
    blob, _, end = name.rpartition("_")
    layer = STEM.get(blob) or _in_block(blob)
    leaf = "weight" if end == "w" else NORM.get(end)
    if layer is None or leaf is None:
        raise WeightsRefused(f"{name} is no blob of VMZ's R(2+1)D-34")
    return f"{layer}.{leaf}"


def _in_block(blob: str) -> str | None:
    """`comp_3_conv_1_middle` is layer2.0.conv1.0.0: the first half of the first convolution of block 3."""
    if found := SHORTCUT.fullmatch(blob):
        place = _place(int(found["block"]))
        return place and f"{place}.downsample.{1 if found['norm'] else 0}"
    found = PART.fullmatch(blob)
    place = _place(int(found["block"])) if found else None
    if found is None or place is None:
        return None
    half = f"{place}.conv{found['half']}"
    if found["kind"] == "conv":
        return f"{half}.0.0" if found["middle"] else f"{half}.0.3"
    return f"{half}.0.1" if found["middle"] else f"{half}.1"


def _place(block: int) -> str | None:
    return "layer{}.{}".format(*PLACES[block]) if block < len(PLACES) else None
