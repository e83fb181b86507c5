"""Clips of videos as items: those a corpus's policy cuts, and those that somebody asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from indexing.compute.cutting import ClipPolicy
from indexing.compute.decoder import Decoder, Thumbnail
from indexing.compute.media_facts import MediaRefused
from indexing.compute.perceptual import perceptual_hash
from indexing.compute.thumbnails import encode_jpeg, make_thumbnail
from indexing.models import IndexingSettings, Item, MediaFile, ThumbnailPack, Unit
from indexing.services.features import active_set, of_unit
from indexing.services.sources import indexing_settings
from indexing.services.thumbnails import write_pack
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import JobError, Stopped
from sisyphus_web.jobs.models import Job

LONGEST_SPAN_SECONDS = 600.0
PASSED_THROUGH_SECONDS = 10.0  # a longer span is sought in rather than decoded up to its middle
THUMBNAIL_FROM_PX = 256
Keeper = Callable[[Sequence[int]], set[int]]
_keepers: list[Keeper] = []

# A clip that was retired by another policy comes back as it was, features and all.
PUT = """
    INSERT INTO indexing_item
        (corpus_id, media_file_id, kind, start_pts, stop_pts, number, pts_seconds, perceptual_hash,
         thumbnail_pack_id, thumbnail_offset, thumbnail_bytes, thumbnail_width_px, thumbnail_height_px,
         stack_revision)
    SELECT %s, %s, 'clip', start_pts, stop_pts, number, pts_seconds, hash, %s, at, size, width, height, 0
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::float8[], %s::bigint[], %s::bigint[],
                %s::bigint[], %s::bigint[], %s::bigint[])
         AS clip(start_pts, stop_pts, number, pts_seconds, hash, at, size, width, height)
    ON CONFLICT ON CONSTRAINT item_is_one_per_window DO UPDATE SET deleted_at = NULL
    RETURNING id
