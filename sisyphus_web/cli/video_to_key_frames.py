"""`sfi video-to-key-frames VIDEO DIR`: the key frames the codec set, as pictures."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sisyphus_web.cli.plain import flags

if TYPE_CHECKING:
    from indexing.compute.media_facts import Frame
    from sisyphus_web.cli.plain.one_video import OneVideo

DESCRIPTION = """
Write the frames that the codec set as key frames: frame-1.jpg, frame-2.jpg ... in the order they are shown,
and frames.csv with the number and the time of each. Of a long video other frames are not decoded, so this is
fast; their numbers are then those of its packets.
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
    from sisyphus_web.cli.plain import video_frames

    return video_frames.write(arguments, {"frames": "codec key frames"}, _key_frames)


def _key_frames(video: "OneVideo") -> "Iterator[Frame]":
    """The key frames with their numbers among all frames."""
    from indexing.compute.sampling import FramePolicy

    numbers = video.numbers()
    for frame in video.frames(FramePolicy("codec_keyframe", is_exact=True)):
        yield replace(frame, number=numbers.get(frame.pts))
