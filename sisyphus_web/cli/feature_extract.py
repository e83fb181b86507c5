"""`sfi feature-extract`: every picture below a folder to a feature file of its own."""

import argparse
from pathlib import Path

from sisyphus_web import __version__
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.plain.progress import ProgressBar

DESCRIPTION = """
Turn every picture below --images into one feature file below --features: NAME.npy, float32, (2048,) for
ResNet-50, and beside it NAME.npy.meta.json that says what it was made of. Sub-folders are kept.

Run again, it goes on where it stopped: what is done is skipped, by the content of the picture. Several runs
may share one output folder. Files that are no pictures are rejected with a reason, listed in
sfi-report.json, and the exit status is 3.
"""
EXAMPLE = """
sfi feature-extract --images photos --features features
sfi feature-extract --images photos --features maps --pool none --image-size 224
sfi build-index --features features --index photos.idx
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import networks

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument("--images", type=flags.existing_folder, required=True, metavar="DIR", help="pictures")
    parser.add_argument(
        "--features", type=Path, required=True, metavar="DIR", help="where features go; made if missing"
    )
    flags.add_batch_size(parser, 32, "pictures at once; 1 also means --native-size")
    parser.add_argument(
        "--image-size",
        type=flags.image_size,
        default=448,
        metavar="PX",
        help="pictures are resized to this square: a multiple of 32, 32 to 448; default: 448",
    )
    parser.add_argument(
        "--native-size",
        action="store_true",
        help="do not resize: every picture in its own size, padded with black to a multiple of 32",
    )
    networks.add_pool(parser)
    networks.add_arguments(parser)
    flags.add_num_workers(parser)
    flags.add_seed(parser)
    flags.add_force(parser)
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with a feature file for every picture; 3 when some files were none."""
    from indexing.compute.encoders.specs import EncoderUnknown, WeightsRefused
    from indexing.compute.plain import image_features
    from indexing.compute.plain.output_names import outputs_of
    from sisyphus_web.cli.plain import networks

    is_native = arguments.native_size or arguments.batch_size == 1
    size = None if is_native else arguments.image_size
    network = networks.network_of(arguments, pool=arguments.pool, image_size=size)
    folder = arguments.features
    report = endings.new_report("feature-extract", seed=arguments.seed, **network.identity)
    names = endings.inputs_of(arguments.images, leave_out=folder, report=report)
    endings.made_folder(folder)
    task = image_features.ImageRun(
        root=arguments.images,
        names=names,
        outputs=outputs_of(names, ".npy"),
        folder=folder,
        version=__version__,
        batch_size=arguments.batch_size,
        num_workers=arguments.num_workers,
        forces=arguments.force,
    )
    with ProgressBar("features", len(names), as_json=arguments.json) as bar:
        try:
            image_features.extract(task, network, report, bar.advance)
        except (WeightsRefused, EncoderUnknown) as error:
            raise CliError(str(error), Exit.REFUSED) from None
    words = f"{endings.counts_in_words(report)}; features of {network.spec.key} are in {folder}."
    return endings.finish(report, folder, arguments, words)
