"""Our weights under the names of others, written apart from what reads them: what their files hold."""

import re
from collections.abc import Mapping

import numpy as np
import torch

NORM_PARTS = {"weight": "s", "bias": "b", "running_mean": "rm", "running_var": "riv"}
CONV_PARTS = {"weight": "w", "bias": "b"}


def caffe2_blobs(state_dict: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """As a published .pkl of PySlowFast: every array under the name of its blob."""
    last = {
        stage: max(
            int(i) for i in re.findall(rf"s{stage}\.pathway0_res(\d+)\.branch2\.a\.", " ".join(state_dict))
        )
        for stage in (2, 3, 4, 5)
    }
    return {
        _blob(name, last): value.numpy()
        for name, value in state_dict.items()
        if not name.endswith("num_batches_tracked")
    }


def _blob(name: str, last: Mapping[int, int]) -> str:
    layer, _, part = name.rpartition(".")
    if found := re.fullmatch(r"s(\d)_fuse\.(conv_f2s|bn)", layer):
        stage = int(found[1])
        where = "t_pool1" if stage == 1 else f"t_res{stage}_{last[stage]}_branch2c_bn"
        return f"{where}_subsample_{_part(found[2], part)}"
    if found := re.fullmatch(r"s(\d)\.pathway0_nonlocal(\d+)\.(conv_)?(\w+)", layer):
        where = f"nonlocal_conv{found[1]}_{found[2]}"
        return (
            f"{where}_{_part('bn', part)}" if found[4] == "bn" else f"{where}_{found[4]}_{CONV_PARTS[part]}"
        )
    if layer == "head.projection":
        return f"pred_{CONV_PARTS[part]}"
    found = re.fullmatch(r"s(\d)\.pathway(\d)_(stem|res(\d+))\.(.*)", layer)
    assert found, name
    fast, of_layer = "t_" if found[2] == "1" else "", found[5]
    if found[3] == "stem":
        return f"{fast}{'conv1' if of_layer == 'conv' else 'res_conv1'}_{_part(of_layer, part)}"
    branch = of_layer.removesuffix("_bn").replace(".", "")
    return (
        f"{fast}res{found[1]}_{found[4]}_{branch}_{_part('bn' if of_layer.endswith('_bn') else branch, part)}"
    )


def _part(layer: str, part: str) -> str:
    return f"bn_{NORM_PARTS[part]}" if layer == "bn" else CONV_PARTS[part]


def pytorchvideo_names(state_dict: Mapping[str, torch.Tensor], *, has_pool: bool) -> dict[str, torch.Tensor]:
    """As pytorchvideo's `model_state`; a pooling after the first stage takes a number of its own."""
    is_double = any(".pathway1_" in name for name in state_dict)
    return {
        _theirs(name, is_double=is_double, has_pool=has_pool): value for name, value in state_dict.items()
    }


def _theirs(name: str, *, is_double: bool, has_pool: bool) -> str:
    if name.startswith("head."):
        return f"blocks.{6 if is_double or has_pool else 5}.{name.replace('head.projection', 'proj')}"
    found = re.fullmatch(r"s(\d)(_fuse|)\.(?:pathway(\d)_)?(.*)", name)
    assert found, name
    number, layer = int(found[1]) - 1, found[4]
    block = f"blocks.{number + (has_pool and number > 1)}"
    if found[2]:
        layer = layer.replace("conv_f2s", "conv_fast_to_slow").replace("bn.", "norm.")
        return f"{block}.multipathway_fusion.{layer}"
    layer = re.sub(r"^stem\.", "", layer).replace("bn.", "norm.") if number == 0 else _block(layer)
    return f"{block}.multipathway_blocks.{found[3]}.{layer}" if is_double else f"{block}.{layer}"


def _block(layer: str) -> str:
    layer = re.sub(r"^res(\d+)\.", r"res_blocks.\1.", layer)
    layer = layer.replace("branch1_bn.", "branch1_norm.").replace("branch1.", "branch1_conv.")
    return re.sub(
        r"branch2\.([abc])(_bn)?\.", lambda m: f"branch2.{'norm' if m[2] else 'conv'}_{m[1]}.", layer
    )


def mmaction2_names(state_dict: Mapping[str, torch.Tensor], *, norm: str) -> dict[str, torch.Tensor]:
    """As mmaction2's `state_dict` without a head; `norm` is what it calls Video Swin's last norm."""
    return {f"backbone.{_of_mmaction2(name, norm)}": value for name, value in state_dict.items()}


def _of_mmaction2(name: str, norm: str) -> str:
    name = re.sub(r"^norm\.", f"{norm}.", name)
    found = re.fullmatch(r"features\.(\d)\.(.*)", name)
    if found is None:
        return name
    stage, layer = divmod(int(found[1]), 2)
    if layer:
        return f"layers.{stage}.downsample.{found[2]}"
    inner = re.sub(r"mlp\.([03])\.", lambda at: f"mlp.fc{1 if at[1] == '0' else 2}.", found[2])
    return f"layers.{stage}.blocks.{inner}"


def vmz_blobs(state_dict: Mapping[str, torch.Tensor], *, num_classes: int) -> dict[str, np.ndarray]:
    """As VMZ's pickles of R(2+1)D-34."""
    starts = {1: 0, 2: 3, 3: 7, 4: 13}
    given = {}
    for name, value in state_dict.items():
        layer, _, part = name.rpartition(".")
        if part == "num_batches_tracked":
            continue
        if layer == "fc":
            given[f"last_out_L{num_classes}_{CONV_PARTS[part]}"] = value.numpy()
            continue
        is_norm = f"{layer}.running_mean" in state_dict
        given[f"{_vmz_layer(layer, starts)}_{NORM_PARTS[part] if is_norm else CONV_PARTS[part]}"] = (
            value.numpy()
        )
    return given


def _vmz_layer(layer: str, starts: Mapping[int, int]) -> str:
    if layer.startswith("stem."):
        number = int(layer.removeprefix("stem."))
        return {0: "conv1_middle", 1: "conv1_middle_spatbn_relu", 3: "conv1", 4: "conv1_spatbn_relu"}[number]
    found = re.fullmatch(r"layer(\d)\.(\d+)\.(conv([12])|downsample)\.(.*)", layer)
    assert found, layer
    block = starts[int(found[1])] + int(found[2])
    if found[3] == "downsample":
        return f"shortcut_projection_{block}{'_spatbn' if found[5] == '1' else ''}"
    kind, middle = {
        "0.0": ("conv", "_middle"),
        "0.1": ("spatbn", "_middle"),
        "0.3": ("conv", ""),
        "1": ("spatbn", ""),
    }[found[5]]
    return f"comp_{block}_{kind}_{found[4]}{middle}"
