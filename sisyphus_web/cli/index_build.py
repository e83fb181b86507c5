"""`sfi build-index` (`index-build`): feature files to an index that is searched in milliseconds."""

import argparse
from pathlib import Path

from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.plain.progress import ProgressBar

DESCRIPTION = """
Build a faiss index over feature files: NAME.idx, and NAME.json with the feature file of every row; both are
the old sfi's own formats. NAME.idx.meta.json binds them: checksums, encoder, measured recall.

Every vector is searchable, also those trained on. Below 256 vectors the index is exact. Files with a row per
position (feature-extract --pool none) give an index that finds parts of pictures; files with a row per clip
(feature-extract-vid) give one whose results are clips.
"""
EXAMPLE = """
sfi build-index --features features --index photos --num-train 1000
sfi serve-index --index photos --num-probes 8
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import index_ending

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument(
        "--features",
        type=Path,
        required=True,
        metavar="DIR|LIST",
        help="a folder of .npy files, one of them, or a text file with the path of one per line",
    )
    index_ending.add_arguments(parser)
    parser.add_argument(
        "--dim",
        type=flags.whole(1, 1_000_000),
        metavar="D",
        help="width of the features; default: read from them",
    )
    parser.add_argument(
        "--features-size",
        type=flags.whole(1, 14),
        metavar="G",
        help="the rows of each file are the positions of a grid of G x G; default: as its side file says",
    )
    parser.add_argument(
        "--from",
        dest="old",
        type=Path,
        metavar="OLD.idx",
        help="take what another index was trained to, instead of training",
    )
    flags.add_batch_size(parser, 32, "accepted as the old sfi had it; it changes nothing")
    parser.add_argument(
        "--num-workers",
        type=flags.whole(0, 256),
        default=0,
        metavar="N",
        help="accepted as the old sfi had it; it changes nothing; default: 0",
    )
    flags.add_force(parser)
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the index; 2 for features that do not belong together; 3 when some files were none."""
    from indexing.compute.plain import index_building, index_files
    from sisyphus_web.cli.plain import index_ending

    idx = index_files.index_path(arguments.index)
    report = endings.new_report("build-index", seed=arguments.seed)
    paths = _paths(arguments.features)
    try:
        found = index_building.survey(paths, report, dim=arguments.dim, features_size=arguments.features_size)
        most = min(found.total, index_building.MOST_TRAINING)
        num_train = arguments.num_train or most
        if arguments.num_train and arguments.num_train > found.total:
            report.notices.append(
                f"--num-train {arguments.num_train}: there are {found.total} vectors, all are taken"
            )
        factory = arguments.index_factory or index_building.default_factory(found.width, found.total)
        facts = {
            **found.facts,
            "layout": found.layout,
            "features_size": arguments.features_size,
            "factory": f"as {arguments.old}" if arguments.old else factory,
            "num_train": num_train,
            "seed": arguments.seed,
            "features_digest": found.digest,
        }
        if not arguments.force and index_files.opened_if(idx, facts) is not None:
            for name in found.paths:
                report.skipped(name, idx.name)
            return endings.finish(report, idx, arguments, f"done before: {idx}")
        endings.check_writable(idx)
        if arguments.old:
            index = index_building.reused(arguments.old, found)
        else:
            index = index_building.trained(found, factory=factory, num_train=num_train, seed=arguments.seed)
        with ProgressBar("files", len(found.paths), as_json=arguments.json) as bar:
            names = index_building.fill(index, found, report, bar.advance)
        return index_ending.finish(arguments, report, idx, index, names, facts, index_building.blocks_of)
    except index_files.IndexRefused as error:
        if report.rejections:
            shown = report.rejections[0]
            raise CliError(
                f"{error} ({len(report.rejections)} files rejected: {shown.sentence})", Exit.REFUSED
            ) from None
        raise CliError(str(error), Exit.REFUSED) from None


def _paths(features: Path) -> list[str]:
    """The feature files asked for, as the index will name them."""
    from indexing.compute.plain.whole_files import files_below

    if features.is_dir():
        names, _ = files_below(features, is_wanted=lambda name: name.endswith(".npy"))
        if not names:
            raise CliError(f"there is no .npy below {features}", Exit.REFUSED)
        return [str(features / name) for name in names]
    if features.suffix == ".npy" and features.is_file():
        return [str(features)]
    if not features.is_file():
        raise CliError(f"{features} does not exist", Exit.REFUSED)
    try:
        lines = features.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise CliError(
            f"{features} must be a text file with the path of one .npy per line", Exit.REFUSED
        ) from None
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise CliError(f"{features} names no feature file", Exit.REFUSED)
    beside = features.parent
    return [
        name if Path(name).exists() or not (beside / name).exists() else str(beside / name) for name in names
    ]
