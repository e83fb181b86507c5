"""`sfi feature-extract-vid`: the clips of a video to one feature file with a row per clip."""

import argparse
from pathlib import Path

from sisyphus_web import __version__
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.plain.missing_weights import without_weights
from sisyphus_web.cli.plain.progress import ProgressBar

DESCRIPTION = """
Cut a video into clips of --timesteps frames, one after the other, the last one shorter, and write one row of
512 numbers per clip (R(2+1)D-18, Kinetics-400): a .npy of (clips, 512), float32. Beside it NAME.npy.rows.csv
says which frames and seconds every row is, and NAME.npy.meta.json what it was made of.

Frames have their own size unless --short-side makes them smaller; memory holds one clip.
"""
EXAMPLE = """
sfi feature-extract-vid --video walk.mp4 --feature walk.npy --timesteps 16 --short-side 128
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument(
        "--video",
        type=flags.existing_file,
        required=True,
        metavar="FILE",
        help="mp4, mov, mkv, webm, avi or ts, known by its content",
    )
    parser.add_argument(
        "--feature", type=Path, required=True, metavar="FILE.npy", help="a folder takes NAME.npy"
    )
    parser.add_argument(
        "--timesteps", type=flags.whole(1, 4096), default=64, metavar="N", help="frames per clip; default: 64"
    )
    parser.add_argument(
        "--short-side",
        type=flags.whole(32, 4096),
        metavar="PX",
        help="scale frames down to this short side; default: their own size",
    )
    flags.add_weights(parser)
    flags.add_device(parser)
    flags.add_seed(parser)
    flags.add_force(parser)
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the feature file; 3 for a file that is no video."""
    from indexing.compute.encoders.specs import WeightsMissing, WeightsRefused
    from indexing.compute.media_facts import MediaRefused
    from indexing.compute.plain import clip_features, side_files
    from indexing.compute.plain.feature_files import FeaturesRefused, read_shape
    from indexing.compute.plain.whole_files import write_npy
    from sisyphus_web.cli.plain import networks, one_video

    output = arguments.feature
    if output.is_dir():
        output = output / f"{arguments.video.stem}.npy"
    elif output.suffix != ".npy":
        raise CliError(f"--feature must end in .npy or be a folder, got {output}", Exit.REFUSED)
    endings.check_writable(output)
    networks.check_device(arguments.device)
    try:
        weights = clip_features.weights_of(arguments.weights, arguments.model_dir)
    except WeightsMissing as error:
        raise CliError(without_weights(error, ""), Exit.REFUSED) from None
    except WeightsRefused as error:
        raise CliError(str(error), Exit.REFUSED) from None
    identity = {"encoder": clip_features.SPEC.key, "weights_sha256": weights.sha256}
    settings = {"timesteps": arguments.timesteps, "short_side": arguments.short_side}
    report = endings.new_report("feature-extract-vid", seed=arguments.seed, **identity)
    try:
        with one_video.opened(arguments.video, report) as video:
            wanted = identity | {"settings": settings, "source_sha256": video.sha256}
            if not arguments.force and side_files.matches(side_files.read_meta(output), wanted):
                try:
                    shape = read_shape(output)
                except FeaturesRefused:
                    shape = None
                if shape is not None:
                    report.skipped(str(arguments.video), output.name)
                    return endings.finish(report, output, arguments, f"done before: {output}, {shape}")
            encoder = clip_features.load(weights, arguments.model_dir, arguments.device)
            declared = video.facts.num_declared_frames
            num_clips = None if declared is None else -(-declared // arguments.timesteps)
            with ProgressBar("clips", num_clips, as_json=arguments.json) as bar:
                features, rows, facts = clip_features.extract(
                    video.frames(min_side_px=arguments.short_side), encoder, arguments.timesteps, bar.advance
                )
            meta = {
                **video.source,
                **facts,
                **wanted,
                "shape": list(features.shape),
                "preprocessing": {"mean": clip_features.SPEC.mean, "std": clip_features.SPEC.std},
                "sfi_version": __version__,
            }
    except WeightsRefused as error:
        raise CliError(str(error), Exit.REFUSED) from None
    except MediaRefused as refusal:
        return one_video.reject(report, output, arguments, refusal)
    write_npy(output, features)
    side_files.write_rows(output, rows)
    side_files.write_meta(output, meta)
    report.done(str(arguments.video), output.name)
    report.facts["shape"] = list(features.shape)
    return endings.finish(
        report, output, arguments, f"{output}: {endings.counted(len(features), 'clip')} x {features.shape[1]}"
    )
