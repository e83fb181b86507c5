"""Items whose answer is known, for checking people: said by a manager, drawn from what is sure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.db import connection, transaction

from indexing.models import Item
from labeling.models import CurrentVerdict, GoldAnswer, LabelClass
from labeling.services.verdicts import BATCH_LIMIT, Operation, record_verdicts
from sisyphus_web.accounts.models import User
from sisyphus_web.jobs.errors import JobError

# What this manager said, what was settled in review, and what a second person said alike without seeing it.
SURE = """
    SELECT state.item_id FROM labeling_currentverdict state
    JOIN labeling_verdict said ON said.id = state.verdict_id
    JOIN indexing_item item ON item.id = state.item_id AND item.deleted_at IS NULL
    WHERE state.label_class_id = %(label_class)s AND state.answer = %(answer)s
      AND NOT state.is_derived AND NOT state.is_disputed
      AND (said.annotator_id = %(by)s OR said.is_settling OR EXISTS (
          SELECT FROM labeling_verdict vote
          WHERE vote.item_id = state.item_id AND vote.label_class_id = state.label_class_id
            AND vote.is_blind AND vote.mode = 'second' AND vote.answer = state.answer
            AND vote.annotator_id <> said.annotator_id
      ))
      AND NOT EXISTS (
          SELECT FROM labeling_goldanswer known
          WHERE known.item_id = state.item_id AND known.label_class_id = state.label_class_id
      )
    ORDER BY random() LIMIT %(most)s
"""
NOW_GOLD = """
    SELECT gold.answer, count(*) FROM (
        SELECT DISTINCT ON (item_id) answer FROM labeling_goldanswer
        WHERE label_class_id = %s ORDER BY item_id, id DESC
    ) gold WHERE gold.answer <> '' GROUP BY gold.answer
"""


class NothingSure(JobError):
    code = "nothing-sure"


@transaction.atomic
def mark_gold(label_class: LabelClass, *, items: Sequence[int], answer: str, by: User) -> int:
    """Say that `answer` is known for `items` ('' = no longer); how many of them it could be said of.

    Not of what was deleted or is of another corpus, nor of an item that this manager disagrees about with
    somebody while a third may settle it.

    Where something else counts, the manager's answer is recorded as a verdict of its own: gold items are
    decided items, so that they are only ever served as checks.
    """
    found = Item.objects.live().filter(corpus=label_class.corpus_id, pk__in=items)
    ids = list(found.order_by("pk").values_list("pk", flat=True))
    states = {
        state.item_id: state for state in CurrentVerdict.objects.filter(label_class=label_class, item__in=ids)
    }
    batch = uuid4()
    said = [
        Operation(
            operation_id=uuid4(),
            batch=batch,
            item=item,
            label_class=label_class.pk,
            answer=answer,  # type: ignore[arg-type]  # one of the three, checked by the caller
            base_version=states[item].version if item in states else 0,
            mode="review",
            reason="Known answer, for checks.",
        )
        for item in ids
        if answer and (item not in states or states[item].answer != answer)
    ]
    results = [
        result
        for at in range(0, len(said), BATCH_LIMIT)
        for result in record_verdicts(
            corpus=label_class.corpus, annotator=by, operations=said[at : at + BATCH_LIMIT]
        )
    ]
    own = {result.item for result in results if result.reason == "own-dispute"}
    ids = [item for item in ids if item not in own]
    GoldAnswer.objects.bulk_create(
        GoldAnswer(
            corpus_id=label_class.corpus_id,
            label_class=label_class,
            item_id=item,
            answer=answer,
            created_by=by,
        )
        for item in ids
    )
    return len(ids)


def draw_gold(label_class: LabelClass, *, count: int, by: User) -> dict[str, int]:
    """Make up to `count` items gold whose answer is sure, half of them accepted: how many of each answer.

    NothingSure where there is none.
    """
    made = {"accept": 0, "reject": 0}
    for answer, most in (("accept", (count + 1) // 2), ("reject", count // 2)):
        with connection.cursor() as cursor:
            values: dict[str, Any] = {
                "label_class": label_class.pk,
                "answer": answer,
                "by": by.pk,
                "most": most,
            }
            cursor.execute(SURE, values)
            items = [item for (item,) in cursor.fetchall()]
        made[answer] += mark_gold(label_class, items=items, answer=answer, by=by)
    if not any(made.values()):
        raise NothingSure("Nothing is sure yet: answer some items yourself, or settle some disagreements.")
    return made


def gold_counts(label_class: LabelClass) -> dict[str, int]:
    """Answer -> number of items that are gold now."""
    with connection.cursor() as cursor:
        cursor.execute(NOW_GOLD, [label_class.pk])
        return dict(cursor.fetchall())
