"""Weights as PySlowFast's networks were first published (.pkl, `blobs` of Caffe2), by our names.

`t_` is the fast pathway; `_s`, `_b`, `_rm`, `_riv` are scale, shift, mean and variance of a batch norm.
"""

import re
from collections.abc import Mapping

import torch

from indexing.compute.encoders.specs import WeightsRefused

NAME = "PySlowFast caffe2"
DROPS = (r".*_momentum", "lr", "model_iter")  # what training needed
HEAD = "pred_w"
CONV_PARTS = {"w": "weight", "b": "bias"}
NORM_PARTS = {"s": "weight", "b": "bias", "rm": "running_mean", "riv": "running_var"}
# A layer's name without `t_` and `_bn`; ours of its convolution and of its batch norm, # for the pathway.
LAYERS = tuple(
    (re.compile(layer), conv, norm)
    for layer, conv, norm in (
        (r"conv1", r"s1.pathway#_stem.conv", None),
        (r"res_conv1", None, r"s1.pathway#_stem.bn"),
        (
            r"res(\d)_(\d+)_branch2([abc])",
            r"s\1.pathway#_res\2.branch2.\3",
            r"s\1.pathway#_res\2.branch2.\3_bn",
        ),
        (r"res(\d)_(\d+)_branch1", r"s\1.pathway#_res\2.branch1", r"s\1.pathway#_res\2.branch1_bn"),
        (r"pool1_subsample", r"s1_fuse.conv_f2s", r"s1_fuse.bn"),
        (r"res(\d)_\d+_branch2c_bn_subsample", r"s\1_fuse.conv_f2s", r"s\1_fuse.bn"),  # by its last block
        (r"nonlocal_conv(\d)_(\d+)_(theta|phi|g|out)", r"s\1.pathway#_nonlocal\2.conv_\3", None),
        (r"nonlocal_conv(\d)_(\d+)", None, r"s\1.pathway#_nonlocal\2.bn"),
        (r"pred", r"head.projection", None),
    )
)
MATRIX = "head.projection.weight"


def is_this(names: frozenset[str]) -> bool:
    """By the stem and the first block of the slow, or only, pathway."""
    return {"conv1_w", "res2_0_branch2a_w"} <= names


def renamed(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Our names; WeightsRefused for a blob of another network, and for two blobs of one layer.

    A convolution of 1 x 1 x 1 may be stored as a matrix, and the head's matrix as a convolution.
    """
    given: dict[str, torch.Tensor] = {}
    for blob, value in state_dict.items():
        name = our_name(blob)
        if name is None:
            raise WeightsRefused(f"{blob} is no blob of SlowFast, Slow, C2D or I3D")
        if name in given:
            raise WeightsRefused(f"two blobs are for {name}, {blob} is one of them")
        given[name] = _shaped(name, value)
    return given


def our_name(blob: str) -> str | None:
    """Our name of a blob: `t_res4_5_branch2c_bn_rm` -> `s4.pathway1_res5.branch2.c_bn.running_mean`."""
    layer, _, part = blob.rpartition("_")
    is_norm = layer.endswith("_bn")
    pathway = "1" if layer.startswith("t_") else "0"
    layer = layer.removeprefix("t_").removesuffix("_bn")
    part_of_ours = (NORM_PARTS if is_norm else CONV_PARTS).get(part)
    for pattern, conv, norm in LAYERS:
        ours = norm if is_norm else conv
        if (found := pattern.fullmatch(layer)) and ours and part_of_ours:
            return f"{found.expand(ours).replace('#', pathway)}.{part_of_ours}"
    return None


def _shaped(name: str, value: torch.Tensor) -> torch.Tensor:
    if name == MATRIX and value.ndim > 2 and value.numel() == value.shape[0] * value.shape[1]:
        return value.flatten(1)
    is_conv = name.endswith(".weight") and name != MATRIX and value.ndim > 1
    if is_conv and value.ndim < 5:
        return value.reshape(*value.shape, *(1,) * (5 - value.ndim))
    return value
