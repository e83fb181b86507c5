"""Training over REST: a run, its version, live and back, points, scores, histogram, comparison."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from indexing.models import FeatureSet
from sisyphus_web.jobs.models import Job
from tests.training.conftest import decide, freeze, plant, run_job, trained
from training.services.operating_points import choose_point

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(corpus):
    return f"/api/v1/corpora/{corpus.pk}"


@pytest.fixture
def client(mia):
    made = APIClient()
    made.force_authenticate(mia)
    return made


def post(client, path, body=None):
    return client.post(path, body or {}, format="json")


def test_a_run_is_asked_for_followed_and_ends_in_a_version(client, api, version, cat):
    asked = post(client, f"{api}/runs/", {"dataset_version": version.pk, "classifier": "cats"})
    assert asked.status_code == 201, asked.json()
    run = asked.json()
    assert (run["status"], run["version"], run["classes"]) == (
        "queued",
        None,
        [{"id": cat.pk, "name": "cat"}],
    )
    run_job(Job.objects.get(pk=run["job"]))
    done = client.get(f"{api}/runs/{run['id']}/").json()
    assert (done["status"], done["error"], done["classifier_name"]) == ("done", "", "cats")
    assert {row["phase"] for row in done["curve"]} == {"path", "fit"}
    assert done["evaluation"]["test"]["classes"][0]["roc_auc"] > 0.9
    made = client.get(f"{api}/classifier-versions/{done['version']}/").json()
    assert (made["number"], made["is_live"], made["classifier_name"]) == (1, True, "cats")
    (point,) = made["operating_points"]
    assert (point["label_class"], point["by"], point["expected"]["side"]) == (cat.pk, None, "val")
    (listed,) = client.get(f"{api}/classifiers/").json()["results"]
    assert [each["id"] for each in listed["versions"]] == [done["version"]]
    worth = done["evaluation"]["test"]["macro_average_precision"]
    assert [each["test_average_precision"] for each in (made, *listed["versions"])] == [worth, worth]
    assert [each["id"] for each in client.get(f"{api}/runs/").json()["results"]] == [run["id"]]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"target": "multi_class"}, 409, "one-class-only"),
        ({"classes": [10**9]}, 400, "unknown-class"),
        ({"classes": []}, 400, "unknown-class"),
        ({"dataset_version": 10**9}, 404, "not_found"),
        ({"feature_set": 10**9}, 404, "not_found"),
        ({"classifier": "a/b"}, 400, "invalid"),
        ({"options": {"seed": -1}}, 400, "invalid"),
        ({"options": {"learning_rate": 1}}, 400, "invalid"),
        ({"kind": "fine_tune", "options": {"network": "no-such-network"}}, 409, "encoder-not-usable"),
        ({"kind": "fine_tune", "options": {"network": "file:../secret"}}, 409, "encoder-not-usable"),
        ({"kind": "guess"}, 400, "invalid"),
    ],
)
def test_a_run_that_cannot_be_is_refused_with_a_sentence(client, api, version, change, status, code):
    answer = post(client, f"{api}/runs/", {"dataset_version": version.pk} | change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(answer.json()["detail"]) > 20
    assert not Job.objects.filter(kind__startswith="classifier").exists()


def test_a_network_that_nobody_knows_is_told_from_those_that_are_known(client, api, version):
    for network in ("torchvision:no_such_network", "no_such_network"):
        asked = {"dataset_version": version.pk, "kind": "fine_tune", "options": {"network": network}}
        said = post(client, f"{api}/runs/", asked).json()["detail"]
        assert said.startswith(f"{network} is not one of the networks whose weights are known (")
        assert "torchvision:resnet50" in said


def test_live_goes_forward_and_back_and_is_told(client, api, version, mia):
    first, second, third = (trained(version, mia, options={"seed": n}) for n in range(3))
    for made in (second, third):
        answer = post(client, f"{api}/classifier-versions/{made.pk}/live/")
        assert (answer.status_code, answer.json()["number"]) == (201, made.number)
    again = post(client, f"{api}/classifier-versions/{third.pk}/live/")
    assert (again.status_code, again.json()["code"]) == (409, "already-live")
    back = f"{api}/classifiers/{first.classifier_id}/roll-back/"
    assert [post(client, back).json()["number"] for _ in range(2)] == [2, 1]
    assert post(client, back).json()["code"] == "already-live"
    told = client.get(f"{api}/classifiers/{first.classifier_id}/").json()["live_events"]
    assert [(each["number"], each["is_rollback"], each["by"]) for each in told] == [
        (1, True, "mia"), (2, True, "mia"), (3, False, "mia"), (2, False, "mia"), (1, False, "mia"),
    ]  # fmt: skip
    page = client.get(f"{api}/classifiers/{first.classifier_id}/live-events/?page_size=2").json()
    rest = client.get(page["next"]).json()
    assert page["results"] + rest["results"] == told[:4]


def test_an_operating_point_carries_what_was_measured(client, api, version, mia, cat):
    made = trained(version, mia)
    points = f"{api}/classifier-versions/{made.pk}/operating-points/"
    measured = made.run.evaluation["val"]["classes"][0]["points"]
    precise = post(client, points, {"class": cat.pk, "aim": "precision", "at_least": 0.9}).json()
    kept = [each for each in measured if each["precision"] is not None and each["precision"] >= 0.9]
    assert precise["expected"]["recall"] == max(each["recall"] for each in kept)
    assert (precise["expected"]["precision"] >= 0.9, precise["by"]) == (True, "mia")
    dragged = post(client, points, {"class": cat.pk, "threshold": measured[5]["threshold"]}).json()
    for name in ("precision", "recall", "precision_low", "recall_high"):
        assert dragged["expected"][name] == measured[5][name]
    above = post(client, points, {"class": cat.pk, "threshold": 1.0}).json()
    assert above["expected"]["num_predicted"] == 0
    (holds,) = client.get(points).json()
    assert holds["threshold"] == 1.0


@pytest.mark.parametrize(
    "body", [{}, {"threshold": 2.0}, {"threshold": 0.5, "aim": "f1"}, {"aim": "luck"}, {"threshold": None}]
)
def test_an_operating_point_that_is_none_is_refused(client, api, version, mia, cat, body):
    made = trained(version, mia)
    answer = post(client, f"{api}/classifier-versions/{made.pk}/operating-points/", {"class": cat.pk} | body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_the_corpus_is_scored_and_counted(client, api, version, mia, cat):
    made = trained(version, mia, go_live=False)
    state = client.get(f"{api}/classifier-versions/{made.pk}/scores/").json()
    assert (state["status"], state["num_scores"], state["is_current"]) == ("queued", 0, False)
    early = client.get(f"{api}/classifier-versions/{made.pk}/histogram/")
    assert (early.status_code, early.json()["code"]) == (409, "not-scored")
    run_job(Job.objects.get(pk=state["job"]))
    state = client.get(f"{api}/classifier-versions/{made.pk}/scores/").json()
    assert (state["status"], state["num_scores"], state["is_current"]) == ("done", 240, True)
    found = client.get(f"{api}/classifier-versions/{made.pk}/histogram/", {"class": cat.pk}).json()
    assert (sum(found["counts"]), len(found["counts"])) == (240, found["num_bins"])
    assert sum(found["accepted"]) + sum(found["rejected"]) == 240
    half = found["num_bins"] // 2
    assert sum(found["accepted"][half:]) > sum(found["accepted"][:half])


def test_versions_are_compared_on_one_test_set_only(client, api, corpus, ann, mia, cat, there, version):
    first = trained(version, mia)
    same = trained(version, mia, options={"seed": 3})
    address = f"{api}/classifier-versions/{same.pk}/compare/{first.pk}/"
    assert abs(client.get(address).json()["better"]) < 0.2
    more = plant(corpus, 200, feature_set=FeatureSet.objects.get(), seed=7)
    decide(corpus, ann, cat, more.items, more.is_of)
    later = freeze(corpus, mia, cat)
    second = trained(later, mia)
    address = f"{api}/classifier-versions/{second.pk}/compare/{first.pk}/"
    refused = client.get(address)
    assert (refused.status_code, refused.json()["code"]) == (409, "different-test-sets")
    judged = client.get(address, {"on": later.pk}).json()
    assert judged["num_items"] == later.entries.filter(split="test").count()
    assert judged["new"]["evaluation"]["num_items"] == judged["old"]["evaluation"]["num_items"]
    own = second.run.evaluation["test"]["macro_average_precision"]
    assert judged["new"]["evaluation"]["macro_average_precision"] == pytest.approx(own)
    foreign = client.get(address, {"on": 10**9})
    assert foreign.status_code == 404
    with CaptureQueriesContext(connection) as asked:
        again = client.get(address, {"on": later.pk}).json()
    assert again == judged
    assert not any("labeling_datasetentry" in each["sql"] for each in asked)  # it was judged once
    choose_point(second, cat, threshold=0.999, by=mia)
    other = client.get(address, {"on": later.pk}).json()["new"]["evaluation"]["classes"][0]
    assert other["operating_point"]["threshold"] == pytest.approx(0.999)


def test_a_list_of_classifiers_reads_no_curve_and_no_evaluation(client, api, version, mia):
    trained(version, mia)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(f"{api}/classifiers/").json()["results"]
    read = " ".join(each["sql"] for each in asked)
    assert '"training_run"."encoder"' in read
    assert '"training_run"."curve"' not in read
    assert '"training_run"."evaluation",' not in read
