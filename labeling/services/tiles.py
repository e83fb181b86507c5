"""What a tile of the grid shows, for the neighbors of a ranking and the lists of the review page alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.db import connection

from sisyphus_web.accounts.models import Corpus, User

Box = tuple[float, float, float, float]


class Why(msgspec.Struct, frozen=True):
    """Why a tile is here: what proposed it, and the preset of the queue that it came by."""

    source: str  # neighbor, learned, explore, hard negative, browse
    preset: str  # harvest, boundary, explore, hard, audit; browse


class Shown(NamedTuple):
    """An item that stands for a tile, and where it was found."""

    item: int
    stack: int | None
    # Items of its stack that the list is about; hides tuple.count, which nobody calls.
    count: int  # type: ignore[assignment]
    similarity: float | None
    rank: int
    box: Box | None = None
    why: Why | None = None
    is_blind: bool = False  # shown as if nobody had answered


class Tile(msgspec.Struct, kw_only=True):
    """One tile: an item, or a stack by one of its items. Sizes are of the full frame, upright."""

    item: int
    stack: int | None
    stack_revision: int | None  # goes back with an answer, which then covers the members of now
    count: int
    similarity: float | None
    rank: int
    media_file: int
    name: str
    media_kind: str
    kind: str  # frame, region or clip
    number: int | None
    pts_seconds: float  # of a clip: where it starts
    start_pts: int
    stop_pts: int
    stop_seconds: float | None  # of a clip: where it stops; null of a frame
    answer: str  # '' where nobody has answered
    version: int
    is_derived: bool
    is_disputed: bool
    is_weak: bool
    is_later: bool = False  # put off by who asked
    by: str | None  # who said what counts
    at: datetime | None
    width_px: int
    height_px: int
    thumbnail: str = ""  # its address
    box: Box | None  # relative, 0 to 1; the part that was found, or the region the item is
    is_found: bool = False  # `box` is the part of the frame that is nearest to the query
    said_of: Box | None = None  # the part that was outlined when what counts was said
    why: Why | None = None  # None: in a list that nobody ranked


TILES = """
    SELECT item.id, item.stack_id, media.id, media.name, media.kind, item.number, item.pts_seconds,
           coalesce(state.answer, ''), coalesce(state.version, 0), coalesce(state.is_derived, false),
           coalesce(state.is_disputed, false),
           EXISTS (
               SELECT FROM labeling_weaklabel weak
               JOIN labeling_weakbatch batch ON batch.id = weak.batch_id AND batch.reverted_at IS NULL
               WHERE weak.item_id = item.id AND weak.label_class_id = %(label_class)s
           ) AND coalesce(state.answer, '') = '',
           account.username, verdict.created_at, media.width_px, media.height_px,
           item.x0_px, item.y0_px, item.x1_px, item.y1_px, stack.revision,
           EXISTS (
               SELECT FROM labeling_putoff putoff
               WHERE putoff.label_class_id = %(label_class)s AND putoff.annotator_id = %(by)s
                 AND putoff.tile = coalesce(item.stack_id, -item.id)
           ) AND coalesce(state.answer, '') = '',
           item.kind, item.start_pts, item.stop_pts,
           CASE WHEN item.kind = 'clip' THEN item.pts_seconds + (item.stop_pts - item.start_pts)
                * media.time_base_numerator::float8 / media.time_base_denominator END,
           CASE WHEN NOT state.is_derived THEN verdict.box END
    FROM unnest(%(items)s::bigint[]) AS wanted(id)
    JOIN indexing_item item ON item.id = wanted.id AND item.corpus_id = %(corpus)s AND item.deleted_at IS NULL
    JOIN indexing_mediafile media ON media.id = item.media_file_id
    LEFT JOIN indexing_stack stack ON stack.id = item.stack_id
    LEFT JOIN labeling_currentverdict state
      ON state.item_id = item.id AND state.label_class_id = %(label_class)s
    LEFT JOIN labeling_verdict verdict ON verdict.id = state.verdict_id
    LEFT JOIN accounts_user account ON account.id = verdict.annotator_id
"""


def describe_tiles(
    corpus: Corpus, shown: Sequence[Shown], *, label_class_id: int | None, by: User | None = None
) -> list[Tile]:
    """A tile for each of `shown`, in its order, in one statement; what was deleted meanwhile is left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            TILES,
            {
                "items": [each.item for each in shown],
                "corpus": corpus.pk,
                "label_class": label_class_id,
                "by": by.pk if by else None,
            },
        )
        rows = {row[0]: row for row in cursor.fetchall()}
    tiles = []
    for each in shown:
        row = rows.get(each.item)
        if row is None:
            continue
        tiles.append(
            Tile(
                item=each.item,
                stack=row[1],
                stack_revision=row[20],
                count=each.count,
                similarity=each.similarity,
                rank=each.rank,
                media_file=row[2],
                name=row[3],
                media_kind=row[4],
                number=row[5],
                pts_seconds=row[6],
                answer="" if each.is_blind else row[7],
                version=0 if each.is_blind else row[8],
                is_derived=row[9] and not each.is_blind,
                is_disputed=row[10] and not each.is_blind,
                is_weak=row[11] and not each.is_blind,
                is_later=row[21],
                kind=row[22],
                start_pts=row[23],
                stop_pts=row[24],
                stop_seconds=row[25],
                by=None if each.is_blind else row[12],
                at=None if each.is_blind else row[13],
                width_px=row[14],
                height_px=row[15],
                box=each.box or _relative(row[16:20], width_px=row[14], height_px=row[15]),
                is_found=each.box is not None,
                said_of=None if each.is_blind or row[26] is None else tuple(row[26]),
                why=each.why,
            )
        )
    return tiles


def _relative(corners: tuple[int | None, ...], *, width_px: int, height_px: int) -> Box | None:
    x0, y0, x1, y1 = corners
    if x0 is None or y0 is None or x1 is None or y1 is None or not width_px or not height_px:
        return None
    return (x0 / width_px, y0 / height_px, x1 / width_px, y1 / height_px)
