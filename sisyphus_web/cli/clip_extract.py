"""`sfi clip-extract`: videos to one file of clip features each, several crops per clip."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sisyphus_web import __version__
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.plain.progress import ProgressBar

DESCRIPTION = """
Turn every video below --input-dir into one feature file below --output-dir: NAME.npy, float32,
(clips, crops, D). Beside it NAME.npy.rows.csv says which frames and seconds every clip is, and
NAME.npy.meta.json what it was made of. Sub-folders are kept.

A clip is so many frames of the video, every so many-th; clips follow one another. Frames are decoded once,
and memory holds a few clips, however long a video is. Clips of several videos share a batch.

Run again, it goes on where it stopped: what is done is skipped, by the content of the video, or, with
--check-progress FILE, by the names in that file, whether the outputs are still there or not. Several runs may
share one output folder. What is no video is rejected with a reason, listed in sfi-report.json, and the exit
status is 3. The configuration is printed first, as JSON.
"""
EXAMPLE = """
sfi clip-extract --input_dir videos --output_dir features --model swin --crop_type 10-crop
sfi clip-extract --input_dir videos --model auto --num_clips_per_video 3 --clip_spread uniform
sfi clip-extract --hf_dataset jherng/xd-violence --output_dir features --check_progress done.txt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import clip_networks

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--input-dir", type=flags.existing_folder, metavar="DIR", help="videos, of any container"
    )
    source.add_argument(
        "--hf-dataset",
        metavar="NAME",
        help="a data set of the Hugging Face hub, streamed: train, test, others",
    )
    parser.add_argument("--hf-config", metavar="NAME", help="which configuration of the data set")
    parser.add_argument(
        "--output-dir",
        type=Path,
        default=Path("data/outputs/feature"),
        metavar="DIR",
        help="where features go; default: data/outputs/feature",
    )
    clip_networks.add_arguments(parser)
    parser.add_argument(
        "--batch-size",
        "--batch",
        type=_all_or(1, 4096),
        default=16,
        metavar="N",
        help="clips at once, of several videos; -1: as many as the memory limit allows; default: 16",
    )
    parser.add_argument(
        "--memory-limit",
        type=flags.real(0.1, 1 << 20),
        metavar="GIB",
        help="for --batch-size -1; default: half of what is free",
    )
    parser.add_argument(
        "--crop-type",
        choices=("10-crop", "5-crop", "center"),
        default="5-crop",
        help="corners and center, also mirrored, or the center alone; default: 5-crop",
    )
    parser.add_argument(
        "--num-clips-per-video",
        type=_all_or(1, 1_000_000),
        default=-1,
        metavar="N",
        help="-1 (default): all of them",
    )
    parser.add_argument(
        "--clip-spread",
        choices=("first", "uniform"),
        default="first",
        help="of --num-clips-per-video: the first ones, or evenly over the video; default: first",
    )
    parser.add_argument(
        "--drop-last", action="store_true", help="leave out a last clip that the video does not fill"
    )
    parser.add_argument(
        "--pad",
        choices=("tile", "repeat_last"),
        default="tile",
        help="what fills it otherwise: its frames again, or its last one; default: tile",
    )
    parser.add_argument(
        "--check-progress", type=Path, metavar="FILE", help="names of finished videos, read and added to"
    )
    parser.add_argument(
        "--force-stop-after-n-videos",
        type=_all_or(1, 1_000_000_000),
        default=-1,
        metavar="N",
        help="stop when so many videos were done now; -1 (default): do all",
    )
    flags.add_num_workers(parser, 1)
    flags.add_seed(parser)
    flags.add_force(parser)
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with a feature file for every video; 3 when some files were none."""
    from indexing.compute.plain import crop_features, memory
    from indexing.compute.plain.clip_recipe import ClipRecipe
    from indexing.compute.plain.hub_videos import HubRefused
    from indexing.compute.plain.progress_files import ProgressFile
    from sisyphus_web.cli.plain import clip_networks

    _show(configuration(arguments), as_json=arguments.json)
    spec = clip_networks.spec_asked(arguments)
    recipe = ClipRecipe(
        num_frames=spec.num_frames or clip_networks.DEFAULT_FRAMES,
        sampling_rate=spec.sampling_rate,
        num_clips=_limit(arguments.num_clips_per_video),
        spread=arguments.clip_spread,
        drop_last=arguments.drop_last,
        pad=arguments.pad,
        crop_type=arguments.crop_type,
    )
    encoder = clip_networks.load(spec, recipe, arguments)
    report = endings.new_report(
        "clip-extract", seed=arguments.seed, **encoder.identity, configuration=configuration(arguments)
    )
    folder = arguments.output_dir
    try:
        videos, output_of, num_videos = _videos(arguments, report)
        endings.made_folder(folder)
        size = arguments.batch_size
        if size == -1:
            limit = None if arguments.memory_limit is None else int(arguments.memory_limit * 2**30)
            on_gpu = "cuda" in encoder.encoder.engine
            size = memory.how_many(encoder.clip_bytes(), limit, on_gpu=on_gpu)
        task = crop_features.ClipRun(
            videos=videos,
            output_of=output_of,
            folder=folder,
            version=__version__,
            batch_size=size,
            num_threads=max(1, arguments.num_workers),
            progress=ProgressFile(arguments.check_progress) if arguments.check_progress else None,
            stop_after=_limit(arguments.force_stop_after_n_videos),
            forces=arguments.force,
        )
        report.facts |= {"batch_size": size, "num_clips": 0}

        def count(num_clips: int) -> None:
            report.facts["num_clips"] += num_clips
            bar.say(f"videos ({report.facts['num_clips']:,} clips)")

        with ProgressBar("videos", num_videos, as_json=arguments.json) as bar:
            crop_features.extract(task, encoder, report, crop_features.Listener(bar.advance, count))
    except HubRefused as error:
        if report.outcomes:
            endings.finish(report, folder, arguments, endings.counts_in_words(report))
        raise CliError(str(error), Exit.FAILED if report.outcomes else Exit.REFUSED) from None
    shape = f"{encoder.num_crops} x {encoder.width}"
    what = f"features of {encoder.encoder.key}, (clips, {shape}), are in {folder}"
    words = f"{endings.counts_in_words(report)}; {what}."
    return endings.finish(report, folder, arguments, words)


def configuration(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was asked for, by the names of the flags; given again as flags it asks for the same."""
    left_out = ("verb",)
    told = {name: value for name, value in vars(arguments).items() if name not in left_out}
    return {name: str(value) if isinstance(value, Path) else value for name, value in sorted(told.items())}


