"""Jobs as pages: of a corpus, of the site; cancel, retry, log."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from sisyphus_web.jobs.models import Job
from tests import factories as made


@pytest.fixture
def as_mia(client, mia):
    client.force_login(mia)
    return client


def test_a_running_job_shows_progress_rate_and_what_is_left(as_mia, corpus):
    made.JobFactory(corpus=corpus, is_running=True)
    page = as_mia.get(reverse("corpus-jobs-page", args=[corpus.pk])).content.decode()
    assert 'max="100" value="38"' in page
    assert "2.4/s" in page
    assert "1 min left" in page


def test_a_failed_job_says_what_happened_and_what_to_do(as_mia, corpus):
    job = made.JobFactory(corpus=corpus, is_failed=True)
    page = as_mia.get(reverse("corpus-jobs-page", args=[corpus.pk])).content.decode()
    assert job.error_text in page
    assert job.advice in page


@pytest.mark.parametrize(("trait", "every"), [("is_running", "every 2s"), ("is_failed", "every 15s")])
def test_the_list_asks_often_only_while_something_moves(as_mia, corpus, trait, every):
    made.JobFactory(corpus=corpus, **{trait: True})
    page = as_mia.get(reverse("corpus-jobs-page", args=[corpus.pk])).content.decode()
    assert f'hx-trigger="{every}' in page


def test_cancelling_without_a_script_goes_back_to_the_list(as_mia, corpus):
    job = made.JobFactory(corpus=corpus, is_queued=True)
    answer = as_mia.post(reverse("corpus-job-cancel", args=[corpus.pk, job.pk]))
    assert answer.url == reverse("corpus-jobs-page", args=[corpus.pk])
    assert Job.objects.get(pk=job.pk).status == "cancelled"


def test_retrying_with_htmx_answers_the_one_job_and_a_toast(as_mia, corpus):
    job = made.JobFactory(corpus=corpus, is_failed=True)
    answer = as_mia.post(
        reverse("corpus-job-retry", args=[corpus.pk, job.pk]), headers={"HX-Request": "true"}
    )
    assert answer.content.decode().count("<li ") == 1
    assert f"Job {job.pk} is queued again." in answer.headers["HX-Trigger"]
    assert "HX-Request" in answer.headers["Vary"]


def test_a_job_of_another_corpus_is_not_found(as_mia, corpus):
    job = made.JobFactory()
    assert as_mia.get(reverse("corpus-job-log", args=[corpus.pk, job.pk])).status_code == 404


def test_the_log_is_in_order(as_mia, corpus):
    job = made.JobFactory(corpus=corpus)
    for text in ("first", "second"):
        made.JobEventFactory(job=job, text=text)
    page = as_mia.get(reverse("corpus-job-log", args=[corpus.pk, job.pk])).content.decode()
    assert page.index("first") < page.index("second")


def test_the_operator_sees_jobs_of_every_corpus_workers_and_queues(client, olga, corpus):
    made.JobFactory(corpus=corpus, is_running=True)
    made.WorkerFactory(name="cpu@workstation")
    client.force_login(olga)
    page = client.get("/jobs/").content.decode()
    for words in (corpus.name, "cpu@workstation", "free of"):
        assert words in page


def test_the_operators_page_says_when_nobody_works(client, olga):
    client.force_login(olga)
    assert "No worker has been heard of" in client.get("/jobs/").content.decode()


def test_many_jobs_cost_as_many_queries_as_few(as_mia, corpus, django_assert_max_num_queries):
    made.JobFactory.create_batch(12, corpus=corpus, is_failed=True)
    with django_assert_max_num_queries(11):
        as_mia.get(reverse("corpus-jobs-page", args=[corpus.pk]))


def test_the_log_is_for_the_author_and_the_managers(client, corpus, ann, mia, vera):
    job = made.JobFactory(corpus=corpus, created_by=ann)
    url, page = (reverse(name, args=[corpus.pk, *more]) for name, more in (
        ("corpus-job-log", [job.pk]), ("corpus-jobs-page", [])
    ))  # fmt: skip
    for user, status in ((ann, 200), (mia, 200), (vera, 403)):
        client.force_login(user)
        assert client.get(url).status_code == status
        assert (url in client.get(page).content.decode()) == (status == 200)
    made.JobFactory(corpus=corpus, created_by=mia)
    others = Job.objects.latest("pk")
    client.force_login(ann)
    assert client.get(reverse("corpus-job-log", args=[corpus.pk, others.pk])).status_code == 403


def test_a_result_may_have_any_names(as_mia, corpus):
    job = made.JobFactory(corpus=corpus, result={"items": 24, "keys": 2})
    page = as_mia.get(reverse("corpus-job-log", args=[corpus.pk, job.pk])).content.decode()
    assert "<dt>items</dt><dd>24</dd>" in page


def test_a_job_whose_worker_is_silent_says_since_when_and_when_it_goes_on(
    as_mia, corpus, settings, monkeypatch
):
    settings.JOB_LEASE_SECONDS = 60
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    ends = now + timedelta(seconds=19)
    made.JobFactory(corpus=corpus, is_running=True, lease_until=ends)
    page = as_mia.get(reverse("corpus-jobs-page", args=[corpus.pk])).content.decode()
    assert f"not heard from for 41 s; will be taken up again at {ends:%H:%M:%S} UTC" in page
    assert "2.4/s" not in page
    assert "min left" not in page
