"""Files to media files, items and thumbnails: chunk by chunk, each with a state, none stops the rest."""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Now

from indexing.compute.decoder import Decoder, Thumbnail
from indexing.compute.files import BLOCK_BYTES, free_bytes, path_to_text, text_to_path
from indexing.compute.media_facts import (
    HEAD_BYTES,
    IMAGE_TYPES,
    MediaFacts,
    MediaRefused,
    check_suffix,
    type_by_content,
)
from indexing.compute.perceptual import perceptual_hash
from indexing.compute.sampling import Encode, FramePolicy, dissimilar
from indexing.compute.thumbnails import encode_jpeg, make_thumbnail
from indexing.models import IndexingSettings, Item, MediaFile, MediaPath, Source
from indexing.services.media_rows import SEPARATOR, ItemRow, MediaRow, PathRow, store_media
from indexing.services.places import place_of
from indexing.services.thumbnails import write_pack
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import NoSpace
from sisyphus_web.jobs.models import Job

CHUNK_SECONDS = 1.5  # between commits: what a killed worker does again
CHUNK_FILES = 16, 1024
HASH_BYTES_PER_CHUNK = 256 << 20
State = MediaFile.State


class Given(NamedTuple):
    """A file to take in."""

    name: str  # for people
    relative_path: str  # where its source has it
    path: str  # to open it by
    size_bytes: int
    mtime_ns: int


class Read(NamedTuple):
    """A file whose bytes were seen once: its identity and the type its first bytes tell."""

    given: Given
    sha256: str
    type: str  # '' when refused
    refusal: MediaRefused | None
    notes: tuple[str, ...]

    @property
    def is_image(self) -> bool:
        return self.type in IMAGE_TYPES