def _videos(
    arguments: argparse.Namespace, report: Any
) -> tuple[Iterable[Any], Callable[[str], str], int | None]:
    """The videos, the output of each, and how many there are where that is known."""
    from indexing.compute.plain.hub_videos import checked, videos_of
    from indexing.compute.plain.output_names import outputs_of
    from indexing.compute.plain.video_inputs import files_of

    if arguments.hf_dataset:
        videos = videos_of(arguments.hf_dataset, config=arguments.hf_config)
        return checked(videos), lambda name: f"{name}.npy", None
    names = endings.inputs_of(arguments.input_dir, leave_out=arguments.output_dir, report=report)
    outputs = outputs_of(names, ".npy")
    return files_of(arguments.input_dir, names), outputs.__getitem__, len(names)


def _show(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"event": "configuration", "configuration": told}), file=sys.stderr, flush=True)
    else:
        print(json.dumps(told, indent=2), flush=True)


def _limit(number: int) -> int | None:
    return None if number == -1 else number


def _all_or(least: int, most: int) -> Callable[[str], int]:
    """-1 for all, or a whole number within [least, most]."""
    whole = flags.whole(least, most)

    def number(text: str) -> int:
        try:
            return -1 if text.strip() == "-1" else whole(text)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(f"-1, or {error}") from None

    return number
