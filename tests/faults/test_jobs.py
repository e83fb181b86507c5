"""What happens to jobs when processes and stores die. Real workers, PostgreSQL, Redis: nothing simulated."""

import atexit
import os
import signal
import time
from pathlib import Path

import pytest
from django.db import connection

from sisyphus_web.celery import app
from sisyphus_web.embedded import EmbeddedPostgres, EmbeddedRedis
from sisyphus_web.jobs import services
from sisyphus_web.jobs.models import Job, JobAttempt, Worker
from tests.faults.conftest import at_chunk, is_alive, is_done, pid_of, until
from tests.faults.kinds import sql

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def chunks_of(job: Job) -> list[tuple[int, int]]:
    return sql("SELECT chunk, attempt FROM faults_chunk WHERE job = %s ORDER BY chunk", job.pk)


def test_a_worker_says_that_it_is_there(site, count):
    until(lambda: Worker.objects.alive().exists())
    worker = Worker.objects.get()
    assert (worker.name, worker.queues, worker.concurrency) == (
        "faults@localhost",
        ["cpu", "faults", "gpu"],
        2,
    )


def test_a_killed_process_is_followed_by_one_that_continues(site, count):
    with site.gate_shut():
        job = count(chunks=6, held_at=2)
        until(lambda: at_chunk(job, 2))
        os.kill(pid_of(job), signal.SIGKILL)
    until(lambda: is_done(job))
    attempts = [attempt for _, attempt in chunks_of(job)]
    assert attempts[:2] == [1, 1]  # kept
    assert attempts[-1] == 2
    killed = JobAttempt.objects.get(job=job, number=1)
    assert (killed.outcome, killed.exit_signal) == ("lost", signal.SIGKILL)


def test_a_job_that_kills_its_process_twice_is_poison_and_the_worker_lives(site, count):
    job = services.enqueue("faults_kill_oneself")
    until(lambda: Job.objects.get(pk=job.pk).status == "failed")
    job.refresh_from_db()
    assert (job.error_code, job.attempt) == ("poison", 2)
    assert site.worker.poll() is None
    after = count()
    until(lambda: is_done(after))


def test_a_whole_killed_worker_loses_nothing(site, count):
    with site.gate_shut():
        jobs = [count(chunks=5, held_at=1) for _ in range(3)]
        until(lambda: at_chunk(jobs[0], 1))
        site.kill(site.worker)
    site.start_worker()
    until(lambda: all(is_done(job) for job in jobs))


def test_a_worker_told_to_end_gives_its_jobs_back(site, count):
    with site.gate_shut():
        job = count(chunks=8, held_at=1)
        until(lambda: at_chunk(job, 1))
        site.worker.send_signal(signal.SIGTERM)
        until(lambda: JobAttempt.objects.get(job=job, number=1).outcome == "given-back")
    site.worker.wait(timeout=120)
    site.start_worker()
    until(lambda: is_done(job))


def test_a_flushed_broker_loses_no_job(count, broker):
    jobs = [count(chunks=1, seconds=0.05) for _ in range(20)]
    broker.flushall()
    until(lambda: all(is_done(job) for job in jobs))


def test_a_killed_broker_refuses_nobody_and_loses_nothing(site, count, broker):
    with site.gate_shut():
        running = count(chunks=10, seconds=0.3, held_at=1)
        until(lambda: at_chunk(running, 1))
        pid = broker.info("server")["process_id"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: not is_alive(pid))
    while_away = [count(chunks=1) for _ in range(3)]
    _start(EmbeddedRedis)
    until(lambda: all(is_done(job) for job in [running, *while_away]))


def test_an_immediate_restart_of_postgres_loses_nothing(site, count):
    pid_file = Path(os.environ["SISYPHUS_DATA_DIR"]) / "postgres" / "postmaster.pid"
    if not pid_file.exists():
        pytest.skip("the PostgreSQL of this run is not ours to restart")
    with site.gate_shut():
        jobs = [count(chunks=6, seconds=0.3, held_at=1) for _ in range(4)]
        until(lambda: at_chunk(jobs[0], 1))
    pid = int(pid_file.read_text().split()[0])
    os.kill(pid, signal.SIGQUIT)  # "immediate": no check point, no word to its clients
    until(lambda: not is_alive(pid))
    _start(EmbeddedPostgres)
    connection.close()
    until(lambda: all(is_done(job) for job in jobs))


def _start(kind: type[EmbeddedPostgres | EmbeddedRedis]) -> None:
    """Start the run's own PostgreSQL or Redis again, after its death."""
    again = kind(Path(os.environ["SISYPHUS_DATA_DIR"]), is_durable=False)
    atexit.register(again.stop)
    again.start()


def test_doubled_and_stale_messages_have_one_effect(count):
    job = count(chunks=3, seconds=0.2)
    for _ in range(4):
        app.send_task("faults.count", args=[job.pk], queue="faults", ignore_result=True)
    until(lambda: is_done(job))
    app.send_task("faults.count", args=[job.pk], queue="faults", ignore_result=True)
    after = count()
    until(lambda: is_done(after))  # it came after the stale message
    assert JobAttempt.objects.filter(job=job).count() == 1


def test_a_message_for_a_job_that_is_not_there_harms_nothing(count):
    app.send_task("faults.count", args=[987_654_321], queue="faults", ignore_result=True)
    after = count()
    until(lambda: is_done(after))


def test_cancel_stops_a_running_job_and_what_waits_for_it(count):
    job = count(chunks=100, seconds=0.2)
    child = count(after=[job])
    until(lambda: at_chunk(job, 1))
    services.cancel(job, by=None)
    until(lambda: JobAttempt.objects.get(job=job).peak_rss_bytes)  # the process has left it
    done = len(chunks_of(job))
    time.sleep(0.5)
    assert len(chunks_of(job)) == done
    assert Job.objects.get(pk=child.pk).status == "cancelled"


def test_a_job_that_ignores_its_cancel_loses_its_process(site):
    job = services.enqueue("faults_ignore")
    until(lambda: Job.objects.get(pk=job.pk).status == "running")
    job.refresh_from_db()
    pid = pid_of(job)
    services.cancel(job, by=None)
    until(lambda: not is_alive(pid))
    assert site.worker.poll() is None


def test_the_late_finish_of_a_paused_process_is_refused(site, count):
    with site.gate_shut():
        job = count(chunks=4, held_at=2)
        until(lambda: at_chunk(job, 2))
        pid = pid_of(job)
        os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: is_done(job))  # by another, when the lease was over
        assert job.attempt == 2
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: JobAttempt.objects.get(job=job, number=1).peak_rss_bytes)  # it woke up and has left
    assert JobAttempt.objects.get(job=job, number=1).outcome == "lost"
    assert sql("SELECT attempt FROM faults_effect WHERE job = %s", job.pk) == [(2,)]


def test_a_chain_runs_in_order(count):
    first = count(chunks=2)
    second = count(chunks=1, after=[first])
    third = count(chunks=1, after=[first, second])
    until(lambda: is_done(third))
    assert first.pk < second.pk < third.pk
    ends = [Job.objects.get(pk=job.pk).finished_at for job in (first, second, third)]
    assert ends == sorted(ends)


def test_a_second_dispatcher_stands_by_and_takes_over(site, count, broker):
    first = site.dispatcher
    site.start_dispatcher()
    site.kill(first)
    jobs = [count(chunks=1) for _ in range(5)]
    broker.flushall()
    until(lambda: all(is_done(job) for job in jobs))
    assert site.dispatcher.poll() is None
