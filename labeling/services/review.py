"""The review lists: what was accepted, rejected, left unsure, taken as weak, disputed or never touched."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from django.db import connection

from labeling.models import LabelClass
from labeling.services.tiles import Shown, Tile, describe_tiles

State = Literal["accepted", "rejected", "unsure", "weak", "disputed", "untouched"]
Sort = Literal["time", "similarity"]
PAGE_LIMIT = 500
Key = tuple[float, int]  # of the last tile of a page: its sort value, then its stack or item

# One row per tile, best first: (sort value, group, item shown, stack, items, similarity). A group is a
# stack, or minus the id of an item in none.
DECIDED = """
    SELECT {key} AS key, coalesce(item.stack_id, -item.id) AS tile,
           (array_agg(item.id ORDER BY state.is_derived, item.id))[1], item.stack_id, count(*),
           max(seen.similarity)
    FROM labeling_currentverdict state
    JOIN indexing_item item ON item.id = state.item_id AND item.deleted_at IS NULL
    LEFT JOIN LATERAL (
        SELECT weak.similarity FROM labeling_weaklabel weak
        WHERE {by_similarity} AND weak.item_id = item.id AND weak.label_class_id = state.label_class_id
        ORDER BY weak.id DESC LIMIT 1
    ) seen ON true
    WHERE state.label_class_id = %(label_class)s AND {condition}
    GROUP BY tile, item.stack_id
"""
WEAK = """
    SELECT {key} AS key, coalesce(item.stack_id, -item.id) AS tile,
           (array_agg(item.id ORDER BY weak.rank, item.id))[1], item.stack_id, count(DISTINCT item.id),
           max(weak.similarity)
    FROM labeling_weaklabel weak
    JOIN labeling_weakbatch batch ON batch.id = weak.batch_id AND batch.reverted_at IS NULL
    JOIN indexing_item item ON item.id = weak.item_id AND item.deleted_at IS NULL
    WHERE weak.label_class_id = %(label_class)s AND NOT EXISTS (
        SELECT FROM labeling_currentverdict state
        WHERE state.item_id = weak.item_id AND state.label_class_id = weak.label_class_id
          AND state.answer <> ''
    )
    GROUP BY tile, item.stack_id
"""
PAGE = """
    SELECT * FROM ({tiles}) listed
    WHERE %(after_key)s::float8 IS NULL OR (key, tile) < (%(after_key)s::float8, %(after_tile)s::bigint)
    ORDER BY key DESC, tile DESC LIMIT %(limit)s
"""
# Walks the items in the order of their ids and stops at the page's end, however many there are; a stack
# is met at its first untouched member.
UNTOUCHED = """
    SELECT -item.id::float8, coalesce(item.stack_id, -item.id), item.id, item.stack_id,
           CASE WHEN item.stack_id IS NULL THEN 1 ELSE (
               SELECT count(*) FROM indexing_item other
               WHERE other.stack_id = item.stack_id AND other.deleted_at IS NULL AND {other_is_untouched}
           ) END,
           NULL::float8
    FROM indexing_item item
    WHERE item.corpus_id = %(corpus)s AND item.deleted_at IS NULL
      AND (%(after_key)s::float8 IS NULL OR item.id > -%(after_key)s::float8::bigint)
      AND {item_is_untouched}
      AND NOT EXISTS (
          SELECT FROM indexing_item other
          WHERE other.stack_id = item.stack_id AND other.id < item.id AND other.deleted_at IS NULL
            AND {other_is_untouched}
      )
    ORDER BY item.id LIMIT %(limit)s
"""
IS_UNTOUCHED = """
    NOT EXISTS (
        SELECT FROM labeling_currentverdict state
        WHERE state.item_id = {item}.id AND state.label_class_id = %(label_class)s AND state.answer <> ''
    ) AND NOT EXISTS (
        SELECT FROM labeling_weaklabel weak
        JOIN labeling_weakbatch batch ON batch.id = weak.batch_id AND batch.reverted_at IS NULL
        WHERE weak.item_id = {item}.id AND weak.label_class_id = %(label_class)s
    )
"""
CONDITIONS = {
    "accepted": "state.answer = 'accept'",
    "rejected": "state.answer = 'reject'",
    "unsure": "state.answer = 'unsure'",
    "disputed": "state.is_disputed",
}


class ReviewPage(msgspec.Struct):
    """Tiles of one list, folded to stacks; `next` is the cursor of the next page, null at the end."""

    results: list[Tile]
    next: str | None


class BadCursor(ValueError):
    """A cursor that did not come from this list."""


class _Row(NamedTuple):
    key: float
    tile: int
    item: int
    stack: int | None
    count: int  # type: ignore[assignment] # hides tuple.count
    similarity: float | None


def review_page(
    label_class: LabelClass, *, state: State, sort: Sort = "time", cursor: str = "", limit: int = 200
) -> ReviewPage:
    """A page of the items of `label_class` in `state`, newest first or most similar first.

    Two statements. Similarity is the one a weak label was taken with; where there is none, a tile comes
    last. Untouched tiles come in the order of their items.
    """
    after = _decoded(cursor, f"{state}/{sort}") if cursor else None
    sql = _statement(state, sort)
    arguments = {
        "corpus": label_class.corpus_id,
        "label_class": label_class.pk,
        "after_key": after[0] if after else None,
        "after_tile": after[1] if after else None,
        "limit": limit + 1,
    }
    with connection.cursor() as database:
        database.execute(sql, arguments)
        rows = [_Row(*row) for row in database.fetchall()]
    page = rows[:limit]
    tiles = describe_tiles(label_class.corpus, _shown(page), label_class_id=label_class.pk)
    more = len(rows) > limit
    return ReviewPage(
        results=tiles, next=_encoded((page[-1].key, page[-1].tile), f"{state}/{sort}") if more else None
    )


def _statement(state: State, sort: Sort) -> str:
    """SQL put together from the constants of this module; nothing a client sent is in it."""
    if state == "untouched":
        return UNTOUCHED.format(
            item_is_untouched=IS_UNTOUCHED.format(item="item"),
            other_is_untouched=IS_UNTOUCHED.format(item="other"),
        )
    is_by_similarity = sort == "similarity"
    if state == "weak":
        key = "max(weak.similarity)" if is_by_similarity else "max(weak.id)::float8"
        return PAGE.format(tiles=WEAK.format(key=key))
    key = "coalesce(max(seen.similarity), -2)" if is_by_similarity else "max(state.verdict_id)::float8"
    by_similarity = "true" if is_by_similarity else "false"
    decided = DECIDED.format(key=key, by_similarity=by_similarity, condition=CONDITIONS[state])
    return PAGE.format(tiles=decided)


def _shown(rows: Sequence[_Row]) -> list[Shown]:
    return [Shown(row.item, row.stack, row.count, row.similarity, number) for number, row in enumerate(rows)]


def _encoded(key: Key, of_list: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([of_list, *key]).encode()).decode()


def _decoded(cursor: str, of_list: str) -> Key:
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        its_list, key, tile = found
        is_a_key = isinstance(key, int | float) and isinstance(tile, int) and abs(tile) < 2**63
        if its_list != of_list or not is_a_key or not abs(key) < 2**62:
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise BadCursor("This cursor is not from this list; start from its first page.") from None
    return float(key), tile
