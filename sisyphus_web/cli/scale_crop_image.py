"""`sfi scale-crop-image IMAGE OUT`: a picture scaled to cover a square, and cropped to it."""

import argparse

from sisyphus_web.cli.plain import flags

DESCRIPTION = """
Scale a picture so that it just covers a square of 224 x 224 pixels, and cut the square out of its center.
Of a folder, every picture becomes OUT/NAME.png.
"""
EXAMPLE = """
sfi scale-crop-image crab.jpg crab-224.png
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import edited_pictures

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    edited_pictures.add_arguments(parser, "the picture to write (.png, .jpg), or a folder")
    parser.add_argument(
        "--size", type=flags.whole(1, 8192), default=224, metavar="PX", help="of the square; default: 224"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 with the squares; 3 when some pictures could not be read."""
    from indexing.compute.plain.picture_edits import cover_and_crop
    from sisyphus_web.cli.plain import edited_pictures

    edited_pictures.check_suffix(arguments)
    change = edited_pictures.one_to_one(lambda pixels: cover_and_crop(pixels, arguments.size))
    return edited_pictures.write_each(arguments, change)
