"""`sfi video-to-resampled-frames VIDEO DIR FPS`: a video's frames at a fixed rate, by their times."""

import argparse

from sisyphus_web.cli.plain import flags

DESCRIPTION = """
Write the frame that is shown at 0, 1/FPS, 2/FPS ... seconds: frame-1.jpg, frame-2.jpg ..., and frames.csv
with the time of each. A video of 10 s at FPS 2 gives 20 files, whatever its own rate, also a variable one.
"""
EXAMPLE = """
sfi video-to-resampled-frames walk.mp4 frames 2
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import video_frames

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    video_frames.add_arguments(parser)
    parser.add_argument("fps", type=flags.real(0.0001, 1000), metavar="FPS", help="frames per second")
    flags.add_force(parser)
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the frames in the folder; 3 for a file that is no video."""
    from indexing.compute.plain.frame_files import resampled
    from sisyphus_web.cli.plain import video_frames

    return video_frames.write(
        arguments, {"fps": arguments.fps}, lambda video: resampled(video.frames(), arguments.fps)
    )
