"""The job classifier_fine_tune: answers and pictures in, a calibrated and judged network out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from celery import shared_task
from django.conf import settings

from indexing.compute.encoders.specs import WeightsRefused
from indexing.compute.files import free_bytes
from indexing.services.features import EncoderNotUsable
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import GpuOutOfMemory, NoSpace
from sisyphus_web.jobs.models import Job
from sisyphus_web.jobs.params import TrainClassifier
from sisyphus_web.jobs.registry import params_of
from training.compute.answers import SIDES, AnswerTable
from training.models import Run
from training.services import examples, judging, runs, versions
from training.services.progress import Curve
from training.services.refusals import REFUSALS, NotTrainable
from training.tasks.pictures import ItemPictures
from training.tasks.scorers import NetworkScorer, write_calibration

if TYPE_CHECKING:
    from indexing.services.pictures import Decoded
    from training.compute.fine_tuning import FineTuned, Progress
    from training.compute.settings import Settings

SHORT_SIDE = 256 / 224  # of the side that is cut out, as ImageNet's networks were judged
LEARNS_FROM = ("train", "val")
PASSED_ON = (  # options that compute calls the same
    "trainable", "num_epochs", "batch_size", "learning_rate", "weight_decay", "augmentation", "has_mixup",
    "is_class_weighted", "ema_decay", "patience", "seed",
)  # fmt: skip
BATCH = 64
MAX_LOGGED, MAX_SHOWN = 50, 20  # pictures that were left out, by name: in the log, on the page


@shared_task(name="training.fine_tune_classifier", ignore_result=True)
def fine_tune_classifier(job_id: int) -> None:
    """Fine-tune, judge and publish the network of a run. A killed attempt's successor goes on from its last
    checkpoint, with the same curve."""
    with jobs.running(job_id) as job:
        if job is None:
            return
        run = Run.objects.select_related("dataset_version", "classifier", "created_by").get(
            pk=params_of(job.params, TrainClassifier).run
        )
        folder = Path(settings.DATA_DIR) / "runs" / str(job.pk)
        _check_space()
        try:
            _train(job, run, folder)
        except REFUSALS as error:
            raise NotTrainable(error) from error
        except WeightsRefused as error:
            raise EncoderNotUsable(str(error)) from error
        except RuntimeError as error:  # torch's OutOfMemoryError is one
            if "out of memory" in str(error) and "CUDA" in str(error):
                raise GpuOutOfMemory(str(error).splitlines()[0]) from error
            raise
        shutil.rmtree(folder, ignore_errors=True)


def _check_space() -> None:
    """NoSpace now rather than after the first epoch, whose checkpoint may be hundreds of megabytes."""
    if free_bytes(Path(settings.DATA_DIR)) < settings.FREE_SPACE_FLOOR_BYTES:
        floor = settings.FREE_SPACE_FLOOR_BYTES / 2**30
        raise NoSpace(f"Less than {floor:.1f} GiB is free in {settings.DATA_DIR}.")


def _train(job: Job, run: Run, folder: Path) -> None:
    from training.compute.examples import Example
    from training.compute.fine_tuning import fine_tune

    answers = runs.checked_answers(
        run.dataset_version, run.classes, target=run.target, feature_set=None
    ).answers
    asked = _settings_of(job, run)
    learned = answers.rows(np.isin(answers.sides, [SIDES.index(side) for side in LEARNS_FROM]))
    curve = Curve(job, run)

    def on_progress(progress: Progress) -> None:
        note = f"{progress.stage}, epoch {progress.epoch} of {progress.num_epochs}"
        if progress.stage == "reading":
            jobs.report(job, note=f"reading picture {progress.done} of {progress.total}")
        elif progress.row is None:
            jobs.report(job, units_done=progress.done, units_total=progress.total, note=note)
        else:
            curve.add(progress.row, note=note, units_done=progress.done)

    jobs.report(job, unit="pictures", note="reading pictures", force=True)
    with ItemPictures() as pictures:
        side_px = asked.preprocessing.decode_side_px
        sources = pictures.sources(learned.item_ids.tolist(), side_px)
        names = pictures.names(learned.item_ids.tolist())
        found = fine_tune(
            asked,
            [
                Example(
                    source,
                    tuple(learned.targets[row].tolist()),
                    SIDES[learned.sides[row]],
                    names[row],
                    f"group {learned.group_codes[row]}",
                )
                for row, source in enumerate(sources)
            ],
            folder / "network",
            on_progress=on_progress,
        )
        curve.rows = found.rows
        curve.write()
        judged, answers, unread = _judge(job, run, found, answers, pictures)
        # Those of val are read twice, to learn and to judge: each is told once.
        left = dict(zip(pictures.names([each.item_id for each in unread]), unread, strict=True))
    reasons = {name: each.reason for name, each in left.items()}
    reasons |= {refused.name: refused.sentence for refused in found.refused}
    for name, reason in list(reasons.items())[:MAX_LOGGED]:
        jobs.log(job, f"{name} was left out: {reason}", "warning")
    jobs.report(job, note="publishing", force=True)
    left_out = {
        "unreadable": len(reasons),
        "unread": [{"name": name, "reason": reason} for name, reason in list(reasons.items())[:MAX_SHOWN]],
        "ended": found.why,
    }
    with jobs.finishing(job):
        version = versions.publish(
            run,
            found.best.parent,
            job=job,
            evaluation=judged.evaluation,
            curve=found.rows,
            examples=examples.facts_of(answers) | left_out,
            points=judged.points,
        )
        job.result = {"run": run.pk, "version": version.pk, "number": version.number}


def _settings_of(job: Job, run: Run) -> Settings:
    """What compute is told; EncoderNotUsable says which weights are missing."""
    from indexing.compute import encoders
    from training.compute import networks
    from training.compute.pictures import Preprocessing
    from training.compute.settings import Settings

    options = run.options

    def on_progress(done: int, total: int) -> None:
        of_all = f" of {total / 2**20:.0f}" if total else ""
        jobs.report(job, note=f"Fetching the weights of {options['network']}: {done / 2**20:.0f}{of_all} MiB")

    try:
        backbone = networks.find(
            options["network"],
            model_dir=settings.MODEL_DIR,
            weights="random" if options["weights"] == "random" else None,
            on_progress=on_progress,
        )
    except (encoders.EncoderUnknown, encoders.WeightsMissing, encoders.WeightsRefused) as error:
        raise EncoderNotUsable(str(error)) from error
    side_px = options["side_px"]
    return Settings(
        architecture=backbone.architecture,
        class_names=tuple(run.class_names),
        kind=run.target,
        weights=backbone.weights.path if backbone.weights is not None else None,
        weights_sha256=backbone.weights.sha256 if backbone.weights is not None else "",
        drops=backbone.drops,
        device=settings.DEVICE,
        preprocessing=Preprocessing(side_px=side_px, short_side_px=round(side_px * SHORT_SIDE)),
        **{name: options[name] for name in PASSED_ON},
    )


def _judge(
    job: Job, run: Run, found: FineTuned, answers: AnswerTable, pictures: ItemPictures
) -> tuple[judging.Judged, AnswerTable, list[Decoded]]:
    """The best network on val and test, after its temperature was found on val; less what cannot be read,
    which is told as well."""
    from training.compute.probe import probabilities_of

    scorer = NetworkScorer(found.best.parent)
    logits: dict[str, np.ndarray] = {}
    unread: list[Decoded] = []
    for side in judging.HELD_OUT:
        part = answers.side(side)
        logits[side], refused = _logits(job, scorer, pictures, part.item_ids, side)
        unread += refused
    answers = answers.rows(~np.isin(answers.item_ids, [each.item_id for each in unread]))
    scorer.temperature = write_calibration(found.best.parent, logits["val"], answers.side("val"), run.target)
    scores = {side: probabilities_of(part, scorer.temperature, run.target) for side, part in logits.items()}
    return judging.judge(run, answers, scores), answers, unread


def _logits(
    job: Job, scorer: NetworkScorer, pictures: ItemPictures, item_ids: np.ndarray, side: str
) -> tuple[np.ndarray, list[Decoded]]:
    """(Logits of those that can be read, in the order of their ids; those that cannot.)"""
    unread: list[Decoded] = []
    parts = [scorer.logits_of_prepared([])]
    for start in range(0, len(item_ids), BATCH):
        chunk = item_ids[start : start + BATCH].tolist()
        decoded = sorted(pictures.of_items(chunk, scorer.decode_side_px), key=lambda each: each.item_id)
        unread += [each for each in decoded if each.pixels is None]
        prepared = [scorer.prepared(each.pixels) for each in decoded if each.pixels is not None]
        parts.append(scorer.logits_of_prepared(prepared))
        jobs.report(job, note=f"judging on {side}: picture {start + len(chunk)} of {len(item_ids)}")
    return np.concatenate(parts), unread
