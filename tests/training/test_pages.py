"""The training pages: runs and the form that starts one, a run's evaluation, versions, scores, comparison."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labeling.models import DatasetVersion
from sisyphus_web.jobs.models import Job
from tests import factories as made
from tests.training.conftest import decide, freeze, plant, run_job, trained
from training.models import Classifier, OnnxExport, OperatingPoint, Run, ScoreSet
from training.services.runs import request_run

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def as_mia(client, mia):
    client.force_login(mia)
    return client


@pytest.fixture
def as_vera(client, corpus, vera):
    client.force_login(vera)
    return client


def text(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def form(label_class, **other):
    plain = {"source": "freeze", "kind": "probe", "target": "multi_label", "class_weighting": "balanced"}
    network = {"weights": "published", "trainable": "all", "augmentation": "flip"}
    return plain | network | {"label_classes": [label_class.pk]} | other


def test_an_empty_page_says_how_to_begin(as_mia, corpus):
    page = text(as_mia.get(reverse("training", args=[corpus.pk])))
    assert "Nothing was trained yet" in page
    assert "There is no label class yet" in page


def test_a_class_without_rejects_is_told_to_get_some(as_mia, corpus, ann, cat, there):
    decide(corpus, ann, cat, there.items[:5], [True] * 5)
    page = text(as_mia.get(reverse("training", args=[corpus.pk])))
    assert "reject some first" in page
    assert "the training would be refused" in page


def test_one_button_freezes_what_is_answered_and_trains(as_mia, corpus, ann, cat, there):
    decide(corpus, ann, cat, there.items, there.is_of)
    answer = as_mia.post(reverse("training", args=[corpus.pk]), form(cat))
    run = Run.objects.get()
    assert answer.url == reverse("run", args=[corpus.pk, run.pk])
    assert run.dataset_version == DatasetVersion.objects.get()
    assert (run.kind, run.job.status, run.classifier.name) == ("probe", "queued", "cat")


def test_what_cannot_be_trained_is_refused_in_a_sentence_and_leaves_nothing(as_mia, corpus, ann, cat, there):
    decide(corpus, ann, cat, there.items, [True] * len(there.items))
    answer = as_mia.post(reverse("training", args=[corpus.pk]), form(cat))
    assert answer.status_code == 422
    assert "no rejected example" in text(answer)
    assert not DatasetVersion.objects.exists()
    assert not Run.objects.exists()


def test_a_known_version_is_learned_from_without_a_new_one(as_mia, corpus, cat, version):
    as_mia.post(reverse("training", args=[corpus.pk]), form(cat, source=str(version.pk), name="pets"))
    assert Run.objects.get().dataset_version == version
    assert DatasetVersion.objects.count() == 1
    assert Classifier.objects.get().name == "pets"


def test_a_network_is_asked_for_with_its_settings_and_not_a_probe_s(as_mia, corpus, cat, version):
    asked = form(cat, source=str(version.pk), kind="fine_tune", network="torchvision:resnet18")
    answer = as_mia.post(
        reverse("training", args=[corpus.pk]), asked | {"weights": "random", "num_epochs": "2"}
    )
    run = Run.objects.get()
    assert answer.status_code == 302
    assert run.options["num_epochs"] == 2
    assert run.options["has_mixup"] is False  # its box was not checked
    assert "class_weighting" not in run.options


def test_the_list_asks_again_only_while_a_run_moves(as_mia, corpus, mia, version):
    url = reverse("training", args=[corpus.pk])
    made_version = trained(version, mia)
    assert "runs-poll" not in text(as_mia.get(url))
    Job.objects.filter(pk=made_version.run.job_id).update(status="queued", finished_at=None)
    assert 'hx-trigger="every 2s"' in text(as_mia.get(url, headers=HTMX))


def test_the_list_says_what_a_run_came_to(as_mia, corpus, mia, version):
    trained(version, mia)
    page = text(as_mia.get(reverse("training", args=[corpus.pk])))
    assert "average precision" in page
    assert re.search(r"\(\d.* % to \d.* %\)", page)


def test_a_failed_run_says_why_and_what_to_do(as_mia, corpus, mia, version):
    run = request_run(version=version, by=mia)
    fields = {"status": "failed", "error_code": "no-features", "error_text": "There are no features."}
    Job.objects.filter(pk=run.job_id).update(**fields, finished_at=run.created_at)
    page = text(as_mia.get(reverse("run", args=[corpus.pk, run.pk])))
    assert "There are no features." in page
    assert "Retry" in page


def test_a_run_shows_its_curves_while_it_moves(as_mia, corpus, mia, version):
    run = request_run(version=version, by=mia)
    Run.objects.update(curve=trained(version, mia, name="other").run.curve)
    page = text(as_mia.get(reverse("run", args=[corpus.pk, run.pk]), headers=HTMX))
    assert 'hx-trigger="every 1s"' in page
    assert "<sfi-lines" in page
    assert "growing" in page


def test_a_run_is_judged_on_test_and_on_val_where_it_is_asked_for(as_mia, corpus, mia, version):
    run = trained(version, mia).run
    url = reverse("run", args=[corpus.pk, run.pk])
    for side, asked in (("test", ""), ("val", "?side=val")):
        page = text(as_mia.get(url + asked))
        assert f"Worst mistakes on {side}" in page
        assert f"Precision over recall of cat on {side}" in page


def test_undefined_values_are_said_to_be_undefined(as_mia, corpus, mia, version):
    run = trained(version, mia).run
    judged = run.evaluation
    of_class = judged["test"]["classes"][0]
    of_class |= {"average_precision": None, "average_precision_interval": None, "num_positives": 0}
    of_class |= {
        "precision_recall": [],
        "roc": [],
        "roc_auc": None,
        "confusion": None,
        "operating_point": None,
    }
    Run.objects.filter(pk=run.pk).update(evaluation=judged)
    page = text(as_mia.get(reverse("run", args=[corpus.pk, run.pk])))
    assert "Test has no accepted item of cat" in page
    assert page.count("undefined") >= 2
    assert "Undefined: there is nothing to find on this side." in page


def test_mistakes_open_in_the_workbench_whatever_was_answered(as_mia, corpus, mia, version, there):
    run = trained(version, mia).run
    wrong = there.items[3]
    run.evaluation["test"]["classes"][0]["worst"] = {
        "false_positives": [[wrong.pk, 0.91]],
        "false_negatives": [],
    }
    run.save(update_fields=["evaluation"])
    page = text(as_mia.get(reverse("run", args=[corpus.pk, run.pk])))
    assert reverse("api:item-thumbnail", args=[corpus.pk, wrong.pk]) in page
    assert f"item%3A%23{wrong.pk}" in page
    assert "state%3Auntouched%2Caccepted%2Crejected" in page


def test_an_operating_point_is_saved_with_what_to_expect(as_mia, corpus, mia, cat, version):
    made_version = trained(version, mia)
    url = reverse("operating-point", args=[corpus.pk, made_version.classifier_id, made_version.pk, cat.pk])
    assert as_mia.post(url, {"threshold": "0.25"}).status_code == 302
    point = OperatingPoint.objects.latest("pk")
    assert (point.threshold, point.chosen_by) == (0.25, mia)
    assert point.expected["precision_low"] <= point.expected["precision"] <= point.expected["precision_high"]
    as_mia.post(url, {"threshold": "7"})
    assert OperatingPoint.objects.latest("pk") == point


def test_a_version_is_made_live_and_rolled_back_with_who_did_it(as_mia, corpus, mia, version):
    first, second = trained(version, mia), trained(version, mia, options={"seed": 3})
    of = [corpus.pk, first.classifier_id]
    as_mia.post(reverse("classifier-live", args=[*of, second.pk]))
    assert first.classifier.versions.get(is_live=True) == second
    page = text(as_mia.post(reverse("classifier-roll-back", args=of), follow=True))
    assert first.classifier.versions.get(is_live=True) == first
    assert "rolled back" in page
    assert "by mia" in page


def test_the_next_version_is_asked_for_by_the_name_and_classes_of_the_last(as_mia, corpus, mia, version):
    found = trained(version, mia, name="furry & small").classifier
    page = text(as_mia.get(reverse("classifier", args=[corpus.pk, found.pk])))
    link = re.search(r'href="(/corpora/[0-9]+/training/[?]name=[^"]+)"', page)[1]
    assert 'value="furry &amp; small"' in text(as_mia.get(link.replace("&amp;", "&")))


def test_two_versions_are_compared_on_the_same_test_side(as_mia, corpus, mia, ann, cat, there, version):
    first = trained(version, mia)
    more = plant(corpus, 120, feature_set=there.feature_set, seed=8)
    decide(corpus, ann, cat, more.items, more.is_of)
    later = freeze(corpus, mia, cat)
    trained(later, mia, name="cat")
    url = reverse("classifier-compare", args=[corpus.pk, first.classifier_id])
    refused = text(as_mia.get(url, {"old": 1, "new": 2, "on": ""}))  # their own, as was chosen
    assert "name a dataset version, and both are judged on its test side" in refused
    page = text(as_mia.get(url, {"old": 1, "new": 2, "on": later.pk}))
    later.refresh_from_db()
    num_test = later.entries.filter(split="test").count()
    assert f'On <span class="number">{num_test}</span> test items' in page
    assert f'On <span class="number">{num_test}</span> test items' in text(as_mia.get(url))  # not asked for
    assert re.search(r"version 2 is .* points of average precision|both are worth the same", page)


def test_scores_are_asked_for_and_shown_with_a_threshold_that_proposes(as_mia, corpus, mia, cat, version):
    made_version = trained(version, mia)
    of = [corpus.pk, made_version.classifier_id]
    as_mia.post(reverse("classifier-score", args=[*of, made_version.pk]))
    moving = text(as_mia.get(reverse("classifier", args=of)))
    assert "version-poll" in moving
    run_job(ScoreSet.objects.get().job)
    page = text(as_mia.get(reverse("classifier", args=of)))
    assert "version-poll" not in page
    assert "<sfi-histogram" in page
    assert "classifier%3Acat+score%3Acat%3E%3D%7Bthreshold%7D" in page


def test_an_onnx_export_is_asked_for_and_shown_with_its_parity(as_mia, corpus, mia, version):
    made_version = trained(version, mia)
    of = [corpus.pk, made_version.classifier_id]
    as_mia.post(reverse("classifier-onnx", args=[*of, made_version.pk]))
    export = OnnxExport.objects.get()
    assert export.job.kind == "classifier_export"
    facts = {"file_name": "cat_v1_head.onnx", "size_bytes": 9000, "sha256": made.sha256_of(1)}
    export.files = {"head": facts | {"largest_difference": 2.4e-7, "num_compared": 16, "file": "head.onnx"}}
    export.published_at = export.created_at
    export.save()
    page = text(as_mia.get(reverse("classifier", args=of)))
    assert "parity 2.4e-07 on 16 pictures" in page
    assert "onnxruntime.InferenceSession" in page


def test_a_viewer_sees_all_of_it_and_has_no_button_that_would_be_refused(as_vera, corpus, mia, version):
    made_version = trained(version, mia)
    pages = [
        reverse("training", args=[corpus.pk]),
        reverse("run", args=[corpus.pk, made_version.run_id]),
        reverse("classifier", args=[corpus.pk, made_version.classifier_id]),
    ]
    for url in pages:
        page = text(as_vera.get(url))
        main = page[page.index("<main") :]
        assert '<button class="btn btn-primary" type="submit"' not in main
        assert "Export version" not in main


def test_a_run_of_another_corpus_is_not_found(as_mia, corpus, mia, version):
    other = made.CorpusFactory()
    made.MembershipFactory(corpus=other, user=mia, role="manager")
    run = trained(version, mia).run
    assert as_mia.get(reverse("run", args=[other.pk, run.pk])).status_code == 404
    assert as_mia.get(reverse("classifier", args=[other.pk, run.classifier_id])).status_code == 404


def test_the_queries_of_the_list_do_not_grow_with_its_runs(
    as_mia, corpus, mia, version, django_assert_max_num_queries
):
    url = reverse("training", args=[corpus.pk])
    for seed in range(3):
        trained(version, mia, options={"seed": seed})
    as_mia.get(url)
    with django_assert_max_num_queries(24):
        as_mia.get(url)


def test_the_list_of_classifiers_shows_the_live_version_of_each(as_mia, corpus):
    run = made.RunFactory(classifier__corpus=corpus, classifier__name="pets")
    live = made.ClassifierVersionFactory(run=run, number=1, is_live=True)
    for number in (2, 3):
        other = made.RunFactory(classifier=run.classifier, feature_set=run.feature_set)
        made.ClassifierVersionFactory(run=other, number=number)
    made.ClassifierFactory(corpus=corpus, name="of nothing yet")
    rows = as_mia.get(reverse("training", args=[corpus.pk])).context["classifiers"]
    assert [(row["classifier"].name, row["num_versions"], row["live"]) for row in rows] == [
        ("of nothing yet", 0, None),
        ("pets", 3, live),
    ]


def test_the_page_of_a_classifier_reads_its_scores_once(as_mia, mia, version):
    found = trained(version, mia)
    run_job(found.score_set.job)
    url = reverse("classifier", args=[found.classifier.corpus_id, found.classifier_id])
    with CaptureQueriesContext(connection) as asked:
        assert "<sfi-" in text(as_mia.get(url))
    reads = [each["sql"] for each in asked if each["sql"].startswith('SELECT "training_scoreshard"."id"')]
    assert len(reads) == 1
