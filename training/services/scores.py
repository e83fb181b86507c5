"""Scores over a corpus: asked for, kept shard by shard, read back by item, counted for the histogram."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from indexing.compute.arrays import ArrayDamaged, open_array, put_array
from indexing.compute.features import IDS
from indexing.models import FeatureShard, Unit
from indexing.services.live_items import read_live_items
from sisyphus_web.accounts.models import User
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import Stopped
from sisyphus_web.jobs.models import Job
from training.compute.score_shards import Scores, histogram_of
from training.models import ClassifierVersion, Run, ScoreSet, ScoreShard
from training.services.refusals import ArtefactDamaged, NotScored

JOB_KINDS = {Run.Kind.PROBE: "classifier_predict", Run.Kind.FINE_TUNE: "classifier_infer"}


@transaction.atomic
def request_scores(version: ClassifierVersion, *, by: User | None) -> ScoreSet:
    """A job that scores what has no score by this version yet; one that waits already is not doubled."""
    score_set, _ = ScoreSet.objects.select_for_update().get_or_create(
        version=version, defaults={"feature_set": version.run.feature_set}
    )
    corpus = version.classifier.corpus
    score_set.job = waiting_job(score_set) or jobs.enqueue(
        JOB_KINDS[Run.Kind(version.run.kind)], corpus=corpus, created_by=by, score_set=score_set.pk
    )
    score_set.is_current = False
    score_set.save(update_fields=["job", "is_current"])
    return score_set


def waiting_job(score_set: ScoreSet) -> Job | None:
    """The job that will complete the set and has not begun."""
    queued = Job.objects.filter(kind__in=JOB_KINDS.values(), status=Job.Status.QUEUED)
    return queued.filter(params={"score_set": score_set.pk}).first()


def score_folder(score_set_id: int) -> Path:
    """Where the shards of a score set lie."""
    return Path(settings.DATA_DIR) / "scores" / str(score_set_id)


def forget_damaged(score_set: ScoreSet) -> int:
    """Forget the shards whose files are gone or changed: they are scored again. How many they were."""
    damaged = []
    for shard in score_set.shards.order_by("pk"):
        try:
            _ids(score_set, shard)
            _open(score_set, shard.sha256)
        except ArtefactDamaged:
            damaged.append(shard.pk)
    score_set.shards.filter(pk__in=damaged).delete()
    return len(damaged)


def shards_to_score(score_set: ScoreSet) -> list[FeatureShard]:
    """The shards of features whose items have no score yet, the oldest first."""
    if score_set.feature_set is None:
        return []
    scored = ScoreShard.of_features.through.objects.filter(scoreshard__score_set=score_set)
    shards = score_set.feature_set.whole_shards.exclude(pk__in=scored.values("featureshard"))
    return list(shards.order_by("pk"))


def items_to_score(score_set: ScoreSet) -> np.ndarray:
    """(n,) int64 ascending: live frames of the corpus without a score by a whole network."""
    live = read_live_items(score_set.version.classifier.corpus_id, Unit.FRAME).item_ids
    scored = [_ids(score_set, shard) for shard in score_set.shards.order_by("pk")]
    return np.setdiff1d(live, np.concatenate([np.empty(0, np.int64), *scored]))


def store_scores(
    job: Job,
    score_set: ScoreSet,
    item_ids: np.ndarray,
    values: np.ndarray,
    *,
    of_features: list[FeatureShard],
) -> ScoreShard:
    """Keep scores (n, C) for good: two files, then their row; Stopped if the job was lost."""
    with transaction.atomic():
        mine = Job.objects.filter(pk=job.pk, status=Job.Status.RUNNING, attempt=job.attempt)
        if not mine.select_for_update(no_key=True).exists():
            raise Stopped
        folder = score_folder(score_set.pk)
        names = {
            "sha256": put_array(folder, np.asarray(values, np.float32)),
            "ids_sha256": put_array(folder, np.asarray(item_ids, np.int64), suffix=IDS),
        }
        shard, _ = score_set.shards.get_or_create(**names, defaults={"num_rows": len(item_ids)})
        shard.of_features.add(*of_features)
    return shard


def finish_scores(score_set: ScoreSet) -> dict[str, int]:
    """Count the scores and say whether the set is current, in the transaction that ends its job."""
    scores = read_scores(score_set)
    live = read_live_items(score_set.version.classifier.corpus_id).item_ids
    kept = scores.values[np.isin(scores.item_ids, live)]
    counts = histogram_of(kept).tolist()
    score_set.histograms = {str(pk): counts[at] for at, pk in enumerate(score_set.version.run.class_ids)}
    # Features that came while the job ran have a job of their own, which waits;
    # who asks for it holds this row.
    ScoreSet.objects.select_for_update(no_key=True).get(pk=score_set.pk)
    score_set.is_current = not shards_to_score(score_set) and waiting_job(score_set) is None
    score_set.updated_at = timezone.now()
    score_set.save(update_fields=["histograms", "is_current", "updated_at"])
    return {"score_set": score_set.pk, "num_scores": len(kept)}


def read_scores(score_set: ScoreSet) -> Scores:
    """Every score of the set, memory-mapped shards put in order of their items; ArtefactDamaged if one is not
    what was written. The newest score of an item counts."""
    shards = list(score_set.shards.order_by("-pk"))
    return Scores.merged(
        [_ids(score_set, shard) for shard in shards],
        [_open(score_set, shard.sha256) for shard in shards],
        num_classes=len(score_set.version.run.classes),
    )


def scores_of_items(version: ClassifierVersion, item_ids: np.ndarray) -> Scores:
    """The stored scores of those of `item_ids` that have one; NotScored if the version has none at all."""
    score_set = ScoreSet.objects.filter(version=version).first()
    if score_set is None or not score_set.shards.exists():
        raise NotScored(f"Version {version.number} has scored nothing yet: score the corpus with it first.")
    scores = read_scores(score_set)
    kept = np.isin(scores.item_ids, item_ids)
    return Scores(scores.item_ids[kept], scores.values[kept])


def num_live_above(version: ClassifierVersion, column: int, threshold: float) -> int:
    """How many live items have at least this score."""
    score_set = ScoreSet.objects.get(version=version)
    scores = read_scores(score_set)
    live = read_live_items(version.classifier.corpus_id).item_ids
    return int(np.count_nonzero(np.isin(scores.item_ids[scores.values[:, column] >= threshold], live)))


@transaction.atomic
def score_what_is_new(corpus_id: int) -> list[ScoreSet]:
    """Ask every live version of a corpus to score what it has not; those that lack nothing are left."""
    live = ClassifierVersion.objects.filter(classifier__corpus=corpus_id, is_live=True)
    asked = []
    for version in live.select_related("classifier__corpus", "run__feature_set").order_by("pk"):
        known = ScoreSet.objects.filter(version=version).select_related("feature_set").first()
        if known is None or version.run.kind == Run.Kind.FINE_TUNE or shards_to_score(known):
            asked.append(request_scores(version, by=None))
    return asked


def score_new_features(job: Job) -> None:
    """A job has extracted features: what is new is scored by the live versions of its corpus."""
    if job.corpus_id is not None:
        score_what_is_new(job.corpus_id)


def _ids(score_set: ScoreSet, shard: ScoreShard) -> np.ndarray:
    return _open(score_set, shard.ids_sha256, suffix=IDS)


def _open(score_set: ScoreSet, sha256: str, *, suffix: str = ".npy") -> np.ndarray:
    try:
        return open_array(score_folder(score_set.pk), sha256, suffix=suffix)
    except ArrayDamaged as error:
        raise ArtefactDamaged(f"{error}. Score the corpus again.") from None
