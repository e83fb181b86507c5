"""What each policy asks the ranking for, once it has answers; all but ours do with what any client could."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.annotate_sim.annotator import BATCH
from benchmarks.annotate_sim.site import Site


@dataclass
class Answers:
    """What was said so far in one session."""

    start: int  # the item it began with
    label_class: int
    accepted: list[int] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)


def from_start(answers: Answers) -> dict[str, Any]:
    return {"terms": [{"kind": "item", "item": answers.start}], "mode": "similar"}


def learned(site: Site, answers: Answers) -> dict[str, Any]:
    """The product's own re-ranking."""
    return {**from_start(answers), "mode": "learned"}


def mean_of_accepted(site: Site, answers: Answers) -> dict[str, Any]:
    """Rocchio, as the product offers it: the class is the query."""
    return {"terms": [{"kind": "class", "class": answers.label_class}], "mode": "similar"}


def linear_svc(site: Site, answers: Answers) -> dict[str, Any]:
    """A linear SVM made by the client: the accepted against random undecided items."""
    from sklearn.svm import LinearSVC

    decided = {*answers.accepted, *answers.rejected}
    undecided = np.array([item for item in site.names if item not in decided])
    rng = np.random.default_rng(len(decided))
    others = rng.choice(undecided, min(5 * BATCH, len(undecided)), replace=False)
    x = np.stack([site.vectors[item] for item in [*answers.accepted, *others.tolist()]])
    y = np.repeat([1, -1], [len(answers.accepted), len(others)])
    w = LinearSVC(C=1.0, random_state=0).fit(x, y).coef_[0]
    return {"terms": [{"kind": "vector", "vector": w.tolist()}], "mode": "similar"}


RestPolicy = Callable[[Site, Answers], dict[str, Any]]
REST_POLICIES: dict[str, RestPolicy] = {
    "sisyphus": learned,
    "mean of accepted": mean_of_accepted,
    "linear SVM, random negatives only": linear_svc,
}
