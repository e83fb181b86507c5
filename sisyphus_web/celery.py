"""The Celery application: a doorbell. The job row is the truth (see jobs/models.py)."""

import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sisyphus_web.settings")

app = Celery("sisyphus_web")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    result_backend=None,
    task_serializer="json",
    accept_content=["json"],
    task_acks_late=False,  # recovery is the lease's work, not the broker's
    task_reject_on_worker_lost=False,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=200,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # a worker waits for its broker for as long as it takes
    broker_connection_timeout=2,
    worker_cancel_long_running_tasks_on_connection_loss=False,  # the row says whether it goes on
    worker_consumer="sisyphus_web.celery_consumer:Consumer",  # comes back soon after a long outage
    task_default_queue="cpu",
    timezone="UTC",
)
app.autodiscover_tasks(["indexing", "labeling", "training"])


@signals.worker_init.connect
def _leave_worker_pid(**_: Any) -> None:
    """For the processes of the pool: whose children they are. A solo worker is its own."""
    os.environ["SISYPHUS_WORKER_PID"] = str(os.getpid())


@signals.worker_process_init.connect
def _child_may_be_killed(**_: Any) -> None:
    """A process that ignores a stop may be killed: the worker, or a solo one's supervisor, starts anew."""
    from sisyphus_web.jobs.services import Lease

    Lease.may_be_killed = True


@signals.worker_ready.connect
def _say_hello(sender: Any, **_: Any) -> None:
    from sisyphus_web.jobs.services import workers

    queues = [queue.name for queue in sender.task_consumer.queues] if sender.task_consumer else []
    workers.keep_beating(sender.hostname, queues=queues, concurrency=sender.pool.num_processes)


@signals.worker_shutting_down.connect
def _give_back_jobs(sender: str, **_: Any) -> None:
    """Runs inside a signal handler of the worker's main thread, so the work is done beside it."""
    import threading

    from sisyphus_web.jobs.services import workers

    threading.Thread(target=workers.sign_off, args=(sender,), name="sign-off").start()


@signals.task_failure.connect
def _notice_a_dead_child(args: Any = (), exception: BaseException | None = None, **_: Any) -> None:
    """In the worker's parent process: a child was killed under its task."""
    from billiard.exceptions import WorkerLostError

    from sisyphus_web.jobs.services import workers

    if isinstance(exception, WorkerLostError) and args:
        workers.child_died(args[0], str(exception))
