"""Which blind looks somebody is served now, and how many of each kind."""

from __future__ import annotations

from secrets import SystemRandom
from typing import Any

from django.db import connection

from indexing.models import Unit
from labeling.models import LabelClass
from labeling.services.tiles import Shown
from sisyphus_web.accounts.models import User

DERIVED_PER_TILE = 0.05  # at most: 2 % of the derived answers are due, a page shows one tile per stack
SECOND_PER_TILE = 0.02  # at least, where any are due
LOOKS_PER_TILE = 0.2  # of all kinds together, at most: a page is for finding
SERVED_HOURS = 24  # a look that was served and not answered for so long is given to somebody else

GIVE_BACK = """
    UPDATE labeling_blindlook SET annotator_id = NULL, served_at = NULL WHERE id IN (
        SELECT id FROM labeling_blindlook
        WHERE label_class_id = %(label_class)s AND said_id IS NULL AND kind <> 'gold'
          AND served_at < clock_timestamp() - make_interval(hours => %(hours)s)
        FOR UPDATE SKIP LOCKED
    )
"""
# Served before and not answered: once more, before anything new, and from now on as if for the first time.
OPEN = """
    UPDATE labeling_blindlook SET served_at = clock_timestamp() WHERE id IN (
        SELECT look.id FROM labeling_blindlook look
        JOIN labeling_currentverdict state
          ON state.item_id = look.item_id AND state.label_class_id = look.label_class_id
         AND state.answer <> ''
        JOIN indexing_item item ON item.id = look.item_id AND item.deleted_at IS NULL
        WHERE look.label_class_id = %(label_class)s AND look.annotator_id = %(annotator)s
          AND look.said_id IS NULL AND (look.kind <> 'derived' OR state.is_derived)
          AND (item.kind = 'clip') = %(are_clips)s
        ORDER BY look.id LIMIT %(room)s FOR UPDATE OF look
    ) RETURNING kind, item_id
"""
# Due, about something that still counts; nobody votes twice on one item.
TAKE = """
    UPDATE labeling_blindlook SET annotator_id = %(annotator)s, served_at = clock_timestamp() WHERE id IN (
        SELECT look.id FROM labeling_blindlook look
        JOIN labeling_currentverdict state
          ON state.item_id = look.item_id AND state.label_class_id = look.label_class_id
         AND state.answer <> ''
        JOIN indexing_item item ON item.id = look.item_id AND item.deleted_at IS NULL
        WHERE look.label_class_id = %(label_class)s AND look.annotator_id IS NULL AND look.kind = %(kind)s
          AND look.due_at <= clock_timestamp()
          AND (look.kind <> 'derived' OR state.is_derived) AND (item.kind = 'clip') = %(are_clips)s
          AND NOT EXISTS (
              SELECT FROM labeling_verdict said
              WHERE said.item_id = look.item_id AND said.label_class_id = look.label_class_id
                AND said.annotator_id = %(annotator)s
          )
          AND NOT EXISTS (
              SELECT FROM labeling_blindlook own
              WHERE own.item_id = look.item_id AND own.label_class_id = look.label_class_id
                AND own.annotator_id = %(annotator)s
          )
          AND NOT EXISTS (
              SELECT FROM labeling_blindlook twin
              WHERE twin.item_id = look.item_id AND twin.label_class_id = look.label_class_id
                AND twin.annotator_id IS NULL AND twin.id < look.id
          )
        ORDER BY look.due_at, look.id LIMIT %(most)s FOR UPDATE OF look SKIP LOCKED
    ) RETURNING item_id
"""
TAKE_GOLD = """
    INSERT INTO labeling_blindlook
        (corpus_id, label_class_id, kind, item_id, due_at, annotator_id, served_at)
    SELECT %(corpus)s, %(label_class)s, 'gold', gold.item_id, clock_timestamp(), %(annotator)s,
           clock_timestamp()
    FROM (
        SELECT DISTINCT ON (item_id) item_id, answer FROM labeling_goldanswer
        WHERE label_class_id = %(label_class)s ORDER BY item_id, id DESC
    ) gold
    JOIN labeling_currentverdict state
      ON state.item_id = gold.item_id AND state.label_class_id = %(label_class)s AND state.answer <> ''
    JOIN indexing_item item ON item.id = gold.item_id AND item.deleted_at IS NULL
    WHERE gold.answer <> '' AND (item.kind = 'clip') = %(are_clips)s AND NOT EXISTS (
        SELECT FROM labeling_verdict said
        WHERE said.item_id = gold.item_id AND said.label_class_id = %(label_class)s
          AND said.annotator_id = %(annotator)s
    )
    ORDER BY random() LIMIT %(most)s
    ON CONFLICT DO NOTHING RETURNING item_id
"""
DESCRIBE = """
    SELECT item.id, item.stack_id, (
        SELECT count(*) FROM indexing_item member
        WHERE member.stack_id = item.stack_id AND member.deleted_at IS NULL
    ) FROM indexing_item item WHERE item.id = ANY(%s)
"""

_random = SystemRandom()


def take_looks(
    label_class: LabelClass,
    *,
    by: User,
    num_tiles: int,
    has_looks: bool = True,
    has_gold: bool = True,
    unit: str = Unit.FRAME,
    is_further: bool = False,
) -> list[Shown]:
    """The looks for a page of `num_tiles` of a unit: those served before and not answered, then what is due.

    `is_further`: of a ranking whose first page had those served before: only what is due.
    `has_looks`, `has_gold`: whether the class has any, for who has asked that already.
    """
    if not has_looks and not has_gold:
        return []
    values: dict[str, Any] = {
        "corpus": label_class.corpus_id,
        "label_class": label_class.pk,
        "annotator": by.pk,
        "hours": SERVED_HOURS,
        "are_clips": unit == Unit.CLIP,
    }
    room = max(1, round(LOOKS_PER_TILE * num_tiles))
    with connection.cursor() as cursor:
        taken: list[tuple[str, int]] = []
        if has_looks and not is_further:
            cursor.execute(GIVE_BACK, values)
            cursor.execute(OPEN, values | {"room": room})
            taken = cursor.fetchall()
        shares = {
            # twice, so that the list empties; where none are asked for, those of audits are due all the same
            "second": max(2 * label_class.second_share, SECOND_PER_TILE) if has_looks else 0.0,
            "derived": DERIVED_PER_TILE if has_looks else 0.0,
            "gold": label_class.gold_share if has_gold else 0.0,
        }
        for kind, share in shares.items():
            most = _rounded(share * num_tiles) - sum(each == kind for each, _ in taken)
            most = min(most, room - len(taken))
            if most > 0:
                cursor.execute(TAKE_GOLD if kind == "gold" else TAKE, values | {"kind": kind, "most": most})
                taken += [(kind, item) for (item,) in cursor.fetchall()]
        if not taken:
            return []
        cursor.execute(DESCRIBE, [[item for _, item in taken]])
        stacks = {item: (stack, count) for item, stack, count in cursor.fetchall()}
    shown = []
    for kind, item in taken:
        stack, count = stacks[item]
        is_alone = kind == "derived" or stack is None
        shown.append(Shown(item, stack, 1 if is_alone else count, None, 0, is_blind=True))
    return shown


def _rounded(expected: float) -> int:
    """A whole number whose mean is `expected`."""
    return int(expected + _random.random())
