import pytest
from django.test import Client

from sisyphus_web.accounts import services as accounts
from sisyphus_web.jobs import services
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.jobs.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_():
    def client(user) -> Client:
        made = Client()
        made.force_login(user)
        return made

    return client


def url(job: Job, rest: str = "") -> str:
    return f"/api/v1/corpora/{job.corpus_id}/jobs/{job.pk}/{rest}"


def test_a_job_says_all_there_is_to_say(as_, claimed, vera):
    services.report(claimed, units_done=1, units_total=4, unit="files", note="a.jpg")
    body = as_(vera).get(url(claimed)).json()
    assert body["title"] == "Count"
    assert (body["units_done"], body["units_total"], body["unit"], body["note"]) == (1, 4, "files", "a.jpg")
    assert (body["status"], body["progress_share"], body["attempt"]) == ("running", 0.25, 1)
    assert (body["advice"], body["waits_for"], body["created_by"]) == ("", [], "mia")


def test_the_list_is_of_the_corpus_and_filtered(as_, job, corpus, vera):
    services.enqueue("count")  # of no corpus
    other = services.enqueue("count", corpus=corpus)
    services.cancel(other, by=None)
    client, path = as_(vera), f"/api/v1/corpora/{corpus.pk}/jobs/"
    assert [each["id"] for each in client.get(path).json()["results"]] == [other.pk, job.pk]
    assert [each["id"] for each in client.get(path + "?status=queued").json()["results"]] == [job.pk]
    assert client.get(path + "?status=sleeping").status_code == 400


def test_the_list_costs_the_same_for_many(as_, corpus, vera, django_assert_max_num_queries):
    parent = services.enqueue("count", corpus=corpus)
    for _ in range(10):
        services.enqueue("count", corpus=corpus, after=[parent])
    client = as_(vera)
    with django_assert_max_num_queries(10):
        client.get(f"/api/v1/corpora/{corpus.pk}/jobs/")


def test_a_waiting_job_names_what_it_waits_for(as_, job, corpus, vera):
    child = services.enqueue("count", corpus=corpus, after=[job])
    body = as_(vera).get(url(child)).json()
    assert (body["unmet_deps"], body["waits_for"]) == (1, [job.pk])


def test_a_failed_job_says_what_to_do(as_, job, vera):
    with services.running(job.pk):
        raise JobError("no pictures")
    body = as_(vera).get(url(job)).json()
    assert (body["error_code"], body["error_text"]) == ("job-error", "no pictures")
    assert "retry" in body["advice"]


def test_cancel_says_what_went_with_it(as_, job, corpus, mia):
    child = services.enqueue("count", corpus=corpus, after=[job])
    body = as_(mia).post(url(job, "cancel/")).json()
    assert (body["job"]["status"], body["cancelled"]) == ("cancelled", [job.pk, child.pk])
    assert as_(mia).post(url(job, "cancel/")).status_code == 409


def test_retry_of_a_failed_job(as_, job, mia):
    assert as_(mia).post(url(job, "retry/")).status_code == 409
    with services.running(job.pk):
        raise JobError("no pictures")
    assert as_(mia).post(url(job, "retry/")).json()["status"] == "queued"


def test_an_annotator_changes_and_reads_only_their_own(as_, job, corpus, ann):
    own = services.enqueue("count", corpus=corpus, created_by=ann)
    assert as_(ann).post(url(job, "cancel/")).status_code == 403
    assert as_(ann).get(url(job, "log/")).status_code == 403
    assert as_(ann).get(url(own, "log/")).status_code == 200
    assert as_(ann).post(url(own, "cancel/")).status_code == 200


def test_the_log_is_newest_first(as_, claimed, mia):
    services.log(claimed, "file 3 is not a picture", "warning")
    lines = as_(mia).get(url(claimed, "log/")).json()["results"]
    assert [line["level"] for line in lines] == ["warning", "info"]


def test_a_job_of_another_corpus_is_not_found(as_, job, stan):
    theirs = accounts.create_corpus(name="theirs", created_by=stan)
    for rest in ("", "cancel/", "retry/", "log/"):
        path = f"/api/v1/corpora/{theirs.pk}/jobs/{job.pk}/{rest}"
        ask = as_(stan).post if rest in ("cancel/", "retry/") else as_(stan).get
        assert ask(path).status_code == 404


def test_an_operator_sees_and_cancels_every_job(as_, job, olga):
    client = as_(olga)
    assert [each["id"] for each in client.get("/api/v1/jobs/").json()["results"]] == [job.pk]
    assert client.post(f"/api/v1/jobs/{job.pk}/cancel/").status_code == 200
    assert client.get(f"/api/v1/jobs/{job.pk}/log/").json()["results"][0]["by"] == "olga"


def test_the_system_answer_has_workers_queues_and_disk(as_, job, olga):
    body = as_(olga).get("/api/v1/system/").json()
    queue = next(each for each in body["queues"] if each["name"] == "tests")
    assert (queue["ready"], queue["running"]) == (1, 0)
    assert body["disk"]["free_bytes"] > 0
    assert body["workers"] == []
