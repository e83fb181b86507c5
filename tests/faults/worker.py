"""The Celery application of these tests' workers: ours, with the tasks of kinds.py."""

from collections.abc import Iterator
from contextlib import contextmanager

import django

django.setup()

from sisyphus_web.celery import app  # noqa: E402
from sisyphus_web.jobs import registry, services  # noqa: E402
from sisyphus_web.jobs.models import Job  # noqa: E402
from sisyphus_web.jobs.services import lease  # noqa: E402
from tests.faults import kinds  # noqa: E402

lease.GRACE_SECONDS = 4.0  # a process that is late, and not deaf, has time to leave its job
for name, kind in kinds.KINDS.items():
    registry.register(name, kind)
    app.task(name=kind.task, ignore_result=True)(getattr(kinds, kind.task.removeprefix("faults.")))

finishing = services.finishing


@contextmanager
def held_finishing(job: Job) -> Iterator[None]:
    """The end of a job waits while the gate is shut: some take a tenth of a second."""
    if not job.kind.startswith("faults_"):
        kinds.wait_at_gate()
    with finishing(job):
        yield


services.finishing = held_finishing
