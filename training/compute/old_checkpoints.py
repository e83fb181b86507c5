"""Checkpoints made elsewhere: what they are, read without running anything in them, and made into ours."""

import functools
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save
from torch import nn

from indexing.compute.encoders.loader import PREFIXES, load_strictly, read_state_dict
from indexing.compute.encoders.pickles import unpickle
from indexing.compute.encoders.specs import WeightsRefused
from indexing.compute.files import sha256_of, write_beside
from training.compute import networks
from training.compute.checkpoints import Checkpoint, Facts
from training.compute.pictures import Preprocessing
from training.compute.refusals import TrainingRefused

CANDIDATES = (  # looked for by the names and shapes of their weights, in this order
    "resnet50", "resnet18", "resnet34", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
    "wide_resnet50_2", "wide_resnet101_2", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "convnext_tiny",
    "convnext_small", "convnext_base", "swin_t", "swin_s", "swin_b", "vit_b_16", "vit_b_32", "vit_l_16",
    "densenet121", "squeezenet1_0", "squeezenet1_1", "shufflenet_v2_x1_0", "vgg16", "vgg16_bn", "alexnet",
)  # fmt: skip
PATTERNS = (  # a key that only this family has -> what it is called
    (r"^s1\.pathway0_stem\.conv\.weight$", "PySlowFast (pytorch)"),
    (r"^blocks\.0\.(multipathway_blocks\.0\.)?conv\.weight$", "pytorchvideo"),
    (r"^backbone\.patch_embed\.proj\.weight$", "mmaction2 Video Swin"),
    (r"^backbone\.conv1a\.conv\.weight$", "mmaction2 C3D"),
    (r"^backbone\.conv1\.conv\.weight$", "mmaction2 ResNet3d"),
    (r"^backbone\.embeddings\.1\.weight$|^embeddings\.1\.weight$", "SSCD"),
    (r"^backbone\.conv1\.weight$", "SSCD or another wrapped torchvision ResNet"),
    (r"^conv1_middle_w$", "VMZ caffe2 R(2+1)D"),
    (r"^t_conv1_w$", "PySlowFast caffe2, two pathways"),
    (r"^conv1_w$", "PySlowFast caffe2"),
    (r"^cls_token$", "DINO or timm vision transformer"),
)
VIDEO = re.compile(r"^stem\.0\.weight$")


class Identified(NamedTuple):
    """What a weights file is."""

    family: str
    architecture: str | None  # torchvision:NAME where it is one that can be built
    num_classes: int | None
    wrapper: str  # the prefix of every key that is no part of the network's names
    num_keys: int
    num_values: int


def identify(state: Mapping[str, torch.Tensor], architecture: str | None = None) -> Identified:
    """The family, network and number of classes of a state dict; `architecture` says it where it is known."""
    wrapper, names = unwrapped(state)
    num_values = sum(value.numel() for value in state.values())
    found = architecture or next((f"torchvision:{name}" for name in CANDIDATES if _fits(name, names)), None)
    if found is not None:
        head = head_of(names, found)
        family = f"{found.partition(':')[0]} {found.partition(':')[2]}"
        if wrapper == "module." and head is not None:
            family = f"sisyphus classifier (DataParallel), {family}"
        num_classes = None if head is None else head.shape[0]
        return Identified(family, found, num_classes, wrapper, len(state), num_values)
    if any(VIDEO.match(name) for name in names):
        last = names.get("fc.weight")
        num_classes = None if last is None else last.shape[0]
        return Identified(_video_family(names), None, num_classes, wrapper, len(state), num_values)
    for pattern, family in PATTERNS:
        if any(re.match(pattern, name) for name in state):
            return Identified(family, None, None, wrapper, len(state), num_values)
    return Identified("unknown", None, None, wrapper, len(state), num_values)


def _video_family(names: Mapping[str, torch.Tensor]) -> str:
    num_blocks = len({name.split(".")[1] for name in names if name.startswith("layer3.")})
    return "ig65m R(2+1)D-34" if num_blocks == 6 else "torchvision video R(2+1)D or MC3/R3D-18"


def unwrapped(state: Mapping[str, torch.Tensor]) -> tuple[str, dict[str, torch.Tensor]]:
    """A prefix that every key has because of a wrapper, and the tensors without it."""
    for prefix in PREFIXES:
        if state and all(name.startswith(prefix) for name in state):
            inner, names = unwrapped({name.removeprefix(prefix): value for name, value in state.items()})
            return prefix + inner, names
    return "", dict(state)


