"""What the search service must know of classifiers; who trains them tells it, since indexing cannot ask."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from indexing.compute.scored import Column
from indexing.models import FeatureSet, Unit
from indexing.search import Proposing
from indexing.search_service.errors import Refusal
from indexing.search_service.requests import RankRequest, Term


class Classifiers(Protocol):
    """The live classifiers of one corpus; LookupError for one that is not there or has nothing to say."""

    def direction(self, classifier: int, label_class: int, feature_set: int) -> np.ndarray | None:
        """(D,) float32 of length 1 that ranks features of this set as its scores do; None: its scores do."""
        ...

    def scores(self, classifier: int, label_class: int) -> tuple[np.ndarray, np.ndarray]:
        """((n,) int64 item ids ascending, (n,) float32 scores 0 to 1)."""
        ...

    def proposing(self, label_class: int, unit: str = Unit.FRAME) -> Proposing | None:
        """Which one proposes candidates of the class among items of the unit; None where none does."""
        ...


class NoClassifiers:
    """Of a corpus whose classifiers nobody tells of."""

    def __init__(self, corpus_id: int) -> None:
        self._corpus_id = corpus_id

    def direction(self, classifier: int, label_class: int, feature_set: int) -> np.ndarray | None:
        raise LookupError(f"corpus {self._corpus_id} has no classifier {classifier}")

    def scores(self, classifier: int, label_class: int) -> tuple[np.ndarray, np.ndarray]:
        raise LookupError(f"corpus {self._corpus_id} has no classifier {classifier}")

    def proposing(self, label_class: int, unit: str = Unit.FRAME) -> Proposing | None:
        return None


def direction_of(
    term: Term, corpus_id: int, classifiers: Classifiers, unit: str = Unit.FRAME
) -> np.ndarray | None:
    """The vector that a classifier term stands for; None where only its stored scores rank."""
    classifier, label_class = _named(term)
    of_unit = FeatureSet.objects.filter(corpus=corpus_id, is_active=True, unit=unit)
    feature_set = of_unit.values_list("pk", flat=True)
    try:
        return classifiers.direction(classifier, label_class, feature_set[0])
    except LookupError as error:
        raise Refusal("no-classifier", f"{error}.", status=409) from None


def columns_of(terms: list[Term], classifiers: Classifiers) -> tuple[Column, ...]:
    """The stored scores that these terms rank by."""
    return tuple(Column(*scores_of(*_named(term), classifiers), term.weight) for term in terms)


def scores_of(classifier: int, label_class: int, classifiers: Classifiers) -> tuple[np.ndarray, np.ndarray]:
    """The stored scores of a classifier; a Refusal where there are none."""
    try:
        return classifiers.scores(classifier, label_class)
    except LookupError as error:
        raise Refusal("not-scored", f"{error}.", status=409) from None


def by_scores(request: RankRequest, classifiers: Classifiers) -> list[Term]:
    """The classifier terms of a request that no vector stands for."""
    return [
        term
        for term in request.terms
        if term.kind == "classifier" and direction_of(term, request.corpus, classifiers, request.unit) is None
    ]


def _named(term: Term) -> tuple[int, int]:
    if term.classifier is None or term.label_class is None:
        raise Refusal("bad-term", "A term of kind 'classifier' must carry 'classifier' and 'class'.")
    return term.classifier, term.label_class
