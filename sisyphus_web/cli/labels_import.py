"""`sfi labels-import CORPUS PATH`: labels of others in, after a look at what would become of every line."""

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from labeling.models import LabelImport

FORMATS = ("image_folder", "coco", "yolo", "voc", "csv", "jsonl", "parquet", "activitynet")
POLL_SECONDS = 0.3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name or id")
    parser.add_argument(
        "path", nargs="?", type=Path, metavar="PATH", help="a file, a zip or a folder of this machine"
    )
    parser.add_argument("--format", choices=FORMATS, default="", help="default: what it looks like")
    parser.add_argument("--dry-run", action="store_true", help="say what would be taken, and take nothing")
    parser.add_argument("--as-weak", action="store_true", help="as weak labels instead of verdicts")
    parser.add_argument(
        "--boxes-as-frames", action="store_true", help="a box says what is in its frame, and is no region"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write what became of every line here, as CSV"
    )
    parser.add_argument(
        "--undo", type=int, metavar="ID", help="take the import of this id back instead of importing"
    )
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 when every line was taken or skipped, 3 when some were rejected, 2 for what cannot be read."""
    if (arguments.path is None) == (arguments.undo is None):
        raise CliError("give a PATH to import, or --undo ID", Exit.REFUSED)
    instance.connect(arguments)
    from labeling.services.imports import report_path, request_import, undo_import
    from sisyphus_web.jobs.errors import JobError

    corpus, user = instance.corpus_of(arguments.corpus), instance.user_of(arguments)
    try:
        if arguments.undo is not None:
            found = corpus.label_imports.filter(pk=arguments.undo).first()
            if found is None:
                raise CliError(f"there is no import {arguments.undo} in {corpus.name}", Exit.REFUSED)
            made = undo_import(found, by=user)
        else:
            path = arguments.path.expanduser().resolve()
            if not path.exists():
                raise CliError(f"{path} does not exist", Exit.REFUSED)
            made = request_import(
                corpus=corpus,
                by=user,
                local=path,
                format=arguments.format,
                as_weak=arguments.as_weak,
                boxes="frames" if arguments.boxes_as_frames else "regions",
                is_dry=arguments.dry_run,
            )
    except JobError as error:
        raise CliError(str(error), Exit.REFUSED) from None
    _wait(made, is_quiet=arguments.json)
    if arguments.report is not None and report_path(made).is_file():
        shutil.copyfile(report_path(made), arguments.report)
    return _tell(arguments, made)


def _wait(made: "LabelImport", *, is_quiet: bool) -> None:
    """Until the job of the step has ended; CliError with its reason if it did not end well."""
    from rich.console import Console
    from rich.progress import Progress

    from sisyphus_web.jobs import advice

    with Progress(console=Console(stderr=True), disable=is_quiet) as shown:
        bar = shown.add_task("labels", total=None)
        while True:
            made.refresh_from_db()
            job = made.job
            if job is None or job.status == "done":
                return
            if job.status in {"failed", "cancelled"}:
                unreadable = job.error_code in {"labels-unreadable", "labels-changed"}
                sentence = f"{job.error_text} {advice.of(job.error_code)}" if job.error_code else "cancelled"
                raise CliError(sentence, Exit.REFUSED if unreadable else Exit.FAILED)
            shown.update(bar, total=job.units_total, completed=job.units_done)
            time.sleep(POLL_SECONDS)


def _tell(arguments: argparse.Namespace, made: "LabelImport") -> int:
    counts: dict[str, Any] = made.preview if arguments.dry_run else made.counts
    skipped, rejected = counts.get("skipped", {}), counts.get("rejected", {})
    if arguments.json:
        print(json.dumps({"import": made.pk, "state": made.state, "format": made.format} | counts))
    elif arguments.undo is not None:
        print(f"Import {made.pk} was taken back, where nobody has answered since.")
        return Exit.DONE
    else:
        would = "would be taken" if arguments.dry_run else "taken"
        print(f"Import {made.pk} ({made.format}): {counts['taken']} of {counts['lines']} lines {would}.")
        for word, reasons in (("skipped", skipped), ("rejected", rejected)):
            for reason, num in sorted(reasons.items()):
                print(f"  {num} {word}: {reason}")
        if counts.get("new_classes"):
            print(f"  new classes: {', '.join(counts['new_classes'])}")
    return Exit.SOME_REJECTED if rejected else Exit.DONE
