"""Classifiers made of a torchvision or timm network and a new last layer."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from indexing.compute.encoders import networks as encoder_networks
from indexing.compute.encoders import spec_of
from indexing.compute.encoders.loader import load_strictly, read_state_dict
from indexing.compute.encoders.specs import EncoderUnknown
from indexing.compute.encoders.weights import LocalWeights, Progress, find_or_fetch
from training.compute.pictures import Preprocessing
from training.compute.refusals import TrainingRefused

FAMILIES = ("torchvision", "timm")
AUXILIARY = {"inception_v3": ("AuxLogits.",), "googlenet": ("aux1.", "aux2.")}  # heads used in training only


class Backbone(NamedTuple):
    """A network by name and where its pretrained weights are."""

    architecture: str  # torchvision:NAME or timm:NAME
    weights: LocalWeights | None  # None: begins with random numbers, asked for by name
    drops: tuple[str, ...] = ()  # further keys that the weights file may hold


def find(
    name: str,
    *,
    model_dir: Path,
    weights: Path | str | None = None,
    on_progress: Progress | None = None,
) -> Backbone:
    """The backbone called `name` (resnet50, torchvision:NAME, timm:NAME, an encoder's key) and its weights.

    `weights` is a file, "random", or None: the model folder, then the published file. TrainingRefused or
    the loader's errors say what is missing; random numbers are never taken in silence.
    """
    spec = spec_of(_key(name), model_dir)
    architecture = spec.architecture if ":" in spec.architecture else f"{spec.family}:{spec.architecture}"
    if architecture.partition(":")[0] not in FAMILIES or not architecture.partition(":")[2]:
        raise TrainingRefused(
            "not-trainable",
            f"{name} cannot be fine-tuned: it is no torchvision or timm network. Name one, such as "
            "torchvision:resnet50, or train a probe on its features.",
        )
    if weights == "random":
        return Backbone(architecture, None)
    if weights is not None:
        path = Path(weights)
        if not path.is_file():
            raise TrainingRefused("no-weights", f"{path} is not a file; name the weights of {architecture}.")
        return Backbone(architecture, find_or_fetch(_at(spec, path), model_dir), spec.drops)
    return Backbone(architecture, find_or_fetch(spec, model_dir, on_progress), spec.drops)


def _key(name: str) -> str:
    if "@" in name:
        return name
    return f"{name}@1" if ":" in name else f"torchvision:{name}@1"


def _at(spec: Any, path: Path) -> Any:
    """The spec with its weights at `path`, whatever the file is called."""
    from dataclasses import replace

    return replace(spec, family="file", file_name=str(path.absolute()), download=None, sha256="")


def build(
    architecture: str,
    num_classes: int,
    *,
    weights: Path | None = None,
    drops: tuple[str, ...] = (),
    seed: int = 0,
) -> nn.Module:
    """A network with `num_classes` outputs, normalized (N, 3, H, W) in, (N, C) logits out, in train mode.

    Weights go through the strict loader, all but the last layer, which is drawn from `seed`; without
    `weights` all of it is.
    """
    family, _, name = architecture.partition(":")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _torchvision(name) if family == "torchvision" else _timm(name)
        head = head_name(network, architecture)
        old = network.get_submodule(head)
        network.set_submodule(head, nn.Identity())
        if weights is not None:
            load_strictly(
                network,
                read_state_dict(weights),
                drops=(f"{head}.", *AUXILIARY.get(name, ()), *drops),
                source=str(weights),
            )
        network.set_submodule(head, _new_head(old, num_classes))
    return network


def _torchvision(name: str) -> nn.Module:
    from indexing.compute.torchvision_shim import torchvision

    models = torchvision.models
    known = models.list_models(module=models)
    if name not in known:
        raise EncoderUnknown(f"torchvision has no image network {name!r}; it has {', '.join(known)}")
    more = {"aux_logits": False, "init_weights": True} if name in AUXILIARY else {}
    return models.get_model(name, weights=None, **more)


def _timm(name: str) -> nn.Module:
    importlib.import_module("indexing.compute.torchvision_shim")  # first: timm imports torchvision
    timm = importlib.import_module("timm")
    if not timm.is_model(name.partition(".")[0]):
        raise EncoderUnknown(f"timm has no network {name!r}; see timm.list_models()")
    return timm.create_model(name, pretrained=False)


def head_name(network: nn.Module, architecture: str) -> str:
    """The name of the layer that gives the classes."""
    family, _, name = architecture.partition(":")
    if family == "torchvision":
        return encoder_networks.last_layer(network, name)
    config: dict[str, Any] = getattr(network, "default_cfg", {})
    found = config.get("classifier")
    if not isinstance(found, str) or not isinstance(network.get_submodule(found), nn.Linear | nn.Conv2d):
        raise TrainingRefused("not-trainable", f"timm's {name} has no single last layer to put a new one in.")
    return found


def _new_head(old: nn.Module, num_classes: int) -> nn.Module:
    if isinstance(old, nn.Conv2d):
        return nn.Conv2d(old.in_channels, num_classes, kernel_size=1)
    assert isinstance(old, nn.Linear)  # noqa: S101 - head_name found one of the two
    head = nn.Linear(old.in_features, num_classes)
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)
    return head


def trainable(network: nn.Module, architecture: str, which: str) -> Iterator[tuple[str, nn.Parameter]]:
    """The named parameters to be trained (`which` is all or head); the others are frozen."""
    head = head_name(network, architecture)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(which == "all" or name.startswith(f"{head}."))
        if parameter.requires_grad:
            yield name, parameter


class Normalized(nn.Module):
    """(N, 3, H, W) RGB of 0 to 255, uint8 or float -> (N, C) logits; normalization is part of the graph."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        # (x / 255 - mean) / std as one multiplication and one addition
        scale = torch.tensor(preprocessing.std).reciprocal()
        self.register_buffer("scale", (scale / 255).reshape(1, 3, 1, 1))
        self.register_buffer("shift", (-torch.tensor(preprocessing.mean) * scale).reshape(1, 3, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images.to(self.scale.dtype) * self.scale + self.shift)
