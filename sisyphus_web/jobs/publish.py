"""The doorbell: tell the workers of a job by the name of its task. The only place that talks to Celery."""

import logging
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from sisyphus_web.celery import app
from sisyphus_web.jobs.registry import KINDS

if TYPE_CHECKING:
    from sisyphus_web.jobs.models import Job

logger = logging.getLogger(__name__)

# A stale connection of the pool is replaced at once; a broker that is away is left to the dispatcher.
RETRY_ONCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


def publish_after_commit(job: "Job") -> None:
    """Ring for `job` once the caller's transaction is committed; a failure to ring is harmless."""
    # A lambda: Django logs a robust callback that fails by its name, and a partial has none.
    transaction.on_commit(lambda: publish(job), robust=True)


def publish(job: "Job") -> bool:
    """Ring for `job` now; False if the broker did not take it: the dispatcher will try again."""
    kind = KINDS.get(job.kind)
    if kind is None:
        logger.warning("job %s is of the kind %r, which this version does not know", job.pk, job.kind)
        return False
    try:
        app.send_task(
            kind.task,
            args=[job.pk],
            queue=kind.queue,
            priority=_step_of(job),
            ignore_result=True,
            retry=True,
            retry_policy=RETRY_ONCE,
        )
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("job %s could not be published, the dispatcher will: %s", job.pk, error)
        return False
    type(job).objects.filter(pk=job.pk).update(last_published_at=Now())
    return True


def _step_of(job: "Job") -> int:
    """The job's place among kombu's steps for Redis, each a list of its own, of which 0 is read first."""
    return 3 if job.priority == 0 else 0 if job.priority > 0 else 6


def queue_length(queue: str) -> int | None:
    """Messages waiting in the broker for `queue`, of every priority; None if the broker does not answer."""
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
            channel = connection.default_channel
            steps = {channel._q_for_pri(queue, step) for step in channel.priority_steps}
            return sum(int(channel.client.llen(step)) for step in steps)
    except (OperationalError, RedisError, OSError):
        return None
