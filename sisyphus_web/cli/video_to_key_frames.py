"""`sfi video-to-key-frames VIDEO DIR`: the key frames the codec set, as pictures."""

import argparse

from sisyphus_web.cli.plain import flags

DESCRIPTION = """
Write the frames that the codec set as key frames: frame-1.jpg, frame-2.jpg ... in the order they are shown,
and frames.csv with the time of each. Other frames are not decoded, so this is fast.
"""
EXAMPLE = """
sfi video-to-key-frames walk.mp4 key-frames
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import video_frames

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    video_frames.add_arguments(parser)
    flags.add_force(parser)
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the key frames in the folder; 3 for a file that is no video."""
    from indexing.compute.sampling import FramePolicy
    from sisyphus_web.cli.plain import video_frames

    policy = FramePolicy("codec_keyframe", is_exact=True)
    return video_frames.write(arguments, {"frames": "codec key frames"}, lambda video: video.frames(policy))
