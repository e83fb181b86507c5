"""What the verbs share that write frames of one video as frame-1.jpg, frame-2.jpg ..., and frames.csv."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from indexing.compute.media_facts import Frame, MediaRefused
from indexing.compute.plain import frame_files
from sisyphus_web import __version__
from sisyphus_web.cli.plain import endings, flags, one_video
from sisyphus_web.cli.plain.one_video import OneVideo
from sisyphus_web.cli.plain.progress import ProgressBar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "video", type=flags.existing_file, metavar="VIDEO", help="mp4, mov, mkv, webm, avi or ts"
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="made if missing")


def write(
    arguments: argparse.Namespace, settings: dict[str, Any], frames_of: Callable[[OneVideo], Iterator[Frame]]
) -> int:
    """The end of a verb that writes the frames that `frames_of` gives of its video."""
    folder = endings.made_folder(arguments.folder)
    report = endings.new_report(arguments.verb, **settings)
    try:
        with one_video.opened(arguments.video, report) as video:
            meta = {"settings": settings | {"verb": arguments.verb}, "source_sha256": video.sha256}
            if not arguments.force and frame_files.is_done(folder, meta):
                report.skipped(str(arguments.video), frame_files.FRAMES_NAME)
                return endings.finish(report, folder, arguments, f"done before: {folder}")
            with ProgressBar("frames", None, as_json=arguments.json) as bar:
                written = frame_files.write_frames(
                    folder,
                    frames_of(video),
                    video.source | meta | {"sfi_version": __version__},
                    name_of=lambda _, before: f"frame-{before + 1}.jpg",
                    on_frame=bar.advance,
                )
    except MediaRefused as refusal:
        return one_video.reject(report, folder, arguments, refusal)
    report.done(str(arguments.video), *(frame.file for frame in written))
    return endings.finish(report, folder, arguments, f"{endings.counted(len(written), 'frame')} in {folder}")
