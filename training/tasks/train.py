"""The job classifier_train: answers and features in, a calibrated and judged linear probe out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from celery import shared_task
from django.conf import settings

from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from sisyphus_web.jobs.params import TrainClassifier
from sisyphus_web.jobs.registry import params_of
from training.models import Run
from training.services import examples, judging, runs, versions
from training.services.progress import Curve
from training.services.refusals import REFUSALS, NotTrainable

WORDS = {"path": "choosing the penalty", "fit": "fitting"}


@shared_task(name="training.train_classifier", ignore_result=True)
def train_classifier(job_id: int) -> None:
    """Train, judge and publish the probe of a run. Safe to run twice: only the job's end publishes."""
    with jobs.running(job_id) as job:
        if job is None:
            return
        run = Run.objects.select_related("dataset_version", "feature_set", "classifier", "created_by").get(
            pk=params_of(job.params, TrainClassifier).run
        )
        folder = Path(settings.DATA_DIR) / "runs" / str(job.pk) / str(job.attempt)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        try:
            _train(job, run, folder)
            shutil.rmtree(folder.parent, ignore_errors=True)  # published: no other attempt is needed
        except REFUSALS as error:
            raise NotTrainable(error) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # this attempt's alone: another may be at work by now


def _train(job: Job, run: Run, folder: Path) -> None:
    from training.compute.gap import split_gap
    from training.compute.probe import fit_probe

    if run.feature_set is None:
        raise LookupError(f"run {run.pk} of a probe has no feature set")
    jobs.report(job, note="reading features", unit="steps", force=True)
    checked = runs.checked_answers(
        run.dataset_version, run.classes, target=run.target, feature_set=run.feature_set
    )
    found = examples.read_examples(run.feature_set, checked.answers)
    curve = Curve(job, run)

    def on_progress(row: dict[str, Any]) -> None:
        curve.add(row, note=WORDS.get(row["phase"], ""), units_done=len(curve.rows) + 1)

    probe = fit_probe(
        found.features,
        found.answers,
        kind=run.target,
        class_weighting=run.options["class_weighting"],
        regularization=run.options["regularization"],
        on_progress=on_progress,
        seed=run.options["seed"],
    )
    curve.write()
    jobs.report(job, note="judging", force=True)
    scores = {side: probe.scores(found.features[found.answers.rows_of(side)]) for side in judging.HELD_OUT}
    judged = judging.judge(run, found.answers, scores)
    gap = split_gap(
        found.features,
        found.answers,
        probe,
        class_weighting=run.options["class_weighting"],
        seed=run.options["seed"],
    )
    probe.save(folder)
    jobs.report(job, note="publishing", force=True)
    with jobs.finishing(job):
        version = versions.publish(
            run,
            folder,
            job=job,
            evaluation=judged.evaluation | {"gap": gap},
            curve=curve.rows,
            examples=examples.facts_of(found.answers, num_without_features=checked.num_without_features),
            points=judged.points,
        )
        job.result = {"run": run.pk, "version": version.pk, "number": version.number}
