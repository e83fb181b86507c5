"""Networks of torchvision and timm without their heads; a spec's normalization and pooling inside."""

import importlib
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from indexing.compute.encoders.loader import load_strictly, read_state_dict
from indexing.compute.encoders.specs import EncoderSpec, EncoderUnknown, WeightsRefused
from indexing.compute.encoders.weights import LocalWeights

HEADS = ("fc", "classifier", "heads", "head")  # where torchvision keeps what turns features into classes
GEM_POWER, GEM_FLOOR = 3.0, 1e-6


class Pictures(nn.Module):
    """(N, H, W, 3) uint8 RGB -> (N, D) float32: normalization, network and pooling in one graph.

    With `pooling` set to "map" the positions stay, one after another: (N, h * w * D).
    """

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, network: nn.Module, spec: EncoderSpec) -> None:
        super().__init__()
        self.network = network
        self.pooling = spec.pooling
        # (x / 255 - mean) / std as one multiplication and one addition
        scale = torch.tensor(spec.std).reciprocal()
        self.register_buffer("scale", (scale / 255).reshape(1, 3, 1, 1))
        self.register_buffer("shift", (-torch.tensor(spec.mean) * scale).reshape(1, 3, 1, 1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        planes = pixels.permute(0, 3, 1, 2).to(self.scale.dtype)
        found = self.network(planes * self.scale + self.shift)
        if self.pooling == "mac":
            found = found.amax(dim=(2, 3))
        elif self.pooling == "mean":
            found = found.mean(dim=(2, 3))
        elif self.pooling == "gem":
            found = found.clamp(min=GEM_FLOOR).pow(GEM_POWER).mean(dim=(2, 3)).pow(1 / GEM_POWER)
        elif self.pooling == "map":
            found = found.permute(0, 2, 3, 1)  # (N, h, w, D): row by row from the top left
        return found.flatten(1)


def build(spec: EncoderSpec, weights: LocalWeights) -> tuple[nn.Module, EncoderSpec]:
    """The network of `spec` with its weights in place, and the spec with what only the network knows."""
    family, name = _architecture(spec)
    if spec.family == "script":
        return _script(spec, weights), spec
    network, drops, spec = _torchvision(name, spec) if family == "torchvision" else _timm(name, spec)
    load_strictly(
        network, read_state_dict(weights.path), drops=(*drops, *spec.drops), source=str(weights.path)
    )
    return Pictures(network, spec).eval().requires_grad_(requires_grad=False), spec


def _architecture(spec: EncoderSpec) -> tuple[str, str]:
    if spec.family == "file":
        family, _, name = spec.architecture.partition(":")
        return family, name
    return spec.family, spec.architecture


def _torchvision(name: str, spec: EncoderSpec) -> tuple[nn.Module, tuple[str, ...], EncoderSpec]:
    from indexing.compute.torchvision_shim import torchvision

    models = torchvision.models
    known = models.list_models(module=models)
    if name not in known:
        raise EncoderUnknown(f"torchvision has no image network {name!r}; it has {', '.join(known)}")
    network = models.get_model(name, weights=None)
    if spec.pooling == "own":
        return network, (_behead(network, name),), spec
    return _map_of(network, name), ("fc.", "classifier.", "heads.", "head."), spec


def _behead(network: nn.Module, name: str) -> str:
    """Put nothing in the place of the last layer, so that its input comes out; says its keys' prefix."""
    layer = last_layer(network, name)
    network.set_submodule(layer, nn.Identity())
    return f"{layer}."


def last_layer(network: nn.Module, name: str) -> str:
    """The name of the layer of torchvision's network `name` that turns features into classes."""
    head = next((each for each in HEADS if hasattr(network, each)), None)
    if head is None:
        raise EncoderUnknown(f"torchvision's {name} has its head in none of {', '.join(HEADS)}")
    for kind in (nn.Linear, nn.Conv2d):
        layers = [each for each, layer in network.named_modules() if isinstance(layer, kind)]
        inside = [each for each in layers if each == head or each.startswith(f"{head}.")]
        if inside:
            return inside[-1]
    raise EncoderUnknown(f"the head of torchvision's {name} has no layer that gives classes")


def _map_of(network: nn.Module, name: str) -> nn.Module:
    """The part of a network up to its last map (N, C, h, w), under the names its weights have."""
    if hasattr(network, "layer4"):  # the ResNets
        network.avgpool = network.fc = nn.Identity()
        network._forward_impl = _resnet_map.__get__(network)
        return network
    if hasattr(network, "features"):  # MobileNet, EfficientNet, VGG, DenseNet, ConvNeXt
        return _Features(network.features)
    raise EncoderUnknown(f"pooling mac, mean and gem need a map; torchvision's {name} gives none: use own")


class _Features(nn.Module):
    """The convolutional part of a network, under the name its weights have."""

    def __init__(self, features: Any) -> None:
        super().__init__()
        self.features = features

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        return self.features(planes)


def _resnet_map(self: Any, x: torch.Tensor) -> torch.Tensor:
    x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
    return self.layer4(self.layer3(self.layer2(self.layer1(x))))


def _timm(name: str, spec: EncoderSpec) -> tuple[nn.Module, tuple[str, ...], EncoderSpec]:
    importlib.import_module("indexing.compute.torchvision_shim")  # first: timm imports torchvision
    timm = importlib.import_module("timm")

    if not timm.is_model(name.partition(".")[0]):
        raise EncoderUnknown(f"timm has no network {name!r}; see timm.list_models()")
    full = timm.create_model(name, pretrained=False)
    pooling = {} if spec.pooling == "own" else {"global_pool": ""}
    network = timm.create_model(name, pretrained=False, num_classes=0, **pooling)
    kept = network.state_dict().keys()
    drops = tuple(key for key in full.state_dict() if key not in kept)  # the head, whatever it is called
    config = timm.data.resolve_data_config({}, model=network)
    if spec.family == "timm":  # a side file says its own
        interpolation = "bilinear" if config["interpolation"] == "bilinear" else "bicubic"
        spec = replace(
            spec,
            input_size=config["input_size"][-1],
            resize=interpolation,
            mean=config["mean"],
            std=config["std"],
        )
    return network, drops, spec


def _script(spec: EncoderSpec, weights: LocalWeights) -> nn.Module:
    """A TorchScript network, which is code: loaded by consent only. It takes normalized (N, 3, H, W)."""
    if not spec.has_consent:
        raise WeightsRefused(
            f"{weights.path} is a TorchScript file: it holds code that would run here. If you trust it, "
            f'write "run_code": true into {weights.path.stem}.json beside it'
        )
    try:
        network = torch.jit.load(str(weights.path), map_location="cpu").eval()
    except RuntimeError as error:
        raise WeightsRefused(f"{weights.path} is not a TorchScript file: {str(error)[:200]}") from None
    return Pictures(network, spec).eval()
