"""Imports of labels: asked for, looked through, taken in, taken back."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from indexing.models import Item, Upload
from indexing.services.features import active_set, start_extract
from indexing.services.sources import allowed_path
from indexing.services.uploads import finished_uploads, part_path
from labeling.models import LabelClass, LabelImport, Verdict, WeakBatch
from labeling.services.import_chunks import weak_batch_id
from labeling.services.undo import undo_events
from labeling.services.weak import revert_weak
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import JobError
from sisyphus_web.jobs.models import Job

State = LabelImport.State
UNDO_CHUNK = 1_000  # events
ORPHAN_SECONDS = 24 * 3600  # a folder without a row may be one that is on its way
FORGOTTEN_AFTER = timedelta(days=7)


class WrongState(JobError):
    """A step that does not follow from where the import is."""

    code = "wrong-state"


class LabelsUnreadable(JobError):
    code = "labels-unreadable"


class LabelsChanged(JobError):
    code = "labels-changed"


def folder_of(label_import: LabelImport) -> Path:
    """Where an import keeps what is its own: an uploaded file, its reports."""
    return Path(settings.DATA_DIR) / "imports" / str(label_import.pk)


def report_path(label_import: LabelImport) -> Path:
    """The report of the last step that looked at every line: a CSV with a line for each."""
    is_taken = label_import.state in (State.TAKEN, State.UNDONE)
    return folder_of(label_import) / ("taken.csv" if is_taken else "preview.csv")


@transaction.atomic
def request_import(
    *,
    corpus: Corpus,
    by: User,
    upload: UUID | None = None,
    path: str = "",
    local: Path | None = None,
    format: str = "",
    as_weak: bool = False,
    boxes: str = LabelImport.Boxes.REGIONS,
    is_dry: bool = True,
) -> LabelImport:
    """An import of an upload of this person, of a path below the media roots, or of a `local` path.

    `local` is for whoever stands before the server: it is not checked. A dry run first unless told otherwise.
    """
    fields = {"format": format, "as_weak": as_weak, "boxes": boxes, "created_by": by, "corpus": corpus}
    if upload is not None:
        (found,) = finished_uploads(corpus, ids=[upload], created_by=by)
        if found.state != Upload.State.RECEIVED:
            raise WrongState(f"{found.name} was taken in already: send it again.")
        made = LabelImport.objects.create(name=found.name, is_kept=True, **fields)
        kept = folder_of(made) / f"given{Path(found.name).suffix[:12]}"
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept.hardlink_to(part_path(found.pk))
        made.path = str(kept)
        made.save(update_fields=["path"])
        Upload.objects.filter(pk=found.pk).update(state=Upload.State.INGESTED)
        transaction.on_commit(lambda: part_path(found.pk).unlink(missing_ok=True))
    else:
        real = local or allowed_path(path)
        made = LabelImport.objects.create(name=real.name, path=str(real), **fields)
    return _start(made, "preview" if is_dry else "take", by=by)


@transaction.atomic
def take_import(label_import: LabelImport, *, by: User) -> LabelImport:
    """Take in what was looked through; again: the job that does."""
    held = LabelImport.objects.select_for_update().get(pk=label_import.pk)
    if held.state == State.UNDONE:
        raise WrongState("It was taken back: import the file again.")
    if held.state == State.TAKEN or _is_at_work(held):
        raise WrongState("It is taken in, or a step of it is still at work.")
    if held.job is not None and held.job.params.get("step") == "undo":
        raise WrongState("Taking it back broke off half-way: finish that, then import the file again.")
    return _start(held, "take", by=by)


@transaction.atomic
def undo_import(label_import: LabelImport, *, by: User) -> LabelImport:
    """Take back everything it took, also before it was cut off, where nobody has answered since."""
    held = LabelImport.objects.select_for_update().get(pk=label_import.pk)
    if not held.can_be_undone:
        raise WrongState("There is nothing of it to take back, or a step of it is still at work.")
    return _start(held, "undo", by=by)


def _start(label_import: LabelImport, step: str, *, by: User) -> LabelImport:
    label_import.job = jobs.enqueue(
        "labels_import", corpus=label_import.corpus, created_by=by, label_import=label_import.pk, step=step
    )
    label_import.save(update_fields=["job"])
    return label_import


def _is_at_work(label_import: LabelImport) -> bool:
    job = label_import.job
    return job is not None and not Job.objects.get(pk=job.pk).is_final


def undo_chunk(label_import: LabelImport, *, by: User, before: int) -> tuple[int, int] | None:
    """Take back some of its events, the newest below `before`: (how many, the last id); None: no more."""
    events = list(
        Verdict.objects.filter(
            corpus=label_import.corpus, batch=label_import.batch, reverts=None, id__lt=before
        )
        .select_related("annotator")
        .order_by("-id")[:UNDO_CHUNK]
    )
    if not events:
        return None
    operation = uuid5(label_import.batch, "undo")
    undone = undo_events(label_import.corpus, events, operation_id=operation, by=by)
    return undone, events[-1].pk


def num_events(label_import: LabelImport) -> int:
    """How many events of the ledger it has written, those that were undone included."""
    return Verdict.objects.filter(corpus=label_import.corpus, batch=label_import.batch, reverts=None).count()


def start_encoding(label_import: LabelImport) -> dict[str, int]:
    """Enqueue the encoding of regions without a feature, such as it makes; what its counts say of that."""
    corpus = label_import.corpus
    used = active_set(corpus)
    if used is None:
        return {}
    regions = Item.objects.filter(corpus=corpus, kind=Item.Kind.REGION).without_features(used)
    if not (num := regions.count()):
        return {}
    job = start_extract(corpus, created_by=label_import.created_by)
    return {"regions_to_encode": num, "features_job": job.pk}


def drop_upload(label_import: LabelImport) -> None:
    """Remove the file it was uploaded as, which is not needed any more; a file of the server stays."""
    if label_import.is_kept:
        Path(label_import.path).unlink(missing_ok=True)


def revert_weak_labels(label_import: LabelImport, *, by: User) -> int:
    """Take back its weak labels; how many batches that were."""
    classes = LabelClass.objects.filter(corpus=label_import.corpus).values_list("pk", flat=True)
    ids = [weak_batch_id(label_import, pk) for pk in classes]
    batches = list(WeakBatch.objects.filter(pk__in=ids, reverted_at=None))
    for batch in batches:
        revert_weak(batch, by=by, is_manager=True)
    return len(batches)


def remove_orphans() -> list[str]:
    """Remove folders without an import, and what was uploaded, looked through and not taken for a week."""
    place = Path(settings.DATA_DIR) / "imports"
    if not place.is_dir():
        return []
    known = set(map(str, LabelImport.objects.values_list("pk", flat=True)))
    limit = time.time() - ORPHAN_SECONDS
    orphans = [each for each in place.iterdir() if each.name not in known and each.stat().st_mtime < limit]
    for orphan in orphans:
        shutil.rmtree(orphan, ignore_errors=True)
    forgotten = LabelImport.objects.filter(
        is_kept=True, state__in=[State.NEW, State.PREVIEWED], created_at__lt=Now() - FORGOTTEN_AFTER
    )
    for label_import in forgotten:
        Path(label_import.path).unlink(missing_ok=True)
    return [orphan.name for orphan in orphans]
