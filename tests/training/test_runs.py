"""Runs of probes: what is refused before work, what is published, what a page can see meanwhile."""

import os
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from indexing.models import FeatureRow, Stack
from labeling.models import LabelClass
from sisyphus_web.jobs.models import Job
from tests.training.conftest import decide, freeze, plant, run_job, trained
from training.models import Classifier, LiveEvent, Run
from training.services.examples import read_examples
from training.services.refusals import (
    ClassNotInVersion,
    CrossingSplit,
    NoFeatures,
    NotTrainable,
    OtherClasses,
)
from training.services.runs import checked_answers, request_run
from training.services.versions import checked_folder, live_version, remove_run_folders

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_probe_of_verdicts_is_published_judged_and_live(version, mia, cat):
    made = trained(version, mia)
    run = made.run
    assert (made.number, made.is_live, made.classifier.name) == (1, True, "cat")
    assert run.evaluation["test"]["classes"][0]["average_precision"] > 0.9
    assert run.curve[-1]["phase"] == "fit"
    assert run.examples["sides"]["train"]["classes"]["cat"]["accept"] > 10
    point = made.operating_points.get(label_class=cat)
    assert 0 < point.threshold < 1
    assert (point.expected["side"], point.chosen_by) == ("val", None)
    assert checked_folder(made).is_dir()
    event = LiveEvent.objects.get()
    assert (event.version, event.by, event.is_rollback) == (made, mia, False)


def test_the_same_run_again_gives_the_same_files(version, mia):
    first, second = trained(version, mia), trained(version, mia)
    assert (first.number, second.number, second.is_live) == (1, 2, False)
    assert first.sha256 == second.sha256


def test_a_second_delivery_of_the_job_publishes_nothing_more(version, mia):
    made = trained(version, mia)
    run_job(made.run.job)
    assert Classifier.objects.get().versions.count() == 1


def test_a_cancelled_run_publishes_nothing(version, mia, monkeypatch):
    from training.services import versions

    run = request_run(version=version, by=mia)
    publish = versions.publish

    def cancelled_before(*given, **named):
        Job.objects.filter(pk=run.job_id).update(status="cancelled", finished_at="2026-11-21T00:00Z")
        return publish(*given, **named)

    monkeypatch.setattr(versions, "publish", cancelled_before)
    run_job(run.job)
    assert not run.classifier.versions.exists()
    assert Run.objects.get().evaluation == {}


def test_items_without_features_are_left_out_and_counted(version, mia, there):
    FeatureRow.objects.filter(item__in=there.items[:20]).delete()
    made = trained(version, mia)
    assert made.run.examples["without_features"] == 20
    assert sum(side["items"] for side in made.run.examples["sides"].values()) == 220


def test_features_are_those_of_the_items_that_were_answered(version, there):
    classes = version.card["classes"]
    checked = checked_answers(version, classes, target="multi_label", feature_set=there.feature_set)
    found = read_examples(there.feature_set, checked.answers)
    truth = {item.pk: bool(is_of) for item, is_of in zip(there.items, there.is_of, strict=True)}
    assert [truth[pk] for pk in found.answers.item_ids.tolist()] == (
        found.answers.targets[:, 0] == 1
    ).tolist()
    assert found.features.shape == (240, there.feature_set.width)


def test_one_of_several_classes_is_chosen(corpus, ann, mia, cat, dog, there):
    others = plant(corpus, 120, feature_set=there.feature_set, share=1.0, seed=5)
    decide(corpus, ann, cat, there.items, [True] * 240)
    decide(corpus, ann, dog, others.items, [True] * 120)
    version = freeze(corpus, mia, cat, dog)
    made = trained(version, mia, target="multi_class", name="pets")
    assert made.run.evaluation["test"]["confusion_matrix"]
    assert made.run.class_names == ["cat", "dog"]


