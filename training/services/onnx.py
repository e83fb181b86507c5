"""ONNX exports: asked for, published whole, removed when nothing names them."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from indexing.compute.files import sync_folder
from sisyphus_web.accounts.models import User
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import Stopped
from sisyphus_web.jobs.models import Job
from training.compute.onnx_example import example_script
from training.models import ClassifierVersion, OnnxExport
from training.services.operating_points import points_of

ORPHAN_SECONDS = 24 * 3600  # a folder without a row may be one whose publication is on its way
ANY_SIZE_PARTS = ("whole_any_size", "network_any_size")
IMAGE_PARTS = ("whole", "network", *ANY_SIZE_PARTS)


@transaction.atomic
def request_onnx(version: ClassifierVersion, *, by: User) -> OnnxExport:
    """A new export of the version and the job that writes it."""
    export = OnnxExport.objects.create(version=version, created_by=by)
    export.job = jobs.enqueue(
        "classifier_export", corpus=version.classifier.corpus, created_by=by, onnx_export=export.pk
    )
    export.save(update_fields=["job"])
    return export


def export_folder(export: OnnxExport) -> Path:
    """Where the files of an export lie."""
    return Path(settings.DATA_DIR) / "onnx" / str(export.pk)


def name_of(version: ClassifierVersion, part: str) -> str:
    """A file name that says classifier, version and part, and is safe anywhere."""
    stem = re.sub(r"[^a-z0-9]+", "-", version.classifier.name.lower()).strip("-")[:60] or "classifier"
    return f"{stem}_v{version.number}_{part}.onnx"


def example_of(part: str) -> str:
    """The script that runs the file of a part."""
    return example_script(takes_images=part in IMAGE_PARTS, has_resize=part in ANY_SIZE_PARTS)


def operating_points_of(version: ClassifierVersion) -> dict[str, dict[str, float]]:
    """Class name -> what its operating point promises, as it is written into the file."""
    names = dict(zip(version.run.class_ids, version.run.class_names, strict=True))
    said = {}
    for pk, point in points_of(version).items():
        expected = {
            name: point.expected[name]
            for name in ("precision", "recall")
            if point.expected.get(name) is not None
        }
        said[names[pk]] = {"threshold": point.threshold} | expected
    return said


def publish(export: OnnxExport, folder: Path, *, job: Job, files: Mapping[str, Any], note: str) -> None:
    """Move the whole `folder` to its place and say so; call it in the transaction that ends the job.

    The job's row is locked first: who lost the job is Stopped, and publishes nothing.
    """
    mine = Job.objects.filter(pk=job.pk, status=Job.Status.RUNNING, attempt=job.attempt)
    if not mine.select_for_update(no_key=True).exists():
        raise Stopped
    place = export_folder(export)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)  # of an attempt whose transaction did not end
    folder.rename(place)
    sync_folder(place.parent)
    export.files, export.note, export.published_at = dict(files), note, timezone.now()
    export.save(update_fields=["files", "note", "published_at"])


def remove_orphans() -> list[str]:
    """Remove export folders that have had no published row for a day; their names."""
    place = Path(settings.DATA_DIR) / "onnx"
    if not place.is_dir():
        return []
    published = OnnxExport.objects.exclude(published_at=None)
    known = {str(pk) for pk in published.values_list("pk", flat=True)}
    limit = time.time() - ORPHAN_SECONDS
    orphans = [each for each in place.iterdir() if each.name not in known and each.stat().st_mtime < limit]
    for orphan in orphans:
        shutil.rmtree(orphan, ignore_errors=True)
    return [orphan.name for orphan in orphans]
