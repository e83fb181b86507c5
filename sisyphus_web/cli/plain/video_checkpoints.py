"""Weights of video networks, as `checkpoint-inspect` tells of them and `checkpoint-convert` writes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

    from indexing.compute.encoders.video.conventions import Detected

NUM_SHOWN = 6


class VideoCheckpoint(NamedTuple):
    """A file of weights of a video network, complete under our names."""

    path: Path
    state_dict: "Mapping[str, torch.Tensor]"
    detected: "Detected"
    wrapper: str  # the prefix of every key that is no part of the network's names


def asked(encoder: str | None) -> tuple[str, dict[str, Any]] | None:
    """Architecture and settings of the video network that --encoder names; None for other networks."""
    from indexing.compute.encoders.video import clip_registry, families

    if not encoder:
        return None
    for key in (encoder, f"{encoder}@1"):
        if key in clip_registry.known_keys():
            spec = clip_registry.named(key)
            return (spec.architecture, dict(spec.config)) if spec.family == "network" else None
    return (encoder, {}) if any(family.knows(encoder) for family in families.FAMILIES) else None


def read(path: Path, encoder: str | None) -> VideoCheckpoint | None:
    """The video network in `path`; None where it holds, or --encoder names, something else.

    WeightsRefused for one that is not complete, or is another than --encoder names.
    """
    from indexing.compute.encoders.specs import WeightsRefused
    from indexing.compute.encoders.video.conventions import reading

    wanted = asked(encoder)
    if encoder and wanted is None:
        return None
    try:
        held = reading.read(path)
    except WeightsRefused:
        if _looks_like_a_pickle(path) and not _holds_tensors(path):
            raise
        return None  # another network, or no weights: what reads those says it
    if wanted is None and reading.convention_of(frozenset(held.tensors)) is None:
        return None
    architecture, config = wanted or (None, {})
    state, detected = reading.identified(held, str(path), architecture=architecture, config=config)
    return VideoCheckpoint(path, state, detected, held.wrapper)


def said(checkpoint: VideoCheckpoint) -> dict[str, Any]:
    """What `checkpoint-inspect` tells."""
    from indexing.compute.encoders.video import clip_registry
    from indexing.compute.files import sha256_of

    detected, state = checkpoint.detected, checkpoint.state_dict
    shown = [each for each in state.items() if each[1].is_floating_point()]
    specs = (clip_registry.named(key) for key in clip_registry.known_keys())
    return {
        "file": str(checkpoint.path),
        "family": f"video network, named as by {detected.convention}",
        "network": detected.architecture,
        "config": detected.config,
        "clip_encoders": [spec.key for spec in specs if spec.architecture == detected.architecture],
        "num_classes": detected.num_classes,
        "classes": None,
        "wrapper": checkpoint.wrapper,
        "dropped": list(detected.dropped),
        "num_keys": len(state),
        "num_values": sum(value.numel() for value in state.values()),
        "first_keys": [f"{key} {tuple(value.shape)}" for key, value in shown[:NUM_SHOWN]],
        "sha256": sha256_of(checkpoint.path),
    }


def write(checkpoint: VideoCheckpoint, out: Path) -> dict[str, Any]:
    """Write the weights to `out` as safetensors under our names; what `checkpoint-convert` tells."""
    from indexing.compute.encoders.video.conventions import reading
    from indexing.compute.files import sha256_of, write_beside

    detected = checkpoint.detected
    facts = {"made_from_sha256": sha256_of(checkpoint.path)}
    with write_beside(out) as file:
        file.write(reading.converted(checkpoint.state_dict, detected, facts))
    return {
        "out": str(out),
        "network": detected.architecture,
        "family": f"{detected.architecture}, named as by {detected.convention}",
        "config": detected.config,
        "dropped": list(detected.dropped),
    }


def _looks_like_a_pickle(path: Path) -> bool:
    """Whether it begins as pickles do, or the archives in which torch keeps them."""
    with path.open("rb") as file:
        return file.read(2)[:1] in (b"\x80", b"P")


def _holds_tensors(path: Path) -> bool:
    """Whether torch reads it as tensors alone: a larger network, or of other numbers, than a video one."""
    from indexing.compute.encoders.loader import read_state_dict
    from indexing.compute.encoders.specs import WeightsRefused

    try:
        return bool(read_state_dict(path))
    except WeightsRefused:
        return False
