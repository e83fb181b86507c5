"""Who answered at the keyboard, and when: what paces and forecasts rest on, and nothing else.

A page says when a key was pressed (`client_time`); what a token or an import says has no such time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from django.db import connection

from labeling.compute.audit_forecast import PAUSE_SECONDS
from labeling.models import LabelClass
from sisyphus_web.accounts.models import User

__all__ = ["AT", "IS_KEYED", "PAUSE_SECONDS", "STANDS", "Keyed", "keyed_decisions"]

RECENT = 2_000  # decisions looked back at
NOT_FINDING = ["undo", "review", "import", "second", "gold", "derived"]  # modes of answers to what was found

# The browser's clock tells when somebody pressed the key, also offline; where it is off, ours.
AT = """
    CASE WHEN {said}.client_time BETWEEN {said}.created_at - interval '7 days' AND {said}.created_at
         THEN {said}.client_time ELSE {said}.created_at END
"""
IS_KEYED = "({said}.client_time IS NOT NULL AND {said}.mode <> 'import')"
# Standing: not taken back, or taken back and said again.
STANDS = """
    NOT EXISTS (
        SELECT FROM labeling_verdict undo WHERE undo.reverts_id = {said}.id
          AND NOT EXISTS (SELECT FROM labeling_verdict redo WHERE redo.reverts_id = undo.id)
    )
"""
KEYED = f"""
    SELECT extract(epoch FROM at)::float8, is_found, answer = 'accept' AND {STANDS.format(said="recent")}
    FROM (
        SELECT said.id, said.answer, {AT.format(said="said")} AS at,
               NOT said.mode = ANY(%(others)s) AS is_found
        FROM labeling_verdict said
        WHERE said.label_class_id = %(label_class)s AND said.annotator_id = %(annotator)s
          AND said.reverts_id IS NULL AND {IS_KEYED.format(said="said")}
        ORDER BY said.id DESC LIMIT %(recent)s
    ) recent ORDER BY at, id
"""  # noqa: S608 - our own text


class Keyed(NamedTuple):
    """Decisions of one person in the order of the keys (N,): all of them, and which found something."""

    moments: np.ndarray  # (N,) float64, seconds
    is_found: np.ndarray  # (N,) bool: of a tile that a query found, not a second look or a review
    accepted: np.ndarray  # (N,) bool: accepted, and not taken back since


def keyed_decisions(label_class: LabelClass, by: User) -> Keyed:
    """The last 2 000 answers that `by` gave to the class at the keyboard; one statement."""
    values: dict[str, Any] = {
        "label_class": label_class.pk,
        "annotator": by.pk,
        "others": NOT_FINDING,
        "recent": RECENT,
    }
    with connection.cursor() as cursor:
        cursor.execute(KEYED, values)
        rows = cursor.fetchall()
    moments, is_found, accepted = zip(*rows, strict=True) if rows else ((), (), ())
    return Keyed(np.array(moments, float), np.array(is_found, bool), np.array(accepted, bool))
