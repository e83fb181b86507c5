"""How a verb on plain files ends: its report is written, its result printed, its exit status told."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from indexing.compute.plain.report import Report
from indexing.compute.plain.whole_files import files_below
from sisyphus_web import __version__
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain.progress import notice

NUM_SHOWN = 5


def new_report(verb: str, **facts: Any) -> Report:
    return Report(verb, __version__, facts)


def inputs_of(root: Path, *, leave_out: Path | None, report: Report) -> list[str]:
    """The files below `root`; CliError 2 where there is none. Folders not readable are noticed."""
    names, unreadable = files_below(root, leave_out=leave_out)
    report.notices += [f"the folder {each}" for each in unreadable]
    if not names:
        raise CliError(f"there is no file in {root}", Exit.REFUSED)
    return names


def finish(report: Report, place: Path, arguments: argparse.Namespace, words: str) -> int:
    """Write the report to `place`, print `words` (or the result as JSON); 3 with rejected inputs, else 0."""
    path = report.write(place)
    if arguments.json:
        print(json.dumps(report.to_json() | {"report": str(path)}, ensure_ascii=False))
    else:
        for sentence in report.notices:
            notice(sentence, as_json=False)
        print(words)
        _show_rejections(report, path)
    return Exit.SOME_REJECTED if report.rejections or _unread(report) else Exit.DONE


def counts_in_words(report: Report) -> str:
    """3 done, 1 skipped, 0 rejected -> "3 done, 1 done before" """
    counts = report.counts
    parts = [f"{counts['done']:,} done"]
    if counts["skipped"]:
        parts.append(f"{counts['skipped']:,} done before")
    if counts["rejected"]:
        parts.append(f"{counts['rejected']:,} rejected")
    return ", ".join(parts)


def show_json(answer: Mapping[str, Any] | Sequence[Any]) -> None:
    print(json.dumps(answer, ensure_ascii=False))


def _unread(report: Report) -> bool:
    return any(sentence.startswith("the folder ") for sentence in report.notices)


def _show_rejections(report: Report, path: Path) -> None:
    for outcome in report.rejections[:NUM_SHOWN]:
        notice(f"rejected {outcome.input}: {outcome.sentence}", as_json=False)
    if len(report.rejections) > NUM_SHOWN:
        notice(f"... and {len(report.rejections) - NUM_SHOWN:,} more, listed in {path}", as_json=False)
