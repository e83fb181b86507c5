"""`sfi slowfast-extract`: dense features of videos by SlowFast networks, from a YAML and a list."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sisyphus_web import __version__
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.plain.progress import ProgressBar, notice

if TYPE_CHECKING:
    from indexing.compute.plain.report import Report
    from indexing.compute.plain.slowfast.config import Config
    from indexing.compute.plain.slowfast.extraction import Look
    from indexing.compute.plain.slowfast.network import Weights

DESCRIPTION = """
Features of windows of frames by SlowFast, Slow, C2D or I3D, driven by a YAML and list files as
slowfast_feature_extractor reads them. Of every line of <DATA.PATH_TO_DATA_DIR>/video_list.csv (or
vid_list.csv) comes <OUTPUT_DIR>/<line>_<DATA.NUM_FRAMES>.npy, float32 (rows, D), with .rows.csv (frames and
times of every row) and .meta.json (checkpoint, preprocessing, settings) beside it.

A row per frame, unless WINDOW.STRIDE or SPARSE says otherwise. Frames are at DATA.IN_FPS, the nearest by
time; a window has DATA.NUM_FRAMES of them, IN_FPS / OUT_FPS * WINDOW.RATE apart. What lies outside the video
is 0 after normalization, or WINDOW.PADDING edge or reflect.

Run again, it goes on where it stopped. Videos that cannot be read to their end are rejected with a reason,
listed in sfi-report.json, and the exit status is 3.
"""
EXAMPLE = """
sfi slowfast-extract --cfg SLOWFAST_8x8_R50.yaml
sfi slowfast-extract --cfg SLOWFAST_8x8_R50.yaml --stride 16 --opts OUTPUT_DIR features DATA.IN_FPS 15
sfi slowfast-extract --cfg SLOWFAST_8x8_R50.yaml --shard_id 0 --num_shards 2
"""
FROM_ROWS = 100  # from so many rows on it pays to export the network for a faster engine
FLAGS = {  # flag -> the key it sets
    "rate": "WINDOW.RATE",
    "stride": "WINDOW.STRIDE",
    "offset": "WINDOW.OFFSET",
    "anchor": "WINDOW.ANCHOR",
    "padding": "WINDOW.PADDING",
    "pool": "POOL",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument(
        "--cfg",
        type=flags.existing_file,
        required=True,
        metavar="YAML",
        help="as slowfast_feature_extractor's",
    )
    parser.add_argument("--opts", nargs="*", default=[], metavar="KEY VALUE", help="over the YAML")
    parser.add_argument(
        "--shard-id",
        type=flags.whole(0, 9999),
        default=0,
        metavar="K",
        help="take the K-th, K+N-th ... line, from 0",
    )
    parser.add_argument(
        "--num-shards", type=flags.whole(1, 10000), default=1, metavar="N", help="runs that share the list"
    )
    parser.add_argument("--init-method", help=argparse.SUPPRESS)  # of the original; nothing is connected
    parser.add_argument("--rate", type=flags.real(0.001, 1000), help="every so many frames; default: 1")
    parser.add_argument("--stride", type=flags.whole(1, 1_000_000), help="a row every so many frames")
    parser.add_argument("--offset", type=flags.whole(0, 1_000_000), help="the frame of the first row")
    parser.add_argument("--anchor", choices=("center", "start"), help="where a row's frame is in its window")
    parser.add_argument("--padding", choices=("zero", "edge", "reflect"), help="outside the video")
    parser.add_argument(
        "--pool", choices=("head256", "head224"), help="mean of all places, or of 7 x 7 windows"
    )
    parser.add_argument("--sparse", action="store_true", help="rows of frames 16, 48, 80 ... only")
    parser.add_argument(
        "--predictions", action="store_true", help="also <name>.predictions.npy: class scores"
    )
    parser.add_argument(
        "--keep-damaged", action="store_true", help="features of what could be read of damaged videos"
    )
    parser.add_argument(
        "--precision",
        choices=("fp32", "bf16", "auto"),
        default="fp32",
        help="auto: bf16 where the processor or GPU has it and features stay the same; default: fp32",
    )
    parser.add_argument(
        "--weights",
        type=flags.existing_file,
        metavar="FILE",
        help="the checkpoint; default: TEST.CHECKPOINT_FILE_PATH, else the last in OUTPUT_DIR/checkpoints, "
        "else TRAIN.CHECKPOINT_FILE_PATH; never random",
    )
    parser.add_argument(
        "--model-dir",
        type=Path,
        default=flags.default_model_dir(),
        metavar="DIR",
        help="where the exported network is kept; default: the model folder",
    )
    flags.add_device(parser)
    flags.add_seed(parser)
    flags.add_force(parser)
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with a feature file for every line of the list; 3 when some could not be read."""
    from indexing.compute.encoders.specs import EncoderUnknown, WeightsRefused
    from indexing.compute.plain.slowfast import config as configs
    from indexing.compute.plain.slowfast import inputs, network
    from sisyphus_web.cli.plain import networks

    if arguments.shard_id >= arguments.num_shards:
        raise CliError(
            f"--shard_id must be below --num_shards {arguments.num_shards}, got {arguments.shard_id}",
            Exit.REFUSED,
        )
    networks.check_device(arguments.device)
    said = {
        key: getattr(arguments, flag) for flag, key in FLAGS.items() if getattr(arguments, flag) is not None
    }
    try:
        config = configs.read(
            arguments.cfg, arguments.opts, said | ({"SPARSE": True} if arguments.sparse else {})
        )
        names = inputs.read_list(config)[arguments.shard_id :: arguments.num_shards]
        inputs.number_pattern(config["DATA.IMG_FILE_FORMAT"])
        weights = network.read_weights(network.checkpoint_path(config, arguments.weights), config)
        if arguments.predictions and weights.num_classes is None:
            raise CliError(f"--predictions: {weights.path} has no layer that gives scores", Exit.REFUSED)
        endings.made_folder(config.output_dir)
        return _extract(arguments, config, weights, names)
    except (configs.ConfigRefused, WeightsRefused, EncoderUnknown) as error:
        raise CliError(str(error), Exit.REFUSED) from None


