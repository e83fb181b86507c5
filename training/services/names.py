"""What the live classifiers of a corpus are called: told to labeling, whose queries name them."""

from __future__ import annotations

from labeling.services.classifier_names import KnownClassifier
from sisyphus_web.accounts.models import Corpus
from training.models import ClassifierVersion


def known_classifiers(corpus: Corpus) -> list[KnownClassifier]:
    """The classifiers of a corpus that have a live version, by name."""
    live = ClassifierVersion.objects.filter(classifier__corpus=corpus, is_live=True)
    return [
        KnownClassifier(
            version.classifier_id,
            version.classifier.name,
            tuple((each["id"], each["name"]) for each in version.run.classes),
        )
        for version in live.select_related("classifier", "run")
        .defer("run__curve", "run__evaluation", "run__examples")  # asked at every query; long
        .order_by("classifier__name")
    ]
