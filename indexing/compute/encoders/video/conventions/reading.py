"""From a file of anyone's weights to a video network's tensors under our names, every key accounted for."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save

from indexing.compute.encoders.loader import check_fits, read_state_dict
from indexing.compute.encoders.pickles import unpickle
from indexing.compute.encoders.specs import WeightsRefused
from indexing.compute.encoders.video import families
from indexing.compute.encoders.video.conventions.registry import CONVENTIONS, SETTINGS, Convention

WRAPPERS = ("module.", "_orig_mod.", "model.")  # DataParallel, torch.compile, Lightning: around every name

CONFIG = "sisyphus_config"


@dataclass(frozen=True, slots=True)
class Detected:
    """What network a checkpoint holds, by the shapes of its tensors, and what of the file is not used."""

    architecture: str  # of families.build
    config: dict[str, Any]
    convention: str
    dropped: tuple[str, ...]  # heads, records of training: by their names in the file
    num_classes: int | None  # that its head told apart; None without a head


class Checkpoint(NamedTuple):
    """The tensors of a file as they are named there, without a wrapper's prefix."""

    tensors: dict[str, torch.Tensor]
    wrapper: str
    beside: tuple[str, ...]
    not_arrays: tuple[str, ...]
    texts: dict[str, str]


def read_video_checkpoint(
    path: Path, *, architecture: str | None = None, config: Mapping[str, Any] | None = None
) -> tuple[dict[str, torch.Tensor], Detected]:
    """The weights in `path` under our names, complete for the network that was detected.

    Every key of the file is used once or declared as dropped by its convention; WeightsRefused lists the
    missing, unexpected and mis-shaped ones. It also says where `architecture`, or a value of `config` that
    the shapes tell, is another than was detected; values they do not tell (alpha) are taken from `config`.
    """
    return identified(read(path), str(path), architecture=architecture, config=config)


def read(path: Path) -> Checkpoint:
    """The tensors in a safetensors file or in a pickle, which is read in the limited child alone."""
    if path.suffix == ".safetensors":
        tensors = read_state_dict(path)
        with safe_open(path, "numpy") as file:
            texts = file.metadata() or {}
        return unwrapped(Checkpoint(tensors, "", (), (), texts))
    found = unpickle(path)
    return unwrapped(Checkpoint(found.tensors, "", found.beside, found.not_arrays, found.texts))


def convention_of(names: frozenset[str]) -> Convention | None:
    """The convention that names are in, if it is one of a video network."""
    return next((each for each in CONVENTIONS if each.is_this(names)), None)


def identified(
    checkpoint: Checkpoint,
    source: str,
    *,
    architecture: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> tuple[dict[str, torch.Tensor], Detected]:
    """As `read_video_checkpoint`, of what `read` gave."""
    names = frozenset(checkpoint.tensors)
    convention = convention_of(names)
    if convention is None:
        known = ", ".join(each.NAME for each in CONVENTIONS)
        shown = ", ".join(list(checkpoint.tensors)[:4])
        raise WeightsRefused(
            f"{source} is named in none of the ways that are known here ({known}); it begins with {shown}"
        )
    drops = re.compile("|".join(f"(?:{each})" for each in convention.DROPS) or r"(?!)")
    odd = [name for name in checkpoint.not_arrays if not drops.fullmatch(name)]
    if odd:
        raise WeightsRefused(f"{source} must hold tensors by name; these are none: {', '.join(odd[:8])}")
    given = (*checkpoint.tensors, *checkpoint.not_arrays)
    dropped = tuple(f"{checkpoint.wrapper}{name}" for name in given if drops.fullmatch(name))
    kept = {name: value for name, value in checkpoint.tensors.items() if not drops.fullmatch(name)}
    state = convention.renamed(kept)
    if len(state) != len(kept):
        raise WeightsRefused(f"{source} has two names for one tensor, among {', '.join(list(kept)[:8])}")
    found, settings = families.detect(state, source)
    if architecture is not None and architecture != found:
        raise WeightsRefused(f"{source} holds the weights of {found}, not of {architecture}")
    told = SETTINGS[convention.NAME](checkpoint.texts) if convention.NAME in SETTINGS else {}
    told |= _of_ours(checkpoint.texts)
    settings |= {name: value for name, value in told.items() if name in settings}
    settings = _settled(found, settings, config or {}, source)
    check_fits(_on_meta(found, settings), state, source=f"{source} ({found})")
    head = next(
        (value for name, value in checkpoint.tensors.items() if re.fullmatch(convention.HEAD, name)), None
    )
    detected = Detected(
        found, settings, convention.NAME, (*dropped, *checkpoint.beside), None if head is None else len(head)
    )
    return state, detected


def converted(state_dict: Mapping[str, torch.Tensor], detected: Detected, facts: Mapping[str, str]) -> bytes:
    """A safetensors file of weights under our names that says what they are; `facts` are told beside."""
    plain = {name: value.detach().contiguous().clone() for name, value in state_dict.items()}
    said = {CONFIG: json.dumps(detected.config), "architecture": detected.architecture}
    return save(plain, metadata={**facts, **said, "convention": detected.convention})


def _of_ours(texts: Mapping[str, str]) -> dict[str, Any]:
    """The settings that `converted` wrote beside the weights."""
    try:
        config = json.loads(texts.get(CONFIG, "{}"))
    except ValueError:
        return {}
    return config if isinstance(config, dict) else {}


def _settled(
    architecture: str, detected: dict[str, Any], asked: Mapping[str, Any], source: str
) -> dict[str, Any]:
    """The detected settings, with those that no weights tell taken from `asked`; WeightsRefused at odds."""
    shapes: dict[str, torch.Size] = {}
    for name, value in asked.items():
        if name in detected and detected[name] == value:
            continue
        settled = detected | {name: value}
        shapes = shapes or _shapes(architecture, detected)
        if name in detected and _shapes(architecture, settled) != shapes:
            raise WeightsRefused(
                f"{source} holds a {architecture} with {name} {detected[name]}, asked for is {name} {value}"
            )
        detected = settled
    return detected


def _shapes(architecture: str, config: Mapping[str, Any]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in _on_meta(architecture, config).items()}


def _on_meta(architecture: str, config: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The state_dict of a network without numbers."""
    with torch.device("meta"):
        return families.build(architecture, config).state_dict()


def unwrapped(checkpoint: Checkpoint) -> Checkpoint:
    """Without the prefixes that wrap every name."""
    for prefix in WRAPPERS:
        if checkpoint.tensors and all(name.startswith(prefix) for name in checkpoint.tensors):
            inner = {name.removeprefix(prefix): value for name, value in checkpoint.tensors.items()}
            return unwrapped(checkpoint._replace(tensors=inner, wrapper=checkpoint.wrapper + prefix))
    return checkpoint
