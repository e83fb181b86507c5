"""Ids of another corpus in addresses and bodies are ids of nothing, also for a manager."""

from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from indexing.models import Item
from labeling.models import LabelClass, Verdict
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs import services as jobs
from tests import factories as made

pytestmark = pytest.mark.django_db


@pytest.fixture
def theirs(stan: User) -> dict[str, object]:
    """One of everything in a corpus that mia is not in."""
    corpus = Corpus.objects.create(name="theirs", created_by=stan)
    media = made.MediaFileFactory(corpus=corpus)
    stack = made.StackFactory(corpus=corpus)
    item = made.ItemFactory(corpus=corpus, media_file=media, stack=stack)
    label_class = made.LabelClassFactory(corpus=corpus)
    query_round = made.QueryRoundFactory(corpus=corpus, label_class=label_class)
    version = made.DatasetVersionFactory(corpus=corpus)
    features = made.FeatureSetFactory(corpus=corpus)
    run = made.RunFactory(classifier__corpus=corpus, dataset_version=version, feature_set=features)
    classifier_version = made.ClassifierVersionFactory(run=run)
    return {
        "item": item,
        "media": media,
        "stack": stack,
        "class": label_class,
        "round": query_round,
        "image": made.QueryImageFactory(corpus=corpus),
        "weak": made.WeakBatchFactory(corpus=corpus, query_round=query_round),
        "version": version,
        "export": made.ExportFactory(dataset_version=version),
        "import": made.LabelImportFactory(corpus=corpus),
        "job": jobs.enqueue("stacks_build", corpus=corpus, created_by=stan),
        "source": made.SourceFactory(corpus=corpus),
        "upload": made.UploadFactory(corpus=corpus),
        "features": features,
        "audit": made.AuditFactory(ranking__query_round=query_round),
        "run": run,
        "classifier": run.classifier,
        "classifier_version": classifier_version,
        "onnx": made.OnnxExportFactory(version=classifier_version),
        "verdict": made.VerdictFactory(corpus=corpus, item=item, label_class=label_class),
    }


