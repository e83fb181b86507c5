"""Tells the search service of live classifiers: how they rank, what they have scored, what they propose."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexing.models import Unit
from indexing.search import Proposing
from training.models import ClassifierVersion, Run
from training.services.operating_points import points_of
from training.services.scores import Scores, read_scores
from training.services.versions import checked_folder

if TYPE_CHECKING:
    from training.compute.probe import Probe

DEFAULT_THRESHOLD = 0.5  # of a class without an operating point


class _Held(NamedTuple):
    """Scores in memory, as of when they were counted."""

    score_set: int
    updated_at: datetime | None
    scores: Scores


class ClassifierReader:
    """The live classifiers of one corpus; what is immutable is read once."""

    def __init__(self, corpus_id: int) -> None:
        self._corpus_id = corpus_id
        self._probes: dict[int, tuple[int, Probe]] = {}  # by classifier: its live version, and that read
        self._held: dict[int, _Held] = {}  # by classifier, of its live version alone

    def direction(self, classifier: int, label_class: int, feature_set: int) -> np.ndarray | None:
        """The direction in which the scores of a head grow; None for a network, a choice between classes, and
        a head on other features: those rank by what they have scored."""
        from training.compute.probe import Probe  # scipy is in it, and the service starts without

        version, column = self._live(classifier, label_class)
        run = version.run
        is_head = run.kind == Run.Kind.PROBE and run.feature_set_id == feature_set
        if not is_head or run.target != Run.Target.MULTI_LABEL:
            return None
        read = self._probes.get(classifier)
        if read is None or read[0] != version.pk:
            read = self._probes[classifier] = (version.pk, Probe.load(checked_folder(version)))
        weights = read[1].weights[column]
        length = float(np.linalg.norm(weights))
        if length < 1e-12:
            raise LookupError(f"{version.classifier.name} has learned nothing of this class")
        return weights / np.float32(length)

    def scores(self, classifier: int, label_class: int) -> tuple[np.ndarray, np.ndarray]:
        """The stored scores of the live version; LookupError before it has scored anything."""
        version, column = self._live(classifier, label_class)
        score_set = getattr(version, "score_set", None)
        if score_set is None or score_set.updated_at is None:
            raise LookupError(f"{version.classifier.name} has not scored the corpus yet")
        held = self._held.get(classifier)
        if held is None or (held.score_set, held.updated_at) != (score_set.pk, score_set.updated_at):
            held = self._held[classifier] = _Held(score_set.pk, score_set.updated_at, read_scores(score_set))
        return held.scores.item_ids, held.scores.values[:, column]

    def proposing(self, label_class: int, unit: str = Unit.FRAME) -> Proposing | None:
        """The live classifier of the unit that was judged best of the class; of equals the newest."""
        live = ClassifierVersion.objects.filter(classifier__corpus=self._corpus_id, is_live=True)
        live = live.select_related("run__feature_set").defer("run__curve")
        knowing = [each for each in live if label_class in each.run.class_ids and each.run.unit == unit]
        if not knowing:
            return None
        best = max(knowing, key=lambda version: (_precision_of(version, label_class), version.pk))
        point = points_of(best).get(label_class)
        threshold = DEFAULT_THRESHOLD if point is None else point.threshold
        return Proposing(best.classifier_id, threshold)

    def _live(self, classifier: int, label_class: int) -> tuple[ClassifierVersion, int]:
        found = ClassifierVersion.objects.filter(
            classifier=classifier, classifier__corpus=self._corpus_id, is_live=True
        )
        found = found.select_related("run", "classifier", "score_set").defer("run__curve", "run__evaluation")
        version = found.first()
        if version is None:
            raise LookupError("There is no live version of that classifier")
        if label_class not in version.run.class_ids:
            raise LookupError(f"{version.classifier.name} does not know that class")
        return version, version.run.class_ids.index(label_class)


def _precision_of(version: ClassifierVersion, label_class: int) -> float:
    """The average precision of the class, on test or else on val; 0 where it was not measured."""
    column = version.run.class_ids.index(label_class)
    for side in ("test", "val"):
        judged = version.run.evaluation.get(side)
        if judged and judged["classes"][column]["average_precision"] is not None:
            return float(judged["classes"][column]["average_precision"])
    return 0.0
