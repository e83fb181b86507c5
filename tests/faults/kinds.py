"""Kinds of jobs that exist for these tests only, for the test, the dispatcher and the workers alike.

Their work is visible: a row per chunk, which a later attempt skips, and one per finished job.
"""

import os
import signal
import time

from django.db import connection

from sisyphus_web.jobs import registry, services

TABLES = """
    CREATE TABLE IF NOT EXISTS faults_chunk (job bigint, chunk int, attempt int, PRIMARY KEY (job, chunk));
    CREATE TABLE IF NOT EXISTS faults_effect (job bigint, attempt int);
"""
KINDS = {
    "faults_count": registry.Kind("faults.count", "faults", "Count"),
    "faults_kill_oneself": registry.Kind("faults.kill_oneself", "faults", "Kill oneself"),
    "faults_ignore": registry.Kind("faults.ignore", "faults", "Ignore everything"),
}


def sql(text: str, *values: object) -> list[tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else []


def count(job_id: int) -> None:
    """Work through `chunks` chunks of `seconds` each, then have one effect."""
    with services.running(job_id) as job:
        if job is None:
            return
        for chunk in range(job.params["chunks"]):
            if not sql("SELECT 1 FROM faults_chunk WHERE job = %s AND chunk = %s", job.pk, chunk):
                time.sleep(job.params["seconds"])
                sql(
                    "INSERT INTO faults_chunk VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                    job.pk,
                    chunk,
                    job.attempt,
                )
            services.report(
                job, units_done=chunk + 1, units_total=job.params["chunks"], unit="chunks", force=True
            )
        with services.finishing(job):
            sql("INSERT INTO faults_effect VALUES (%s, %s)", job.pk, job.attempt)


def kill_oneself(job_id: int) -> None:
    with services.running(job_id) as job:
        if job is not None:
            os.kill(os.getpid(), signal.SIGKILL)


def ignore(job_id: int) -> None:
    """Neither report nor stop."""
    with services.running(job_id) as job:
        if job is not None:
            time.sleep(60)
