"""What a worker holds while it runs a job: a lease, kept by a thread, and progress not yet written."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import F, Value
from django.db.models.functions import Greatest, Now

from sisyphus_web.jobs.errors import Stopped
from sisyphus_web.jobs.models import Job
from sisyphus_web.jobs.services.states import Status, lease_length

logger = logging.getLogger(__name__)

WRITE_EVERY_SECONDS = 1.0
RATE_OVER_SECONDS = 30.0  # the rate forgets what was longer ago
GRACE_SECONDS = 10.0  # from learning of a stop to the process's end


class Lease:
    """The state of one attempt inside its process."""

    # Set in processes that a worker can replace: such a one is killed if it ignores a stop.
    may_be_killed = False

    def __init__(self) -> None:
        self.lost = threading.Event()
        self.written_at = float("-inf")
        self.pending: dict[str, Any] = {}
        self.rate: float | None = None
        self.measured: tuple[float, int] | None = None  # when, units done
        self.is_warm = False  # the first chunk is done: what it had to load is no part of the rate
        self.heard_at = time.monotonic()  # when the work itself last reported

    def unwritten(self) -> dict[str, Any]:
        """The progress not yet in the row, as columns."""
        fields = dict(self.pending)
        if "units_done" in fields:
            fields["units_done"] = Greatest(F("units_done"), Value(fields["units_done"]))
        return fields

    def measure(self, units_done: int) -> None:
        """Follow the rate, from the end of an attempt's first chunk; a report of no progress is skipped."""
        now = time.monotonic()
        if self.measured is None:
            self.measured = (now, units_done)
            return
        seconds, units = now - self.measured[0], units_done - self.measured[1]
        if seconds < WRITE_EVERY_SECONDS / 2 or units <= 0:
            return
        if not self.is_warm:
            self.is_warm, self.measured = True, (now, units_done)
            return
        fresh = units / seconds
        weight = min(1.0, seconds / RATE_OVER_SECONDS)
        self.rate = fresh if self.rate is None else (1 - weight) * self.rate + weight * fresh
        self.measured = (now, units_done)


def report(
    job: Job,
    *,
    units_done: int | None = None,
    units_total: int | None = None,
    unit: str | None = None,
    note: str | None = None,
    force: bool = False,
) -> None:
    """Say how far a running job is; Stopped if it is no longer the caller's.

    Written at most once a second (the last words are written at the end), never backwards; the same
    UPDATE renews the lease. Call it outside of transactions: its row lock would hold up the lease's thread.
    """
    lease = job.lease = job.lease or Lease()
    lease.heard_at = time.monotonic()
    if lease.lost.is_set():
        raise Stopped
    given = {"units_done": units_done, "units_total": units_total, "unit": unit, "note": note and note[:300]}
    lease.pending |= {name: value for name, value in given.items() if value is not None}
    if not force and time.monotonic() - lease.written_at < WRITE_EVERY_SECONDS:
        return
    fields = lease.unwritten()
    if "units_done" in lease.pending:
        done = lease.pending["units_done"]
        lease.measure(done)
        fields["rate_per_second"] = lease.rate
        if done > job.units_done:
            fields["progressed_at"] = Now()
            job.units_done = done
    if not _renew(job.pk, job.attempt, **fields):
        lease.lost.set()
        raise Stopped
    lease.pending = {}
    lease.written_at = time.monotonic()


def hear(job: Job, *, units_done: int) -> None:
    """Say how far a running job is while its connection is busy, as by a COPY; Stopped as from `report`.

    No statement: the lease's thread, which has a connection of its own, writes it when it renews the lease.
    """
    lease = job.lease = job.lease or Lease()
    lease.heard_at = time.monotonic()
    if lease.lost.is_set():
        raise Stopped
    lease.pending["units_done"] = units_done


@contextmanager
def lease_kept(job: Job) -> Iterator[Lease]:
    """Renew the job's lease four times per lease, from a thread and connection of its own, during the block.

    When the row is no longer ours, the next `report` raises Stopped; a worker's process that has not
    stopped ten seconds later is killed, and the worker starts another. Work that does not report at all
    for JOB_SILENCE_SECONDS has run away: its lease is kept no longer and its process is killed as well.
    """
    lease = job.lease = Lease()
    ended = threading.Event()
    thread = threading.Thread(
        target=_keep, args=(job.pk, job.attempt, lease, ended), name=f"lease-of-job-{job.pk}", daemon=True
    )
    thread.start()
    try:
        yield lease
    finally:
        ended.set()
        thread.join(timeout=GRACE_SECONDS)


def _keep(job_id: int, attempt: int, lease: Lease, ended: threading.Event) -> None:
    wait = lease_length().total_seconds() / 4
    try:
        while not ended.wait(wait):
            if time.monotonic() - lease.heard_at > settings.JOB_SILENCE_SECONDS:
                logger.error("job %s: its work has not reported for too long and is given up", job_id)
                lease.lost.set()
                break
            try:
                ours = _renew(job_id, attempt, **lease.unwritten())
            except (DatabaseError, InterfaceError) as error:
                # The row decides, and it cannot be read now: try again soon, on a new connection.
                logger.warning("job %s: the lease could not be renewed: %s", job_id, error)
                connection.close()
                wait = min(1.0, wait)
                continue
            wait = lease_length().total_seconds() / 4
            if not ours:
                lease.lost.set()
                break
        if lease.lost.is_set() and not ended.wait(GRACE_SECONDS) and Lease.may_be_killed:
            logger.warning("job %s: was stopped and went on; process %s is killed", job_id, os.getpid())
            os.kill(os.getpid(), signal.SIGKILL)
    finally:
        connection.close()


def _renew(job_id: int, attempt: int, **fields: Any) -> bool:
    mine = Job.objects.filter(id=job_id, status=Status.RUNNING, attempt=attempt)
    return mine.update(lease_until=Now() + lease_length(), **fields) == 1
