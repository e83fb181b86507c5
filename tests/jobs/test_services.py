import itertools
import os
import signal
import time
from datetime import timedelta

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now

from sisyphus_web.jobs import registry, services
from sisyphus_web.jobs.errors import JobError, Stopped
from sisyphus_web.jobs.models import Job, JobAttempt, JobEvent
from sisyphus_web.jobs.params import IngestMedia
from sisyphus_web.jobs.services import lease, states, work
from sisyphus_web.jobs.services.states import MOVES

pytestmark = pytest.mark.django_db
Status = Job.Status


def put(job: Job, status: str) -> Job:
    """The job as it would look in `status`, by any road."""
    Job.objects.filter(pk=job.pk).update(
        status=status,
        finished_at=Now() if status in Job.FINAL else None,
        lease_until=Now() + timedelta(minutes=1) if status == "running" else None,
    )
    job.refresh_from_db()
    return job


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Status.values, Status.values)))
def test_only_listed_moves_can_happen(job, before, after):
    put(job, before)
    fields = {"lease_until": Now()} if after == "running" else {}
    if after in MOVES.get(Status(before), set()):
        assert services.move(job, after, **fields)
        job.refresh_from_db()
        assert job.status == after
    else:
        with pytest.raises(ValueError, match=f"from {before} to {after}"):
            services.move(job, after, **fields)


def test_claim_counts_the_attempt_and_takes_a_lease(job):
    taken = services.claim(job.pk)
    assert (taken.status, taken.attempt) == ("running", 1)
    assert Job.objects.lost().count() == 0
    assert JobAttempt.objects.get(job=job).number == 1


def test_a_second_claim_gets_nothing(claimed):
    assert services.claim(claimed.pk) is None


@pytest.mark.parametrize("status", ["running", "done", "failed", "cancelled"])
def test_claim_leaves_a_job_alone_that_is_not_queued(job, status):
    put(job, status)
    assert services.claim(job.pk) is None


def test_claim_leaves_a_waiting_job_alone(job):
    waiting = services.enqueue("count", after=[job])
    assert services.claim(waiting.pk) is None


def test_a_stale_worker_cannot_move_the_job(claimed):
    stale = Job.objects.get(pk=claimed.pk)
    services.take_back(claimed, "lost")
    services.claim(claimed.pk)  # the second attempt
    assert not services.move(stale, Status.DONE)
    with pytest.raises(Stopped):
        services.report(stale, units_done=1)


def test_a_stale_finish_writes_nothing(claimed, corpus):
    stale = Job.objects.get(pk=claimed.pk)
    services.take_back(claimed, "lost")
    with pytest.raises(Stopped), services.finishing(stale):  # noqa: PT012 - the block is the claim
        corpus.description = "written by a worker given up for lost"
        corpus.save()
    corpus.refresh_from_db()
    assert corpus.description == ""


def test_finishing_moves_and_writes_together(claimed, corpus):
    with services.finishing(claimed):
        corpus.description = "counted"
        corpus.save()
        claimed.result = {"counted": 3}
    claimed.refresh_from_db()
    corpus.refresh_from_db()
    assert (claimed.status, claimed.result, corpus.description) == ("done", {"counted": 3}, "counted")
    assert JobAttempt.objects.get(job=claimed).outcome == "done"


def test_running_ends_a_job_as_done(job):
    with services.running(job.pk) as work:
        services.report(work, units_done=1, units_total=3, unit="files")
        services.report(work, units_done=3)  # too soon to be written by itself
    job.refresh_from_db()
    assert (job.status, job.units_done, job.unit) == ("done", 3, "files")
    assert JobAttempt.objects.get(job=job).peak_rss_bytes > 10**6


def test_running_gives_none_for_a_job_that_is_taken(claimed):
    with services.running(claimed.pk) as work:
        assert work is None


def test_a_job_error_fails_with_its_code_and_sentence(job):
    class NoWeights(JobError):
        code = "no-space"

    with services.running(job.pk):
        raise NoWeights("the disk is full")
    job.refresh_from_db()
    assert (job.status, job.error_code, job.error_text) == ("failed", "no-space", "the disk is full")
    assert "Free space" in job.advice


def test_a_bug_fails_as_internal_and_goes_through(job):
    with pytest.raises(ZeroDivisionError), services.running(job.pk):
        1 / 0  # noqa: B018
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "internal")


def test_a_full_disk_fails_with_its_own_code(job):
    with services.running(job.pk):
        raise OSError(28, "No space left on device")
    job.refresh_from_db()
    assert job.error_code == "no-space"


