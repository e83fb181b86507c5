"""The state of the machinery, for the operator's page and the API."""

import shutil
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from sisyphus_web.jobs.dispatcher import LOCK
from sisyphus_web.jobs.models import Job, Worker
from sisyphus_web.jobs.publish import queue_length
from sisyphus_web.jobs.registry import KINDS, queues


@dataclass(frozen=True, slots=True)
class QueueState:
    name: str
    messages: int | None  # in the broker; None: it does not answer
    ready: int
    waiting: int
    running: int
    workers: int


@dataclass(frozen=True, slots=True)
class DiskState:
    total_bytes: int
    free_bytes: int
    floor_bytes: int

    @property
    def is_low(self) -> bool:
        return self.free_bytes < self.floor_bytes


@dataclass(frozen=True, slots=True)
class SystemState:
    workers: list[Worker]
    queues: list[QueueState]
    disk: DiskState
    is_dispatcher_active: bool
    num_stuck_jobs: int
    num_lost_jobs: int


def state() -> SystemState:
    """Workers heard of in the last minute, queues, disk; asks PostgreSQL, the broker and the file system."""
    workers = list(Worker.objects.alive())
    return SystemState(
        workers=workers,
        queues=[_queue(name, workers) for name in queues()],
        disk=disk(),
        is_dispatcher_active=_is_dispatcher_active(),
        num_stuck_jobs=Job.objects.stuck().count(),
        num_lost_jobs=Job.objects.lost().count(),
    )


def disk() -> DiskState:
    usage = shutil.disk_usage(settings.DATA_DIR)
    return DiskState(usage.total, usage.free, settings.FREE_SPACE_FLOOR_BYTES)


def _queue(name: str, workers: list[Worker]) -> QueueState:
    jobs = Job.objects.filter(kind__in=[kind for kind, of in KINDS.items() if of.queue == name])
    return QueueState(
        name=name,
        messages=queue_length(name),
        ready=jobs.ready().count(),
        waiting=jobs.waiting().count(),
        running=jobs.running().count(),
        workers=sum(name in worker.queues for worker in workers),
    )


def _is_dispatcher_active() -> bool:
    """Whether any process holds the dispatchers' lock in this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
            " AND (classid::bigint << 32) | objid::bigint = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [LOCK],
        )
        return bool(cursor.fetchone()[0])