def _fits(name: str, names: Mapping[str, torch.Tensor]) -> bool:
    """Whether the tensors are all of torchvision's `name` but perhaps its last layer, in name and shape."""
    wanted, head = _shapes(name)
    return _body({key: tuple(value.shape) for key, value in names.items()}, head) == _body(wanted, head)


def _body(shapes: Mapping[str, tuple[int, ...]], head: str) -> dict[str, tuple[int, ...]]:
    """Without the last layer, and without counts of training steps, which old files have not."""
    return {
        key: shape
        for key, shape in shapes.items()
        if not key.startswith(head) and not key.endswith("num_batches_tracked")
    }


@functools.cache
def _shapes(name: str) -> tuple[dict[str, tuple[int, ...]], str]:
    with torch.device("meta"):
        network = networks.build(f"torchvision:{name}", 2)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    return shapes, f"{networks.head_name(network, f'torchvision:{name}')}."


def head_of(names: Mapping[str, torch.Tensor], architecture: str) -> torch.Tensor | None:
    """The weight of the last layer (C, ...), or None where the file has none."""
    with torch.device("meta"):
        network: nn.Module = networks.build(architecture, 2)
    return names.get(f"{networks.head_name(network, architecture)}.weight")


def as_classifier(
    path: Path,
    class_names: Sequence[str] | None,
    *,
    architecture: str | None = None,
    preprocessing: Preprocessing | None = None,
) -> Checkpoint:
    """A bare state dict as a classifier of ours, all of its keys used; TrainingRefused where it is none.

    Such files hold no class names: they are given, in the order of the outputs (the old `sfi`: alphabetical).
    """
    check_is_weights(path)
    state = read_state_dict(path)
    found = identify(state, architecture)
    if found.architecture is None:
        raise TrainingRefused(
            "another-network",
            f"{path} is {found.family}, and not a classifier that is known here. If it is a network of "
            "torchvision or timm, name it with --encoder torchvision:NAME.",
        )
    if found.num_classes is None:
        raise TrainingRefused(
            "no-head", f"{path} ({found.family}) has no last layer, so it knows no classes."
        )
    if not class_names:
        raise TrainingRefused(
            "no-class-names",
            f"{path} knows {found.num_classes} classes and not their names; give them in the order of its "
            "outputs: --classes NAME,NAME (the old sfi had them in the order of the alphabet).",
        )
    if len(class_names) != found.num_classes:
        raise TrainingRefused(
            "other-classes",
            f"{path} knows {found.num_classes} classes, and {', '.join(class_names)} are {len(class_names)}.",
        )
    facts = Facts(
        found.architecture,
        tuple(class_names),
        "multi_class",
        preprocessing or Preprocessing(),
        training={"made_from": {"family": found.family, "sha256": sha256_of(path)}},
    )
    network = networks.build(found.architecture, len(class_names))
    load_strictly(network, state, drops=(), source=str(path))
    return Checkpoint(path, facts, dict(network.state_dict()))


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a weights file by name, or the arrays of an old pickle; WeightsRefused otherwise."""
    try:
        return read_state_dict(path)
    except WeightsRefused as refusal:
        try:
            return unpickle(path).tensors
        except WeightsRefused:
            raise refusal from None


def check_is_weights(path: Path) -> None:
    """TrainingRefused for a file that is not there, WeightsRefused for one that holds code or no weights."""
    if not path.is_file():
        raise TrainingRefused("no-checkpoint", f"{path} is not a file; name a checkpoint.")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any("/code/" in name for name in archive.namelist()):
                raise WeightsRefused(
                    f"{path} is a TorchScript file: it holds code that would run here. Save its state_dict()."
                )


def check_fits(state: Mapping[str, torch.Tensor], architecture: str, path: Path) -> None:
    """WeightsRefused unless every key is one of `architecture`, whose last layer may have any width."""
    _, names = unwrapped(state)
    head = head_of(names, architecture)
    network = networks.build(architecture, 2 if head is None else head.shape[0])
    drops: tuple[str, ...] = ()
    if head is None:
        drops = (f"{networks.head_name(network, architecture)}.",)
        network.set_submodule(drops[0][:-1], nn.Identity())
    load_strictly(network, state, drops=drops, source=str(path))


def write_weights(path: Path, out: Path, architecture: str | None) -> Identified:
    """The tensors of `path` as safetensors at `out`, under the network's own names; what they are."""
    check_is_weights(path)
    state = read_tensors(path)
    found = identify(state, architecture)
    if architecture is not None:
        check_fits(state, architecture, path)
    _, names = unwrapped(state)
    plain = {name: value.detach().contiguous().clone() for name, value in names.items()}
    with write_beside(out) as file:
        file.write(save(plain, metadata={"family": found.family, "made_from_sha256": sha256_of(path)}))
    return found
