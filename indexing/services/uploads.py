"""Uploads: bytes arrive in order and can be continued; what is whole becomes media, a zip entry by entry."""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from indexing.compute.archives import ArchiveRefused, Entry, display_name, entries
from indexing.compute.files import free_bytes, sha256_of, sync_folder, text_to_path
from indexing.models import Item, MediaFile, Upload
from indexing.services.intake import Given, Intake, check_space
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import JobError, NoSpace
from sisyphus_web.jobs.models import Job

MAX_CHUNK_BYTES = 16 << 20  # of one request
CHECK_AT_ONCE_BYTES = 256 << 20  # larger uploads are compared with their sha256 by the job
GIVEN_UP_AFTER = timedelta(hours=24)
FORGOTTEN_AFTER = timedelta(days=7)  # received whole, and nobody said what for
ENTRY = "entry-"  # how the files begin that an entry of a zip is unpacked to
FILES_AT_ONCE = 500  # of a zip
LINES_LOGGED = 50
ZIP = b"PK\x03\x04"


class UploadRefused(JobError):
    """An upload that cannot be begun or finished; `code` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class WrongOffset(UploadRefused):
    """A chunk for another place than the next one; `offset` is the right one."""

    def __init__(self, offset: int) -> None:
        super().__init__("wrong-offset", f"The next byte is number {offset}. Send the file from there.")
        self.offset = offset


def part_path(upload_id: UUID | str) -> Path:
    """Where the bytes of an upload arrive."""
    return settings.DATA_DIR / "uploads" / f"{upload_id}.part"


def stored_path(sha256: str) -> Path:
    """Where uploaded bytes lie for good, named by what they are."""
    return settings.DATA_DIR / "media" / sha256[:2] / sha256


def begin_upload(corpus: Corpus, *, name: str, size_bytes: int, sha256: str = "", created_by: User) -> Upload:
    """Announce a file; the same person's unfinished upload of the same file is continued.

    Refused at once: nothing in it, larger than allowed, or no room for it.
    """
    shown = display_name(name)
    if size_bytes < 1:
        raise UploadRefused("empty", f"{shown} has no bytes. Copy or export it again.")
    if size_bytes > settings.MAX_UPLOAD_BYTES:
        limit = settings.MAX_UPLOAD_BYTES / 2**30
        raise UploadRefused(
            "too-large", f"{shown} is larger than the {limit:.1f} GiB that one upload may have."
        )
    waiting = Upload.objects.filter(state=Upload.State.RECEIVING, touched_at__gt=Now() - GIVEN_UP_AFTER)
    promised = sum(size - got for size, got in waiting.values_list("size_bytes", "received_bytes"))
    if free_bytes(settings.DATA_DIR) - promised - size_bytes < settings.FREE_SPACE_FLOOR_BYTES:
        raise NoSpace(f"There is no room for {shown} on the server; the operator must free some.")
    if sha256:
        same = waiting.filter(
            corpus=corpus, created_by=created_by, name=shown, size_bytes=size_bytes, sha256=sha256
        ).first()
        if same is not None:
            return same
    return Upload.objects.create(
        corpus=corpus, name=shown, size_bytes=size_bytes, sha256=sha256, created_by=created_by
    )


def add_chunk(upload: Upload, *, offset: int, chunk: bytes) -> Upload:
    """Append bytes at `offset`, which must be what is received so far; when they are all here, check them."""
    with transaction.atomic():
        try:
            upload = Upload.objects.select_for_update(nowait=True).get(pk=upload.pk)
        except DatabaseError as error:
            raise UploadRefused("busy", "Another chunk of this file is being written. Try again.") from error
        if upload.state != Upload.State.RECEIVING:
            raise UploadRefused("not-receiving", f"{upload.name} is {upload.state} already.")
        _forget_lost_bytes(upload)
        is_next = offset == upload.received_bytes
        if is_next and offset + len(chunk) > upload.size_bytes:
            raise UploadRefused(
                "too-many-bytes", f"{upload.name} was announced with {upload.size_bytes} bytes."
            )
        if is_next:
            _write_at(part_path(upload.pk), offset, chunk)
            upload.received_bytes = offset + len(chunk)
        if upload.received_bytes == upload.size_bytes:
            upload.state = Upload.State.RECEIVED
        upload.save(update_fields=["received_bytes", "state", "touched_at"])
    if not is_next:
        raise WrongOffset(upload.received_bytes)
    if upload.state == Upload.State.RECEIVED and upload.size_bytes <= CHECK_AT_ONCE_BYTES:
        _check_sha256(upload)
    return upload


def _forget_lost_bytes(upload: Upload) -> None:
    """A disk may hold less than was received, a restored one for instance: no hole is left in the file."""
    part = part_path(upload.pk)
    held = part.stat().st_size if part.exists() else 0
    upload.received_bytes = min(upload.received_bytes, held)


def _write_at(path: Path, offset: int, chunk: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        rest = memoryview(chunk)
        while rest:
            num = os.pwrite(handle, rest, offset)
            rest, offset = rest[num:], offset + num
        os.ftruncate(handle, offset)
        os.fdatasync(handle)
    except OSError as error:
        raise NoSpace(f"The server cannot store more ({error.strerror}).") from error
    finally:
        os.close(handle)


def _check_sha256(upload: Upload) -> None:
    """Refuse other bytes than announced, and start that upload over."""
    if not upload.sha256 or sha256_of(part_path(upload.pk)) == upload.sha256:
        return
    part_path(upload.pk).unlink(missing_ok=True)
    Upload.objects.filter(pk=upload.pk).update(state=Upload.State.RECEIVING, received_bytes=0)
    raise UploadRefused(
        "checksum-mismatch", f"{upload.name} arrived with other bytes than announced. Send it again."
    )


def finished_uploads(corpus: Corpus, *, ids: Sequence[UUID], created_by: User) -> list[Upload]:
    """The named uploads of a person, all received whole; else UploadRefused names the first that is not."""
    found = {upload.pk: upload for upload in corpus.uploads.filter(pk__in=ids, created_by=created_by)}
    for upload_id in ids:
        upload = found.get(upload_id)
        if upload is None:
            raise UploadRefused("no-such-upload", f"There is no upload {upload_id} of yours in this corpus.")
        if upload.state == Upload.State.RECEIVING:
            raise UploadRefused(
                "not-finished",
                f"Of {upload.name} {upload.received_bytes} of {upload.size_bytes} bytes are here.",
            )
    return [found[upload_id] for upload_id in ids]


def remove_abandoned() -> int:
    """Drop uploads that nobody continued for a day, or took in for a week, with their bytes; how many.

    What an ingest still waits for stays; what a killed one had unpacked and not named goes.
    """
    begun = Q(state=Upload.State.RECEIVING, touched_at__lt=Now() - GIVEN_UP_AFTER)
    received = Q(state=Upload.State.RECEIVED, touched_at__lt=Now() - FORGOTTEN_AFTER)
    with transaction.atomic():
        old = Upload.objects.select_for_update(skip_locked=True).filter(begun | received)
        gone = sorted(set(old.values_list("pk", flat=True)) - _awaited())
        Upload.objects.filter(pk__in=gone).delete()
    for upload_id in gone:
        part_path(upload_id).unlink(missing_ok=True)
    limit = time.time() - GIVEN_UP_AFTER.total_seconds()
    for entry in (settings.DATA_DIR / "uploads").glob(f"{ENTRY}*"):
        with suppress(FileNotFoundError):  # its ingest ended just now
            if entry.stat().st_mtime < limit:
                entry.unlink()
    return len(gone)


def _awaited() -> set[UUID]:
    """The uploads of ingests that are to come, running, or to be tried again."""
    status = Job.Status
    to_come = Q(status__in=[status.QUEUED, status.RUNNING])
    to_retry = Q(status=status.FAILED, finished_at__gt=Now() - FORGOTTEN_AFTER)
    lists = Job.objects.filter(to_come | to_retry, kind="media_ingest").values_list(
        "params__uploads", flat=True
    )
    return {UUID(each) for ids in lists for each in ids or ()}


def take_uploads(intake: Intake, ids: Sequence[str]) -> dict[str, int]:
    """Take in received uploads, one after the other; what could not be is refused with a reason."""
    waiting = Upload.objects.filter(pk__in=ids, state=Upload.State.RECEIVED).order_by("created_at", "pk")
    intake.num_done = len(ids) - waiting.count()
    jobs.report(intake.job, units_done=intake.num_done, units_total=len(ids), unit="files", force=True)
    num_refused, num_files = 0, len(ids)
    for upload in waiting:
        check_space()
        try:
            files = _unpacked(upload, intake)
        except UploadRefused as refusal:
            num_refused += 1
            jobs.log(intake.job, f"{upload.name}: {refusal}", "warning")
            _settle(upload, Upload.State.REFUSED, str(refusal))
            continue
        for number, batch in enumerate(files):
            num_files += len(batch) - (number == 0)  # a zip counts as its entries
            jobs.report(intake.job, units_total=num_files)
            intake.take(batch)
            _point_to(intake.corpus_id, batch)
        _settle(upload, Upload.State.INGESTED, "")
    return {"uploads": len(ids), "uploads_refused": num_refused}


def _unpacked(upload: Upload, intake: Intake) -> Iterable[list[Given]]:
    """The files an upload stands for, stored; batch by batch for a zip."""
    part = part_path(upload.pk)
    try:
        with part.open("rb") as file:
            is_zip = file.read(4) == ZIP
    except OSError as error:
        raise UploadRefused("gone", "Its bytes are no longer on the server. Send it again.") from error
    sha256 = sha256_of(part)
    if upload.sha256 and sha256 != upload.sha256:
        raise UploadRefused("checksum-mismatch", "It arrived with other bytes than announced. Send it again.")
    if is_zip:
        return _entries_of(upload, part, intake, sha256)
    _keep(part, sha256)
    return [[_whole(upload, sha256)]]


def _whole(upload: Upload, sha256: str) -> Given:
    return Given(upload.name, f"{upload.pk}/{upload.name}", str(stored_path(sha256)), upload.size_bytes, 0)


def _entries_of(upload: Upload, part: Path, intake: Intake, sha256: str) -> Iterable[list[Given]]:
    """What is in a zip; one that cannot be opened stands for itself, so that it is seen to be refused."""
    batch: list[Given] = []
    is_open = False
    refused: list[str] = []
    try:
        for entry in entries(part):
            is_open = True
            if Path(entry.name).name.startswith(".") or entry.name.startswith("__MACOSX/"):
                continue
            try:
                batch.append(_stored_entry(upload, entry))
            except ArchiveRefused as refusal:
                refused.append(f"{entry.name} in {upload.name} was left out: {refusal}")
            if len(batch) >= FILES_AT_ONCE:
                yield batch
                batch = []
    except ArchiveRefused as refusal:
        refused.append(f"{upload.name}: {refusal}")
        if not is_open:
            _keep(part, sha256)
            batch.append(_whole(upload, sha256))
    if batch:
        yield batch
    for line in refused[:LINES_LOGGED]:
        jobs.log(intake.job, line, "warning")
    if refused:
        Upload.objects.filter(pk=upload.pk).update(reason="\n".join(refused[:LINES_LOGGED]))


def _stored_entry(upload: Upload, entry: Entry) -> Given:
    """Write an entry under its content's name, counting what really comes out."""
    if entry.refusal:
        raise ArchiveRefused(entry.refusal)
    folder = settings.DATA_DIR / "uploads"
    digest, num_bytes = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, prefix=ENTRY, suffix=".part") as out:
        for block in entry.blocks():
            if num_bytes // (64 << 20) != (num_bytes + len(block)) // (64 << 20):
                check_space()
            digest.update(block)
            num_bytes += len(block)
            out.write(block)
            if num_bytes > settings.MAX_UPLOAD_BYTES:
                raise ArchiveRefused("it is larger than one upload may be")
        out.flush()
        os.fsync(out.fileno())
        _keep(Path(out.name), digest.hexdigest())
    path = str(stored_path(digest.hexdigest()))
    return Given(f"{upload.name}/{entry.name}"[-400:], f"{upload.pk}/{entry.name}", path, num_bytes, 0)


