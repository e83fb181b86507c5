"""What a run says while it trains: how far its job is, and the rows of its curve as they come."""

from __future__ import annotations

import time
from typing import Any

from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from training.models import Run

WRITE_EVERY_SECONDS = 1.0


class Curve:
    """The rows of a run's curve; written at most once a second, and only while the job is the caller's."""

    def __init__(self, job: Job, run: Run) -> None:
        self.rows: list[dict[str, Any]] = []
        self._job, self._run = job, run
        self._written_at = float("-inf")

    def add(self, row: dict[str, Any], *, note: str = "", units_done: int | None = None) -> None:
        """One more row, and how far the job is; Stopped if it is no longer the caller's."""
        self.rows.append(row)
        jobs.report(self._job, units_done=units_done, note=note)
        if time.monotonic() - self._written_at >= WRITE_EVERY_SECONDS:
            self.write()

    def write(self) -> None:
        """Let the page see every row there is."""
        mine = Run.objects.filter(
            pk=self._run.pk,
            job_id=self._job.pk,
            job__status=Job.Status.RUNNING,
            job__attempt=self._job.attempt,
        )
        mine.update(curve=self.rows)
        self._written_at = time.monotonic()
