"""Kinds of jobs that exist for these tests only, for the test, the dispatcher and the workers alike.

Their work is visible: a row per chunk, which a later attempt skips, and one per finished job.
"""

import os
import signal
import time
from pathlib import Path

from django.conf import settings
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


GATE = "gate-is-shut"  # a file in the data directory
MOST_HELD_SECONDS = 300.0


def gate() -> Path:
    return settings.DATA_DIR / GATE


def wait_at_gate() -> None:
    """Wait while the test has shut the gate: what it wants to hurt is not over before it has looked."""
    end = time.monotonic() + MOST_HELD_SECONDS
    while gate().exists() and time.monotonic() < end:
        time.sleep(0.02)


def sql(text: str, *values: object) -> list[tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else []


def count(job_id: int) -> None:
    """Work through `chunks` chunks of `seconds` each, then have one effect.

    Before the chunk number `held_at` it waits while the gate is shut.
    """
    with services.running(job_id) as job:
        if job is None:
            return
        for chunk in range(job.params["chunks"]):
            if chunk == job.params["held_at"]:
                wait_at_gate()
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
