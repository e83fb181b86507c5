"""Celery's consumer, but for how long it waits between two tries to reach the broker."""

from functools import partial

from celery.worker.consumer import Consumer as CelerysConsumer
from kombu import Connection

RETRY_SECONDS = 5  # Celery's own wait grows to 30 s, and has no setting


class Consumer(CelerysConsumer):
    """Tries to reach a broker that is away every 2, 4, then 5 seconds, however long it is away."""

    def ensure_connected(self, conn: Connection) -> Connection:
        soon = partial(conn.ensure_connection, interval_max=RETRY_SECONDS)
        conn.ensure_connection = soon  # type: ignore[method-assign]  # Celery gives no other way
        return super().ensure_connected(conn)
