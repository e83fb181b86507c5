"""`sfi jobs`: what runs, waits and ended."""

import argparse
import json

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import Exit
from sisyphus_web.cli.show import table

COLUMNS = ["id", "corpus", "kind", "status", "progress", "note"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", nargs="?", help="name or id; default: all")
    parser.add_argument("--limit", type=int, default=20, help="newest jobs shown; default: 20")
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """The newest jobs, newest first; failed ones with their reason and what to do."""
    instance.connect(arguments)
    from sisyphus_web.jobs import advice
    from sisyphus_web.jobs.models import Job

    jobs = Job.objects.for_people()
    if arguments.corpus:
        jobs = jobs.filter(corpus=instance.corpus_of(arguments.corpus))
    rows = []
    for job in jobs[: arguments.limit]:
        total = "?" if job.units_total is None else job.units_total
        note = "" if job.is_final else job.note
        if job.status == Job.Status.FAILED:
            note = f"{job.error_text} {advice.of(job.error_code)}"
        rows.append(
            {
                "id": job.pk,
                "corpus": job.corpus.name if job.corpus else "",
                "kind": job.kind,
                "status": job.status,
                "progress": f"{job.units_done} of {total} {job.unit}".strip() if job.units_done else "",
                "note": note,
                "units_done": job.units_done,
                "units_total": job.units_total,
                "error_code": job.error_code,
            }
        )
    if arguments.json:
        print(json.dumps(rows))
    else:
        table(COLUMNS, rows, empty="There is no job yet.")
    return Exit.DONE
