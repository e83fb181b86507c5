"""`sfi drawlines IMAGE OUT`: the grid of positions over a picture."""

import argparse

from sisyphus_web.cli.plain import flags

DESCRIPTION = """
Draw the grid of positions that per-position features have over a picture: 7 x 7 at --image-size 224, 14 x 14
at 448. Of a folder, every picture becomes OUT/NAME.png.
"""
EXAMPLE = """
sfi drawlines crab.jpg crab-grid.png
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import edited_pictures

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    edited_pictures.add_arguments(parser, "the picture to write (.png, .jpg), or a folder")
    parser.add_argument(
        "--grid", type=flags.whole(1, 64), default=7, metavar="N", help="cells across; default: 7"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 with the pictures; 3 when some could not be read."""
    from indexing.compute.plain.picture_edits import with_grid
    from sisyphus_web.cli.plain import edited_pictures

    edited_pictures.check_suffix(arguments)
    change = edited_pictures.one_to_one(lambda pixels: with_grid(pixels, arguments.grid))
    return edited_pictures.write_each(arguments, change)
