"""Two versions beside each other, on the same answers that neither has learned from; else a refusal."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import orjson
from django.core.cache import cache
from django.db.models import Max

from indexing.models import FeatureShard
from labeling.models import DatasetVersion
from training.compute.answers import SIDES, AnswerTable, NoAnswers
from training.compute.evaluation import evaluate
from training.compute.probe import Probe
from training.models import ClassifierVersion, Run, ScoreShard
from training.services.examples import read_answers, read_features
from training.services.operating_points import points_of
from training.services.refusals import (
    DifferentTestSets,
    NotScored,
    NotTrainable,
    OtherClasses,
    TrainedOnTestSet,
)
from training.services.scores import scores_of_items
from training.services.versions import checked_folder

NUM_BOOTSTRAP = 200  # somebody waits
PAGE = 40  # classes told at once
KEPT_SECONDS = 3600  # somebody pages through it, and comes back


def compare_versions(
    old: ClassifierVersion, new: ClassifierVersion, *, on: DatasetVersion | None = None, page: int = 0
) -> dict[str, Any]:
    """What both are worth on one test side, class by class, and `better`: how much better `new` is.

    Without `on` their own evaluations are compared, which must be of the same test side. With it both are
    judged on the test side of that dataset version, from which neither may have learned; items that one of
    them cannot score are left out for both, and counted. Classes come in pages of 40, from 0; `better` and
    the means are over all of them. Judged once by each process while nothing of it has changed, for an hour.
    """
    if old.run.class_ids != new.run.class_ids:
        raise OtherClasses(
            f"Version {old.number} is of {', '.join(old.run.class_names)}, version {new.number} of "
            f"{', '.join(new.run.class_names)}: compare versions of the same classes."
        )
    if on is None:
        judged = [each | {"classes": each["classes"][_shown(page)]} for each in _own(old, new)]
        own = new.run.dataset_version
        return _answer(old, new, *judged, dataset_version=own, num_left_out=0, page=page)
    key = _key(old, new, on, page)
    known: bytes | None = cache.get(key)
    if known is not None:
        return dict(orjson.loads(zlib.decompress(known)))
    answer = _judged_on(old, new, on, page)
    cache.set(key, zlib.compress(orjson.dumps(answer), 1), KEPT_SECONDS)
    return answer


def _key(old: ClassifierVersion, new: ClassifierVersion, on: DatasetVersion, page: int) -> str:
    """What a comparison follows from: versions and answers never change, thresholds and scores do."""
    said = [str(each) for version in (old, new) for each in (version.pk, *_changes_of(version))]
    return f"comparison:{on.pk}:{page}:{':'.join(said)}"


def _changes_of(version: ClassifierVersion) -> tuple[int | None, int | None, int | None]:
    """The newest operating point, shard of scores and shard of features of the version."""
    newest = Max("pk")
    points = version.operating_points.aggregate(newest=newest)["newest"]
    scores = ScoreShard.objects.filter(score_set__version=version).aggregate(newest=newest)["newest"]
    features = FeatureShard.objects.filter(feature_set=version.run.feature_set_id)
    return points, scores, features.aggregate(newest=newest)["newest"]


def _judged_on(
    old: ClassifierVersion, new: ClassifierVersion, on: DatasetVersion, page: int
) -> dict[str, Any]:
    answers = read_answers(on, new.run.class_ids, new.run.class_names, target=new.run.target).side("test")
    for version in (old, new):
        _check_unseen(version, on, answers)
    scores = [_scores(version, answers.item_ids) for version in (old, new)]
    kept = np.isfinite(scores[0]).all(axis=1) & np.isfinite(scores[1]).all(axis=1)
    if not kept.any():
        raise NotTrainable(
            NoAnswers(f"the test side of version {on.number} has no answers that both can score")
        )
    judged = [
        evaluate(
            each[kept],
            answers.rows(kept),
            kind=version.run.target,
            thresholds=_thresholds(version),
            num_bootstrap=NUM_BOOTSTRAP,
            only=range(len(new.run.classes))[_shown(page)],
        )
        for version, each in zip((old, new), scores, strict=True)
    ]
    num_left_out = int(np.count_nonzero(~kept))
    return _answer(old, new, *judged, dataset_version=on, num_left_out=num_left_out, page=page)


def _shown(page: int) -> slice:
    return slice(page * PAGE, (page + 1) * PAGE)


def _own(old: ClassifierVersion, new: ClassifierVersion) -> tuple[dict[str, Any], dict[str, Any]]:
    """Their own evaluations; DifferentTestSets unless they are of the same answers."""
    hashes = [version.run.examples.get("test_sha256") for version in (old, new)]
    judged = [version.run.evaluation.get("test") for version in (old, new)]
    if hashes[0] != hashes[1]:
        raise DifferentTestSets(
            f"Version {old.number} was judged on {_size(judged[0])}, version {new.number} on "
            f"{_size(judged[1])}: name a dataset version, and both are judged on its test side."
        )
    if judged[0] is None or judged[1] is None:
        raise NotTrainable(NoAnswers("neither was judged on a test side: it has no answers"))
    return judged[0], judged[1]


def _size(judged: dict[str, Any] | None) -> str:
    return f"{judged['num_items']} test items" if judged else "no test items"


def _check_unseen(version: ClassifierVersion, on: DatasetVersion, answers: AnswerTable) -> None:
    run = version.run
    if run.dataset_version_id == on.pk:
        return
    learned = read_answers(run.dataset_version, run.class_ids, run.class_names, target=run.target)
    seen = learned.rows(learned.sides != SIDES.index("test")).item_ids
    if num_seen := int(np.isin(answers.item_ids, seen).sum()):
        raise TrainedOnTestSet(
            f"Version {version.number} has learned from {num_seen} of the {len(answers)} test items of "
            f"dataset version {on.number}: compare on another one."
        )


def _scores(version: ClassifierVersion, item_ids: np.ndarray) -> np.ndarray:
    """(n, C) float32 probabilities; NaN for an item that the version cannot score."""
    result = np.full((len(item_ids), len(version.run.classes)), np.nan, np.float32)
    if version.run.kind == Run.Kind.PROBE and version.run.feature_set is not None:
        there, features = read_features(version.run.feature_set, item_ids)
        result[np.searchsorted(item_ids, there)] = Probe.load(checked_folder(version)).scores(features)
        return result
    try:
        scores = scores_of_items(version, item_ids)
    except NotScored:
        raise NotScored(
            f"Version {version.number} is a network: score the corpus with it, then compare."
        ) from None
    result[np.searchsorted(item_ids, scores.item_ids)] = scores.values
    return result


def _thresholds(version: ClassifierVersion) -> dict[str, float]:
    names = dict(zip(version.run.class_ids, version.run.class_names, strict=True))
    return {names[pk]: point.threshold for pk, point in points_of(version).items()}


def _answer(
    old: ClassifierVersion,
    new: ClassifierVersion,
    of_old: dict[str, Any],
    of_new: dict[str, Any],
    *,
    dataset_version: DatasetVersion,
    num_left_out: int,
    page: int,
) -> dict[str, Any]:
    before, after = of_old["macro_average_precision"], of_new["macro_average_precision"]
    return {
        "dataset_version": dataset_version.pk,
        "num_items": of_new["num_items"],
        "num_left_out": num_left_out,
        "num_classes": len(new.run.classes),
        "page": page,
        "num_pages": max(1, -(-len(new.run.classes) // PAGE)),
        "old": {"version": old.pk, "number": old.number, "evaluation": of_old},
        "new": {"version": new.pk, "number": new.number, "evaluation": of_new},
        "better": None if before is None or after is None else after - before,
    }
