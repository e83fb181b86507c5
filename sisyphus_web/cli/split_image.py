"""`sfi split-image IMAGE DIR`: a picture cut into tiles."""

import argparse
from pathlib import Path

import numpy as np

from sisyphus_web.cli.plain import flags

DESCRIPTION = """
Cut a picture into tiles of 32 x 32 pixels: DIR/tile-ROW-COLUMN.png, counted from 0 at the top left; tiles at
the right and below may be smaller. Of a folder, every picture gets a folder of its own below DIR.
"""
EXAMPLE = """
sfi split-image crab.jpg tiles
sfi split-image photos tiles --tile 64
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from sisyphus_web.cli.plain import edited_pictures

    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    edited_pictures.add_arguments(parser, "folder of the tiles; made if missing")
    parser.add_argument(
        "--tile", type=flags.whole(1, 8192), default=32, metavar="PX", help="side of a tile; default: 32"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 with the tiles; 3 when some pictures could not be read."""
    from indexing.compute.plain.picture_edits import as_file, tiles
    from indexing.compute.plain.whole_files import write_whole
    from sisyphus_web.cli.plain import edited_pictures, endings

    if arguments.image.is_file():
        endings.made_folder(arguments.out)

    def write(pixels: np.ndarray, output: Path) -> list[Path]:
        written = []
        for row, column, tile in tiles(pixels, arguments.tile):
            path = output / f"tile-{row}-{column}.png"
            write_whole(path, as_file(tile, ".png"))
            written.append(path)
        return written

    return edited_pictures.write_each(arguments, write, suffix="")
