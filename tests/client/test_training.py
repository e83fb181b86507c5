"""The Python client trains, judges, scores, goes back and fetches ONNX, against a server and a worker."""

import hashlib

import pytest

from sisyphus_client import JobFailed, Term
from tests.client.conftest import TASKS
from tests.labeling.conftest import cat  # noqa: F401 - a fixture
from tests.training.conftest import decide, plant
from training.models import ClassifierVersion, OnnxExport
from training.services.onnx import export_folder

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def answered(corpus, ann, cat):  # noqa: F811
    """A class of which 120 photos are answered."""
    planted = plant(corpus, 120)
    decide(corpus, ann, cat, planted.items, planted.is_of)
    return planted


def frozen(client, corpus):
    return client.corpus(corpus.pk).freeze(val_share=0.25, test_share=0.25, unit="frame")


def test_a_run_is_followed_to_a_version_that_is_judged_and_scores(client, corpus, cat, answered):  # noqa: F811
    found, told = client.corpus(corpus.pk), []
    run = found.train(frozen(client, corpus), name="cats").wait(timeout_seconds=180, on_progress=told.append)
    assert (run.status, len(told) > 0, len(run.curve) > 0) == ("done", True, True)
    assert run.evaluation["test"]["classes"][0]["average_precision"] > 0.5
    version = run.version
    assert (version.number, version.is_live, version.classes) == (1, True, {"cat": cat.pk})
    assert version.evaluation["test"] == run.evaluation["test"]
    scores = version.score(timeout_seconds=180)
    assert (scores["num_scores"], scores["is_current"]) == (120, True)
    assert sum(version.histogram(cat.pk)["counts"]) == 120
    assert [each.id for each in found.runs()] == [run.id]


def test_a_threshold_is_chosen_by_what_is_wanted(client, corpus, cat, answered):  # noqa: F811
    version = client.corpus(corpus.pk).train(frozen(client, corpus)).wait(timeout_seconds=180).version
    point = version.choose_point(cat.pk, aim="recall", at_least=0.9)
    assert point["expected"]["recall"] >= 0.9
    assert version.choose_point(cat.pk, threshold=0.25)["threshold"] == 0.25
    assert version.operating_points[cat.pk]["threshold"] == 0.25


def test_two_versions_are_compared_and_the_first_is_gone_back_to(client, corpus, answered):
    found = client.corpus(corpus.pk)
    dataset = frozen(client, corpus)
    first, second = (
        found.train(dataset, name="cats", options=options).wait(timeout_seconds=180).version
        for options in ({}, {"regularization": 1e6})
    )
    assert second.compare(first)["better"] <= 0
    assert second.compare(first, on=dataset)["num_items"] == first.evaluation["test"]["num_items"]
    assert second.make_live().is_live
    classifier = found.classifier("cats")
    assert ([each.number for each in classifier.versions], classifier.live.number) == ([2, 1], 2)
    assert classifier.roll_back().live.number == 1
    with pytest.raises(LookupError, match="no classifier 'dogs'"):
        found.classifier("dogs")


def test_a_run_that_is_not_done_has_no_version(client, corpus, answered, monkeypatch):
    monkeypatch.delitem(TASKS, "classifier_train")  # nobody works on it
    run = client.corpus(corpus.pk).train(frozen(client, corpus))
    run.job.cancel()
    with pytest.raises(JobFailed, match="cancelled"):
        run.wait(timeout_seconds=180)
    with pytest.raises(LookupError, match="no version yet"):
        _ = run.version


def test_an_onnx_file_comes_by_its_part_and_is_checked(client, corpus, mia, answered, tmp_path):
    version = client.corpus(corpus.pk).train(frozen(client, corpus)).wait(timeout_seconds=180).version
    with pytest.raises(JobFailed, match="no picture"):  # of planted features
        version.export_onnx().wait(timeout_seconds=180)
    made = OnnxExport.objects.create(version=ClassifierVersion.objects.get(), created_by=mia)
    folder, data = export_folder(made), b"graph" * 1000
    folder.mkdir(parents=True)
    (folder / "whole.onnx").write_bytes(data)
    facts = {"file": "whole.onnx", "file_name": "cat_v1_whole.onnx", "size_bytes": len(data)}
    facts |= {"sha256": hashlib.sha256(data).hexdigest(), "largest_difference": 1e-7, "num_compared": 8}
    made.files, made.published_at = {"whole": facts}, made.created_at
    made.save()
    export = next(each for each in version.onnx_exports() if each.id == made.pk)
    assert export.download(tmp_path).read_bytes() == data
    assert "onnxruntime.InferenceSession" in export.example()
    with pytest.raises(LookupError, match="no part 'head'; there is whole"):
        export.download(tmp_path, "head")


def test_a_classifier_is_a_term_of_a_query():
    said = Term.classifier(3, label_class=4, weight=-0.5).to_json()
    assert said == {"kind": "classifier", "weight": -0.5, "classifier": 3, "class": 4}
