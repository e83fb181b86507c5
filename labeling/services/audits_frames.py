"""Stacks of a ranking in their order, and how they stand for a class: what an audit samples from."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
from django.db import connection

from indexing import search
from labeling.compute.audit_lines import Status
from labeling.models import FrozenRanking, LabelClass
from labeling.services.rounds import Query, encoder_of
from labeling.services.tiles import Box
from sisyphus_web.accounts.models import Corpus

PAGE = 10_000  # stacks asked of the search service at a time: its most
ALL_STATES = ["untouched", "weak", "unsure", "accept", "reject"]

# A row for every stack that somebody has answered, or whose item is gone; the others are undecided and live.
# What was answered is looked up by the stack, and for its item also by the item: stacks are built anew.
GIVEN = "unnest(%(items)s::bigint[], %(stacks)s::bigint[]) WITH ORDINALITY"
FROZEN = """(
    SELECT each.* FROM labeling_frozenranking frozen,
        unnest(frozen.item_ids, frozen.stack_ids) WITH ORDINALITY AS each
    WHERE frozen.id = %(ranking)s
)"""  # which may be 200 000 stacks: they stay in the database
NEWS = """
    WITH frame AS (
        SELECT item, nullif(stack, 0) AS stack, place FROM {frame} AS listed(item, stack, place)
    ), said AS (
        SELECT coalesce(item.stack_id, -item.id) AS tile, count(*) AS number,
               bool_or(state.answer = 'accept') AS has_accept,
               bool_or(state.answer = 'unsure') AS has_unsure, bool_or(state.is_disputed) AS is_disputed
        FROM labeling_currentverdict state
        JOIN indexing_item item ON item.id = state.item_id AND item.deleted_at IS NULL
        WHERE state.label_class_id = %(label_class)s AND (state.answer <> '' OR state.is_disputed)
        GROUP BY tile
    )
    SELECT frame.place - 1, item.deleted_at IS NULL,
           coalesce(said.has_accept, false) OR coalesce(state.answer, '') = 'accept',
           coalesce(said.has_unsure, false) OR coalesce(state.answer, '') = 'unsure',
           coalesce(said.is_disputed, false) OR coalesce(state.is_disputed, false),
           coalesce(state.answer, '') = 'reject',
           frame.stack IS NULL OR said.number >= (
               SELECT count(*) FROM indexing_item member
               WHERE member.stack_id = frame.stack AND member.deleted_at IS NULL
           )
    FROM frame
    JOIN indexing_item item ON item.id = frame.item
    LEFT JOIN said ON said.tile = coalesce(frame.stack, -frame.item)
    LEFT JOIN labeling_currentverdict state
      ON state.item_id = frame.item AND state.label_class_id = %(label_class)s
    WHERE said.tile IS NOT NULL OR item.deleted_at IS NOT NULL OR coalesce(state.answer, '') <> ''
"""
MEMBERS = """
    SELECT wanted.item, array_agg(coalesce(member.id, wanted.item) ORDER BY member.id)
    FROM unnest(%s::bigint[], %s::bigint[]) AS wanted(item, stack)
    LEFT JOIN indexing_item member
      ON member.stack_id = nullif(wanted.stack, 0) AND member.deleted_at IS NULL
    GROUP BY wanted.item
