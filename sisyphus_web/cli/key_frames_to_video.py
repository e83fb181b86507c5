"""`sfi key-frames-to-video DIR OUT [FPS] [WxH]`: pictures, or neighbors, one after the other as a video."""

import argparse
import json
import re
from pathlib import Path

from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.plain.progress import ProgressBar

DESCRIPTION = """
Show the JPEGs of a folder as a video (H.264, mp4), in the order people count: frame-2 before frame-10.
In place of a folder, DIR may be what `sfi query-index` printed: then the pictures or frames of the neighbors
are shown, nearest first.
"""
EXAMPLE = """
sfi key-frames-to-video key-frames all.mp4 2 320x180
sfi query-index --query crab.npy > neighbors.json && sfi key-frames-to-video neighbors.json nearest.mp4
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument("source", type=Path, metavar="DIR", help="folder of JPEGs, or a file of neighbors")
    parser.add_argument("out", type=Path, metavar="OUT", help="the video, as nearest.mp4")
    parser.add_argument(
        "fps",
        type=flags.real(0.01, 240),
        nargs="?",
        default=2.0,
        metavar="FPS",
        help="pictures per second; default: 2",
    )
    parser.add_argument(
        "size", type=_size, nargs="?", default=(320, 180), metavar="WxH", help="default: 320x180"
    )
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the video; 3 when some pictures could not be shown, 2 with none to show."""
    from indexing.compute.plain import slide_show

    slides = _slides(arguments.source)
    if not slides:
        raise CliError(f"there is no .jpg in {arguments.source}", Exit.REFUSED)
    report = endings.new_report("key-frames-to-video", fps=arguments.fps, size=list(arguments.size))
    with ProgressBar("pictures", len(slides), as_json=arguments.json) as bar:

        def told(slide, refusal) -> None:  # type: ignore[no-untyped-def]  # a Slide and why it is not shown
            bar.advance()
            if refusal is None:
                report.done(str(slide.media), arguments.out.name)
            else:
                report.rejected(str(slide.media), refusal.code, refusal.sentence)

        try:
            shown = slide_show.write_video(
                arguments.out, slides, frames_per_second=arguments.fps, size=arguments.size, on_slide=told
            )
        except ValueError as error:
            raise CliError(f"{arguments.source}: {error}") from None
    words = f"{arguments.out}: {shown} pictures, {shown / arguments.fps:.1f} s"
    return endings.finish(report, arguments.out, arguments, words)


def _slides(source: Path):  # type: ignore[no-untyped-def]  # of Slide, whose module is not imported yet
    from indexing.compute.plain import slide_show

    if source.is_dir():
        return slide_show.slides_in(source)
    try:
        return slide_show.slides_of_neighbors(source)
    except FileNotFoundError:
        raise CliError(f"{source} does not exist", Exit.REFUSED) from None
    except (ValueError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CliError(
            f"{source} is neither a folder nor a list of neighbors ({error})", Exit.REFUSED
        ) from None


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    width, height = (int(part) for part in match.groups()) if match else (0, 0)
    if not (16 <= width <= 7680 and 16 <= height <= 7680) or width % 2 or height % 2:
        raise argparse.ArgumentTypeError(f"two even numbers from 16 to 7680 as 320x180, got {text!r}")
    return width, height
