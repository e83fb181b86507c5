"""What the verbs share that read one picture or a folder of them, and write them changed."""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from indexing.compute.decoder import Decoder
from indexing.compute.media_facts import MediaRefused
from indexing.compute.plain.output_names import outputs_of
from indexing.compute.plain.picture_edits import as_file
from indexing.compute.plain.whole_files import write_whole
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.plain.progress import ProgressBar

SUFFIXES = (".png", ".jpg", ".jpeg")
Write = Callable[[np.ndarray, Path], list[Path]]  # pixels, where to; what was written


def add_arguments(parser: argparse.ArgumentParser, out_words: str) -> None:
    parser.add_argument("image", type=Path, metavar="IMAGE", help="a picture, or a folder of them")
    parser.add_argument("out", type=Path, metavar="OUT", help=out_words)
    flags.add_json(parser)


def write_each(arguments: argparse.Namespace, write: Write, *, suffix: str = ".png") -> int:
    """Every picture through `write`; 3 when some could not be read."""
    source, out = arguments.image, arguments.out
    report = endings.new_report(arguments.verb)
    if source.is_dir():
        names = endings.inputs_of(source, leave_out=out, report=report)
        outputs = {source / name: out / output for name, output in outputs_of(names, suffix).items()}
        endings.made_folder(out)
    elif source.is_file():
        outputs = {source: out}
    else:
        raise CliError(f"{source} does not exist", Exit.REFUSED)
    with Decoder() as decoder, ProgressBar("pictures", len(outputs), as_json=arguments.json) as bar:
        for path, output in outputs.items():
            try:
                written = write(decoder.image(path).pixels, output)
                report.done(str(path), *map(str, written))
            except MediaRefused as refusal:
                report.rejected(str(path), refusal.code, refusal.sentence)
            bar.advance()
    return endings.finish(report, out, arguments, f"{endings.counts_in_words(report)}: {out}")


def one_to_one(change: Callable[[np.ndarray], np.ndarray]) -> Write:
    """A picture to a picture, in the format that the output's name says."""

    def write(pixels: np.ndarray, output: Path) -> list[Path]:
        write_whole(output, as_file(change(pixels), output.suffix))
        return [output]

    return write


def check_suffix(arguments: argparse.Namespace) -> None:
    """CliError 2 for an output of one picture that names no format."""
    if arguments.image.is_file() and arguments.out.suffix.lower() not in SUFFIXES:
        raise CliError(f"OUT must end in one of {', '.join(SUFFIXES)}, got {arguments.out}", Exit.REFUSED)
