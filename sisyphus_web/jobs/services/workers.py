"""What a worker's parent process does: say that it is there, notice its dead children, give back its jobs."""

import logging
import os
import re
import socket
import threading
from collections.abc import Sequence

from django.db import DatabaseError, InterfaceError, connection
from django.db.models.functions import Now

from sisyphus_web import __version__
from sisyphus_web.jobs.models import Job, Worker
from sisyphus_web.jobs.services.states import give_back, owner_of, take_back

logger = logging.getLogger(__name__)

BEAT_SECONDS = 15

_ended = threading.Event()  # this process's worker has signed off


def beat(name: str, *, queues: Sequence[str], concurrency: int) -> None:
    """Write that the worker `name`, this process, is there."""
    fresh = {
        "host": socket.gethostname()[:120],
        "pid": os.getpid(),
        "queues": sorted(queues),
        "concurrency": concurrency,
        "code_version": __version__,
        "seen_at": Now(),
    }
    Worker.objects.update_or_create(
        name=name[:120], defaults=fresh, create_defaults=fresh | {"started_at": Now()}
    )


def keep_beating(name: str, *, queues: Sequence[str], concurrency: int) -> None:
    """Beat every 15 seconds from a thread until `sign_off`."""

    def work() -> None:
        while True:
            try:
                beat(name, queues=queues, concurrency=concurrency)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("the worker %s could not say that it is there: %s", name, error)
                connection.close()
            if _ended.wait(BEAT_SECONDS):
                break
        connection.close()

    threading.Thread(target=work, name="worker-heartbeat", daemon=True).start()


def sign_off(name: str) -> None:
    """The worker ends in good order: give its running jobs to others and take its row away.

    Its processes learn of it at their next report and stop; each job continues from its finished chunks.
    """
    _ended.set()
    for job in Job.objects.running().filter(owner__startswith=owner_of(os.getpid())):
        give_back(job, "The worker is shutting down; the job continues with another.")
    Worker.objects.filter(name=name[:120]).delete()
    connection.close()


def child_died(job_id: int, reason: str) -> bool:
    """A process of this worker was killed under a job: take the job back without waiting for its lease.

    `reason` is Celery's: "Worker exited prematurely: signal 9 (SIGKILL) ...".
    """
    job = Job.objects.running().filter(pk=job_id, owner__startswith=owner_of(os.getpid())).first()
    if job is None or _is_alive(int(job.owner.rpartition(":")[2])):
        return False  # what died was an earlier attempt, and the job is in better hands
    found = re.search(r"signal (\d+)", reason)
    exit_signal = int(found[1]) if found else None
    text = f"The process of attempt {job.attempt} was killed" + (
        f" by signal {exit_signal}." if found else "."
    )
    return take_back(job, text, exit_signal=exit_signal)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
