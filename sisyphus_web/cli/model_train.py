"""`sfi model-train`: a classifier from folders of pictures by class."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags, recipes
from sisyphus_web.cli.plain.progress import ProgressBar, notice
from sisyphus_web.cli.plain.stopping import Stopping

if TYPE_CHECKING:
    from training.compute.checkpoints import Checkpoint
    from training.compute.fine_tuning import Progress
    from training.compute.image_folders import ImageFolder
    from training.compute.settings import Settings

DESCRIPTION = """
Train a classifier on DATASET/train/CLASS/* and choose the best epoch on DATASET/val/CLASS/*. The classes are
the folders of train, in order of their names. Into the folder --model go

  best.safetensors   the best epoch by accuracy on val, written as soon as it is reached
  last.safetensors   where training stands; with it a stopped or killed run goes on, with the same curve
  curve.jsonl        a row per epoch: losses, accuracy, precision and recall, also by class
  sfi-report.json    what became of every picture

each checkpoint with its class names, preprocessing and metrics, also as .json beside it. The same command
again goes on where it stopped. Pictures that cannot be read are left out and listed; the status is then 3.

A network of torchvision or timm gets a new last layer; the others begin with its published weights.
--trainable head trains the last layer only. Without a GPU, --backbone mobilenet_v2 and a smaller
--image-size are much quicker than ResNet-50 at 224.
"""
EXAMPLE = """
sfi model-train --model blockage --dataset blockage-data
sfi model-train --model blockage --dataset blockage-data --trainable head --num-epochs 20 --patience 5
sfi model-train --model more --dataset blockage-data --resume-from blockage/last.safetensors --num-epochs 10
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder of the run; made if missing. NAME.pth and NAME.safetensors mean the folder NAME",
    )
    parser.add_argument(
        "--dataset", type=flags.existing_folder, required=True, metavar="DIR", help="with train/ and val/"
    )
    parser.add_argument(
        "--resume-from",
        type=flags.existing_file,
        metavar="FILE",
        help="begin with this checkpoint and train --num-epochs more; a last.safetensors brings its "
        "optimizer along, an old state dict (.pth) its weights",
    )
    flags.add_batch_size(parser, 24, "pictures per step")
    flags.add_num_workers(parser)
    parser.add_argument(
        "--num-epochs", type=flags.whole(1, 100_000), default=100, metavar="N", help="default: 100"
    )
    parser.add_argument(
        "--trainable", choices=("all", "head"), default="all", help="which layers learn; default: all"
    )
    parser.add_argument(
        "--backbone",
        default="resnet50",
        metavar="NAME",
        help="the network: a name of torchvision, timm:NAME, or an encoder's key; default: resnet50",
    )
    recipes.add_arguments(parser)
    flags.add_weights(parser)
    parser.add_argument(
        "--random-weights", action="store_true", help="begin with random numbers instead of published weights"
    )
    flags.add_seed(parser)
    flags.add_device(parser)
    parser.add_argument("--force", action="store_true", help="begin anew, whatever the folder --model holds")
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the best and the last checkpoint in the folder; 3 when some pictures could not be read."""
    from sisyphus_web.cli.plain import networks, refusals
    from training.compute.fine_tuning import fine_tune
    from training.compute.image_folders import read_image_folder

    networks.check_device(arguments.device)
    folder = _run_folder(arguments)
    with refusals.told(arguments.backbone):
        pictures = read_image_folder(arguments.dataset)
        start = _start(arguments, pictures)
        settings = recipes.settings_of(arguments, folder, pictures, start)
        report = endings.new_report(
            "model-train",
            seed=arguments.seed,
            classes=list(settings.class_names),
            settings=settings.as_json(),
        )
        report.notices += pictures.notices
        made_here = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        show = _Shown(arguments, settings)
        try:
            with show.bar, Stopping() as stopping:
                result = fine_tune(
                    settings,
                    pictures.examples,
                    folder,
                    on_progress=show,
                    should_stop=stopping,
                    start=start,
                )
        finally:
            if made_here and not any(folder.iterdir()):
                folder.rmdir()
    if not result.is_finished:
        raise CliError(f"stopped; the same command goes on in {folder}")
    refused = {each.name: each for each in result.refused}
    for example in pictures.examples:
        if (why := refused.get(example.name)) is not None:
            report.rejected(example.name, why.code, why.sentence)
        else:
            report.done(example.name)
    best = result.best_row or {}
    report.facts |= {"epochs": len(result.rows), "ended": result.why, "best": best, "model": str(result.best)}
    words = (
        f"{endings.counted(len(result.rows), 'epoch')} ({result.why}); "
        f"best: epoch {best.get('epoch')} with accuracy {_shown(best.get('accuracy'))}. {result.best}"
    )
    return endings.finish(report, folder, arguments, words)


def _run_folder(arguments: argparse.Namespace) -> Path:
    path: Path = arguments.model.expanduser()
    folder = path.with_suffix("") if path.suffix in (".pth", ".pt", ".safetensors") else path
    if folder.exists() and not folder.is_dir():
        raise CliError(f"{folder} is a file; --model names the folder of the run", Exit.REFUSED)
    if arguments.force:
        from training.compute.checkpoints import BEST, CURVE, LAST

        for name in (BEST, LAST, CURVE):
            (folder / name).unlink(missing_ok=True)
            (folder / name).with_suffix(".json").unlink(missing_ok=True)
    return folder


def _start(arguments: argparse.Namespace, pictures: "ImageFolder") -> "Checkpoint | None":
    """What --resume-from names; an old state dict has the classes of the dataset."""
    from sisyphus_web.cli.plain import classifiers

    if arguments.resume_from is None:
        return None
    return classifiers.checkpoint_of(arguments.resume_from, list(pictures.class_names))


class _Shown:
    """Progress as a bar, and a line for every epoch."""

    def __init__(self, arguments: argparse.Namespace, settings: "Settings") -> None:
        self._as_json, self._num_epochs = arguments.json, settings.num_epochs
        self.bar = ProgressBar("pictures", None, as_json=arguments.json)

    def __call__(self, progress: "Progress") -> None:
        self.bar.expect(progress.total)
        self.bar.reach(progress.done)
        row = progress.row
        if row is None:
            return
        if self._as_json:
            print(json.dumps({"event": "epoch", **row}), file=sys.stderr, flush=True)
            return
        notice(
            f"epoch {row['epoch']:>3} of {self._num_epochs}  loss {row['train_loss']:.4f}  "
            f"val loss {row['val_loss']:.4f}  accuracy {_shown(row['accuracy'])}  "
            f"precision {_shown(row['precision'])}  recall {_shown(row['recall'])}"
            + ("  best" if row["is_best"] else ""),
            as_json=False,
        )


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
