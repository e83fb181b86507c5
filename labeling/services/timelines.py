"""What lies along the time of a video: its items, what counts for a class, how near each is to an example."""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import connection

from indexing import search
from indexing.models import Item, MediaFile
from indexing.services.clips import check_span, clip_of_span
from indexing.services.video_frames import frame_table
from labeling.models import CurrentVerdict, LabelClass
from sisyphus_web.accounts.models import User

MOST_ITEMS = 50_000  # of one video in one answer
MOST_NEIGHBORS = 10_000

ITEMS = """
    SELECT item.id, item.kind, item.start_pts, item.stop_pts, coalesce(item.stack_id, 0),
           coalesce(state.answer, ''), coalesce(state.version, 0), coalesce(state.is_derived, false),
           coalesce(state.is_disputed, false),
           coalesce(state.answer, '') = '' AND EXISTS (
               SELECT FROM labeling_weaklabel weak
               JOIN labeling_weakbatch batch ON batch.id = weak.batch_id AND batch.reverted_at IS NULL
               WHERE weak.item_id = item.id AND weak.label_class_id = %(label_class)s
           )
    FROM indexing_item item
    LEFT JOIN labeling_currentverdict state
      ON state.item_id = item.id AND state.label_class_id = %(label_class)s
    WHERE item.media_file_id = %(media_file)s AND item.deleted_at IS NULL
    ORDER BY item.start_pts, item.stop_pts, item.id LIMIT %(most)s
"""


class Timeline(msgspec.Struct, kw_only=True):
    """The live items of a video in order of time, a column for each fact; `answers` count for the class."""

    items: list[int]
    kinds: list[str]  # frame, clip, region
    start_pts: list[int]
    stop_pts: list[int]
    stacks: list[int]  # 0: in none
    answers: list[str]  # '' where nobody has answered
    versions: list[int]
    are_derived: list[bool]  # by the answer to their stack
    are_disputed: list[bool]
    are_weak: list[bool]  # taken in bulk, and not answered
    is_whole: bool  # false: there are more, later in the video


class Similarities(msgspec.Struct, kw_only=True):
    """The similarity of items of a video to an example, in order of time; `encoder` measured it."""

    items: list[int]
    values: list[float]
    encoder: str


class SpanItem(msgspec.Struct, kw_only=True):
    """The clip of a span, with what counts for the class."""

    item: int
    start_pts: int
    stop_pts: int
    answer: str
    version: int


def timeline_of(media_file: MediaFile, label_class: LabelClass | None) -> Timeline:
    """The items of a video, up to MOST_ITEMS, in one statement."""
    asked: dict[str, Any] = {
        "media_file": media_file.pk,
        "label_class": label_class.pk if label_class else None,
        "most": MOST_ITEMS + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(ITEMS, asked)
        rows = cursor.fetchall()
    is_whole = len(rows) <= MOST_ITEMS
    columns: list[list[Any]] = [list(column) for column in zip(*rows[:MOST_ITEMS], strict=True)]
    names = [field for field in Timeline.__struct_fields__ if field != "is_whole"]
    values = dict(zip(names, columns or [[] for _ in names], strict=True))
    return Timeline(**values, is_whole=is_whole)


def similarities_to(media_file: MediaFile, item: Item) -> Similarities:
    """How near each item of `media_file` is to `item`, of the same unit; nothing is recorded.

    Raises SearchUnavailable, and SearchRefused where the item has no feature.
    """
    found = search.rank(
        media_file.corpus,
        terms=[{"kind": "item", "item": item.pk, "weight": 1.0}],
        filters={"media_files": [media_file.pk]},
        k=MOST_NEIGHBORS,
        fold=False,
        unit=item.unit,
    )
    values = {each.item: each.similarity for each in found.neighbors if each.similarity is not None}
    ordered = Item.objects.filter(pk__in=values).order_by("start_pts", "pk").values_list("pk", flat=True)
    items = list(ordered)
    return Similarities(items=items, values=[round(values[pk], 4) for pk in items], encoder=found.encoder)


def item_of_span(
    media_file: MediaFile, start_pts: int, stop_pts: int, *, label_class: LabelClass | None, by: User
) -> SpanItem:
    """The clip item of the frames shown in [start_pts, stop_pts), whole frames, made once.

    LookupError where no frame is shown in it, NoSuchSpan for what is too long, MediaRefused for a file that
    cannot be read.
    """
    check_span(media_file, start_pts, stop_pts)
    item = clip_of_span(media_file, *frame_table(media_file).window(start_pts, stop_pts), by)
    state = CurrentVerdict.objects.filter(item=item, label_class=label_class).first() if label_class else None
    return SpanItem(
        item=item.pk,
        start_pts=item.start_pts,
        stop_pts=item.stop_pts,
        answer=state.answer if state else "",
        version=state.version if state else 0,
    )
