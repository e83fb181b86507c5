"""Which item a line of an import means, in its media file: a frame by its time, a region by its box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection

from indexing.models import Item, MediaFile
from indexing.services.clips import NoSuchSpan, clip_of_span
from labeling.compute.imports.rows import Row
from labeling.models import LabelImport
from labeling.services.import_media import Found, Media, Unmatched
from sisyphus_web.accounts.models import Corpus, User

NEAR_PX = 1  # corners may be rounded otherwise by others
NEAR_SECONDS = 0.02  # frames are 0.03 s apart and more
MOST_SECONDS = 7 * 24 * 3600.0

ITEMS = """
    SELECT item.media_file_id, item.id, item.kind, item.start_pts, item.stop_pts, item.number,
           item.pts_seconds, item.x0_px, item.y0_px, item.x1_px, item.y1_px,
           item.pts_seconds + (item.stop_pts - item.start_pts) * media.time_base_numerator::float8
               / media.time_base_denominator
    FROM indexing_item item JOIN indexing_mediafile media ON media.id = item.media_file_id
    WHERE item.media_file_id = ANY(%(media)s) AND item.deleted_at IS NULL
      AND (item.media_file_id = ANY(%(whole)s) OR item.start_pts = ANY(%(pts)s)
           OR item.number = ANY(%(numbers)s))
"""


# A region is shown by the thumbnail of its frame, with its box on it.
SHOW_REGIONS = """
    UPDATE indexing_item region
    SET thumbnail_pack_id = frame.thumbnail_pack_id, thumbnail_offset = frame.thumbnail_offset,
        thumbnail_bytes = frame.thumbnail_bytes, thumbnail_width_px = frame.thumbnail_width_px,
        thumbnail_height_px = frame.thumbnail_height_px
    FROM indexing_item frame
    WHERE region.id = ANY(%s) AND region.thumbnail_pack_id IS NULL AND frame.kind = 'frame'
      AND frame.media_file_id = region.media_file_id AND frame.start_pts = region.start_pts
      AND frame.thumbnail_pack_id IS NOT NULL
