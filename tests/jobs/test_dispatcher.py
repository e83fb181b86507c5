import os
import time
from datetime import timedelta

import pytest
from django.db.models import Q
from django.db.models.functions import Now

from sisyphus_web import audit
from sisyphus_web.celery import app
from sisyphus_web.jobs import dispatcher, publish, services
from sisyphus_web.jobs.models import Job, JobAttempt

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _short_lease(settings):
    settings.JOB_LEASE_SECONDS = 2  # this run's PostgreSQL is older than half of that


@pytest.fixture(autouse=True)
def _empty_queue():
    with app.connection_for_write() as broker:
        broker.default_channel.queue_purge("tests")


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))


def test_a_job_whose_lease_is_over_is_queued_again(claimed):
    expire(claimed)
    assert dispatcher.take_back_lost() == 1
    claimed.refresh_from_db()
    assert (claimed.status, claimed.attempt) == ("queued", 1)
    assert JobAttempt.objects.get(job=claimed).outcome == "lost"


def test_a_job_with_a_live_lease_is_left_alone(claimed):
    Job.objects.filter(pk=claimed.pk).update(lease_until=Now() + timedelta(minutes=1))
    assert dispatcher.take_back_lost() == 0


def test_nobody_is_taken_for_dead_right_after_a_restart_of_postgres(claimed, settings):
    settings.JOB_LEASE_SECONDS = 10**6
    expire(claimed)
    assert dispatcher.take_back_lost() == 0


def test_a_lease_renewed_meanwhile_is_respected(claimed, settings):
    settings.JOB_LEASE_SECONDS = 60
    expire(claimed)
    seen = Job.objects.lost().get()
    services.report(claimed, units_done=1)
    assert not services.take_back(seen, "lost", only=Q(lease_until__lt=Now()))


def test_a_job_nobody_heard_of_is_published(job):
    assert dispatcher.publish_unheard() == 1
    assert publish.queue_length("tests") == 1
    assert dispatcher.publish_unheard() == 0  # not again within ten seconds


def test_a_long_queue_is_not_filled_twice(job):
    dispatcher.publish_unheard()
    Job.objects.update(last_published_at=Now() - timedelta(minutes=1))
    assert dispatcher.publish_unheard() == 0


def test_a_waiting_job_is_not_published(job):
    services.enqueue("count", after=[job])
    assert dispatcher.publish_unheard() == 1


def test_orphan_folders_are_removed_after_a_day(claimed, data_dir):
    folders = {
        name: data_dir / "runs" / name for name in (f"{claimed.pk}/1", f"{claimed.pk}/0", "999/1", "999/2")
    }
    yesterday = time.time() - 25 * 3600
    for name, folder in folders.items():
        folder.mkdir(parents=True)
        (folder / "part").touch()
        if name != "999/2":
            os.utime(folder, (yesterday, yesterday))
    dispatcher.remove_orphans()
    left = [name for name, folder in folders.items() if folder.exists()]
    assert left == [f"{claimed.pk}/1", "999/2"]  # the running attempt's, and a fresh one


def test_a_failing_periodic_work_stops_nothing(caplog):
    done = []
    works = [
        dispatcher.Periodic("fail", 60, lambda: 1 / 0),
        dispatcher.Periodic("count", 60, lambda: done.append(1)),
    ]
    dispatcher.sweep(works)
    dispatcher.sweep(works)
    assert done == [1]
    assert "could not fail" in caplog.text


def test_the_books_balance(claimed, corpus):
    services.enqueue("count", corpus=corpus, after=[claimed])
    assert list(audit.job_problems()) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"unmet_deps": 5}, "says it waits for 5 jobs"),
        ({"status": "done", "finished_at": Now()}, "not by exactly one attempt"),
    ],
)
def test_books_that_do_not_balance_are_named(job, change, sentence):
    Job.objects.filter(pk=job.pk).update(**change)
    assert any(sentence in problem for problem in audit.job_problems())


def test_what_the_broker_never_got_is_published_first(job, corpus):
    Job.objects.filter(pk=job.pk).update(last_published_at=Now() - timedelta(minutes=1))
    services.enqueue("count", corpus=corpus)  # its doorbell never rang
    with app.connection_for_write() as broker:  # the message of the first is still on its way
        broker.default_channel.client.lpush("tests", "{}")
    assert dispatcher.publish_unheard() == 1
    job.refresh_from_db()
    assert Job.objects.filter(last_published_at__gt=job.last_published_at).count() == 1


def test_a_job_of_higher_priority_is_published_first_and_read_first(job, corpus):
    late = services.enqueue("count", corpus=corpus, priority=1)
    later = services.enqueue("count", corpus=corpus, priority=-1)
    assert dispatcher.publish_unheard() == 3
    assert publish.queue_length("tests") == 3
    seen = []
    with app.connection_for_write() as broker:
        consumer = app.amqp.TaskConsumer(broker.default_channel, queues=[app.amqp.queues["tests"]])
        consumer.on_message = lambda message: seen.append(message.payload[0][0])
        with consumer:
            while len(seen) < 3:
                broker.drain_events(timeout=120)
    assert seen == [late.pk, job.pk, later.pk]


@pytest.mark.parametrize(
    ("status", "hours", "stays"),
    [
        ("cancelled", 0, True),  # its worker may not know yet
        ("cancelled", 2, False),
        ("done", 2, False),
        ("failed", 48, True),  # for a retry
        ("failed", 24 * 8, False),
    ],
)
def test_what_a_job_left_is_removed_when_nobody_goes_on_with_it(job, data_dir, status, hours, stays):
    chunks = data_dir / "runs" / str(job.pk) / "chunks"
    chunks.mkdir(parents=True)
    (chunks / "000000.zip").touch()
    Job.objects.filter(pk=job.pk).update(status=status, finished_at=Now() - timedelta(hours=hours))
    dispatcher.remove_orphans()
    assert chunks.parent.exists() == stays