@dataclass(slots=True)
class Intake:
    """Takes files into a corpus for one job."""

    job: Job
    corpus_id: int
    source_id: int
    settings: IndexingSettings
    decoder: Decoder
    encode: Encode | None = None  # for the policy feature_similarity
    encode_side_px: int = 224
    num_new: int = 0
    num_known: int = 0
    unreadable: list[str] = field(default_factory=list)
    num_done: int = 0  # of the job's units
    _chunk_files: int = CHUNK_FILES[0]

    def take(self, files: Sequence[Given]) -> None:
        """Take in all of them, in chunks of about CHUNK_SECONDS; each is committed before the next begins."""
        at = 0
        while at < len(files):
            begun = time.monotonic()
            chunk, num_bytes = [], 0
            for given in files[at : at + self._chunk_files]:
                chunk.append(given)
                num_bytes += given.size_bytes
                if num_bytes > HASH_BYTES_PER_CHUNK:
                    break
            check_space()
            self._take_chunk(chunk)
            at += len(chunk)
            rate = len(chunk) / max(time.monotonic() - begun, 0.01)
            self._chunk_files = int(min(max(rate * CHUNK_SECONDS, CHUNK_FILES[0]), CHUNK_FILES[1]))

    def _take_chunk(self, chunk: list[Given]) -> None:
        reads = list(self._read(chunk))
        known = self._known({read.sha256 for read in reads})
        fresh: dict[str, Read] = {}
        for read in reads:
            if read.sha256 not in known:
                fresh.setdefault(read.sha256, read)
        self.num_new += len(fresh)
        self.num_known += len(reads) - len(fresh)
        media = [_refused(read, read.refusal) for read in fresh.values() if read.refusal]
        items, jpegs = [], []
        images = [read for read in fresh.values() if read.is_image]
        results = self.decoder.image_thumbnails([read.given.path for read in images])
        for read, result in zip(images, results, strict=True):
            if isinstance(result, MediaRefused):
                media.append(_refused(read, result))
            else:
                media.append(_photo(read, result))
                items.append((read.sha256, result))
                jpegs.append(result.jpeg)
            jobs.report(self.job)
        videos = [read for read in fresh.values() if read.type and not read.is_image]
        ends = {read.sha256 for read in videos}
        self._store(media, items, jpegs, [_path(read) for read in reads if read.sha256 not in ends])
        num_others = len(chunk) - len(videos)
        self._count(num_others)
        for read in videos:
            self._take_video(read)
            self._count(1)
        self._store([], [], [], [_path(read) for read in reads if read.sha256 in ends])

    def _count(self, num: int) -> None:
        self.num_done += num
        jobs.report(self.job, units_done=self.num_done)

    def _read(self, chunk: Sequence[Given]) -> Iterator[Read]:
        for given in chunk:
            try:
                yield _read(given)
            except OSError as error:
                self.unreadable.append(f"{path_to_text(given.relative_path)}: {error.strerror}")

    def _known(self, wanted: set[str]) -> set[str]:
        """Those already taken in, whole: content is taken in once, wherever it lies."""
        found = MediaFile.objects.filter(corpus_id=self.corpus_id, sha256__in=wanted)
        return set(found.exclude(state=State.PENDING).values_list("sha256", flat=True))

    def _store(
        self,
        media: Sequence[MediaRow],
        items: Sequence[tuple[str, Thumbnail]],
        jpegs: Sequence[bytes],
        paths: Sequence[PathRow],
    ) -> None:
        """One chunk: the pack first, so that no row names a file that is not there."""
        if not (media or items or paths):
            return
        pack, places = write_pack(self.corpus_id, jpegs) if jpegs else (None, [])
        rows = [
            ItemRow(
                sha256,
                made.facts.get("pts", 0),
                made.facts.get("number", 0),
                made.facts.get("pts_seconds", 0.0),
                made.perceptual_hash,
                place,
                made.width_px,
                made.height_px,
            )
            for (sha256, made), place in zip(items, places, strict=True)
        ]
        store_media(self.job, source_id=self.source_id, media=media, items=rows, paths=paths, pack=pack)

    def _take_video(self, read: Read) -> None:
        """Its frames chunk by chunk under a pending row, then how it ended."""
        path = text_to_path(read.given.path)
        try:
            facts = self.decoder.identify(path)
        except MediaRefused as refusal:
            self._store([_refused(read, refusal)], [], [], [])
            return
        pending = _video(read, facts)._replace(state=State.PENDING)
        self._store([pending], [], [], [])
        reading, thumbnails = self._frames(path)
        waiting: list[tuple[str, Thumbnail]] = []
        num_kept, stored_at = 0, time.monotonic()
        broken: MediaRefused | None = None
        try:
            for made in thumbnails:
                waiting.append((read.sha256, made))
                num_kept += 1
                jobs.report(self.job, note=f"{read.given.name}: {num_kept} frames")
                if time.monotonic() - stored_at > CHUNK_SECONDS:
                    check_space()
                    self._store([], waiting, [each.jpeg for _, each in waiting], [])
                    waiting, stored_at = [], time.monotonic()
        except MediaRefused as error:
            broken = error
        settled = _settled(pending, reading.end, num_kept, broken, is_strict=self.settings.is_strict)
        if settled.state == State.REFUSED:
            waiting = []
            of_file = Item.objects.filter(media_file__corpus=self.corpus_id, media_file__sha256=read.sha256)
            of_file.update(deleted_at=Now())
        self._store([settled], waiting, [each.jpeg for _, each in waiting], [])

    def _frames(self, path: Path) -> tuple[Any, Iterator[Thumbnail]]:
        chosen = self.settings
        policy = FramePolicy(chosen.frame_policy, chosen.interval_seconds, chosen.similarity_threshold)
        if policy.kind != "feature_similarity":
            reading = self.decoder.frame_thumbnails(path, policy)
            return reading, iter(reading)
        if self.encode is None:
            raise ValueError("the policy feature_similarity needs an encoder")
        reading = self.decoder.frames(path, policy, min_side_px=self.encode_side_px)
        kept = dissimilar(reading, self.encode, threshold=policy.similarity_threshold)
        return reading, (_own_thumbnail(frame) for frame in kept)


def check_space() -> None:
    """NoSpace while less is free than the floor."""
    if free_bytes(settings.DATA_DIR) < settings.FREE_SPACE_FLOOR_BYTES:
        floor = settings.FREE_SPACE_FLOOR_BYTES / 2**30
        raise NoSpace(f"Less than {floor:.1f} GiB is free in {settings.DATA_DIR}.")


def counts_of(source_id: int) -> dict[str, int]:
    """How many files of a source are done, partial and refused, and how many items they have."""
    files = MediaFile.objects.filter(
        Exists(MediaPath.objects.filter(source=source_id, media_file=OuterRef("pk")))
    )
    states = {str(state): Count("pk", filter=Q(state=state)) for state in State}
    items = Item.objects.filter(media_file__in=files.values("pk"), deleted_at=None).count()
    return files.aggregate(**states) | {"items": items}