"""


class Units(NamedTuple):
    """N stacks in an order: the item that stands for each, and its stack, 0 for none."""

    items: np.ndarray  # (N,) int64
    stacks: np.ndarray  # (N,) int64

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def of_ranking(cls, ranking: FrozenRanking) -> Units:
        return cls(np.array(ranking.item_ids, np.int64), np.array(ranking.stack_ids, np.int64))

    def sha256(self, stop: int | None = None) -> str:
        """Of the order up to `stop`."""
        digest = hashlib.sha256()
        for ids in self:
            digest.update(ids[:stop].astype("<i8").tobytes())
        return digest.hexdigest()


class Statuses(NamedTuple):
    """How N stacks stand."""

    said: np.ndarray  # (N,) uint8, a Status each
    live: np.ndarray  # (N,) bool: not deleted


class Ranked(NamedTuple):
    """Places [start, start + N) of a ranking."""

    units: Units
    boxes: dict[int, Box]  # by item, where a part of it was found
    total: int
    build: str
    encoder: str


def ranked_units(
    corpus: Corpus, query: Query, *, start: int = 0, stop: int, round_id: int | None = None
) -> Ranked:
    """Places [start, stop) of the ranking of everything within the query's filters, decided or not.

    With `round_id` the pages are of one order, whatever is answered meanwhile. Raises NoFeatures.
    """
    encoder_of(corpus, query.unit)
    filters = _of_all_states(query)
    items: list[int] = []
    stacks: list[int] = []
    boxes: dict[int, Box] = {}
    seen: set[int] = set()
    answer = None
    for offset in range(start, max(stop, start + 1), PAGE):
        answer = search.rank(
            corpus,
            terms=query.terms,
            filters=filters,
            k=max(1, min(PAGE, stop - offset)),
            offset=offset,
            label_class_id=query.label_class.pk if query.label_class else None,
            mode=query.mode,
            round_id=round_id,
            unit=query.unit,
        )
        for each in answer.neighbors:
            tile = each.stack or -each.item
            if tile in seen:
                continue
            seen.add(tile)
            items.append(each.item)
            stacks.append(each.stack or 0)
            if each.box:
                boxes[each.item] = each.box
        if offset + PAGE >= answer.total:
            break
    if answer is None:
        raise ValueError(f"no places in [{start}, {stop})")
    units = Units(np.array(items, np.int64), np.array(stacks, np.int64))
    return Ranked(units, boxes, answer.total, answer.build, answer.encoder)


def ranked_at(
    corpus: Corpus, query: Query, places: np.ndarray, *, round_id: int
) -> list[tuple[int, search.Neighbor]]:
    """What lies at `places` (n,) of the ranking of everything within the query's filters, in their order.

    Places of what was deleted since are left out. A request for every 10 000 of them.
    """
    found: list[tuple[int, search.Neighbor]] = []
    for chunk in np.split(places, range(PAGE, len(places), PAGE)):
        answer = search.rank(
            corpus,
            terms=query.terms,
            filters=_of_all_states(query),
            k=PAGE,
            label_class_id=query.label_class.pk if query.label_class else None,
            mode=query.mode,
            round_id=round_id,
            unit=query.unit,
            places=chunk.tolist(),
        )
        found += zip(answer.places, answer.neighbors, strict=True)
    return found


def _of_all_states(query: Query) -> dict[str, Any]:
    """The query's filters, decided or not, disputed or not."""
    kept = {key: value for key, value in query.filters.items() if key not in ("states", "not_states")}
    return kept | {"states": ALL_STATES}


def statuses_of(label_class: LabelClass, units: Units, *, is_strict: bool) -> Statuses:
    """How `units` stand now, in one statement. A disputed stack is unsure.

    `is_strict`: a stack counts as rejected only when every member was answered; otherwise, when the item that
    stands for it was: who joined its stack since is another question.
    """
    given = {"items": units.items.tolist(), "stacks": units.stacks.tolist()}
    return _statuses(label_class, len(units), GIVEN, given, is_strict=is_strict)


def statuses_of_ranking(label_class: LabelClass, ranking_id: int, size: int) -> Statuses:
    """The same of the `size` stacks of a frozen ranking, whose ids are not read; not strict."""
    return _statuses(label_class, size, FROZEN, {"ranking": ranking_id}, is_strict=False)


def _statuses(
    label_class: LabelClass, size: int, frame: str, given: dict[str, Any], *, is_strict: bool
) -> Statuses:
    said = np.full(size, Status.UNDECIDED, np.uint8)
    live = np.ones(size, bool)
    with connection.cursor() as cursor:
        cursor.execute(NEWS.format(frame=frame), given | {"label_class": label_class.pk})
        rows = cursor.fetchall()
    for place, is_live, accept, unsure, disputed, reject, is_complete in rows:
        live[place] = is_live
        if disputed or (unsure and not accept):
            said[place] = Status.UNSURE
        elif accept:
            said[place] = Status.ACCEPTED
        elif is_complete if is_strict else reject:
            said[place] = Status.REJECTED
    return Statuses(said, live)


def members_of(units: Units) -> dict[int, list[int]]:
    """By item: the live members of its stack, the item among them, or the item alone."""
    with connection.cursor() as cursor:
        cursor.execute(MEMBERS, [units.items.tolist(), units.stacks.tolist()])
        return {item: sorted({item, *members}) for item, members in cursor.fetchall()}
