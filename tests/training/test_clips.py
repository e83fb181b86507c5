"""Classifiers of clips: trained on their features, scoring clips alone, proposing in rankings of clips."""

import pytest

from indexing.models import FeatureSet, Item
from labeling.services.datasets import create_version
from tests.indexing.made import WIDTH
from tests.training.conftest import decide, plant, run_job, trained
from training.models import ScoreSet
from training.services.classifier_reader import ClassifierReader
from training.services.refusals import WrongUnit
from training.services.runs import request_run
from training.services.scores import read_scores, request_scores

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clips(corpus, there):
    """240 clips of a video each, beside the photos of `there`."""
    feature_set = FeatureSet.objects.create(
        corpus=corpus, unit="clip", encoder="builtin-clip@1", width=WIDTH, is_active=True
    )
    made = plant(corpus, feature_set=feature_set, seed=7)
    Item.objects.filter(pk__in=[item.pk for item in made.items]).update(kind="clip")
    return made


@pytest.fixture
def of_clips(corpus, ann, mia, cat, clips):
    decide(corpus, ann, cat, clips.items, clips.is_of)
    return create_version(corpus=corpus, label_classes=[cat], val_share=0.25, test_share=0.25, by=mia)


def test_a_classifier_of_clips_learns_from_their_features_and_scores_them_alone(mia, of_clips, clips, cat):
    made = trained(of_clips, mia, name="moving cats")
    assert made.run.feature_set == clips.feature_set
    assert (of_clips.unit, made.run.unit) == ("clip", "clip")
    assert made.run.evaluation["test"]["classes"][0]["average_precision"] > 0.8
    score_set = request_scores(made, by=mia)
    run_job(score_set.job)
    scores = read_scores(ScoreSet.objects.get(pk=score_set.pk))
    assert scores.item_ids.tolist() == sorted(item.pk for item in clips.items)


def test_it_proposes_in_rankings_of_clips(corpus, mia, of_clips, cat):
    made = trained(of_clips, mia, name="moving cats")
    reader = ClassifierReader(corpus.pk)
    assert reader.proposing(cat.pk, "clip").classifier == made.classifier_id
    assert reader.proposing(cat.pk, "frame") is None


def test_features_of_the_other_unit_and_networks_are_refused(mia, of_clips, there):
    with pytest.raises(WrongUnit, match="features of frames"):
        request_run(version=of_clips, feature_set=there.feature_set, by=mia)
    with pytest.raises(WrongUnit, match="fine-tuned on pictures"):
        request_run(version=of_clips, kind="fine_tune", network="builtin@1", options={}, by=mia)