@pytest.mark.parametrize(
    ("end", "status"),
    [(JobError("broken"), "failed"), (SystemExit(), "queued")],
    ids=["failed", "given-back"],
)
def test_the_last_words_before_an_end_are_kept(job, end, status):
    try:
        with services.running(job.pk) as work:
            services.report(work, units_done=1, units_total=3)
            services.report(work, units_done=2, note="the second")  # too soon to be written by itself
            raise end
    except SystemExit:
        pass
    job.refresh_from_db()
    assert (job.status, job.units_done, job.note) == (status, 2, "the second")


def test_a_job_whose_end_could_not_be_written_is_queued_again(job, monkeypatch):
    """PostgreSQL goes away amid the finishing transaction."""
    log = states.log

    def away(job, text, *rest, **more):
        if text == "Done.":
            raise OperationalError("the connection is closed")
        log(job, text, *rest, **more)

    monkeypatch.setattr(states, "log", away)
    monkeypatch.setattr(work, "_connection_is_alive", lambda: False)
    monkeypatch.setattr(work.connection, "close", lambda: None)
    with services.running(job.pk):
        pass
    job.refresh_from_db()
    assert job.status == "queued"


@pytest.mark.django_db(transaction=True)
def test_a_doorbell_that_breaks_does_not_break_the_caller(corpus, monkeypatch):
    def broken(job):
        raise RuntimeError("no such broker")

    monkeypatch.setattr("sisyphus_web.jobs.publish.publish", broken)
    assert services.enqueue("count", corpus=corpus).status == "queued"


def test_a_full_disk_of_the_database_fails_with_the_same_code(job):
    with services.running(job.pk):
        raise OperationalError("could not extend file") from psycopg.errors.DiskFull("could not extend file")
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "no-space")


def test_a_worker_told_to_end_gives_the_job_back_uncounted(job):
    with pytest.raises(SystemExit), services.running(job.pk):
        raise SystemExit
    job.refresh_from_db()
    assert (job.status, job.attempt, job.attempt_limit) == ("queued", 1, 4)


def test_report_never_goes_backwards(claimed):
    services.report(claimed, units_done=5, units_total=9)
    services.report(claimed, units_done=2, force=True)
    claimed.refresh_from_db()
    assert claimed.units_done == 5


