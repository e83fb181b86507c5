"""The dispatcher: rings again for jobs nobody heard of, takes jobs back from lost workers, sweeps up.

Any number may run; one is active, by a lock of PostgreSQL that ends with its connection.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from sisyphus_web.jobs.models import Job, Worker
from sisyphus_web.jobs.publish import publish, queue_length
from sisyphus_web.jobs.registry import KINDS, queues
from sisyphus_web.jobs.services.states import lease_length, take_back

logger = logging.getLogger(__name__)

LOCK = 0x5159_7068  # any number nobody else uses in this database
SWEEP_SECONDS = 2.0
PUBLISH_AT_ONCE = 200  # per queue and sweep
ORPHAN_AFTER = timedelta(hours=24)
SETTLED_AFTER = timedelta(hours=1)
KEPT_FOR_RETRY = timedelta(days=7)


@dataclass
class Periodic:
    """Work done now and then by the active dispatcher; its failure is logged and stops nothing."""

    name: str
    every_seconds: float
    work: Callable[[], object]
    due_at: float = field(default=0.0)  # of time.monotonic()


def take_back_lost() -> int:
    """Take every job whose lease is over from its worker; how many.

    Not in the first half lease of a PostgreSQL that was just started: live workers could not renew
    while it was away, and must not be taken for dead.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT now() - pg_postmaster_start_time()")
        if cursor.fetchone()[0] < lease_length() / 2:
            return 0
    text = "Nothing was heard of the worker for as long as a lease."
    still_lost = Q(lease_until__lt=Now())
    return sum(take_back(job, text, only=still_lost) for job in Job.objects.lost())


def publish_unheard() -> int:
    """Ring again for jobs that are ready and were not published for ten seconds; how many.

    Only for as many as the broker's queue is short of: a long queue is no reason to fill it twice.
    """
    rung = 0
    for queue in queues():
        kinds = [name for name, kind in KINDS.items() if kind.queue == queue]
        ready = Job.objects.ready().filter(kind__in=kinds)
        # Of one priority those the broker never got first: of the others, messages may be on their way.
        by_age = F("last_published_at").asc(nulls_first=True)
        unheard = Job.objects.unpublished().filter(kind__in=kinds).order_by("-priority", by_age, "id")
        waiting = unheard.count()
        if waiting == 0 or (length := queue_length(queue)) is None:
            continue
        short = max(0, ready.count() - length)
        for job in unheard[: min(short, PUBLISH_AT_ONCE)]:
            if not publish(job):
                break  # the broker is away: the next sweep tries again
            rung += 1
    return rung


def remove_orphans() -> int:
    """Remove what attempts have left on disk and nobody will go on with; how many folders.

    Of a job that is over, everything, a failed one's when nobody has tried it again for a week; of others
    the folders of attempts that are older than a day and do not run.
    """
    folders = {int(each.name): each for each in _folders(settings.DATA_DIR / "runs") if each.name.isdigit()}
    known = Job.objects.in_bulk(folders)
    old = time.time() - ORPHAN_AFTER.total_seconds()
    removed = 0
    for job_id, folder in folders.items():
        job = known.get(job_id)
        if job is not None and _is_over_for_good(job):
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
            continue
        for attempt in _folders(folder):
            runs = job is not None and job.status == Job.Status.RUNNING and attempt.name == str(job.attempt)
            if attempt.name.isdigit() and not runs and attempt.stat().st_mtime < old:
                shutil.rmtree(attempt, ignore_errors=True)
                removed += 1
        if not any(folder.iterdir()) and folder.stat().st_mtime < old:
            folder.rmdir()
    Worker.objects.gone().delete()
    return removed


def _is_over_for_good(job: Job) -> bool:
    """Whether no attempt writes any more, also none that has yet to learn of it, and no retry is to come."""
    if job.finished_at is None:
        return False
    kept = KEPT_FOR_RETRY if job.can_be_retried else SETTLED_AFTER
    return job.finished_at < timezone.now() - kept


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []


def sweep(periodic: Sequence[Periodic] = ()) -> None:
    """One round of everything."""
    if lost := take_back_lost():
        logger.warning("%s jobs were taken back from lost workers", lost)
    if rung := publish_unheard():
        logger.info("%s jobs were published again", rung)
    for each in periodic:
        if time.monotonic() < each.due_at:
            continue
        each.due_at = time.monotonic() + each.every_seconds
        try:
            each.work()
        except (DatabaseError, InterfaceError):
            raise
        except Exception:
            logger.exception("the dispatcher could not %s", each.name)


def run(ended: threading.Event, *, periodic: Sequence[Periodic] = ()) -> None:
    """Sweep every two seconds until `ended` is set, whatever happens to PostgreSQL and Redis meanwhile."""
    everything = [Periodic("remove orphan folders", 3600, remove_orphans), *periodic]
    is_active = False
    while not ended.wait(SWEEP_SECONDS):
        try:
            if not is_active:
                is_active = _take_lock()
                if is_active:
                    logger.info("this dispatcher is the active one")
            if is_active:
                sweep(everything)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("the dispatcher lost the database and tries again: %s", error)
            connection.close()
            is_active = False  # the lock went with the connection
    connection.close()


def _take_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])