"""


class NoSuchSpan(JobError):
    """A span that is not of its video: of a photo, empty, too long, or without a frame."""

    code = "no-such-span"


def keep_items(keeper: Keeper) -> None:
    """Let `keeper` say which of some items must not be retired: apps above know what was said of them."""
    _keepers.append(keeper)


def policy_of(chosen: IndexingSettings) -> ClipPolicy | None:
    """How videos are cut into clips; None where they are not."""
    if chosen.clips == IndexingSettings.Clips.OFF:
        return None
    return ClipPolicy(chosen.clip_seconds, chosen.clip_stride_seconds)


def has_clips(corpus: Corpus) -> bool:
    """Whether new videos of the corpus are cut into clips."""
    return policy_of(indexing_settings(corpus)) is not None


def videos_of(corpus_id: int) -> QuerySet[MediaFile]:
    """The videos that have frames."""
    usable = Q(state=MediaFile.State.DONE) | Q(state=MediaFile.State.PARTIAL)
    return MediaFile.objects.live().filter(usable, corpus=corpus_id, kind=MediaFile.Kind.VIDEO)


def videos_to_cut(corpus_id: int, policy: ClipPolicy | None) -> QuerySet[MediaFile]:
    """The videos whose clips are not those of `policy`, in order of their id."""
    wanted = "" if policy is None else policy.name
    return videos_of(corpus_id).exclude(clips_cut_by=wanted).order_by("pk")


def store_clips(job: Job, media_file: MediaFile, made: Sequence[Thumbnail]) -> list[int]:
    """Keep clips with their thumbnails; their item ids. What is there stays; Stopped if the job is lost."""
    if not made:
        return []
    with transaction.atomic():
        _claim(job)
        return _put(media_file, made)


def settle_clips(job: Job, media_file: MediaFile, policy: ClipPolicy | None, ids: Sequence[int]) -> int:
    """The clips `ids` are all that `policy` cuts the video into: retire the others nobody has decided.

    How many were retired. A clip that was ever answered, weakly labeled or frozen stays for good.
    """
    with transaction.atomic():
        _claim(job)
        clips = Item.objects.live().filter(media_file=media_file, kind=Item.Kind.CLIP)
        others = list(clips.exclude(pk__in=ids).values_list("pk", flat=True))
        kept = set().union(*(keeper(others) for keeper in _keepers)) if others else set()
        retired = [pk for pk in others if pk not in kept]
        Item.objects.filter(pk__in=retired).update(deleted_at=Now())
        MediaFile.objects.filter(pk=media_file.pk).update(clips_cut_by=policy.name if policy else "")
    return len(retired)


def clip_of_span(media_file: MediaFile, start_pts: int, stop_pts: int, by: User) -> Item:
    """The clip item of frames [start_pts, stop_pts) of a video, made once; NoSuchSpan where there is none.

    Its feature is made by a job where clips of the corpus are searched.
    """
    known = Item.objects.filter(
        media_file=media_file, kind=Item.Kind.CLIP, start_pts=start_pts, stop_pts=stop_pts, x0_px=None
    ).first()
    if known is None:
        known = _made(media_file, start_pts, stop_pts)
    elif known.deleted_at is not None:
        Item.objects.filter(pk=known.pk).update(deleted_at=None)
        known.deleted_at = None
    corpus = media_file.corpus
    if active_set(corpus, Unit.CLIP) is not None and not known.features.exists():
        _extract_soon(corpus, by=by)
    return known


def span_seconds(media_file: MediaFile, start_pts: int, stop_pts: int) -> float:
    """How long the span is."""
    ticks = (stop_pts - start_pts) * media_file.time_base_numerator
    return ticks / media_file.time_base_denominator


def check_span(media_file: MediaFile, start_pts: int, stop_pts: int) -> None:
    """NoSuchSpan for what cannot be a span of this file, before anything is decoded."""
    if media_file.kind != MediaFile.Kind.VIDEO:
        raise NoSuchSpan(f"{media_file.name} is not a video: only videos have clips.")
    if not start_pts < stop_pts:
        raise NoSuchSpan(f"A span ends after it starts; got pts {start_pts} to {stop_pts}.")
    if span_seconds(media_file, start_pts, stop_pts) > LONGEST_SPAN_SECONDS:
        raise NoSuchSpan(f"A clip is at most {LONGEST_SPAN_SECONDS:g} s long: choose a shorter part.")


def _made(media_file: MediaFile, start_pts: int, stop_pts: int) -> Item:
    check_span(media_file, start_pts, stop_pts)
    try:
        middle = _middle(media_file, start_pts, stop_pts)
    except MediaRefused as refusal:
        raise NoSuchSpan(f"{media_file.name}: {refusal.sentence}") from refusal
    with transaction.atomic():
        (pk,) = _put(media_file, [middle])
    return Item.objects.get(pk=pk)


def _middle(media_file: MediaFile, start_pts: int, stop_pts: int) -> Thumbnail:
    """The first frame's facts with the thumbnail of the middle one; memory holds two frames."""
    half_pts = (start_pts + stop_pts) // 2
    is_long = span_seconds(media_file, start_pts, stop_pts) > PASSED_THROUGH_SECONDS
    with Decoder() as decoder:
        frames = iter(decoder.span(media_file.path, start_pts, stop_pts, max_side_px=THUMBNAIL_FROM_PX))
        first = middle = next(frames)
        if not is_long:
            for frame in frames:
                if frame.pts > half_pts:
                    break
                middle = frame
    if is_long:  # the frames between are not decoded
        with Decoder() as decoder, suppress(MediaRefused):
            later = decoder.span(media_file.path, half_pts, stop_pts, max_side_px=THUMBNAIL_FROM_PX)
            middle = next(iter(later))
    pixels = make_thumbnail(middle.pixels)
    facts = {
        "start_pts": start_pts,
        "stop_pts": stop_pts,
        "number": first.number,
        "pts_seconds": first.pts_seconds,
    }
    return Thumbnail(encode_jpeg(pixels), pixels.shape[1], pixels.shape[0], perceptual_hash(pixels), facts)


def _put(media_file: MediaFile, made: Sequence[Thumbnail]) -> list[int]:
    pack, places = write_pack(media_file.corpus_id, [each.jpeg for each in made])
    row, _ = ThumbnailPack.objects.get_or_create(
        corpus_id=media_file.corpus_id, sha256=pack.sha256, defaults={"size_bytes": pack.size_bytes}
    )
    columns = [
        [each.facts[name] for each in made] for name in ("start_pts", "stop_pts", "number", "pts_seconds")
    ]
    columns.append([each.perceptual_hash for each in made])
    columns += [[place.offset for place in places], [place.num_bytes for place in places]]
    columns += [[each.width_px for each in made], [each.height_px for each in made]]
    with connection.cursor() as cursor:
        cursor.execute(PUT, [media_file.corpus_id, media_file.pk, row.pk, *columns])
        return [pk for (pk,) in cursor.fetchall()]


def _extract_soon(corpus: Corpus, *, by: User) -> None:
    """One job that encodes what is new, however many spans are asked for meanwhile."""
    waiting = corpus.jobs.filter(
        kind="features_extract", status=Job.Status.QUEUED, params__unit=Unit.CLIP.value
    )
    if not waiting.exists():
        jobs.enqueue("features_extract", corpus=corpus, created_by=by, **of_unit(Unit.CLIP))


def _claim(job: Job) -> None:
    mine = Job.objects.filter(pk=job.pk, status=Job.Status.RUNNING, attempt=job.attempt)
    if not mine.select_for_update(no_key=True).exists():
        raise Stopped