class TestRefusals:
    def test_nothing_rejected(self, corpus, ann, mia, cat, there):
        decide(corpus, ann, cat, there.items, [True] * 240)
        with pytest.raises(NotTrainable, match="no rejected example") as refusal:
            request_run(version=freeze(corpus, mia, cat), by=mia)
        assert refusal.value.code == "no-negatives"

    def test_a_class_that_nobody_accepted(self, corpus, ann, mia, cat, dog, there):
        decide(corpus, ann, cat, there.items, there.is_of)
        decide(corpus, ann, dog, there.items[:50], [False] * 50)
        with pytest.raises(NotTrainable, match="no accepted example") as refusal:
            request_run(version=freeze(corpus, mia, cat, dog), by=mia)
        assert refusal.value.code == "no-positives"

    def test_a_choice_of_one_class(self, version, mia):
        with pytest.raises(NotTrainable, match="one class") as refusal:
            request_run(version=version, target="multi_class", by=mia)
        assert refusal.value.code == "one-class-only"

    def test_a_class_that_the_version_does_not_have(self, version, mia, dog):
        with pytest.raises(ClassNotInVersion, match="does not have the class dog"):
            request_run(version=version, label_classes=[dog], by=mia)

    def test_other_classes_under_a_name_that_is_taken(self, corpus, ann, mia, cat, dog, there, version):
        trained(version, mia, name="animals")
        decide(corpus, ann, dog, there.items, ~there.is_of)
        with pytest.raises(OtherClasses, match="animals is a classifier of cat"):
            request_run(version=freeze(corpus, mia, cat, dog), name="animals", by=mia)

    def test_a_group_that_crosses_the_split_by_now(self, corpus, version, mia):
        in_train = version.entries.filter(split="train").first().item
        in_test = version.entries.filter(split="test").first().item
        stack = Stack.objects.create(corpus=corpus)
        type(in_train).objects.filter(pk__in=[in_train.pk, in_test.pk]).update(stack=stack)
        with pytest.raises(CrossingSplit, match="several sides"):
            request_run(version=version, by=mia)

    def test_a_version_whose_items_have_no_features(self, version, mia):
        FeatureRow.objects.all().delete()
        with pytest.raises(NoFeatures, match="None of the 240 items"):
            request_run(version=version, by=mia)

    def test_a_network_without_verdicts_on_val(self, version, mia):
        options = {"network": "torchvision:resnet18", "weights": "random"}
        request_run(version=version, kind="fine_tune", options=options, name="held out", by=mia)
        version.entries.filter(split="val").update(origin="weak")
        version.entries.filter(split="val", answer="reject").delete()
        with pytest.raises(NotTrainable, match="no verdicts on val") as refused:
            request_run(version=version, kind="fine_tune", options=options, by=mia)
        assert refused.value.code == "no-val"

    def test_a_class_whose_name_is_no_name_of_a_classifier(self, version, mia, cat):
        version.card["classes"][0]["name"] = "#"
        version.save()
        with pytest.raises(ValidationError, match="1 to 80 characters"):
            request_run(version=version, by=mia)

    def test_what_is_refused_leaves_no_run_and_no_classifier(self, version, mia, dog):
        with pytest.raises(ClassNotInVersion):
            request_run(version=version, label_classes=[dog], name="x", by=mia)
        assert not Run.objects.exists()
        assert not Classifier.objects.exists()
        assert not LabelClass.objects.filter(name="x").exists()


def test_a_later_version_is_live_only_where_it_was_asked_for(version, mia):
    first, second = trained(version, mia), trained(version, mia, options={"seed": 2})
    assert live_version(first.classifier) == first
    third = trained(version, mia, go_live=True)
    assert live_version(first.classifier) == third
    assert not second.is_live


def test_weak_labels_are_learned_from_and_never_judged_on(version, mia):
    sides = {side: version.entries.filter(split=side, answer="accept") for side in ("train", "val", "test")}
    weak = {side: list(found.values_list("pk", flat=True)[:3]) for side, found in sides.items()}
    before = request_run(version=version, by=mia).examples["sides"]
    for chosen in weak.values():
        version.entries.filter(pk__in=chosen).update(origin="weak")
    after = request_run(version=version, by=mia).examples["sides"]
    assert after["train"] == before["train"]
    for side in ("val", "test"):
        said = (each[side]["classes"]["cat"]["accept"] for each in (before, after))
        assert next(said) - next(said) == 3


def test_what_a_failed_run_left_is_kept_for_a_week(version, mia, settings):
    run = request_run(version=version, by=mia)
    place = Path(settings.DATA_DIR) / "runs" / str(run.job_id)
    place.mkdir(parents=True)
    os.utime(place, (0, 0))
    assert remove_run_folders() == []
    Job.objects.filter(pk=run.job_id).update(status="cancelled", finished_at=run.created_at)
    assert remove_run_folders() == [str(run.job_id)]
    place.mkdir()
    assert remove_run_folders() == []