def _keep(part: Path, sha256: str) -> None:
    """Give bytes their lasting name beside the one they have; a repeat changes nothing."""
    path = stored_path(sha256)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        try:
            path.hardlink_to(part)
        except FileExistsError:
            return
        sync_folder(path.parent)


def _point_to(corpus_id: int, batch: Sequence[Given]) -> None:
    """Files taken in before, but lost or taken out since, are here again; refused bytes are not kept."""
    by_sha256 = {Path(given.path).name: given for given in batch}
    found = MediaFile.objects.filter(corpus_id=corpus_id, sha256__in=by_sha256)
    for media_file in found:
        stored = by_sha256[media_file.sha256].path
        if media_file.state == MediaFile.State.REFUSED:
            others = MediaFile.objects.filter(sha256=media_file.sha256).exclude(state=MediaFile.State.REFUSED)
            if not others.exists():
                Path(stored).unlink(missing_ok=True)
            continue
        changed = []
        if media_file.path != stored and not text_to_path(media_file.path).exists():
            media_file.path = stored
            changed.append("path")
        if media_file.deleted_at is not None:
            Item.objects.filter(media_file=media_file, deleted_at=media_file.deleted_at).update(
                deleted_at=None
            )
            media_file.deleted_at = None
            changed.append("deleted_at")
        if changed:
            media_file.save(update_fields=changed)


def _settle(upload: Upload, state: str, reason: str) -> None:
    fields = {"state": state} | ({"reason": reason} if reason else {})
    # What another ingest has settled meanwhile stays as it is.
    Upload.objects.filter(pk=upload.pk, state=Upload.State.RECEIVED).update(**fields)
    part_path(upload.pk).unlink(missing_ok=True)
