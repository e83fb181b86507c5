"""Classifier checkpoints: safetensors whose header says what they are, and the same as JSON for people.

A file is written whole or not at all. What a classifier needs is under the network's own names; what only
training needs (optimizer, average, raw weights) is under `training.`, so that one file holds one moment.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from indexing.compute.encoders.loader import load_strictly
from indexing.compute.encoders.specs import WeightsRefused
from indexing.compute.files import write_beside
from training.compute import networks
from training.compute.answers import KINDS
from training.compute.pictures import Preprocessing
from training.compute.refusals import TrainingRefused

FORMAT, FORMAT_VERSION = "sisyphus-classifier", "1"
TRAINING = "training."  # prefix of what is not needed to classify
BEST, LAST, CURVE = "best.safetensors", "last.safetensors", "curve.jsonl"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a checkpoint says of itself; JSON in the file's header."""

    architecture: str  # torchvision:resnet50
    class_names: tuple[str, ...]
    kind: str  # multi_class: one of the classes; multi_label: any of them
    preprocessing: Preprocessing
    metrics: dict[str, Any] = field(default_factory=dict)  # the curve row of its epoch
    training: dict[str, Any] = field(default_factory=dict)  # settings, weights, seed; where it stands

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if not self.class_names or len(set(self.class_names)) != len(self.class_names):
            raise ValueError(f"class names must be there and differ, got {self.class_names}")

    def as_json(self) -> dict[str, Any]:
        """Plain values, as they stand in the header and in the JSON beside."""
        said = asdict(self) | {"preprocessing": self.preprocessing.as_json()}
        return {"format": FORMAT, "format_version": FORMAT_VERSION, **said}


class Checkpoint:
    """A checkpoint that was read: its facts and its tensors."""

    def __init__(self, path: Path, facts: Facts, tensors: dict[str, torch.Tensor]) -> None:
        self.path, self.facts = path, facts
        self.weights = {name: value for name, value in tensors.items() if not name.startswith(TRAINING)}
        self.training = {
            name.removeprefix(TRAINING): value for name, value in tensors.items() if name.startswith(TRAINING)
        }

    def network(self) -> torch.nn.Module:
        """The network with its weights in place, in eval mode; WeightsRefused unless every key fits."""
        made = networks.build(self.facts.architecture, len(self.facts.class_names))
        load_strictly(made, self.weights, drops=(), source=str(self.path))
        return made.eval()


def write(
    path: Path,
    facts: Facts,
    weights: Mapping[str, torch.Tensor],
    training: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """The checkpoint at `path` and its facts as JSON beside, each whole; OSError where they do not fit."""
    tensors = dict(weights) | {f"{TRAINING}{name}": value for name, value in (training or {}).items()}
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    said = facts.as_json()
    data = save(plain, metadata={"facts": json.dumps(said)})  # one key: their order is not kept
    with write_beside(path) as file:
        file.write(data)
    with write_beside(path.with_suffix(".json")) as file:
        file.write(json.dumps(said, indent=1).encode() + b"\n")


def read(path: Path) -> Checkpoint:
    """The checkpoint at `path`; TrainingRefused for one that is not ours, WeightsRefused if it is cut."""
    facts = read_facts(path)
    with safe_open(path, framework="pt") as file:
        return Checkpoint(path, facts, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118


def read_facts(path: Path) -> Facts:
    """What the checkpoint says of itself, without its tensors."""
    if not path.is_file():
        raise TrainingRefused("no-checkpoint", f"{path} is not a file; name a classifier's checkpoint.")
    try:
        with safe_open(path, framework="pt") as file:
            said = (file.metadata() or {}).get("facts")
    except (SafetensorError, OSError) as error:
        raise WeightsRefused(f"{path} is not a whole safetensors file: {error}") from None
    if said is None:
        raise TrainingRefused(
            "not-a-classifier",
            f"{path} holds weights without class names and preprocessing; make a classifier of it: "
            f"sfi checkpoint-convert {path} OUT.safetensors --classes NAME,NAME",
        )
    return facts_from(said, path)


def is_ours(path: Path) -> bool:
    """Whether the file at `path` is a safetensors file that says it is a classifier."""
    if path.suffix != ".safetensors" or not path.is_file():
        return False
    try:
        with safe_open(path, framework="pt") as file:
            return "facts" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def facts_from(said: str, path: Path) -> Facts:
    """The facts in a header's JSON; WeightsRefused where they make no sense."""
    try:
        known = json.loads(said)
        if known.pop("format") != FORMAT or known.pop("format_version") != FORMAT_VERSION:
            raise WeightsRefused(f"{path} was written by a newer version; update this one to read it")
        known["preprocessing"] = Preprocessing.from_json(known["preprocessing"])
        known["class_names"] = tuple(str(name) for name in known["class_names"])
        return Facts(**known)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, WeightsRefused):
            raise
        raise WeightsRefused(f"{path} does not say what it is: {error}") from None


def checkpoint_path(given: Path) -> Path:
    """The checkpoint meant by a file, or by a run's folder: its best one."""
    if given.is_dir():
        return given / BEST
    folder = given.with_suffix("")
    if not given.exists() and given.suffix and (folder / BEST).is_file():
        return folder / BEST  # what `model-train --model NAME.pth` wrote
    return given
