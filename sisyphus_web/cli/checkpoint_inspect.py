"""`sfi checkpoint-inspect FILE`: what a file of weights is and holds."""

import argparse
from pathlib import Path
from typing import Any

from sisyphus_web.cli.errors import Exit
from sisyphus_web.cli.plain import endings, flags

DESCRIPTION = """
Say what a file of weights is: its family and network, its number of classes, its keys, its sha256, and of our
own classifiers also class names, preprocessing, metrics and settings. A video network (SlowFast, Slow, C2D,
I3D, Video Swin, C3D, R(2+1)D, as PySlowFast, caffe2, pytorchvideo, mmaction2, torchvision or VMZ name it)
must be complete; its settings are told by the shapes. Nothing in the file is run: pickles are read as tensors
and arrays only, in a limited process. --encoder checks that every key fits that network.
"""
EXAMPLE = """
sfi checkpoint-inspect blockage/best.safetensors
sfi checkpoint-inspect old.pth --encoder resnet50
sfi checkpoint-inspect SLOWFAST_8x8_R50.pkl --encoder slowfast-r50
"""
NUM_KEYS_SHOWN = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument("file", type=Path, metavar="FILE", help="a checkpoint, or the folder of a run")
    parser.add_argument(
        "--encoder",
        metavar="NAME",
        help="a network it must fit: torchvision:NAME, timm:NAME, or a clip encoder or its network",
    )
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with what was found; 2 for a file that cannot be read or does not fit --encoder."""
    from sisyphus_web.cli.plain import refusals

    with refusals.told():
        said = _said(arguments)
    if arguments.json:
        endings.show_json(said)
        return Exit.DONE
    for name, value in said.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(value, dict):
            shown = ", ".join(
                f"{key} {each}" for key, each in value.items() if not isinstance(each, dict | list)
            )
        print(f"{name.replace('_', ' '):<16} {shown}")
    return Exit.DONE


def _said(arguments: argparse.Namespace) -> dict[str, Any]:
    from indexing.compute.files import sha256_of
    from sisyphus_web.cli.plain import classifiers, video_checkpoints
    from training.compute import checkpoints, old_checkpoints

    path = checkpoints.checkpoint_path(arguments.file.expanduser())
    is_ours = checkpoints.is_ours(path)
    if not is_ours:
        old_checkpoints.check_is_weights(path)
        if video := video_checkpoints.read(path, arguments.encoder):
            return video_checkpoints.said(video)
    architecture = classifiers.architecture_of(arguments)
    if is_ours and architecture is None:
        checkpoint = checkpoints.read(path)
        checkpoint.network()  # every key used once, or a refusal
        facts = checkpoint.facts
        training = {key: value for key, value in facts.training.items() if not isinstance(value, list)}
        return {
            "file": str(path),
            "family": "sisyphus classifier",
            "network": facts.architecture,
            "num_classes": len(facts.class_names),
            "classes": list(facts.class_names),
            "kind": facts.kind,
            "can_resume": bool(checkpoint.training),
            "preprocessing": facts.preprocessing.as_json(),
            "metrics": facts.metrics,
            "training": training,
            "sha256": sha256_of(path),
        }
    state = old_checkpoints.read_tensors(path)
    found = old_checkpoints.identify(state, architecture)
    if architecture is not None:
        old_checkpoints.check_fits(state, architecture, path)
    return {
        "file": str(path),
        "family": found.family,
        "network": found.architecture,
        "num_classes": found.num_classes,
        "classes": None,
        "wrapper": found.wrapper,
        "num_keys": found.num_keys,
        "num_values": found.num_values,
        "first_keys": [f"{key} {tuple(value.shape)}" for key, value in list(state.items())[:NUM_KEYS_SHOWN]],
        "sha256": sha256_of(path),
    }
