"""The jobs classifier_predict and classifier_infer: a version over the corpus, scores in shards out."""

from __future__ import annotations

from celery import shared_task

from indexing.services.builds import ShardUnreadable
from indexing.services.features import shard_folder
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from sisyphus_web.jobs.params import ScoreCorpus
from sisyphus_web.jobs.registry import params_of
from training.models import Run, ScoreSet
from training.services import scores as services
from training.services.refusals import REFUSALS, NotTrainable
from training.services.versions import checked_folder

CHUNK_ROWS = 65_536  # of features: some seconds of work at most
CHUNK_ITEMS = 256  # of pictures: what a killed worker loses at most
FAILURES_LOGGED = 50


@shared_task(name="training.predict_classifier", ignore_result=True)
def predict_classifier(job_id: int) -> None:
    """Score the features that have no score yet, by a head. Safe to run twice, stop half-way, continue."""
    with jobs.running(job_id) as job:
        if job is None:
            return
        score_set = _set_of(job)
        _score_features(job, score_set)
        with jobs.finishing(job):
            job.result = services.finish_scores(score_set)


@shared_task(name="training.infer_classifier", ignore_result=True)
def infer_classifier(job_id: int) -> None:
    """Score the items that have no score yet, by a network. Safe to run twice, stop half-way, continue."""
    with jobs.running(job_id) as job:
        if job is None:
            return
        score_set = _set_of(job)
        num_failed = _score_pictures(job, score_set)
        with jobs.finishing(job):
            job.result = services.finish_scores(score_set) | {"failed": num_failed}


def _set_of(job: Job) -> ScoreSet:
    wanted = ScoreSet.objects.select_related("version__run", "version__classifier", "feature_set")
    score_set = wanted.get(pk=params_of(job.params, ScoreCorpus).score_set)
    if num_damaged := services.forget_damaged(score_set):
        jobs.log(job, f"{num_damaged} files of scores were damaged or gone; they are made again.", "warning")
    return score_set


def _score_features(job: Job, score_set: ScoreSet) -> None:
    from indexing.compute.features import ShardDamaged
    from training.compute.probe import Probe
    from training.compute.scoring import score_shards

    probe = Probe.load(checked_folder(score_set.version))
    todo = services.shards_to_score(score_set)
    total = _num_rows(score_set)
    done = total - sum(shard.num_rows for shard in todo)
    jobs.report(job, units_done=done, units_total=total, unit="items", force=True)
    if todo:
        folder = shard_folder(todo[0].feature_set)
        try:
            for chunk in score_shards(folder, todo, probe, chunk_rows=CHUNK_ROWS):
                services.store_scores(job, score_set, chunk.item_ids, chunk.values, of_features=chunk.shards)
                done += len(chunk.item_ids)
                jobs.report(job, units_done=done)
        except ShardDamaged as error:
            raise ShardUnreadable(str(error)) from error
        except REFUSALS as error:
            raise NotTrainable(error) from error
    jobs.report(job, units_done=done, note="counting", force=True)


def _num_rows(score_set: ScoreSet) -> int:
    if score_set.feature_set is None:
        return 0
    return sum(score_set.feature_set.whole_shards.values_list("num_rows", flat=True))


def _score_pictures(job: Job, score_set: ScoreSet) -> int:
    import numpy as np

    from training.tasks.pictures import ItemPictures
    from training.tasks.scorers import NetworkScorer

    if score_set.version.run.kind != Run.Kind.FINE_TUNE:
        raise LookupError(f"{score_set.version} is a head, not a network")
    scorer = NetworkScorer(checked_folder(score_set.version))
    todo = services.items_to_score(score_set)
    jobs.report(job, units_done=0, units_total=len(todo), unit="items", force=True)
    num_failed = 0
    with ItemPictures() as pictures:
        for start in range(0, len(todo), CHUNK_ITEMS):
            chunk = todo[start : start + CHUNK_ITEMS]
            ids: list[int] = []
            prepared = []
            for decoded in pictures.of_items(chunk.tolist(), scorer.decode_side_px):
                if decoded.pixels is None:
                    num_failed += 1
                    if num_failed <= FAILURES_LOGGED:
                        jobs.log(job, f"Item {decoded.item_id} has no score: {decoded.reason}", "warning")
                    continue
                ids.append(decoded.item_id)
                prepared.append(scorer.prepared(decoded.pixels))
                jobs.report(job, units_done=start + len(ids))
            if ids:
                values = scorer.scores_of_prepared(prepared)
                services.store_scores(job, score_set, np.array(ids, np.int64), values, of_features=[])
            jobs.report(job, units_done=start + len(chunk))
    jobs.report(job, units_done=len(todo), note="counting", force=True)
    return num_failed
