"""What the search service is told of classifiers."""

import pytest
from django.utils import timezone

from tests import factories as made
from training.models import OperatingPoint, ScoreSet
from training.services.classifier_reader import ClassifierReader

pytestmark = pytest.mark.django_db


def live(corpus, label_class, features, average_precision, **fields):
    """A live version that was judged so on test."""
    judged = {"test": {"classes": [{"average_precision": average_precision}]}, "val": None}
    run = made.RunFactory(
        classifier__corpus=corpus,
        feature_set=features,
        classes=[{"id": label_class.pk, "name": label_class.name}],
        evaluation=judged if average_precision is not None else {},
    )
    return made.ClassifierVersionFactory(run=run, is_live=True, **fields)


def test_the_classifier_that_was_judged_best_proposes(corpus, mia):
    cat = made.LabelClassFactory(corpus=corpus)
    features = made.FeatureSetFactory(corpus=corpus)
    reader = ClassifierReader(corpus.pk)
    assert reader.proposing(cat.pk) is None
    unjudged = live(corpus, cat, features, None)
    assert (reader.proposing(cat.pk).classifier, reader.proposing(cat.pk).threshold) == (
        unjudged.classifier_id,
        0.5,
    )
    good = live(corpus, cat, features, 0.9)
    OperatingPoint.objects.create(version=good, label_class=cat, threshold=0.3, expected={})
    live(corpus, cat, features, 0.5)  # newer, and worse
    told = reader.proposing(cat.pk)
    assert (told.classifier, told.threshold) == (good.classifier_id, 0.3)
    assert ClassifierReader(made.CorpusFactory().pk).proposing(cat.pk) is None


def test_what_is_not_live_or_of_another_corpus_is_not_there(corpus, mia):
    cat = made.LabelClassFactory(corpus=corpus)
    features = made.FeatureSetFactory(corpus=corpus)
    version = live(corpus, cat, features, 0.9)
    with pytest.raises(LookupError, match="no live version"):
        ClassifierReader(made.CorpusFactory().pk).scores(version.classifier_id, cat.pk)
    with pytest.raises(LookupError, match="does not know that class"):
        ClassifierReader(corpus.pk).scores(version.classifier_id, cat.pk + 1)
    with pytest.raises(LookupError, match="has not scored the corpus yet"):
        ClassifierReader(corpus.pk).scores(version.classifier_id, cat.pk)


def test_only_what_is_live_is_kept_in_memory(corpus, mia, tmp_path, settings):
    settings.DATA_DIR = tmp_path
    cat = made.LabelClassFactory(corpus=corpus)
    version = live(corpus, cat, made.FeatureSetFactory(corpus=corpus), 0.9)
    reader = ClassifierReader(corpus.pk)
    ScoreSet.objects.create(version=version, updated_at=timezone.now())
    reader.scores(version.classifier_id, cat.pk)
    type(version).objects.filter(pk=version.pk).update(is_live=False)
    run = made.RunFactory(classifier=version.classifier, feature_set=version.run.feature_set)
    run.classes = version.run.classes
    run.save()
    later = made.ClassifierVersionFactory(run=run, number=2, is_live=True)
    ScoreSet.objects.create(version=later, updated_at=timezone.now())
    reader.scores(version.classifier_id, cat.pk)
    assert [held.score_set for held in reader._held.values()] == [later.score_set.pk]
