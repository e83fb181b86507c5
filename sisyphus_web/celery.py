"""The Celery application: a doorbell. The job row is the truth (see jobs/models.py)."""

import os

from celery import Celery

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
    task_default_queue="cpu",
    timezone="UTC",
)
app.autodiscover_tasks(["indexing", "labeling"])