@pytest.fixture
def client(mia):
    client = APIClient()
    client.force_login(mia)
    return client


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("get", "items/{item}/"),
        ("get", "items/{item}/thumbnail/"),
        ("get", "items/{item}/frame/"),
        ("get", "stacks/{stack}/"),
        ("get", "stacks/{stack}/tiles/"),
        ("get", "media/{media}/"),
        ("delete", "media/{media}/"),
        ("post", "sources/{source}/scan/"),
        ("get", "uploads/{upload}/"),
        ("get", "classes/{class}/"),
        ("get", "query-images/{image}/"),
        ("get", "rounds/{round}/"),
        ("post", "weak/{weak}/revert/"),
        ("post", "weak/{weak}/purity/"),
        ("get", "audits/{audit}/"),
        ("post", "audits/{audit}/stop/"),
        ("get", "audits/plan/?round={round}"),
        ("get", "audits/?class={class}"),
        ("get", "forecast/?class={class}"),
        ("get", "datasets/{version}/"),
        ("get", "exports/{export}/"),
        ("get", "exports/{export}/file/"),
        ("get", "imports/{import}/"),
        ("post", "imports/{import}/take/"),
        ("post", "imports/{import}/undo/"),
        ("get", "imports/{import}/report/"),
        ("post", "features/{features}/activate/"),
        ("get", "runs/{run}/"),
        ("get", "classifiers/{classifier}/"),
        ("post", "classifiers/{classifier}/roll-back/"),
        ("get", "classifier-versions/{classifier_version}/"),
        ("post", "classifier-versions/{classifier_version}/live/"),
        ("get", "classifier-versions/{classifier_version}/compare/{classifier_version}/"),
        ("get", "classifier-versions/{classifier_version}/operating-points/"),
        ("get", "classifier-versions/{classifier_version}/scores/"),
        ("post", "classifier-versions/{classifier_version}/scores/"),
        ("get", "classifier-versions/{classifier_version}/histogram/"),
        ("post", "classifier-versions/{classifier_version}/onnx/"),
        ("get", "onnx/{onnx}/head/"),
        ("get", "onnx/{onnx}/head/example/"),
        ("get", "jobs/{job}/"),
        ("post", "jobs/{job}/cancel/"),
        ("post", "jobs/{job}/retry/"),
        ("get", "jobs/{job}/log/"),
    ],
)
def test_in_an_address_they_are_not_found(client, corpus, theirs, method, address):
    place = address.format(**{name: thing.pk for name, thing in theirs.items()})
    answer = getattr(client, method)(f"/api/v1/corpora/{corpus.pk}/{place}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        ("rank/", {"class": "class", "terms": [{"kind": "vector", "vector": [1.0]}]}, 404),
        ("rank/", {"terms": [{"kind": "item", "item": "item"}]}, 404),
        ("rank/", {"terms": [{"kind": "image", "image": "image"}]}, 404),
        ("rank/", {"terms": [{"kind": "classifier", "classifier": "classifier"}]}, 404),
        ("rank/", {"mode": "browse", "filters": {"scores": [{"classifier": "classifier"}]}}, 404),
        ("runs/", {"dataset_version": "version"}, 404),
        ("weak/", {"round": "round", "first_n": 1}, 404),
        ("later/", {"class": "class", "items": [1]}, 404),
        ("leases/", {"class": "class", "page": "tab", "tiles": [1]}, 404),
        ("gold/", {"class": "class", "items": [1], "answer": "accept"}, 404),
        ("audits/", {"round": "round", "horizon": 5, "looks": 1}, 404),
        ("datasets/", {"classes": ["class"]}, 400),
        ("exports/", {"dataset_version": "version", "format": "csv"}, 404),
        ("uploads/finish/", {"uploads": ["upload"]}, 409),
    ],
)
def test_in_a_body_they_are_refused(client, corpus, theirs, address, body, status):
    def filled(value):
        if isinstance(value, dict):
            return {key: each if key == "kind" else filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [filled(each) for each in value]
        return getattr(theirs[value], "pk") if value in theirs else value  # noqa: B009 - any model

    body = filled(body) if "vector" not in str(body) else body | {"class": theirs["class"].pk}
    answer = client.post(f"/api/v1/corpora/{corpus.pk}/{address}", body, format="json")
    assert answer.status_code == status, answer.content


def test_in_an_answer_they_are_rejected_and_nothing_is_written(client, corpus, theirs, mia):
    own = made.ItemFactory(corpus=corpus, media_file=made.MediaFileFactory(corpus=corpus))
    cat = LabelClass.objects.create(corpus=corpus, name="cat", created_by=mia)
    right = {"item": own.pk, "class": cat.pk, "answer": "accept", "base_version": 0}
    wrong = [{"item": theirs["item"].pk}, {"class": theirs["class"].pk}, {"round": theirs["round"].pk}]
    ids = [{"operation_id": str(uuid4()), "batch": str(uuid4())} for _ in range(4)]
    operations = [right | each | names for each, names in zip(wrong, ids, strict=False)]
    operations.append(right | {"stack": theirs["stack"].pk} | ids[3])
    url = f"/api/v1/corpora/{corpus.pk}/"
    results = client.post(f"{url}verdicts/", {"operations": operations}, format="json").json()["results"]
    assert [each["outcome"] for each in results] == ["rejected"] * 3 + ["applied"]
    (written,) = Verdict.objects.filter(corpus=corpus)
    assert (written.item_id, written.stack_id, written.member_ids) == (own.pk, None, [])
    undo = {"batch": str(theirs["verdict"].batch), "operation_id": str(uuid4())}
    assert client.post(f"{url}undo/", undo, format="json").status_code == 404
    thumbnails = client.get(f"{url}thumbnails/?ids={theirs['item'].pk}")
    assert thumbnails.content == b"\0\0\0\0"
    assert client.get(f"{url}items/?stack={theirs['stack'].pk}").json()["results"] == []
    assert Item.objects.live().filter(pk=theirs["item"].pk).exists()
