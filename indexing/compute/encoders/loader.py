"""The strict loader of checkpoints: every key used exactly once, or a refusal listing the misfits."""

import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from indexing.compute.encoders.specs import WeightsRefused

PREFIXES = ("module.", "backbone.", "model.", "_orig_mod.")  # of wrappers around a network
CONTAINERS = ("state_dict", "model_state_dict", "model_state", "teacher", "model")  # where weights lie
NUM_SHOWN = 8
PICKLE = b"\x80"  # how a pickle begins


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a weights file by name; nothing in the file is ever run."""
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise WeightsRefused(f"{path} is not a whole safetensors file: {error}") from None
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsRefused(_not_weights(path, str(error))) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise WeightsRefused(f"{path} is damaged or not a weights file: {error}") from None
    return _tensors_in(loaded, path)


def _not_weights(path: Path, said: str) -> str:
    """Why torch would not read a file, without its advice to trust it."""
    with path.open("rb") as file:
        head = file.read(2)
    if head != b"PK" and head[:1] != PICKLE:
        return f"{path} is no file of weights: neither one of torch nor safetensors"
    named = re.search(r"GLOBAL ([\w.]+)", said)
    what = f"it names {named[1]}" if named else "it is no plain dictionary of tensors"
    return (
        f"{path} holds more than weights, and what it holds would run as code ({what}): "
        "save its state_dict() only, or as safetensors"
    )


def load_strictly(
    network: torch.nn.Module, state_dict: Mapping[str, torch.Tensor], *, drops: Sequence[str], source: str
) -> None:
    """Put every tensor into its place in `network`; keys under a prefix in `drops` are left out.

    Refused with the lists of missing, unexpected and mis-shaped keys unless everything fits.
    """
    wanted = network.state_dict()
    given = _without_wrappers(state_dict, wanted)
    kept = {name: value for name, value in given.items() if not name.startswith(tuple(drops))}
    check_fits(wanted, kept, source=source)
    values = {name: kept[name].to(value.dtype) if name in kept else value for name, value in wanted.items()}
    network.load_state_dict(values, strict=True)


def check_fits(wanted: Mapping[str, torch.Tensor], kept: Mapping[str, torch.Tensor], *, source: str) -> None:
    """WeightsRefused listing what is missing, unexpected, mis-shaped or not finite, unless all of it fits."""
    # A count of training steps: unused here, and absent from files older than PyTorch 0.4.1.
    optional = {name for name in wanted if name.endswith("num_batches_tracked")}
    missing = [name for name in wanted if name not in kept and name not in optional]
    unexpected = [name for name in kept if name not in wanted]
    mis_shaped = [
        f"{name} {tuple(kept[name].shape)} for {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in kept and kept[name].shape != value.shape
    ]
    broken = [
        name for name, value in kept.items() if value.is_floating_point() and not value.isfinite().all()
    ]
    if missing or unexpected or mis_shaped or broken:
        faults = (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", mis_shaped),
            ("not finite", broken),
        )
        listed = "; ".join(f"{len(names)} {word}: {_some(names)}" for word, names in faults if names)
        raise WeightsRefused(f"{source} does not fit its network ({len(wanted)} keys): {listed}")


def _tensors_in(loaded: Any, path: Path) -> dict[str, torch.Tensor]:
    """The state dict itself, or the one inside a training checkpoint."""
    for _ in CONTAINERS:
        inner = next(
            (loaded[name] for name in CONTAINERS if isinstance(loaded, dict) and name in loaded), None
        )
        if not isinstance(inner, dict):
            break
        loaded = inner
    if not isinstance(loaded, dict) or not loaded:
        raise WeightsRefused(f"{path} must hold a state_dict, it holds {type(loaded).__name__}")
    odd = [name for name, value in loaded.items() if not isinstance(value, torch.Tensor)]
    if odd:
        raise WeightsRefused(f"{path} must hold tensors by name; these are none: {_some(map(str, odd))}")
    return loaded


def _without_wrappers(
    state_dict: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Without a prefix that wraps the network's own names; keys outside the wrapper keep theirs."""
    given = dict(state_dict)
    for _ in PREFIXES:
        if any(name in wanted for name in given):
            return given
        prefix = next((p for p in PREFIXES if any(name.startswith(p) for name in given)), None)
        if prefix is None:
            return given
        renamed = {name.removeprefix(prefix): value for name, value in given.items()}
        if len(renamed) != len(given):
            raise WeightsRefused(f"names collide without the prefix {prefix!r}: two keys for one tensor")
        given = renamed
    return given


def _some(names: Any) -> str:
    listed = list(names)
    more = f" and {len(listed) - NUM_SHOWN} more" if len(listed) > NUM_SHOWN else ""
    return ", ".join(listed[:NUM_SHOWN]) + more
