"""What the verbs share that build an index: the flags, the measured recall, the words at the end."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from indexing.compute.plain import index_building, index_files
from indexing.compute.plain.report import Report
from indexing.compute.vectors import DistanceIndex
from sisyphus_web import __version__
from sisyphus_web.cli.plain import endings, flags


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--index", type=Path, required=True, metavar="NAME", help="NAME.idx and NAME.json are written"
    )
    parser.add_argument(
        "--num-train",
        type=flags.whole(1, 10_000_000),
        metavar="N",
        help="vectors to train on, at least 256; all are searchable, also these; "
        f"default: all, {index_building.MOST_TRAINING:,} at most",
    )
    parser.add_argument(
        "--index-factory",
        metavar="FACTORY",
        help="of faiss; default: IVF100,PQ256x8np, and Flat below 256 vectors",
    )
    flags.add_seed(parser)


def finish(
    arguments: argparse.Namespace,
    report: Report,
    idx: Path,
    index: DistanceIndex,
    names: list[str],
    facts: dict[str, Any],
    read: Callable[[index_files.PlainIndex], Iterator[np.ndarray]] | None,
) -> int:
    """Write the index, open it again, measure its recall where its vectors can be `read`, and say so."""
    index_files.save(idx, index, names, facts | {"sfi_version": __version__})
    opened = index_files.load(idx)
    measured = None
    if read is not None:
        measured = index_building.recall(opened, arguments.seed, lambda: read(opened))
        index_files.save_recall(idx, measured)
    report.facts |= {
        "index": str(idx),
        "count": len(names),
        "width": index.width,
        "factory": facts["factory"],
        "layout": facts["layout"],
        "recall_at_10": measured,
    }
    words = f"{idx}: {len(names):,} vectors of {index.width}, {facts['factory']}"
    for probes, shares in (measured or {}).items():
        words += (
            f"\nrecall@10 with {probes} of {index.num_cells} cells probed: {shares['reranked']:.3f} "
            f"({shares['codes']:.3f} by codes alone)"
        )
    if measured is None:
        words += "\nrecall is not measured: the features are not kept"
    return endings.finish(report, idx, arguments, words)
