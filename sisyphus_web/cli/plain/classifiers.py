"""The classifier that `--model` names: a checkpoint, a run's folder, or an old state dict."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.compute.checkpoints import Checkpoint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--model, and what a checkpoint without class names needs."""
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="PATH",
        help="what model-train wrote: its folder (the best checkpoint), or a checkpoint",
    )
    add_old(parser)


def add_old(parser: argparse.ArgumentParser) -> None:
    """--classes and --encoder, for checkpoints that do not say what they are."""
    parser.add_argument(
        "--classes",
        metavar="NAME,NAME",
        help="the names of an old checkpoint's outputs, in their order (the old sfi: alphabetical)",
    )
    parser.add_argument(
        "--encoder",
        metavar="NAME",
        help="the network of an old checkpoint, torchvision:NAME or timm:NAME; default: found by its keys",
    )


def names_of(arguments: argparse.Namespace) -> list[str] | None:
    """The names given with --classes."""
    if not arguments.classes:
        return None
    return [name.strip() for name in arguments.classes.split(",") if name.strip()]


def architecture_of(arguments: argparse.Namespace) -> str | None:
    """torchvision:NAME or timm:NAME of --encoder, whatever way it was written."""
    if not arguments.encoder:
        return None
    name = arguments.encoder.partition("@")[0]
    return name if ":" in name else f"torchvision:{name}"


def checkpoint_of(
    path: Path, names: list[str] | None = None, architecture: str | None = None
) -> "Checkpoint":
    """The checkpoint at `path`: one of ours, or an old one whose class names are given."""
    from training.compute import checkpoints, old_checkpoints

    found = checkpoints.checkpoint_path(path.expanduser())
    if checkpoints.is_ours(found):
        return checkpoints.read(found)
    return old_checkpoints.as_classifier(found, names, architecture=architecture)