def test_report_writes_at_most_once_a_second(claimed, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr("sisyphus_web.jobs.services.lease.time.monotonic", lambda: 100.0)
    services.report(claimed, units_done=1)
    with django_assert_num_queries(0):
        for done in range(2, 500):
            services.report(claimed, units_done=done)


def test_rate_and_eta_follow_the_reports(claimed, monkeypatch):
    clock = itertools.count(start=100.0, step=10.0)
    monkeypatch.setattr("sisyphus_web.jobs.services.lease.time.monotonic", lambda: now[0])
    for done in (0, 50, 100):
        now = [next(clock)]
        services.report(claimed, units_done=done, units_total=200)
    claimed.refresh_from_db()
    assert claimed.rate_per_second == pytest.approx(5)
    assert claimed.eta_seconds == pytest.approx(20)
    assert claimed.progress_percent == 50


def test_what_the_first_chunk_had_to_load_is_no_part_of_the_rate(claimed, monkeypatch):
    """A minute for a model and the first 32 items, then 32 items every 4 seconds."""
    now = [100.0]
    monkeypatch.setattr("sisyphus_web.jobs.services.lease.time.monotonic", lambda: now[0])
    services.report(claimed, units_done=0, units_total=1000)
    for seconds, done in ((160, 32), (162, 32), (164, 64), (166, 64), (168, 96)):
        now[0] = seconds
        services.report(claimed, units_done=done)
    claimed.refresh_from_db()
    assert claimed.rate_per_second == pytest.approx(8)


def test_a_done_job_is_at_nothing(job):
    with services.running(job.pk) as work:
        services.report(work, units_done=1, note="video 3 of 3: b.mp4")
    job.refresh_from_db()
    assert (job.status, job.units_done, job.note) == ("done", 1, "")


@pytest.mark.django_db(transaction=True)
def test_work_that_never_reports_loses_its_lease_and_its_process(claimed, settings, monkeypatch):
    settings.JOB_LEASE_SECONDS, settings.JOB_SILENCE_SECONDS = 2, 0
    killed = []
    monkeypatch.setattr(lease, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(lease.Lease, "may_be_killed", True)
    monkeypatch.setattr(lease.os, "kill", lambda pid, number: killed.append((pid, number)))
    with services.lease_kept(claimed):
        end = time.monotonic() + 120
        while not killed and time.monotonic() < end:
            time.sleep(0.05)
    assert killed == [(os.getpid(), signal.SIGKILL)]


def test_report_raises_stopped_after_a_cancel(claimed, mia):
    services.cancel(Job.objects.get(pk=claimed.pk), by=mia)
    with pytest.raises(Stopped):
        services.report(claimed, units_done=1, force=True)


def test_a_job_starts_when_the_last_of_its_parents_is_done(corpus):
    first, second = services.enqueue("count"), services.enqueue("count")
    child = services.enqueue("count", after=[first, second])
    assert child.unmet_deps == 2
    for parent, left in ((first, 1), (second, 0)):
        with services.running(parent.pk):
            pass
        child.refresh_from_db()
        assert child.unmet_deps == left
    assert services.claim(child.pk) is not None


def test_a_parent_that_is_done_is_not_waited_for(job):
    with services.running(job.pk):
        pass
    assert services.enqueue("count", after=[job]).unmet_deps == 0


def test_a_failed_parent_leaves_its_child_queued_with_the_reason(job):
    child = services.enqueue("count", after=[job])
    with services.running(job.pk):
        raise JobError("no pictures in the folder.")
    child.refresh_from_db()
    assert child.status == "queued"
    assert "which failed: no pictures in the folder; retry it" in child.waits_because


def test_retry_of_the_parent_goes_on_with_the_chain(job, mia):
    child = services.enqueue("count", after=[job])
    with services.running(job.pk):
        raise JobError("no pictures")
    assert services.retry(job, by=mia)
    with services.running(job.pk):
        pass
    child.refresh_from_db()
    assert child.unmet_deps == 0


def test_retry_leaves_a_job_alone_that_has_not_failed(claimed, mia):
    assert not services.retry(claimed, by=mia)


def test_cancel_takes_along_what_waits(job, mia):
    child = services.enqueue("count", after=[job])
    grandchild = services.enqueue("count", after=[child])
    cancelled = services.cancel(job, by=mia)
    assert [each.pk for each in cancelled] == [job.pk, child.pk, grandchild.pk]
    assert "because it waits for job" in JobEvent.objects.get(job=grandchild).text


def test_cancel_of_a_job_that_is_over_does_nothing(job, mia):
    with services.running(job.pk):
        pass
    assert services.cancel(job, by=mia) == []


def test_an_idempotency_key_makes_one_job(corpus):
    first = services.enqueue("count", corpus=corpus, idempotency_key="once")
    assert services.enqueue("count", corpus=corpus, idempotency_key="once") == first


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(LookupError, match="media_ingest"):
        services.enqueue("no-such-kind")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"source": 3, "folder": "/x"}, "takes source, uploads; got folder as well"),
        ({"uploads": []}, "missing required field `source`"),
        ({"source": "3"}, "Expected `int`, got `str`"),
    ],
)
def test_params_that_are_not_the_kinds_are_refused(params, words):
    with pytest.raises(ValueError, match=words):
        services.enqueue("media_ingest", **params)
    assert Job.objects.count() == 0


def test_a_worker_leaves_out_the_params_of_a_newer_version():
    given = {"source": 3, "uploads": ["a"], "of_a_newer_version": True}
    assert registry.params_of(given, IngestMedia) == IngestMedia(source=3, uploads=["a"])


def test_nothing_can_wait_for_a_cancelled_job(job, mia):
    services.cancel(job, by=mia)
    with pytest.raises(ValueError, match="cannot wait for a cancelled one"):
        services.enqueue("count", after=[job])


def test_a_rolled_back_caller_leaves_no_job():
    with pytest.raises(RuntimeError), transaction.atomic():  # noqa: PT012 - the block is the claim
        services.enqueue("count")
        raise RuntimeError
    assert Job.objects.count() == 0


def test_a_lost_job_is_queued_until_its_attempts_are_used_up(job):
    for _ in range(2):
        assert services.take_back(services.claim(job.pk), "lease over")
        job.refresh_from_db()
        assert job.status == "queued"
    services.take_back(services.claim(job.pk), "lease over")
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "worker-lost")


def test_a_job_whose_process_is_killed_twice_is_poison(job):
    services.take_back(services.claim(job.pk), "killed", exit_signal=9)
    services.take_back(services.claim(job.pk), "killed", exit_signal=9)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "poison")
    assert list(JobAttempt.objects.values_list("exit_signal", flat=True)) == [9, 9]


def test_the_database_refuses_a_final_job_without_its_time(job):
    with pytest.raises(Exception, match="job_is_finished_iff_final"), connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_job SET status = 'done' WHERE id = %s", [job.pk])
