"""How a verb waits for a job: a bar on the way, a sentence where it ended badly."""

import time
from typing import TYPE_CHECKING

from sisyphus_web.cli.errors import CliError

if TYPE_CHECKING:
    from sisyphus_web.jobs.models import Job

POLL_SECONDS = 0.3


def wait_for(job: "Job | None", *, is_quiet: bool) -> None:
    """Until the job is done; CliError, with what to do, when it failed or was cancelled."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from sisyphus_web.jobs import advice

    if job is None:
        raise CliError("the job is no longer there")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[words]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=is_quiet) as shown:
        bar = shown.add_task(job.title, total=None, words="")
        while not job.is_final:
            shown.update(bar, total=job.units_total, completed=job.units_done, words=job.note or job.status)
            time.sleep(POLL_SECONDS)
            job.refresh_from_db()
        shown.update(bar, total=1, completed=1, words=job.status)
    if job.status == job.Status.FAILED:
        raise CliError(f"job {job.pk} failed: {job.error_text} {advice.of(job.error_code)}")
    if job.status == job.Status.CANCELLED:
        raise CliError(f"job {job.pk} was cancelled")
