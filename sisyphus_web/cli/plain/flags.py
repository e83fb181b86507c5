"""Flags of the verbs on plain files: one spelling for hyphen and underscore, and the flags many share."""

import argparse
import os
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

WIDEST = 100  # characters of a line that is read with ease
BASE_DIR = Path(__file__).resolve().parents[3]


def spelled(words: Sequence[str]) -> list[str]:
    """The same words with hyphens in the names of flags: --batch_size=8 -> --batch-size=8.

    Values stay as they are, and everything after a lone `--`.
    """
    told, are_flags = [], True
    for word in words:
        are_flags = are_flags and word != "--"
        if are_flags and word.startswith("--"):
            name, equals, value = word.partition("=")
            word = name.replace("_", "-") + equals + value
        told.append(word)
    return told


class Paragraphs(argparse.HelpFormatter):
    """Fills paragraphs to the width of the terminal; lines that begin with two spaces stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled, waiting = [], list[str]()
        for line in [*text.splitlines(), ""]:
            if line and not line.startswith("  "):
                waiting.append(line)
                continue
            if waiting:
                broken = textwrap.fill(" ".join(waiting), min(width, WIDEST), break_on_hyphens=False)
                filled.append(broken)
                waiting = []
            filled.append(line)
        return "\n".join(filled).rstrip()


def add_batch_size(parser: argparse.ArgumentParser, default: int, words: str) -> None:
    """--batch, --batch-size and --batch_size, which are one flag."""
    parser.add_argument(
        "--batch-size",
        "--batch",
        type=whole(1, 4096),
        default=default,
        metavar="N",
        help=f"{words}; default: {default}",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json",
        action="store_true",
        help="the result as one JSON object on standard output; progress, notices and errors as JSON lines "
        "on standard error",
    )


def add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="do again what is done already")


def add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=whole(0, 2**32 - 1), default=0, metavar="N", help="of all chance; default: 0"
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where networks run; auto (default): the GPU when there is one",
    )


def add_num_workers(parser: argparse.ArgumentParser, default: int = 0) -> None:
    parser.add_argument(
        "--num-workers",
        type=whole(0, 256),
        default=default,
        metavar="N",
        help=f"processes that read ahead; default: {default}",
    )


def add_weights(parser: argparse.ArgumentParser) -> None:
    """--weights and --model-dir: where a network's numbers come from. They are never random."""
    parser.add_argument(
        "--weights",
        type=existing_file,
        metavar="FILE",
        help="the network's weights (.safetensors, .pt, .pth); default: looked for in the model folder, "
        "then fetched into it",
    )
    parser.add_argument(
        "--model-dir",
        type=Path,
        default=default_model_dir(),
        metavar="DIR",
        help="the model folder; default: SISYPHUS_MODEL_DIR, else data/models beside bin/",
    )


def default_model_dir() -> Path:
    """The model folder of the running product, found without it."""
    given = os.environ.get("SISYPHUS_MODEL_DIR")
    if given:
        return Path(given)
    return Path(os.environ.get("SISYPHUS_DATA_DIR") or BASE_DIR / "data") / "models"


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number within [least, most], or a sentence of what was expected."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"a whole number from {least} to {most}, got {text!r}")
        return value

    return number


def real(least: float, most: float) -> Callable[[str], float]:
    """A number within [least, most], or a sentence of what was expected."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"a number from {least:g} to {most:g}, got {text!r}")
        return value

    return number


def image_size(text: str) -> int:
    """A side in pixels that a network halves five times: a multiple of 32 from 32 to 448."""
    side = whole(32, 448)(text)
    if side % 32:
        raise argparse.ArgumentTypeError(f"a multiple of 32 from 32 to 448, got {text!r}")
    return side


def existing_folder(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise argparse.ArgumentTypeError(f"{text} {what}")
    return path


def existing_file(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise argparse.ArgumentTypeError(f"{text} {what}")
    return path


def with_example(parser: argparse.ArgumentParser, description: str, example: str) -> None:
    """What `--help` says before and after the flags; text is broken where the terminal ends."""
    parser.formatter_class = Paragraphs
    parser.description = description.strip()
    parser.epilog = "example:\n" + "\n".join(f"  {line}" for line in example.strip().splitlines())
