"""Classifier versions: published whole, one of them live, and who made it so."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from indexing.compute.files import sha256_of, sync_folder
from sisyphus_web.accounts.models import User
from sisyphus_web.jobs.errors import Stopped
from sisyphus_web.jobs.models import Job
from training.models import Classifier, ClassifierVersion, LiveEvent, OperatingPoint, Run
from training.services.refusals import AlreadyLive, ArtefactDamaged
from training.services.scores import request_scores

ORPHAN_SECONDS = 24 * 3600  # a folder without a row may be one whose publication is on its way
RETRY_SECONDS = 7 * 24 * 3600  # so long a run that failed can be retried from its last checkpoint


def version_folder(version: ClassifierVersion) -> Path:
    """Where the files of a version lie."""
    return Path(settings.DATA_DIR) / "classifiers" / version.sha256


def hash_of_folder(folder: Path) -> str:
    """The sha256 of the names and hashes of its files: equal for equal files."""
    lines = [f"{path.name} {sha256_of(path)}\n" for path in sorted(folder.iterdir())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def checked_folder(version: ClassifierVersion) -> Path:
    """Where the files of a version lie; ArtefactDamaged unless they are those that were published."""
    folder = version_folder(version)
    if not folder.is_dir():
        raise ArtefactDamaged(f"The files of {version} are missing at {folder}: train it again.")
    if hash_of_folder(folder) != version.sha256:
        raise ArtefactDamaged(f"A file of {version} in {folder} is damaged: train it again.")
    return folder


def publish(
    run: Run,
    folder: Path,
    *,
    job: Job,
    evaluation: Mapping[str, Any],
    curve: Sequence[Mapping[str, Any]],
    examples: Mapping[str, Any],
    points: Sequence[OperatingPoint],
) -> ClassifierVersion:
    """Keep what the run came to, from a folder that moves; call it in the transaction that ends the job.

    The job's row is locked first: who lost the job is Stopped, and publishes nothing. `points` are proposals
    without a version. The first version of a classifier is live at once, a later one where it was asked for.
    """
    mine = Job.objects.filter(pk=job.pk, status=Job.Status.RUNNING, attempt=job.attempt)
    if not mine.select_for_update(no_key=True).exists():
        raise Stopped
    classifier = Classifier.objects.select_for_update(no_key=True).get(pk=run.classifier_id)
    sha256 = hash_of_folder(folder)
    size_bytes = sum(path.stat().st_size for path in folder.iterdir())
    place = Path(settings.DATA_DIR) / "classifiers" / sha256
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not place.is_dir():
        folder.rename(place)
        sync_folder(place.parent)
    last = classifier.versions.aggregate(last=Max("number"))["last"] or 0
    version = ClassifierVersion.objects.create(
        classifier=classifier, number=last + 1, run=run, sha256=sha256, size_bytes=size_bytes
    )
    for point in points:
        point.version = version
    OperatingPoint.objects.bulk_create(points)
    Run.objects.filter(pk=run.pk).update(
        evaluation=evaluation, curve=list(curve), examples=run.examples | dict(examples)
    )
    if run.options.get("go_live") or not classifier.versions.filter(is_live=True).exists():
        _make_live(classifier, version, by=run.created_by)
    return version


@transaction.atomic
def set_live(version: ClassifierVersion, *, by: User) -> LiveEvent:
    """Make a version the one that scores new media; AlreadyLive if it is."""
    classifier = Classifier.objects.select_for_update(no_key=True).get(pk=version.classifier_id)
    if classifier.versions.filter(pk=version.pk, is_live=True).exists():
        raise AlreadyLive(f"Version {version.number} of {classifier.name} is the live one already.")
    return _make_live(classifier, version, by=by)


@transaction.atomic
def roll_back(classifier: Classifier, *, by: User) -> LiveEvent:
    """Make the version live that was live before the present one; AlreadyLive if there was none.

    Rolling back twice goes two versions back, and not to and fro.
    """
    classifier = Classifier.objects.select_for_update(no_key=True).get(pk=classifier.pk)
    earlier: list[int] = []  # as a stack: what was live, without what was rolled back
    for event in classifier.live_events.order_by("pk"):
        if event.is_rollback and earlier:
            earlier.pop()
        elif event.version_id is not None:
            earlier.append(event.version_id)
    if len(earlier) < 2:
        raise AlreadyLive(f"There is no version of {classifier.name} to go back to.")
    version = classifier.versions.get(pk=earlier[-2])
    return _make_live(classifier, version, by=by, is_rollback=True)


def _make_live(
    classifier: Classifier, version: ClassifierVersion, *, by: User, is_rollback: bool = False
) -> LiveEvent:
    classifier.versions.filter(is_live=True).update(is_live=False)
    classifier.versions.filter(pk=version.pk).update(is_live=True)
    version.is_live = True
    request_scores(version, by=by)  # what is live has scored everything, or is about to
    return LiveEvent.objects.create(classifier=classifier, version=version, is_rollback=is_rollback, by=by)


def live_version(classifier: Classifier) -> ClassifierVersion | None:
    """The version that scores new media."""
    return classifier.versions.filter(is_live=True).select_related("run").first()


def remove_orphans() -> list[str]:
    """Remove classifier folders that have had no row for a day; their names."""
    place = Path(settings.DATA_DIR) / "classifiers"
    if not place.is_dir():
        return []
    known = set(ClassifierVersion.objects.values_list("sha256", flat=True))
    limit = time.time() - ORPHAN_SECONDS
    orphans = [each for each in place.iterdir() if each.name not in known and each.stat().st_mtime < limit]
    for orphan in orphans:
        shutil.rmtree(orphan, ignore_errors=True)
    return [orphan.name for orphan in orphans]


def remove_run_folders() -> list[str]:
    """Remove what jobs of training that are over have left for a retry, after a week; their names."""
    place = Path(settings.DATA_DIR) / "runs"
    if not place.is_dir():
        return []
    active = Job.objects.filter(status__in=[Job.Status.QUEUED, Job.Status.RUNNING])
    in_use = {str(pk) for pk in active.values_list("pk", flat=True)}
    limit = time.time() - RETRY_SECONDS
    over = [each for each in place.iterdir() if each.name not in in_use and each.stat().st_mtime < limit]
    for folder in over:
        shutil.rmtree(folder, ignore_errors=True)
    return [folder.name for folder in over]
