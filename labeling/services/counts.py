"""How much of a class is decided: the numbers on the workbench and the review page."""

from __future__ import annotations

import msgspec
from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Q

from indexing.models import Item
from labeling.models import LabelClass
from labeling.services.put_off import num_put_off
from sisyphus_web.accounts.models import Corpus, User

TOTALS_SECONDS = 5  # how old the totals may be: items come and go by the job, not by the answer

MOST_WEAK = 20_000  # up to here weak labels are counted at every question; above, as old as the totals

# Running sums, less what was decided of items deleted since: the cost of neither grows with the class.
COUNTS = """
    SELECT running.accepted - gone.accepted, running.rejected - gone.rejected,
           running.unsure - gone.unsure, running.disputed - gone.disputed
    FROM (
        SELECT coalesce(sum(accepted), 0) AS accepted, coalesce(sum(rejected), 0) AS rejected,
               coalesce(sum(unsure), 0) AS unsure, coalesce(sum(disputed), 0) AS disputed
        FROM labeling_countchange WHERE label_class_id = %(label_class)s
    ) running, (
        SELECT count(*) FILTER (WHERE state.answer = 'accept') AS accepted,
               count(*) FILTER (WHERE state.answer = 'reject') AS rejected,
               count(*) FILTER (WHERE state.answer = 'unsure') AS unsure,
               count(*) FILTER (WHERE state.is_disputed) AS disputed
        FROM indexing_item item, LATERAL (
            SELECT answer, is_disputed FROM labeling_currentverdict
            WHERE item_id = item.id AND label_class_id = %(label_class)s LIMIT 1
        ) state
        WHERE item.corpus_id = %(corpus)s AND item.deleted_at IS NOT NULL
    ) gone
"""
NUM_WEAK = """
    SELECT count(*) FROM (
        SELECT FROM labeling_weaklabel weak
        JOIN labeling_weakbatch batch ON batch.id = weak.batch_id AND batch.reverted_at IS NULL
        WHERE weak.label_class_id = %(label_class)s LIMIT %(most)s
    ) some_of_them
"""
WEAK = """
    SELECT count(DISTINCT weak.item_id)
    FROM labeling_weaklabel weak
    JOIN labeling_weakbatch batch ON batch.id = weak.batch_id AND batch.reverted_at IS NULL
    JOIN indexing_item item ON item.id = weak.item_id AND item.deleted_at IS NULL
    WHERE weak.label_class_id = %(label_class)s AND NOT EXISTS (
        SELECT FROM labeling_currentverdict state
        WHERE state.item_id = weak.item_id AND state.label_class_id = weak.label_class_id
          AND state.answer <> ''
    )
"""
MARK = "SELECT count(*), max(id) FROM labeling_countchange WHERE label_class_id = %s"
TOGETHER = """
    WITH taken AS (
        DELETE FROM labeling_countchange WHERE id IN (
            SELECT id FROM labeling_countchange WHERE label_class_id = ANY(
                SELECT label_class_id FROM labeling_countchange GROUP BY label_class_id HAVING count(*) > %s
            ) FOR UPDATE SKIP LOCKED
        ) RETURNING label_class_id, accepted, rejected, unsure, disputed
    )
    INSERT INTO labeling_countchange (label_class_id, accepted, rejected, unsure, disputed)
    SELECT label_class_id, sum(accepted), sum(rejected), sum(unsure), sum(disputed)
    FROM taken GROUP BY label_class_id
"""
MOST_CHANGES = 100  # of a class, before they are put together
# Both in one snapshot: of every class of a corpus, what is counted row by row, where the sums say otherwise.
_BOTH = """
    FROM labeling_labelclass class,
    LATERAL (
        SELECT coalesce(sum(accepted), 0) AS accepted, coalesce(sum(rejected), 0) AS rejected,
               coalesce(sum(unsure), 0) AS unsure, coalesce(sum(disputed), 0) AS disputed
        FROM labeling_countchange WHERE label_class_id = class.id
    ) running,
    LATERAL (
        SELECT count(*) FILTER (WHERE answer = 'accept') AS accepted,
               count(*) FILTER (WHERE answer = 'reject') AS rejected,
               count(*) FILTER (WHERE answer = 'unsure') AS unsure,
               count(*) FILTER (WHERE is_disputed) AS disputed
        FROM labeling_currentverdict WHERE label_class_id = class.id
    ) recounted
    WHERE class.corpus_id = %s
      AND (running.accepted, running.rejected, running.unsure, running.disputed)
          IS DISTINCT FROM (recounted.accepted, recounted.rejected, recounted.unsure, recounted.disputed)
"""
WRONG = f"SELECT class.id {_BOTH} ORDER BY class.id"
CORRECT = f"""
    INSERT INTO labeling_countchange (label_class_id, accepted, rejected, unsure, disputed)
    SELECT class.id, recounted.accepted - running.accepted, recounted.rejected - running.rejected,
           recounted.unsure - running.unsure, recounted.disputed - running.disputed
    {_BOTH}
"""


