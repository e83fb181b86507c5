"""The ledger of one corpus as the search service follows it: what changed since it was last asked."""

import time
from collections import deque
from typing import NamedTuple

from django.db import connection

from labeling.services.projection import REBUILT
from labeling.services.put_off import OF_PUT_OFF

# A statement or an idle transaction lives at most 60 s: an event not seen by then will not appear any more.
LATE_SECONDS = 150.0


class News(NamedTuple):
    """None: nothing new. The same change may come twice."""

    changes: list[tuple[int, int, str, bool]] | None  # item, class, answer ('' = untouched again), is_derived
    weak: list[tuple[int, int]] | None  # all (item, class) with a weak label that was not taken back


_MARKS = """
    SELECT (SELECT count(*) FROM labeling_verdict WHERE corpus_id = %(corpus)s AND id > %(since)s),
           (SELECT max(id) FROM labeling_verdict WHERE corpus_id = %(corpus)s AND id > %(since)s),
           (SELECT count(*) FROM labeling_weakbatch WHERE corpus_id = %(corpus)s),
           (SELECT count(*) FROM labeling_weakbatch
            WHERE corpus_id = %(corpus)s AND reverted_at IS NOT NULL),
           (SELECT max(id) FROM accounts_auditline WHERE corpus_id = %(corpus)s AND what = %(rebuilt)s)
"""
_ALL = """
    SELECT item_id, label_class_id, answer, is_derived FROM labeling_currentverdict
    WHERE corpus_id = %(corpus)s AND answer <> ''
"""
_CHANGED = """
    SELECT item_id, label_class_id, answer, is_derived FROM labeling_currentverdict
    WHERE corpus_id = %(corpus)s AND verdict_id > %(since)s
"""
_REBUILT = """
    SELECT item_id, label_class_id, answer, is_derived FROM labeling_currentverdict
    WHERE corpus_id = %(corpus)s
"""
_WEAK = """
    SELECT label.item_id, label.label_class_id FROM labeling_weaklabel label
    JOIN labeling_weakbatch batch ON batch.id = label.batch_id
    WHERE batch.corpus_id = %(corpus)s AND batch.reverted_at IS NULL
"""
_FACTS = {  # fact -> items of which it holds
    "verdict": """
        SELECT DISTINCT item_id FROM labeling_currentverdict
        WHERE corpus_id = %s AND answer <> '' ORDER BY item_id
    """,
    "weak": """
        SELECT DISTINCT label.item_id FROM labeling_weaklabel label
        JOIN labeling_weakbatch batch ON batch.id = label.batch_id AND batch.reverted_at IS NULL
        WHERE batch.corpus_id = %s ORDER BY label.item_id
    """,
    "dispute": """
        SELECT DISTINCT item_id FROM labeling_currentverdict
        WHERE corpus_id = %s AND is_disputed ORDER BY item_id
    """,
}
_MARKED = {  # mark -> items that have it for one class
    "disputed": """
        SELECT item_id FROM labeling_currentverdict
        WHERE corpus_id = %(corpus)s AND label_class_id = %(label_class)s AND is_disputed
    """,
    "later": f"""
        SELECT item.id FROM labeling_putoff putoff JOIN indexing_item item ON {OF_PUT_OFF}
        WHERE putoff.corpus_id = %(corpus)s AND putoff.label_class_id = %(label_class)s
          AND putoff.annotator_id = %(person)s
    """,  # noqa: S608 - our own text
}
_BOXES = """
    SELECT own.item_id, verdict.box FROM labeling_currentverdict own
    JOIN labeling_verdict verdict ON verdict.id = own.verdict_id
    WHERE own.corpus_id = %s AND own.label_class_id = %s AND own.item_id = ANY(%s) AND verdict.box IS NOT NULL
"""
_ON_SPLITS = "SELECT media_file_id FROM labeling_splitassignment WHERE corpus_id = %s AND split = ANY(%s)"


class LedgerReader:
    """Follows the verdicts and weak labels of one corpus. One caller at a time.

    Ids are given before transactions commit, so a lower id may appear after a higher one: everything
    newer than what was seen two minutes ago is counted at every question, and read again when the
    count or the newest id differs.
    """

    def __init__(self, corpus_id: int) -> None:
        self._corpus_id = corpus_id
        self._since = 0  # every event up to this id has been read
        self._seen: tuple[int, int | None] | None = None
        self._weak_seen: tuple[int, int] | None = None
        self._rebuilt: int | None = None  # the audit line of the last rebuilding of the projection
        self._newest: deque[tuple[float, int]] = deque()  # (when, newest id then)

    def news(self) -> News:
        """What was committed since the last question, or all at the first."""
        now = time.monotonic()
        values: dict[str, int | str] = {"corpus": self._corpus_id, "since": self._since, "rebuilt": REBUILT}
        with connection.cursor() as cursor:
            cursor.execute(_MARKS, values)
            number, newest, batches, reverted, rebuilt = cursor.fetchone()
            changes = weak = None
            # Marked before it is read: what comes between is read again.
            if self._seen is None:
                cursor.execute(_ALL, values)
                changes = cursor.fetchall()
            elif rebuilt != self._rebuilt:
                cursor.execute(_REBUILT, values)
                changes = cursor.fetchall()
            elif (number, newest) != self._seen:
                cursor.execute(_CHANGED, values)
                changes = cursor.fetchall()
            if (batches, reverted) != self._weak_seen:
                cursor.execute(_WEAK, values)
                weak = cursor.fetchall()
        self._seen, self._weak_seen, self._rebuilt = (number, newest), (batches, reverted), rebuilt
        self._move_on(now, newest)
        return News(changes, weak)

    def items_with(self, fact: str) -> list[int]:
        """Items of which the fact holds for any class (verdict, weak, dispute), ascending."""
        with connection.cursor() as cursor:
            cursor.execute(_FACTS[fact], [self._corpus_id])
            return [item for (item,) in cursor.fetchall()]

    def items_marked(self, mark: str, label_class: int, person: int | None) -> list[int]:
        """Items that are disputed in a class, or (later) that this person put off there."""
        values = {"corpus": self._corpus_id, "label_class": label_class, "person": person}
        with connection.cursor() as cursor:
            cursor.execute(_MARKED[mark], values)
            return [item for (item,) in cursor.fetchall()]

    def boxes(self, label_class: int, items: list[int]) -> dict[int, tuple[float, float, float, float]]:
        """Which part of these items their answers in a class are about; of those that were outlined."""
        with connection.cursor() as cursor:
            cursor.execute(_BOXES, [self._corpus_id, label_class, items])
            return {item: (x0, y0, x1, y1) for item, (x0, y0, x1, y1) in cursor.fetchall()}

    def media_files_on(self, splits: list[str]) -> list[int]:
        """Media files that are on one of these sides of the split."""
        with connection.cursor() as cursor:
            cursor.execute(_ON_SPLITS, [self._corpus_id, splits])
            return [media_file for (media_file,) in cursor.fetchall()]

    def _move_on(self, now: float, newest: int | None) -> None:
        """Count no longer what has been seen for long enough."""
        if newest is not None and (not self._newest or newest > self._newest[-1][1]):
            self._newest.append((now, newest))
        moved = False
        while self._newest and now - self._newest[0][0] > LATE_SECONDS:
            self._since, moved = self._newest.popleft()[1], True
        if moved:
            self._seen = (-1, None)  # of another range: read it once more
