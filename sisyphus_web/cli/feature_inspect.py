"""`sfi feature-inspect FILE.npy`: what a feature file holds and how it was made."""

import argparse
import json
from pathlib import Path

from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import endings, flags
from sisyphus_web.cli.show import table

DESCRIPTION = """
Say the shape of a feature file, which encoder and weights made it of which picture or video, with which
preprocessing, and which frames and seconds its rows are; of clips in crops, (clips, crops, D), as well. Files
of other programs have no side files: then only the shape is known, and that is said.
"""
EXAMPLE = """
sfi feature-inspect features/crab.npy
"""
NUM_ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument("file", type=Path, metavar="FILE.npy", help="a feature file")
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the facts; 2 for a file that holds no features."""
    from indexing.compute.plain import side_files
    from indexing.compute.plain.feature_files import FeaturesRefused, read_inspected

    try:
        features = read_inspected(arguments.file)
    except FeaturesRefused as refusal:
        raise CliError(refusal.sentence, Exit.REFUSED) from None
    meta = side_files.read_meta(arguments.file)
    rows = side_files.read_rows(arguments.file)
    if arguments.json:
        listed = [{name: getattr(row, name) for name in side_files.ROW_FIELDS} for row in rows]
        endings.show_json({"shape": list(features.shape), "meta": meta, "rows": listed})
        return Exit.DONE
    size = " x ".join(map(str, features.shape)) + (" (clips, crops, D)" if features.ndim == 3 else "")
    within = f", from {features.min():.4g} to {features.max():.4g}" if features.size else ""
    print(f"{arguments.file}: {size}{within}")
    if meta is None:
        print("no side file: encoder, weights, preprocessing and source are unknown")
    for name, value in (meta or {}).items():
        print(f"{name}: {value if isinstance(value, str | int | float) else json.dumps(value)}")
    if rows:
        shown = [{name: getattr(row, name) for name in side_files.ROW_FIELDS} for row in rows[:NUM_ROWS]]
        table(side_files.ROW_FIELDS, shown, empty="")
        if len(rows) > NUM_ROWS:
            print(f"... and {len(rows) - NUM_ROWS} more rows")
    return Exit.DONE
