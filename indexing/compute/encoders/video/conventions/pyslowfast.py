"""Weights as PySlowFast stores them for PyTorch (.pyth): our names, but for batch norms trained in splits."""

import re
from collections.abc import Mapping
from typing import Any

import torch
import yaml

NAME = "PySlowFast"
# A batch norm trained in splits has its statistics in `bn`; those of every split are not needed.
DROPS = (r".*bn\.split_bn\.\w+", r".*bn\.bn\.num_batches_tracked")
HEAD = r"head\.projection\.weight"
STEM = "s1.pathway0_stem."
SPLIT = re.compile(r"(.*bn)\.bn\.(running_mean|running_var)")


def is_this(names: frozenset[str]) -> bool:
    """By the stem of the slow, or only, pathway."""
    return any(name.startswith(STEM) for name in names)


def renamed(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same names; in a split batch norm `bn.bn.running_var` -> `bn.running_var`, (C, 1, 1, 1) -> (C,)."""
    split = {found[1] for name in state_dict if (found := SPLIT.fullmatch(name))}
    given: dict[str, torch.Tensor] = {}
    for name, value in state_dict.items():
        found = SPLIT.fullmatch(name)
        is_scale = name.rpartition(".")[0] in split and value.shape[1:].numel() == 1
        given[f"{found[1]}.{found[2]}" if found else name] = value.flatten() if is_scale else value
    return given


def settings_in(texts: Mapping[str, str]) -> dict[str, Any]:
    """What the configuration in the file (`cfg`, YAML) says and weights do not; nothing where it is odd."""
    try:
        cfg = yaml.safe_load(texts.get("cfg", ""))
        arch, is_double = str(cfg["MODEL"]["ARCH"]), cfg["MODEL"]["ARCH"] == "slowfast"
        settings = {
            "affinity": str(cfg["NONLOCAL"]["INSTANTIATION"]),
            "time_pool": 2 if arch in ("c2d", "i3d") else 1,
        }
        return settings | ({"alpha": int(cfg["SLOWFAST"]["ALPHA"])} if is_double else {})
    except (yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError):
        return {}
