"""`sfi model-export`: a classifier as an ONNX file that answers as torch does."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.plain.progress import notice

if TYPE_CHECKING:
    import numpy as np

    from training.compute.classifiers import Classifier

DESCRIPTION = """
Write --onnx: input `images` (N, 3, S, S) uint8 RGB of 0 to 255, outputs `probabilities` and `logits` (N, C).
Normalization is in the graph; how pictures are resized and cut before, the class names, the network and
thresholds are in the file's metadata. Before it is written, onnxruntime must give what torch gives, within
1e-4, on the first pictures below --images (without it on made ones); how near it came is reported.

--with-resize puts the resize and the cut into the graph as well: input `picture` (H, W, 3) uint8 RGB of any
size, one at a time. onnxruntime rounds a little otherwise than Pillow, by which the network has learned: the
network alone must agree within 1e-4, the whole within 0.02, and the difference measured is reported.

Beside it goes onnx_example.py, which runs the file with onnxruntime, numpy and Pillow alone.
"""
EXAMPLE = """
sfi model-export --model blockage --onnx blockage.onnx --images blockage-data/val
python onnx_example.py blockage.onnx photo.jpg
"""
NUM_COMPARED = 16
EXAMPLE_NAME = "onnx_example.py"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import classifiers

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    classifiers.add_arguments(parser)
    parser.add_argument("--onnx", type=Path, required=True, metavar="FILE", help="what is written")
    parser.add_argument(
        "--static", action="store_true", help="one image at a time, 1 x 3 x S x S, as the old sfi had it"
    )
    parser.add_argument(
        "--with-resize", action="store_true", help="pictures of any size in, resized and cut in the graph"
    )
    parser.add_argument(
        "--images", type=flags.existing_folder, metavar="DIR", help=f"up to {NUM_COMPARED} are compared on"
    )
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="CLASS=P",
        help="accept CLASS from probability P on; may be given for every class",
    )
    flags.add_device(parser)
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the file written; 2 when onnxruntime answers otherwise than torch, with nothing written."""
    from indexing.compute.files import write_beside
    from sisyphus_web.cli.plain import classifiers, networks, refusals
    from training.compute.classifiers import Classifier
    from training.compute.onnx_example import example_script
    from training.compute.onnx_networks import export_network

    if arguments.static and arguments.with_resize:
        raise CliError("--static has one size of images; --with-resize takes any", Exit.REFUSED)
    networks.check_device(arguments.device)
    path: Path = arguments.onnx.expanduser()
    if path.is_dir():
        raise CliError(f"{path} is a folder; --onnx names a file", Exit.REFUSED)
    with refusals.told():
        checkpoint = classifiers.checkpoint_of(
            arguments.model, classifiers.names_of(arguments), classifiers.architecture_of(arguments)
        )
        classifier = Classifier(checkpoint, device=arguments.device)
        points = {name: {"threshold": at} for name, at in _thresholds(arguments, classifier).items()}
        pictures, what = _pictures(arguments.images, classifier)
        exported = export_network(
            classifier,
            path,
            pictures,
            operating_points=points,
            title=path.stem,
            is_static=arguments.static,
            has_resize=arguments.with_resize,
        )
    example = path.with_name(EXAMPLE_NAME)
    with write_beside(example) as file:
        file.write(example_script(takes_images=True, has_resize=arguments.with_resize).encode())
    answer = {
        "onnx": str(path),
        "example": str(example),
        "largest_difference": exported.parity,
        "num_compared": exported.num_compared,
        "compared_on": what,
        "classes": list(classifier.class_names),
        "preprocessing": classifier.preprocessing.as_json(),
        "operating_points": points,
    }
    if arguments.json:
        endings.show_json(answer)
        return Exit.DONE
    print(f"{path}: onnxruntime and torch differ by at most {exported.parity:.1e} on {len(pictures)} {what}.")
    print(f"Run it: python {example} {path} PICTURE")
    return Exit.DONE


def _thresholds(arguments: argparse.Namespace, classifier: "Classifier") -> dict[str, float]:
    found = {}
    for each in arguments.threshold:
        name, equals, value = each.rpartition("=")
        try:
            at = float(value)
        except ValueError:
            at = -1.0
        if not equals or not 0 <= at <= 1:
            raise CliError(f"--threshold takes CLASS=P with P from 0 to 1, got {each!r}", Exit.REFUSED)
        if name not in classifier.class_names:
            known = ", ".join(classifier.class_names)
            raise CliError(f"--threshold: there is no class {name!r}; there are {known}", Exit.REFUSED)
        found[name] = at
    return found


def _pictures(folder: Path | None, classifier: "Classifier") -> "tuple[list[np.ndarray], str]":
    """What is compared on, and in words."""
    from indexing.compute.decoder import Decoder
    from indexing.compute.encoders.samples import sample_pictures
    from indexing.compute.media_facts import MediaRefused
    from indexing.compute.plain.whole_files import files_below

    if folder is None:
        made = sample_pictures(NUM_COMPARED, classifier.preprocessing.side_px)
        return list(made), "made pictures (give --images for real ones)"
    found: list[np.ndarray] = []
    names, _ = files_below(folder)
    with Decoder() as decoder:
        for name in names:
            if len(found) == NUM_COMPARED:
                break
            try:
                picture = decoder.image(folder / name, min_side_px=classifier.preprocessing.decode_side_px)
            except MediaRefused as refusal:
                notice(f"{name} was passed over: {refusal.sentence}", as_json=False)
                continue
            found.append(picture.pixels)
    return found, f"pictures of {folder}"
