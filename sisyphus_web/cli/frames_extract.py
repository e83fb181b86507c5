"""`sfi frames-extract`: the frames of a video that differ from the last one kept."""

import argparse
from pathlib import Path

import numpy as np

from sisyphus_web import __version__
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.plain.progress import ProgressBar

DESCRIPTION = """
Keep the first frame of a video, and then every frame whose ResNet-50 feature is at most --similarity
(cosine) similar to that of the last one kept. Frames are written as NNNNNNNNNN.jpg, the number being the
frame's own in the video from 0, and frames.csv says when each is shown. The video is streamed: its length
does not matter. A still video keeps one frame; --similarity 1 keeps all.
"""
EXAMPLE = """
sfi frames-extract --video walk.mp4 --frames frames --similarity 0.9
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import networks

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument(
        "--video",
        type=flags.existing_file,
        required=True,
        metavar="FILE",
        help="mp4, mov, mkv, webm, avi or ts, known by its content",
    )
    parser.add_argument("--frames", type=Path, required=True, metavar="DIR", help="made if missing")
    parser.add_argument(
        "--similarity",
        type=flags.real(-1, 1),
        default=0.95,
        metavar="COSINE",
        help="a frame more similar than this to the last one kept is dropped; default: 0.95",
    )
    parser.add_argument(
        "--pool", choices=("mean", "max", "gem"), default="mean", help="over positions; default: mean"
    )
    parser.add_argument(
        "--image-size",
        type=flags.image_size,
        default=224,
        metavar="PX",
        help="frames are squashed to this square to be compared: a multiple of 32, 32 to 448; default: 224",
    )
    flags.add_batch_size(parser, 8, "frames at once")
    networks.add_arguments(parser)
    flags.add_seed(parser)
    flags.add_force(parser)
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the kept frames in the folder; 3 for a file that is no video."""
    from indexing.compute.features import normalize
    from indexing.compute.media_facts import MediaRefused
    from indexing.compute.plain import frame_files
    from indexing.compute.sampling import dissimilar
    from sisyphus_web.cli.plain import networks, one_video

    folder = endings.made_folder(arguments.frames)
    pool = "mac" if arguments.pool == "max" else arguments.pool
    network = networks.network_of(arguments, pool=pool, image_size=arguments.image_size)
    report = endings.new_report("frames-extract", seed=arguments.seed, **network.identity)
    settings = {
        "similarity": arguments.similarity,
        "pool": pool,
        "image_size": arguments.image_size,
        "precision": arguments.precision,
    }
    num_seen = 0

    def encode(pictures: list[np.ndarray]) -> np.ndarray:
        nonlocal num_seen
        num_seen += len(pictures)
        bar.advance(len(pictures))
        return normalize(np.concatenate(network.rows([network.fit(pixels) for pixels in pictures])))

    try:
        with one_video.opened(arguments.video, report) as video:
            meta = network.identity | {"settings": settings, "source_sha256": video.sha256}
            if not arguments.force and frame_files.is_done(folder, meta):
                report.skipped(str(arguments.video), frame_files.FRAMES_NAME)
                return endings.finish(report, folder, arguments, f"done before: {folder}")
            network.engine(video.facts.num_declared_frames or 0)
            more = {"preprocessing": network.preprocessing, "sfi_version": __version__}
            with ProgressBar("frames", video.facts.num_declared_frames, as_json=arguments.json) as bar:
                kept = frame_files.write_frames(
                    folder,
                    dissimilar(
                        video.frames(),
                        encode,  # type: ignore[arg-type]  # it is called with a list
                        threshold=arguments.similarity,
                        batch_size=arguments.batch_size,
                    ),
                    video.source | meta | more,
                    name_of=lambda frame, _: f"{frame.number:010d}.jpg",
                )
    except MediaRefused as refusal:
        return one_video.reject(report, folder, arguments, refusal)
    report.done(str(arguments.video), *(frame.file for frame in kept))
    ratio = len(kept) / max(1, num_seen)
    report.facts |= {"frames": {"total": num_seen, "keep": len(kept), "drop": num_seen - len(kept)}}
    words = f"total {num_seen}, keep {len(kept)}, drop {num_seen - len(kept)}, ratio {ratio:.3f}"
    return endings.finish(report, folder, arguments, words)
