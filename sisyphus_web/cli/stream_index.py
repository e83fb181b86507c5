"""`sfi stream-index`: pictures straight into an index, without feature files between."""

import argparse

from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.plain.progress import ProgressBar

DESCRIPTION = """
Encode the pictures below --images and put them into an index at once, without keeping their features:
NAME.idx, and NAME.json with the picture of every row. --num-train of them, drawn by --seed, are encoded first
and train it; they are searchable like all others. Without stored features results are ordered by codes
alone; for exact distances use feature-extract and build-index.
"""
EXAMPLE = """
sfi stream-index --images photos --index photos --num-train 1000
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import index_ending, networks

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument("--images", type=flags.existing_folder, required=True, metavar="DIR", help="pictures")
    index_ending.add_arguments(parser)
    flags.add_batch_size(parser, 32, "pictures at once; 1 also means --native-size")
    parser.add_argument(
        "--image-size", type=flags.image_size, default=448, metavar="PX", help="of the square; default: 448"
    )
    parser.add_argument("--native-size", action="store_true", help="every picture in its own size")
    parser.add_argument(
        "--pool", choices=("mac", "mean", "gem"), default="mac", help="over positions; default: mac"
    )
    networks.add_arguments(parser)
    flags.add_force(parser)
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the index; 3 when some files were no pictures."""
    from indexing.compute.encoders.specs import EncoderUnknown, WeightsRefused
    from indexing.compute.plain import image_features, image_stream, index_files
    from indexing.compute.plain.index_building import MOST_TRAINING
    from sisyphus_web.cli.plain import index_ending, networks

    is_native = arguments.native_size or arguments.batch_size == 1
    size = None if is_native else arguments.image_size
    network = networks.network_of(arguments, pool=arguments.pool, image_size=size)
    idx = index_files.index_path(arguments.index)
    report = endings.new_report("stream-index", seed=arguments.seed, **network.identity)
    names = endings.inputs_of(arguments.images, leave_out=None, report=report)
    num_train = min(arguments.num_train or MOST_TRAINING, len(names))
    facts = image_features.facts_of(network) | {
        "layout": "pooled",
        "rows_are": "images",
        "index_factory": arguments.index_factory,
        "num_train": num_train,
        "seed": arguments.seed,
        "images_digest": image_stream.digest_of(arguments.images, names),
    }
    if not arguments.force and (opened := index_files.opened_if(idx, facts)) is not None:
        indexed = set(opened.paths)
        for name in names:
            if str(arguments.images / name) in indexed:
                report.skipped(name, idx.name)
            else:
                report.rejected(name, "rejected-before", "It could not be read before; --force tries again.")
        return endings.finish(report, idx, arguments, f"done before: {idx}")
    endings.check_writable(idx)
    with ProgressBar("pictures", len(names), as_json=arguments.json) as bar:
        try:
            index, paths, factory = image_stream.build(
                arguments.images,
                names,
                network,
                report,
                num_train=num_train,
                factory=arguments.index_factory,
                seed=arguments.seed,
                batch_size=arguments.batch_size,
                on_progress=bar.advance,
            )
        except (index_files.IndexRefused, WeightsRefused, EncoderUnknown) as error:
            raise CliError(str(error), Exit.REFUSED) from None
    return index_ending.finish(arguments, report, idx, index, paths, facts | {"factory": factory}, None)