def _extract(arguments: argparse.Namespace, config: "Config", weights: "Weights", names: list[str]) -> int:
    from indexing.compute.plain.slowfast import extraction, network

    look = extraction.look(config, names)
    report = _told(arguments, config, weights, names, look)
    cache = arguments.model_dir / "exported" if look.num_rows >= FROM_ROWS else None
    networks = [
        network.ClipNetwork(
            config,
            weights,
            device=device,
            precision=None if arguments.precision == "auto" else arguments.precision,
            cache=cache,
            has_scores=arguments.predictions,
        )
        for device in _devices(arguments.device, config["NUM_GPUS"])
    ]
    task = extraction.Run(
        config,
        names,
        network.facts_of(config, weights, networks[0], arguments.precision),
        weights.width,
        __version__,
        has_scores=arguments.predictions,
        forces=arguments.force,
        keeps_damaged=arguments.keep_damaged,
    )
    begun = time.monotonic()
    with ProgressBar("rows", look.num_rows or None, as_json=arguments.json) as bar:
        extraction.extract(task, networks, report, bar.advance)
    seconds = time.monotonic() - begun
    report.facts |= {"devices": [each.engine for each in networks], "seconds": round(seconds, 1)}
    words = f"{endings.counts_in_words(report)} in {seconds:,.0f} s; features are in {config.output_dir}."
    place = config.output_dir
    if arguments.num_shards > 1:  # shards share a folder, each with its own report
        place = place / f"shard-{arguments.shard_id}-of-{arguments.num_shards}"
    return endings.finish(report, place, arguments, words)


def _told(
    arguments: argparse.Namespace, config: "Config", weights: "Weights", names: list[str], look: "Look"
) -> "Report":
    """The report, with what is known before the network runs; a person is told it now."""
    from indexing.compute.plain.slowfast import network

    pathways = network.pathways_of(config, weights.family["kind"])
    report = endings.new_report(
        "slowfast-extract",
        seed=arguments.seed,
        encoder=network.encoder_key(weights, config),
        weights=str(weights.path),
        weights_sha256=weights.sha256,
        width=weights.width,
        expected_rows=look.num_rows,
        pathways=pathways,
        keys_without_effect=list(config.without_effect),
    )
    seen = " and ".join(
        f"{facts['frames']} frames over {facts['seconds']:g} s{'' if name == 'only' else f' ({name})'}"
        for name, facts in pathways.items()
    )
    more = f" and {look.num_unknown} that do not say how long they are" if look.num_unknown else ""
    every = config.plan.stride / config["DATA.IN_FPS"]
    for sentence in (
        f"{weights.architecture}, {config.pool}, from {weights.path} ({weights.convention}): "
        f"rows of {weights.width:,} numbers",
        f"a row every {every:.3g} s; each sees {seen}",
        f"{len(names):,} videos, about {look.num_rows:,} rows{more}",
        f"keys without effect: {', '.join(config.without_effect)}" if config.without_effect else "",
    ):
        if sentence:
            notice(sentence, as_json=arguments.json)
    return report


def _devices(asked: str, num_gpus: int) -> list[str]:
    """The devices that share the videos: NUM_GPUS of those that are there, or the processor."""
    import torch

    num = min(num_gpus, torch.cuda.device_count()) if torch.cuda.is_available() else 0
    return [f"cuda:{number}" for number in range(num)] if num and asked != "cpu" else ["cpu"]
