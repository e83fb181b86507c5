"""What a worker does around its work."""

import errno
import logging
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from sisyphus_web.jobs.errors import JobError, NoSpace, OutOfMemory, Stopped
from sisyphus_web.jobs.models import Job, JobAttempt
from sisyphus_web.jobs.services.lease import lease_kept
from sisyphus_web.jobs.services.states import Status, claim, fail, finishing, give_back, log

logger = logging.getLogger(__name__)

DATABASE_TRIES = 20  # a second apart: a restart takes less


@contextmanager
def running(job_id: int) -> Iterator[Job | None]:
    """Claim a job, run the block, record how it ended. Yields None if there is nothing to run."""
    job = claim(job_id)
    if job is None:
        logger.info("job %s: nothing to run", job_id)
        yield None
        return
    logger.info("job %s: attempt %s of %s", job.pk, job.attempt, job.kind)
    try:
        with lease_kept(job):
            yield job
            if job.status == Status.RUNNING:  # not ended by `finishing`
                with finishing(job):
                    pass
    except Stopped:
        log(job, "Stopped: cancelled or given to another worker.")
    except JobError as error:  # something the user can fix: a code, no alarm
        fail(job, error.code, str(error))
    except (OperationalError, InterfaceError) as error:
        if _is_disk_full(error):
            fail(job, NoSpace.code, f"The disk of the database is full: {error}")
        elif _connection_is_alive():
            fail(job, "internal", f"{type(error).__name__}: {error}")
            raise
        else:
            _return_to_queue(job, error)
    except MemoryError as error:
        fail(job, OutOfMemory.code, str(error) or "The worker has no memory left.")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            fail(job, "internal", f"{type(error).__name__}: {error}")
            raise
        where = f": {error.filename} could not be written" if error.filename else ""
        fail(job, NoSpace.code, f"No space is left on the disk{where}.")
    except Exception as error:
        fail(job, "internal", f"{type(error).__name__}: {error}")
        raise  # a bug: Celery logs the traceback
    except (SystemExit, KeyboardInterrupt):  # the worker is told to end at once
        give_back(job, "The worker was stopped; the job continues with another.")
        raise
    finally:
        _record_peak_memory(job)


def _connection_is_alive() -> bool:
    try:
        return connection.connection is not None and connection.is_usable()
    except DatabaseError:
        return False


def _is_disk_full(error: Exception) -> bool:
    return isinstance(error.__cause__, psycopg.errors.DiskFull)


def _return_to_queue(job: Job, error: Exception) -> None:
    """The database went away under the work: queue the job again, or leave it to the end of its lease."""
    logger.warning("job %s: the database went away: %s", job.pk, error)
    for _ in range(DATABASE_TRIES):
        connection.close()
        try:
            give_back(job, "The database went away; the job continues.")
            return
        except (DatabaseError, InterfaceError):
            time.sleep(1)
    connection.close()  # still away: the dispatcher takes the job back when its lease is over


def _record_peak_memory(job: Job) -> None:
    """Of this process and its children since they began, so an upper bound for the attempt."""
    peak_kib = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    try:
        JobAttempt.objects.filter(job_id=job.pk, number=job.attempt).update(peak_rss_bytes=peak_kib * 1024)
    except (DatabaseError, InterfaceError):
        connection.close()
