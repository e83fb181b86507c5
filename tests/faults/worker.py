"""The Celery application of these tests' workers: ours, with the tasks of kinds.py."""

import django

django.setup()

from sisyphus_web.celery import app  # noqa: E402
from sisyphus_web.jobs import registry  # noqa: E402
from sisyphus_web.jobs.services import lease  # noqa: E402
from tests.faults import kinds  # noqa: E402

lease.GRACE_SECONDS = 1.0
for name, kind in kinds.KINDS.items():
    registry.register(name, kind)
    app.task(name=kind.task, ignore_result=True)(getattr(kinds, kind.task.removeprefix("faults.")))
