"""The books balance: what must be true of PostgreSQL and the data directory at any time."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now

from indexing.services import audit as indexing
from labeling.services.counts import wrong_counts
from labeling.services.projection import projection_differences
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs.models import Job
from training.services import audit as training

logger = logging.getLogger(__name__)


def check() -> list[str]:
    """One sentence per thing that is wrong; empty when the books balance."""
    return [*job_problems(), *ledger_problems(), *indexing.problems(), *training.problems()]


def check_and_log() -> None:
    """Check, and write what is wrong to the log."""
    for problem in check():
        logger.error("the books do not balance: %s", problem)


def job_problems() -> Iterator[str]:
    """Jobs are final, queued with a reason, or running with a lease; dependencies are counted right."""
    for job in Job.objects.running().filter(lease_until=None):
        yield f"job {job.pk} runs without a lease"
    for job in Job.objects.lost().filter(lease_until__lt=Now() - timedelta(minutes=1)):
        yield f"job {job.pk} has not been taken back since its lease ended at {job.lease_until:%H:%M:%S}"
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT job.id, job.unmet_deps, count(parent.id)
            FROM jobs_job job
            LEFT JOIN jobs_job_depends_on link ON link.from_job_id = job.id
            LEFT JOIN jobs_job parent ON parent.id = link.to_job_id AND parent.status <> 'done'
            WHERE job.status = 'queued'
            GROUP BY job.id HAVING job.unmet_deps <> count(parent.id)
            """
        )
        for job_id, counted, true in cursor.fetchall():
            yield f"job {job_id} says it waits for {counted} jobs, it is {true}"
        cursor.execute(
            """
            SELECT job.id FROM jobs_job job
            WHERE job.status = 'done'
            AND (SELECT count(*) FROM jobs_jobattempt WHERE job_id = job.id AND outcome = 'done') <> 1
            """
        )
        for (job_id,) in cursor.fetchall():
            yield f"job {job_id} is done, and not by exactly one attempt"
        cursor.execute(
            """
            SELECT attempt.job_id, attempt.number FROM jobs_jobattempt attempt
            JOIN jobs_job job ON job.id = attempt.job_id
            WHERE attempt.ended_at IS NULL AND NOT (job.status = 'running' AND job.attempt = attempt.number)
            """
        )
        for job_id, number in cursor.fetchall():
            yield f"attempt {number} of job {job_id} has no end, and is not the one that runs"


def ledger_problems() -> Iterator[str]:
    """The projection of every corpus equals the fold of its ledger, its running counts what is in it."""
    for corpus in Corpus.objects.order_by("id"):
        for item, label_class, expected, found in projection_differences(corpus):
            yield (
                f"item {item} of corpus {corpus.pk} and class {label_class} is {found} in the projection, "
                f"by the ledger {expected}"
            )
        for label_class in wrong_counts(corpus):
            yield f"the running counts of class {label_class} are not what is counted row by row"
