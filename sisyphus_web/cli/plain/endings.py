"""How a verb on plain files ends: its report is written, its result printed, its exit status told."""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from indexing.compute.plain.report import Report
from indexing.compute.plain.whole_files import as_json, files_below
from sisyphus_web import __version__
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain.progress import notice

NUM_SHOWN = 5


def new_report(verb: str, **facts: Any) -> Report:
    return Report(verb, __version__, facts)


def inputs_of(root: Path, *, leave_out: Path | None, report: Report) -> list[str]:
    """The files below `root`; CliError 2 where there is none. What cannot be read is rejected in `report`."""
    names, unreadable = files_below(root, leave_out=leave_out)
    for name, sentence in unreadable:
        report.rejected(name, "not-readable", sentence)
    if not names:
        raise CliError(f"there is no file in {root}", Exit.REFUSED)
    return names


def made_folder(folder: Path) -> Path:
    """`folder`, made with its parents; CliError 2 where a file is in its place."""
    if folder.exists() and not folder.is_dir():
        raise CliError(f"{folder} is a file; a folder is wanted", Exit.REFUSED)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def check_writable(path: Path) -> None:
    """OSError now, before the work, where the file `path` could not be written when it is done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    probe = path.with_name(f".{path.name[:60]}.{os.getpid()}.probe")
    try:
        probe.touch()
    except OSError as error:
        error.filename = str(path)
        raise
    probe.unlink(missing_ok=True)


def finish(report: Report, place: Path, arguments: argparse.Namespace, words: str) -> int:
    """Write the report to `place`, print `words` (or the result as JSON); 3 with rejected inputs, else 0."""
    path = report.write(place)
    if arguments.json:
        show_json(report.to_json() | {"report": str(path)})
    else:
        for sentence in report.notices:
            notice(sentence, as_json=False)
        print(words)
        _show_rejections(report, path)
    return Exit.SOME_REJECTED if report.rejections else Exit.DONE


def counts_in_words(report: Report) -> str:
    """3 done, 1 skipped, 0 rejected -> "3 done, 1 done before" """
    counts = report.counts
    parts = [f"{counts['done']:,} done"]
    if counts["skipped"]:
        parts.append(f"{counts['skipped']:,} done before")
    if counts["rejected"]:
        parts.append(f"{counts['rejected']:,} rejected")
    return ", ".join(parts)


def counted(count: int, noun: str) -> str:
    """1, frame -> "1 frame"; 1200, frame -> "1,200 frames" """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def show_json(answer: Mapping[str, Any] | Sequence[Any]) -> None:
    print(as_json(answer).decode())


def _show_rejections(report: Report, path: Path) -> None:
    for outcome in report.rejections[:NUM_SHOWN]:
        names = "" if outcome.sentence.startswith(outcome.input) else f"{outcome.input}: "
        notice(f"rejected {names}{outcome.sentence}", as_json=False)
    if len(report.rejections) > NUM_SHOWN:
        notice(f"... and {len(report.rejections) - NUM_SHOWN:,} more, listed in {path}", as_json=False)
