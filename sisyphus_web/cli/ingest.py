"""`sfi ingest CORPUS PATH...`: the same job as the page's button, watched until its items are searchable."""

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.show import table

if TYPE_CHECKING:
    from sisyphus_web.accounts.models import Corpus
    from sisyphus_web.jobs.models import Job

POLL_SECONDS = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name or id")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folders of this machine")
    parser.add_argument("--create", action="store_true", help="make the corpus if there is none of that name")
    parser.add_argument("--no-wait", action="store_true", help="return as soon as the jobs are queued")
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 when every file is in, 3 when some were refused (they are listed), 1 when a job failed."""
    for path in arguments.paths:
        if not path.exists():
            raise CliError(f"{path} does not exist", Exit.REFUSED)
    instance.connect(arguments)
    from indexing.services.ingest import start_ingest
    from sisyphus_web.jobs.errors import JobError

    user = instance.user_of(arguments)
    corpus = _corpus(arguments)
    try:
        firsts = [
            start_ingest(corpus, path=str(path.expanduser().resolve()), created_by=user)
            for path in arguments.paths
        ]
    except JobError as error:
        raise CliError(str(error), Exit.REFUSED) from None
    if arguments.no_wait:
        _print(arguments, {"corpus": corpus.pk, "jobs": [job.pk for job in firsts]})
        return Exit.DONE
    jobs = _wait(corpus, since=min(job.pk for job in firsts), is_quiet=arguments.json)
    return _report(arguments, corpus, jobs)


def _corpus(arguments: argparse.Namespace) -> "Corpus":
    from django.db import transaction

    from sisyphus_web.accounts.models import Corpus, Membership, Role

    if not arguments.create or Corpus.objects.filter(name=arguments.corpus, archived_at=None).exists():
        return instance.corpus_of(arguments.corpus)
    user = instance.user_of(arguments)
    with transaction.atomic():
        corpus = Corpus.objects.create(name=arguments.corpus, created_by=user)
        Membership.objects.create(corpus=corpus, user=user, role=Role.MANAGER)
    return corpus


def _wait(corpus: "Corpus", *, since: int, is_quiet: bool) -> list["Job"]:
    """The corpus's jobs from `since` on, when none of them can go on; progress on the way."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<18}"),
        BarColumn(),
        TextColumn("{task.fields[words]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=is_quiet) as shown:
        bars: dict[int, TaskID] = {}
        while True:
            jobs = list(corpus.jobs.filter(pk__gte=since).order_by("pk"))
            for job in jobs:
                words = " ".join(filter(None, [job.status, "" if job.is_final else job.note]))
                total = job.units_total or (1 if job.status == "done" else None)
                done = total if job.status == "done" else job.units_done
                if job.pk not in bars:
                    bars[job.pk] = shown.add_task(job.kind, total=None, words="")
                shown.update(bars[job.pk], total=total, completed=done or 0, words=words)
            if not any(_can_go_on(job, jobs) for job in jobs):
                return jobs
            time.sleep(POLL_SECONDS)


def _can_go_on(job: "Job", jobs: list["Job"]) -> bool:
    """Running, or queued and not behind a job that has ended badly."""
    if job.status == "running":
        return True
    ended_badly = any(each.status in {"failed", "cancelled"} for each in jobs)
    return job.status == "queued" and not (job.unmet_deps and ended_badly)


def _report(arguments: argparse.Namespace, corpus: "Corpus", jobs: list["Job"]) -> int:
    from django.db.models import Q

    from indexing.models import Item, MediaFile
    from sisyphus_web.jobs import advice

    failed = [job for job in jobs if job.status in {"failed", "cancelled"}]
    given = Q()  # also what an earlier run had refused: it is still not in
    for path in arguments.paths:
        given |= Q(path__startswith=str(path.expanduser().resolve()))
    refused = list(
        MediaFile.objects.filter(given, corpus=corpus, deleted_at=None, state="refused")
        .order_by("id")
        .values("name", "reason_code", "reason")
    )
    counts = {
        "corpus": corpus.pk,
        "media_files": MediaFile.objects.filter(corpus=corpus, deleted_at=None).count(),
        "items": Item.objects.filter(corpus=corpus, deleted_at=None).count(),
        "refused": refused,
        "failed_jobs": [{"id": job.pk, "kind": job.kind, "code": job.error_code} for job in failed],
    }
    if arguments.json:
        print(json.dumps(counts))
    else:
        print(f"{corpus.name} has {counts['media_files']} media files and {counts['items']} items.")
        if refused:
            table(["name", "reason"], refused, empty="")
        for job in failed:
            print(f"{job.kind} (job {job.pk}) {job.status}: {job.error_text} {advice.of(job.error_code)}")
    if failed:
        return Exit.FAILED
    return Exit.SOME_REJECTED if refused else Exit.DONE


def _print(arguments: argparse.Namespace, answer: dict[str, object]) -> None:
    if arguments.json:
        print(json.dumps(answer))
    else:
        print(f"Queued; `sfi jobs {answer['corpus']}` shows how far it is.")
