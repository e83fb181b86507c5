"""`sfi checkpoint-convert FILE OUT.safetensors`: a classifier, video network or plain weights of any file."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags

if TYPE_CHECKING:
    from sisyphus_web.cli.plain.video_checkpoints import VideoCheckpoint

DESCRIPTION = """
Write OUT.safetensors, which holds numbers and nothing that could run. With --classes it is a classifier of
ours: every key must fit its network, and class names and preprocessing (shorter side 256, middle 224, as the
old sfi classified) are in it; model-infer, model-export and model-train --resume-from take it. Without
--classes it holds the tensors under the network's own names, without what wrapped them (`module.`). A video
network, whoever named its weights, must be complete; it is written under our names, with what it is.
"""
EXAMPLE = """
sfi checkpoint-convert blockage.pth blockage.safetensors --classes background,construction
sfi checkpoint-convert SLOWFAST_8x8_R50.pkl slowfast-r50-8x8.safetensors
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import classifiers

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument("file", type=Path, metavar="FILE", help="a state dict of torch, or safetensors")
    parser.add_argument("out", type=Path, metavar="OUT.safetensors", help="what is written")
    classifiers.add_old(parser)
    parser.add_argument("--force", action="store_true", help="write over OUT")
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with OUT written; 2 for a file that cannot be read or does not fit its network."""
    from sisyphus_web.cli.plain import classifiers, refusals, video_checkpoints
    from training.compute import checkpoints, old_checkpoints

    path, out = arguments.file.expanduser(), arguments.out.expanduser()
    if out.suffix != ".safetensors":
        raise CliError(f"{out} must end in .safetensors", Exit.REFUSED)
    if out.exists() and not arguments.force:
        raise CliError(f"{out} is there already; --force writes over it", Exit.REFUSED)
    names, architecture = classifiers.names_of(arguments), classifiers.architecture_of(arguments)
    with refusals.told():
        if names:
            made = old_checkpoints.as_classifier(path, names, architecture=architecture)
            checkpoints.write(out, made.facts, made.weights)
            facts = made.facts
            answer: dict[str, object] = {
                "out": str(out),
                "network": facts.architecture,
                "classes": list(facts.class_names),
            }
        elif video := _video(path, arguments.encoder):
            answer = video_checkpoints.write(video, out)
        else:
            found = old_checkpoints.write_weights(path, out, architecture)
            answer = {"out": str(out), "network": found.architecture, "family": found.family}
    if arguments.json:
        endings.show_json(answer)
    else:
        what = f"a classifier of {', '.join(names)}" if names else f"weights of {answer['family']}"
        print(f"{out}: {what}.")
    return Exit.DONE


def _video(path: Path, encoder: str | None) -> "VideoCheckpoint | None":
    """The video network in `path`, if it is one."""
    from sisyphus_web.cli.plain import video_checkpoints
    from training.compute import old_checkpoints

    old_checkpoints.check_is_weights(path)
    return video_checkpoints.read(path, encoder)