# Row by row: the running sums are of both units. Costs what was decided of clips alone.
CLIPS = """
    SELECT count(*) FILTER (WHERE state.answer = 'accept'), count(*) FILTER (WHERE state.answer = 'reject'),
           count(*) FILTER (WHERE state.answer = 'unsure'), count(*) FILTER (WHERE state.is_disputed)
    FROM labeling_currentverdict state
    JOIN indexing_item item ON item.id = state.item_id AND item.kind = 'clip' AND item.deleted_at IS NULL
    WHERE state.label_class_id = %(label_class)s
"""
WEAK_CLIPS = WEAK.replace("item.deleted_at IS NULL", "item.deleted_at IS NULL AND item.kind = 'clip'")


class ClipCounts(msgspec.Struct):
    """What of the counts is of clips; the rest is of frames."""

    accepted: int
    rejected: int
    unsure: int
    weak: int
    disputed: int
    untouched: int
    items: int
    stacks: int


class Counts(msgspec.Struct):
    """Live items by what counts for one class. Disputed ones are in their answer's number too."""

    label_class: int = msgspec.field(name="class")
    accepted: int
    rejected: int
    unsure: int
    weak: int  # and not decided
    disputed: int
    later: int  # put off by who asks and not decided; untouched or weak as well
    untouched: int
    items: int
    stacks: int  # tiles: stacks, and items in none
    clips: ClipCounts | None = None  # null: the corpus has none


def count_states(label_class: LabelClass, *, by: User | None = None) -> Counts:
    """The counts of `label_class`, in a constant number of statements that cost no more in a large class."""
    of_class = {"label_class": label_class.pk, "corpus": label_class.corpus_id, "most": MOST_WEAK + 1}
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, of_class)
        accepted, rejected, unsure, disputed = map(int, cursor.fetchone())
    weak = _weak(of_class)
    (items, stacks), of_clips = _totals(label_class.corpus)
    return Counts(
        label_class=label_class.pk,
        accepted=accepted,
        rejected=rejected,
        unsure=unsure,
        weak=weak,
        disputed=disputed,
        later=num_put_off(label_class, by=by) if by else 0,
        untouched=max(0, items - accepted - rejected - unsure - weak),
        items=items,
        stacks=stacks,
        clips=_clips(of_class, *of_clips) if of_clips[0] else None,
    )


def wrong_counts(corpus: Corpus) -> list[int]:
    """Ids of classes whose running sums are not what is counted row by row; [] when sound."""
    with connection.cursor() as cursor:
        cursor.execute(WRONG, [corpus.pk])
        return [label_class for (label_class,) in cursor.fetchall()]


def correct_counts(corpus: Corpus) -> int:
    """Make the sums what is counted row by row, while nobody writes; how many classes were wrong."""
    with connection.cursor() as cursor:
        cursor.execute(CORRECT, [corpus.pk])
        return cursor.rowcount


def mark_of(label_class: LabelClass) -> tuple[int, int]:
    """Another one whenever any answer or dispute of the class has changed, or changes were put together.

    Also after a transaction that ended late: its rows raise the number, if not the newest id.
    """
    with connection.cursor() as cursor:
        cursor.execute(MARK, [label_class.pk])
        number, newest = cursor.fetchone()
    return number, newest or 0


def put_together(*, most_changes: int = MOST_CHANGES) -> int:
    """Make one change of the many of each class; the number of classes. Sums stay, and nobody waits."""
    with connection.cursor() as cursor:
        cursor.execute(TOGETHER, [most_changes])
        return cursor.rowcount


def _weak(of_class: dict[str, int]) -> int:
    """Live items with a weak label that nobody has answered."""
    key = f"labeling-weak-{of_class['label_class']}"
    found = cache.get(key)
    if found is not None:
        return int(found)
    with connection.cursor() as cursor:
        cursor.execute(NUM_WEAK, of_class)
        (num_labels,) = cursor.fetchone()
        if num_labels == 0:
            return 0
        cursor.execute(WEAK, of_class)
        (number,) = cursor.fetchone()
    if num_labels > MOST_WEAK:
        cache.set(key, number, TOTALS_SECONDS)
    return int(number)


def _clips(of_class: dict[str, int], items: int, stacks: int) -> ClipCounts:
    with connection.cursor() as cursor:
        cursor.execute(CLIPS, of_class)
        accepted, rejected, unsure, disputed = cursor.fetchone()
        cursor.execute(WEAK_CLIPS, of_class)
        (weak,) = cursor.fetchone()
    return ClipCounts(
        accepted=accepted,
        rejected=rejected,
        unsure=unsure,
        weak=weak,
        disputed=disputed,
        untouched=max(0, items - accepted - rejected - unsure - weak),
        items=items,
        stacks=stacks,
    )


def _totals(corpus: Corpus) -> tuple[tuple[int, int], tuple[int, int]]:
    """(items, tiles) of the corpus, and those of its clips."""
    key = f"labeling-totals-{corpus.pk}"
    found = cache.get(key)
    if found is None:
        live = Item.objects.live().filter(corpus=corpus).annotate(is_clip=Q(kind=Item.Kind.CLIP)).order_by()
        by_unit = live.values_list("is_clip")
        items = dict(by_unit.annotate(n=Count("pk")))
        stacks = dict(by_unit.annotate(n=Count("stack", distinct=True)))
        in_none = dict(by_unit.filter(stack=None).annotate(n=Count("pk")))
        tiles = {each: stacks.get(each, 0) + in_none.get(each, 0) for each in (False, True)}
        found = (
            (sum(items.values()), sum(tiles.values())),
            (items.get(True, 0), tiles[True]),
        )
        cache.set(key, found, TOTALS_SECONDS)
    return found
