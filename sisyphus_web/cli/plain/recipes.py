"""The recipe of a fine-tuning run: its flags, and the settings they make."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sisyphus_web.cli.plain import flags

if TYPE_CHECKING:
    from training.compute.checkpoints import Checkpoint
    from training.compute.image_folders import ImageFolder
    from training.compute.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How it learns: --image-size to --patience."""
    parser.add_argument(
        "--image-size",
        type=flags.whole(32, 1024),
        default=224,
        metavar="PX",
        help="the square that is looked at, cut from a picture whose shorter side is 8/7 of it; default: 224",
    )
    parser.add_argument(
        "--learning-rate",
        type=flags.real(1e-9, 1),
        metavar="RATE",
        help="default: 1e-5 for all layers, 1e-3 for the head",
    )
    parser.add_argument(
        "--weight-decay", type=flags.real(0, 1), default=1e-4, metavar="DECAY", help="default: 1e-4"
    )
    parser.add_argument(
        "--augmentation",
        choices=("none", "flip", "strong"),
        default="flip",
        help="flip: a random cut, mirrored half of the time; strong: also other sizes and colors; "
        "default: flip",
    )
    parser.add_argument("--no-mixup", action="store_true", help="do not mix the pictures of a batch")
    parser.add_argument(
        "--no-class-weights", action="store_true", help="let frequent classes count more than rare ones"
    )
    parser.add_argument(
        "--freeze-norm", action="store_true", help="batch normalization keeps what pretraining measured"
    )
    parser.add_argument(
        "--ema",
        type=flags.real(0.5, 0.99999),
        metavar="DECAY",
        help="measure and save a running average of the weights, such as 0.999; default: off",
    )
    parser.add_argument(
        "--patience",
        type=flags.whole(1, 100_000),
        metavar="N",
        help="stop after N epochs without a better one",
    )


def settings_of(
    arguments: argparse.Namespace, folder: Path, pictures: "ImageFolder", start: "Checkpoint | None"
) -> "Settings":
    """What the flags ask for; a run that goes on from `start` keeps its network and preprocessing."""
    from indexing.compute.files import sha256_of
    from training.compute import networks
    from training.compute.pictures import Preprocessing
    from training.compute.settings import Settings

    side = arguments.image_size
    recipe: dict[str, Any] = {
        "class_names": pictures.class_names,
        "trainable": arguments.trainable,
        "num_epochs": arguments.num_epochs,
        "batch_size": arguments.batch_size,
        "num_workers": arguments.num_workers,
        "learning_rate": arguments.learning_rate,
        "weight_decay": arguments.weight_decay,
        "augmentation": arguments.augmentation,
        "has_mixup": not arguments.no_mixup,
        "is_class_weighted": not arguments.no_class_weights,
        "is_norm_frozen": arguments.freeze_norm,
        "ema_decay": arguments.ema,
        "patience": arguments.patience,
        "seed": arguments.seed,
        "device": arguments.device,
        "preprocessing": Preprocessing(short_side_px=round(side * 8 / 7), side_px=side),
    }
    if start is None:
        backbone = networks.find(
            arguments.backbone,
            model_dir=arguments.model_dir,
            weights="random" if arguments.random_weights else arguments.weights,
        )
        weights = backbone.weights
        return Settings(
            backbone.architecture,
            weights=weights.path if weights else None,
            weights_sha256=weights.sha256 if weights else "random",
            drops=backbone.drops,
            **recipe,
        )
    said = start.facts.training
    recipe |= {
        "preprocessing": start.facts.preprocessing,
        "num_epochs": _num_epochs(arguments, folder, start),
        "drops": tuple(said.get("settings", {}).get("drops", ())),
    }
    begun_with = said["settings"]["weights_sha256"] if start.training else sha256_of(start.path)
    return Settings(start.facts.architecture, weights_sha256=begun_with, **recipe)


def _num_epochs(arguments: argparse.Namespace, folder: Path, start: "Checkpoint") -> int:
    """In all: --num-epochs more than `start` has seen; a run stopped on its way is finished first."""
    from training.compute.checkpoints import LAST

    if not start.training:
        return arguments.num_epochs
    seen, asked = start.facts.training["epoch"], start.facts.training["num_epochs"]
    is_own = start.path.resolve() == (folder / LAST).resolve()
    return asked if is_own and seen < asked else seen + arguments.num_epochs