"""


class Known(NamedTuple):
    """An item of a media file."""

    id: int
    kind: str
    start_pts: int
    stop_pts: int
    number: int | None
    pts_seconds: float
    x0_px: int | None
    y0_px: int | None
    x1_px: int | None
    y1_px: int | None
    stop_seconds: float


class NewRegion(NamedTuple):
    """A box of a frame for which there is no item yet."""

    media: int
    frame: Known
    box: tuple[int, int, int, int]


class NewClip(NamedTuple):
    """A span of a video for which there is no clip yet; times count where pts are not known."""

    media: int
    start_pts: int | None
    stop_pts: int | None
    start_seconds: float
    stop_seconds: float


Target = Known | NewRegion | NewClip | Unmatched


class ItemFinder:
    """Finds the items of rows whose media files are known."""

    def __init__(self, corpus: Corpus, boxes: str) -> None:
        self._are_regions = boxes == LabelImport.Boxes.REGIONS
        self._has_regions = Item.objects.live().filter(corpus=corpus, kind=Item.Kind.REGION).exists()

    def find(self, rows: Sequence[Row], media: Sequence[Found]) -> list[Target]:
        """The item of every row, a region to make, or why there is none."""
        items = _items_of(rows, media)
        return [
            found if isinstance(found, Unmatched) else self._target(row, found, items.get(found.id, []))
            for row, found in zip(rows, media, strict=True)
        ]

    def _target(self, row: Row, media: Media, items: Sequence[Known]) -> Target:
        if row.is_clip:
            return _clip(row, media, [item for item in items if item.kind == "clip"])
        frames = _frames(row, media, [item for item in items if item.kind == "frame"])
        if len(frames) != 1:
            said = (row.start_pts, row.number, row.pts_seconds)
            when = next((each for each in said if each is not None), None)
            if when is None and len(frames) > 1:
                return Unmatched("no-time", f"{media.name} has {len(frames)} frames: say which (start_pts).")
            return Unmatched("unknown-frame", f"There is no item of {media.name} at {when}.")
        (frame,) = frames
        try:
            box = _box(row, media)
        except (ValueError, OverflowError):  # NaN, infinity
            return Unmatched("bad-box", "The corners of the box are no numbers of pixels.")
        if box is None:
            return frame
        if not _is_inside(box, media):
            return Unmatched("bad-box", f"The box {box} is not inside {media.width_px} x {media.height_px}.")
        if not self._are_regions:
            if row.answer == "accept":
                return frame
            return Unmatched("box-rejected", "That a box was rejected says nothing of its frame.")
        regions = [item for item in items if item.kind == "region" and item.start_pts == frame.start_pts]
        near = [item for item in regions if _is_near(item, box)]
        if near:
            return min(near, key=lambda item: _distance(item, box))
        if not self._has_regions:
            return Unmatched(
                "no-region",
                "This corpus has no regions: import boxes as what is in the frame, or whole frames.",
            )
        return NewRegion(media.id, frame, box)


def _items_of(rows: Sequence[Row], media: Sequence[Found]) -> dict[int, list[Known]]:
    """The items that the rows may mean, by media file: one statement."""
    found = [(row, each) for row, each in zip(rows, media, strict=True) if isinstance(each, Media)]
    timed = [row for row, _ in found]
    arguments = {
        "media": list({each.id for _, each in found}),
        "whole": list({each.id for row, each in found if row.start_pts is None and row.number is None}),
        "pts": list({row.start_pts for row in timed if row.start_pts is not None}),
        "numbers": list({row.number for row in timed if row.number is not None}),
    }
    items: dict[int, list[Known]] = {}
    with connection.cursor() as cursor:
        cursor.execute(ITEMS, arguments)
        for of_media, *item in cursor.fetchall():
            items.setdefault(of_media, []).append(Known(*item))
    return items


def _clip(row: Row, media: Media, clips: Sequence[Known]) -> Target:
    """The clip of a span: by its pts, else by its times."""
    if media.kind != "video":
        return Unmatched("bad-span", f"{media.name} is not a video: only videos have clips.")
    if row.start_pts is not None and row.stop_pts is not None:
        if not row.start_pts < row.stop_pts:
            return Unmatched(
                "bad-span", f"A span ends after it starts, got {row.start_pts} to {row.stop_pts}."
            )
        for clip in clips:
            if (clip.start_pts, clip.stop_pts) == (row.start_pts, row.stop_pts):
                return clip
        return NewClip(media.id, row.start_pts, row.stop_pts, 0.0, 0.0)
    start, stop = row.pts_seconds, row.stop_seconds
    if start is None or stop is None or not 0 <= start < stop < MOST_SECONDS:
        return Unmatched("bad-span", "A span needs a start and a later stop, both in pts or in seconds.")
    off = {clip: max(abs(clip.pts_seconds - start), abs(clip.stop_seconds - stop)) for clip in clips}
    near = min(off, key=lambda clip: off[clip], default=None)
    if near is not None and off[near] <= NEAR_SECONDS:
        return near
    return NewClip(media.id, None, None, start, stop)


def _frames(row: Row, media: Media, frames: Sequence[Known]) -> list[Known]:
    """The frames a row may mean: by pts, else by number, else by time; all of them if it says nothing."""
    if row.start_pts is not None:
        return [frame for frame in frames if frame.start_pts == row.start_pts]
    if row.number is not None and media.kind == "video":
        return [frame for frame in frames if frame.number == row.number]
    if row.pts_seconds is not None and media.kind == "video":
        wanted = row.pts_seconds
        near = [frame for frame in frames if abs(frame.pts_seconds - wanted) <= NEAR_SECONDS]
        return sorted(near, key=lambda frame: abs(frame.pts_seconds - wanted))[:1]
    return list(frames)


def _box(row: Row, media: Media) -> tuple[int, int, int, int] | None:
    """The box in pixels of the upright frame; None: all of it, or nearly."""
    if row.box is None:
        return None
    width, height = row.unit or (media.width_px, media.height_px)
    scale_x, scale_y = media.width_px / (width or 1), media.height_px / (height or 1)
    x0, y0, x1, y1 = row.box
    box = (round(x0 * scale_x), round(y0 * scale_y), round(x1 * scale_x), round(y1 * scale_y))
    whole = (0, 0, media.width_px, media.height_px)
    return None if all(abs(a - b) <= NEAR_PX for a, b in zip(box, whole, strict=True)) else box


def _is_inside(box: tuple[int, int, int, int], media: Media) -> bool:
    x0, y0, x1, y1 = box
    return 0 <= x0 < x1 <= media.width_px and 0 <= y0 < y1 <= media.height_px


def _distance(item: Known, box: tuple[int, int, int, int]) -> int:
    corners = (item.x0_px or 0, item.y0_px or 0, item.x1_px or 0, item.y1_px or 0)
    return max(abs(a - b) for a, b in zip(corners, box, strict=True))


def _is_near(item: Known, box: tuple[int, int, int, int]) -> bool:
    return item.x0_px is not None and _distance(item, box) <= NEAR_PX


def make_clip(corpus: Corpus, wanted: NewClip, by: User) -> int | Unmatched:
    """The id of the clip, made if it is not there; Unmatched where the video has no such span."""
    media = MediaFile.objects.get(pk=wanted.media, corpus=corpus)
    start, stop = wanted.start_pts, wanted.stop_pts
    if start is None or stop is None:
        tick = media.time_base_numerator / media.time_base_denominator
        first = media.items.order_by("start_pts").values_list("start_pts", "pts_seconds").first() or (0, 0.0)
        zero = first[0] - first[1] / tick
        start, stop = round(zero + wanted.start_seconds / tick), round(zero + wanted.stop_seconds / tick)
    try:
        return clip_of_span(media, start, stop, by).pk
    except NoSuchSpan as error:
        return Unmatched("bad-span", str(error))


def make_regions(corpus: Corpus, wanted: Sequence[NewRegion]) -> dict[NewRegion, int]:
    """The ids of the regions, those made that were not there, each with the thumbnail of its frame."""
    fields = ("x0_px", "y0_px", "x1_px", "y1_px")
    made = [
        Item(
            corpus=corpus,
            media_file_id=each.media,
            kind=Item.Kind.REGION,
            start_pts=each.frame.start_pts,
            stop_pts=each.frame.stop_pts,
            number=each.frame.number,
            pts_seconds=each.frame.pts_seconds,
            **dict(zip(fields, each.box, strict=True)),
        )
        for each in dict.fromkeys(wanted)
    ]
    Item.objects.bulk_create(made, ignore_conflicts=True, batch_size=1_000)
    there = Item.objects.filter(media_file__in={each.media for each in wanted}, kind=Item.Kind.REGION)
    ids = {
        (media, pts, tuple(box)): pk
        for media, pts, pk, *box in there.values_list("media_file", "start_pts", "pk", *fields)
    }
    found = {each: ids[each.media, each.frame.start_pts, each.box] for each in wanted}
    with connection.cursor() as cursor:
        cursor.execute(SHOW_REGIONS, [list(found.values())])
    return found