def forget_gone(source: Source, gone: Sequence[str]) -> int:
    """Drop the places that a scan did not find; files seen elsewhere too are read there from now on.

    Returns how many media files are nowhere any more. Their items and verdicts stay.
    """
    if not gone:
        return 0
    num_lost = 0
    for at in range(0, len(gone), 1000):
        with transaction.atomic():
            paths = MediaPath.objects.filter(source=source, relative_path__in=gone[at : at + 1000])
            ids = list(paths.values_list("media_file", flat=True))
            paths.delete()
            for media_file in MediaFile.objects.filter(pk__in=ids).prefetch_related("paths__source"):
                others = [place_of(path) for path in media_file.paths.all() if path.source.kind == "folder"]
                if text_to_path(media_file.path).exists():
                    continue
                if not others:
                    num_lost += 1
                    continue
                media_file.path = others[0]
                media_file.save(update_fields=["path"])
    return num_lost


def _read(given: Given) -> Read:
    """Hash a regular file and look at its first bytes; a link or a device is an OSError."""
    handle = os.open(given.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb", buffering=0) as file:
        first = file.read(min(BLOCK_BYTES, given.size_bytes + 1)) or b""
        digest = hashlib.sha256(first)
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    sha256 = digest.hexdigest()
    try:
        found = type_by_content(first[:HEAD_BYTES])
        return Read(given, sha256, found, None, check_suffix(given.name, found))
    except MediaRefused as refusal:
        return Read(given, sha256, "", refusal, ())


def _path(read: Read) -> PathRow:
    given = read.given
    return PathRow(read.sha256, given.relative_path, given.size_bytes, given.mtime_ns)


def _row(read: Read, **fields: Any) -> MediaRow:
    given = read.given
    return MediaRow(read.sha256, given.name[-400:], given.size_bytes, path_to_text(given.path), **fields)


def _refused(read: Read, refusal: MediaRefused) -> MediaRow:
    kind = MediaFile.Kind.UNKNOWN
    if read.type:
        kind = MediaFile.Kind.IMAGE if read.is_image else MediaFile.Kind.VIDEO
    return _row(
        read,
        kind=kind,
        state=State.REFUSED,
        reason_code=refusal.code,
        reason=refusal.sentence,
        container=read.type,
    )


def _photo(read: Read, made: Thumbnail) -> MediaRow:
    facts = made.facts
    return _row(
        read,
        kind=MediaFile.Kind.IMAGE,
        notes=SEPARATOR.join(note[:300] for note in dict.fromkeys((*read.notes, *facts["notes"]))),
        container=read.type,
        codec=read.type,
        width_px=facts["width_px"],
        height_px=facts["height_px"],
        rotation_degrees=facts["rotation_degrees"],
        num_frames=1,
    )


def _video(read: Read, facts: MediaFacts) -> MediaRow:
    return _row(
        read,
        kind=MediaFile.Kind.VIDEO,
        notes=SEPARATOR.join(read.notes),
        container=facts.container,
        codec=facts.codec,
        width_px=facts.width_px,
        height_px=facts.height_px,
        rotation_degrees=facts.rotation_degrees,
        duration_seconds=facts.duration_seconds,
        time_base_numerator=facts.time_base_numerator,
        time_base_denominator=facts.time_base_denominator,
    )


def _settled(
    row: MediaRow, end: Any, num_kept: int, refusal: MediaRefused | None, *, is_strict: bool
) -> MediaRow:
    """How a video ended: done, partial with its reason, or refused."""
    if end is not None:
        notes = [*filter(None, row.notes.split(SEPARATOR)), *end.notes]
        row = row._replace(
            notes=SEPARATOR.join(note[:300] for note in notes),
            num_frames=end.num_decoded if end.is_counted else None,
            is_variable_rate=end.is_variable_rate,
        )
    code, why = "damaged", end.damage if end is not None else ""
    if refusal is not None:
        code, why = refusal.code, refusal.sentence
    if num_kept == 0:
        why = why or "Not one frame could be kept."
        return row._replace(state=State.REFUSED, reason_code="no-frames", reason=why)
    if why and is_strict:
        why = f"{why} The corpus refuses damaged videos."
        return row._replace(state=State.REFUSED, reason_code=code, reason=why)
    if why:
        return row._replace(state=State.PARTIAL, reason_code=code, reason=why)
    return row._replace(state=State.DONE)


def _own_thumbnail(frame: Any) -> Thumbnail:
    pixels = make_thumbnail(frame.pixels)
    facts = {"pts": frame.pts, "number": frame.number, "pts_seconds": frame.pts_seconds}
    return Thumbnail(encode_jpeg(pixels), pixels.shape[1], pixels.shape[0], perceptual_hash(pixels), facts)
